/* SPDX-License-Identifier: MIT */
/* Jobs that come back out of the store. */
#ifndef FSMON_APP_JOBS_RESTORE_H
#define FSMON_APP_JOBS_RESTORE_H

#include "os/clock.h"

#include <stdint.h>

struct jobs;

/* Take in the jobs, runs and pauses that an earlier worker left; once, with rules in force. */
void restore_all(struct jobs *j, struct clock_now now);

/* See jobs_rerun. */
void restore_job_of(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx);

#endif
