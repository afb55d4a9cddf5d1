/* SPDX-License-Identifier: MIT */
/*
 * Which job may run now: for each rule one run at a time, in the order of its events;
 * over all rules at most max_parallel runs, and the rules take turns.
 */
#ifndef FSMON_CORE_SCHED_H
#define FSMON_CORE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* What the scheduler knows of a job; the caller embeds it in its own. */
struct sched_job {
	STAILQ_ENTRY(sched_job) next; /* on its rule's queue */
};

struct sched; /* opaque */

/* A scheduler for `rule_count` rules. NULL with ENOMEM. */
struct sched *sched_new(size_t rule_count, uint32_t max_parallel);

/* Free it; jobs that wait are the caller's. NULL is allowed. */
void sched_free(struct sched *s);

/*
 * Queue a job for a rule that may have `queue_max` waiting. Returns 0, or -1 with ENOSPC:
 * the job was not taken.
 */
int sched_add(struct sched *s, uint32_t rule, struct sched_job *job, uint32_t queue_max);

/* The next job that may start, now counted as running, and its rule; NULL if there is
 * none. */
struct sched_job *sched_next(struct sched *s, uint32_t *rule);

/* Count a run of the rule that an earlier scheduler has given out. */
void sched_resume(struct sched *s, uint32_t rule);

/* A run of the rule has ended. */
void sched_done(struct sched *s, uint32_t rule);

size_t sched_waiting(const struct sched *s, uint32_t rule);
size_t sched_running(const struct sched *s, uint32_t rule);
size_t sched_waiting_all(const struct sched *s);
size_t sched_running_all(const struct sched *s);

#endif
