/* SPDX-License-Identifier: MIT */
/*
 * Which job may run now: for each rule one run at a time, in the order of its events;
 * over all rules at most max_parallel runs, and the rules take turns.
 */
#ifndef FSMON_CORE_TURNS_H
#define FSMON_CORE_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* What the turnsuler knows of a job; the caller embeds it in its own. */
struct turns_job {
	STAILQ_ENTRY(turns_job) next; /* on its rule's queue */
};

struct turns; /* opaque */

/* A turnsuler for `rule_count` rules. NULL with ENOMEM. */
struct turns *turns_new(size_t rule_count, uint32_t max_parallel);

/* Free it; jobs that wait are the caller's. NULL is allowed. */
void turns_free(struct turns *s);

/*
 * Queue a job for a rule that may have `queue_max` waiting. Returns 0, or -1 with ENOSPC:
 * the job was not taken.
 */
int turns_add(struct turns *s, uint32_t rule, struct turns_job *job, uint32_t queue_max);

/* The next job that may start, now counted as running, and its rule; NULL if there is
 * none. */
struct turns_job *turns_next(struct turns *s, uint32_t *rule);

/* Count a run of the rule that an earlier turnsuler has given out. */
void turns_resume(struct turns *s, uint32_t rule);

/* A run of the rule has ended. */
void turns_done(struct turns *s, uint32_t rule);

size_t turns_waiting(const struct turns *s, uint32_t rule);
size_t turns_running(const struct turns *s, uint32_t rule);
size_t turns_waiting_all(const struct turns *s);
size_t turns_running_all(const struct turns *s);

#endif
