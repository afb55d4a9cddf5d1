/* SPDX-License-Identifier: MIT */
/* What an earlier worker has left comes back: its jobs out of the store, and the tags of its
 * hooks' processes by the labels of their runs. */
#ifndef FSMON_APP_JOBS_RESTORE_H
#define FSMON_APP_JOBS_RESTORE_H

#include "os/clock.h"

#include <stdint.h>
#include <sys/types.h>

struct jobs;

/* Take in the jobs, runs and pauses that an earlier worker left, and tag the processes
 * that its hooks left behind; once, with rules in force. */
void restore_all(struct jobs *j, struct clock_now now);

/* See jobs_rerun. */
void restore_for_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx);

/* Tag a process of an earlier worker's run by the label of that run. */
void restore_tag(struct jobs *j, pid_t pid, const char *label);

#endif
