/* SPDX-License-Identifier: MIT */
/* What the store is told of jobs. Where the store is NULL nothing is kept (a dry run). */
#ifndef FSMON_APP_JOBS_KEEP_H
#define FSMON_APP_JOBS_KEEP_H

#include "app/jobs/job.h"
#include "app/store/store.h"

/* Put a job that is new or has changed; `added` is the event that it has got, or NULL. */
void keep_job(
	struct store *store, const struct sched_job *s, const struct job_event *added);

/* Put a job that is new, with all its events. */
void keep_whole_job(struct store *store, const struct sched_job *s);

/* An event is no longer listed in its job: drop it, and count that. */
void keep_cut(
	struct store *store, const struct sched_job *s, const struct job_event *cut);

/* Likewise for all of these: the job has taken over more events than it can list. */
void keep_cut_all(
	struct store *store, const struct sched_job *s, const struct sched_items *items);

/* A job is over. */
void keep_end_job(struct store *store, const struct sched_job *s);

/* A job is over, and its events are the follower's now. Those that are still on the job's
 * items are no longer listed. */
void keep_follow(
	struct store *store, const struct sched_job *s, const struct sched_job *follower);

/* Put a run that has begun (`end` is NULL), or how it has ended. */
void keep_run(struct store *store, const struct sched_job *s, const struct outcome *end);

/* Put all that waits, runs and is paused again, for a store that has lost it. */
void keep_all(
	struct store *store, const struct sched *sched, const struct job_rule *known);

#endif
