/* SPDX-License-Identifier: MIT */
/* Changes become events of jobs. */
#ifndef FSMON_APP_JOBS_ADD_H
#define FSMON_APP_JOBS_ADD_H

#include "core/hook/outcome.h"
#include "core/rule/change.h"
#include "core/sched/sched.h"
#include "os/clock.h"

#include <stdint.h>

struct jobs;

/* See jobs_found. */
void add_change(struct jobs *j, struct change *c, struct clock_now now);

/* Judge the changes that have waited for names of users, now that names have come. */
void add_after_names(struct jobs *j, struct clock_now now);

/* Give the changes that wait for names their rules in another table: rule N is map[N]
 * there, or gone where that is -1. */
void add_renumber_unnamed(struct jobs *j, const int64_t *map);

/* Judge the changes that still wait for names without those that are not known: numbers will do,
 * at the end. */
void add_without_names(struct jobs *j, struct clock_now now);

/*
 * Have the rule's on-failure command run for events: copies of the items of `of`, whose
 * count, truncated and order are the new job's too; nothing else of it is used. run_id
 * is that of the run that failed, or 0. Nothing happens if the rule has no such command, or
 * there is no memory.
 */
void add_failure(struct jobs *j, uint32_t rule, const struct sched_insertion *of,
	const struct outcome *why, uint64_t run_id, struct clock_now now);

#endif
