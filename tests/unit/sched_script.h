/* SPDX-License-Identifier: MIT */
/*
 * Scripts for the scheduler: what is put in, and what must come out. A script is words with
 * blanks between them; a word is a command and its arguments, with colons between them. Times
 * are in milliseconds from the beginning. Jobs are named by their ids (1, 2, … as they are
 * made), events by their numbers (likewise).
 *
 *   at:TIME                it is that time now; at:retry: the due time of the last retry
 *   lane:NUMBER            the words that follow are about that lane (at first 0)
 *   add:KEY:RESULT[:JOB]   an event; RESULT is new, join, cut, busy or full
 *   start:JOB…             sched_next starts these, one after the other
 *   stop:JOB:WHY:SIGNAL kill:JOB signal:JOB:SIGNAL held:JOB:UNTIL     it says that
 *   none                   it says nothing, nor wants to be asked again now
 *   due:TIME               when it wants to be asked: a time, or never
 *   ok:JOB:END[:ARG] fail:JOB:END[:ARG]    a run has ended; END is done, failed,
 *                          interrupted, followed (by job ARG, which does not list the
 *                          events that are named then any more), retry (after about ARG
 *                          ms); lost:JOB:END[:ARG] likewise
 *   give:KEY:JOB[:ID[:ATTEMPT[:FAILURES[:EVENT…]]]]     an event is given, and is in JOB
 *                          then, where those that are named are not listed any more
 *   adopt:JOB:SINCE:yes|no|busy            (whether it is an attempt)
 *   pause:TIME pause:ever unpause
 *   counts:WAITING:RUNNING:HELD[:UNTIL]    of the lane; all:WAITING:RUNNING
 *   items:JOB:EVENT…       what it lists
 *   is:JOB:FIELD:VALUE     count, truncated, attempt, failures, queued, order, lane
 *   done:ORDER[:JOB…] open:ORDER[:JOB…]    sched_is_done_beside these runs
 *   reload                 to the lanes of `then`
 *   gone:JOB… joined:JOB:FOLLOWER          what it gave back
 */
#ifndef FSMON_TESTS_UNIT_SCHED_SCRIPT_H
#define FSMON_TESTS_UNIT_SCHED_SCRIPT_H

#include "core/sched/sched.h"

#define SCRIPT_LANES 3
#define MS UINT64_C(1000000)
#define SECONDS (1000 * MS)

struct sched_script_lanes {
	size_t count; /* 0: 1 */
	uint32_t max_parallel; /* 0: 100 */
	/* Where it says nothing: parallel 1, queue_max 100, stop_signal 15. */
	struct timing lane[SCRIPT_LANES];
};

struct sched_script {
	const char *name;
	struct sched_script_lanes first;
	const char *steps;
	struct sched_script_lanes then;
	int64_t map[SCRIPT_LANES];
};

/* A test: *state is the script. */
void sched_script_run(void **state);

/* Run all as a group of tests. Returns what main is to return. */
int sched_scripts_run(
	const char *group, const struct sched_script *scripts, size_t count);

#endif
