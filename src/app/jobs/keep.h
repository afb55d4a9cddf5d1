/* SPDX-License-Identifier: MIT */
/* What the store is told of jobs. Where the store is NULL nothing is kept (a dry run). */
#ifndef FSMON_APP_JOBS_KEEP_H
#define FSMON_APP_JOBS_KEEP_H

#include "app/jobs/job.h"
#include "app/store/store.h"

/* A job is new or has changed, with one more event or NULL. */
void keep_job(
	struct store *store, const struct sched_job *s, const struct job_event *added);

/* A job is new, with all its events. */
void keep_whole_job(struct store *store, const struct sched_job *s);

/* An event is no longer listed in its job, which is counted. */
void keep_cut(
	struct store *store, const struct sched_job *s, const struct job_event *cut);

/* Likewise all of these: the job has taken over more. */
void keep_cut_all(
	struct store *store, const struct sched_job *s, const struct sched_items *items);

/* A job is over. */
void keep_end_job(struct store *store, const struct sched_job *s);

/* A job is over; its events are another's now, but for those on its items still: they are
 * no longer listed. */
void keep_follow(
	struct store *store, const struct sched_job *s, const struct sched_job *follower);

/* A run has begun, or ended. `end` NULL: it goes on. */
void keep_run(struct store *store, const struct sched_job *s, const struct outcome *end);

/* All that waits, runs and is paused, for a store that has lost it. */
void keep_all(
	struct store *store, const struct sched *sched, const struct job_rule *known);

#endif
