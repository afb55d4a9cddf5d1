/* SPDX-License-Identifier: MIT */
/* Jobs become runs, and end. */
#ifndef FSMON_APP_JOBS_RUNS_H
#define FSMON_APP_JOBS_RUNS_H

#include "app/link/link.h"
#include "os/clock.h"

#include <stdint.h>

struct jobs;

/* What the link calls; its ctx is the jobs. */
extern const struct link_run_handlers runs_handlers;

/*
 * Have the store note numbers of runs as used before they are, so that none is used again by
 * whoever comes after a kill of both processes. So many at once, and so early, that no hook waits
 * for it; called again with each run.
 */
void runs_reserve_ids(struct jobs *j);

/* Do what the scheduler wants done now. */
void runs_pump(struct jobs *j, struct clock_now now);

/* When runs_pump may have something to do again: CLOCK_MONOTONIC, UINT64_MAX if never. */
uint64_t runs_next_ns(const struct jobs *j);

#endif
