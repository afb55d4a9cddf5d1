/* SPDX-License-Identifier: MIT */
/* The states of a job, and what leads from one to another. Only the scheduler's own files and
 * tests include this. */
#ifndef FSMON_CORE_SCHED_SCHED_TABLE_H
#define FSMON_CORE_SCHED_SCHED_TABLE_H

#include "core/sched/sched.h"

/* What a job does. */
enum sched_state {
	SCHED_WAITING,
	SCHED_RUNNING,
	SCHED_EXPIRED, /* runs, being stopped for its timeout */
	SCHED_ASKED, /* runs, to be stopped for a restart */
	SCHED_RESTARTING, /* runs, being stopped for a restart */
	SCHED_OVER,
	SCHED_STATES
};

/* What happens to a job. The last eight: its run has ended; SPENT if it failed and has no
 * try left; WAITED if another job waits that could take over its events. */
enum sched_input {
	SCHED_IN_EVENT, /* an event joins it */
	SCHED_IN_SLOT, /* it may start */
	SCHED_IN_BREAK, /* it could, and the breaker says no */
	SCHED_IN_ADOPT,
	SCHED_IN_BUSY_RESTART, /* an event came for its key: on-busy = restart */
	SCHED_IN_BUSY_SIGNAL, /* likewise, signal */
	SCHED_IN_TIME, /* timeout or stop-timeout is over, or a stop was asked for */
	SCHED_IN_FINE,
	SCHED_IN_FINE_WAITED,
	SCHED_IN_FAILED,
	SCHED_IN_FAILED_WAITED,
	SCHED_IN_SPENT,
	SCHED_IN_SPENT_WAITED,
	SCHED_IN_LOST,
	SCHED_IN_LOST_WAITED,
	SCHED_INPUTS
};

/* What to do then. */
enum sched_action {
	SCHED_DO_NOTHING, /* and the state stays */
	SCHED_DO_GATHER, /* due as debounce and max-wait say */
	SCHED_DO_START,
	SCHED_DO_HOLD,
	SCHED_DO_ASK_STOP,
	SCHED_DO_ASK_SIGNAL,
	SCHED_DO_STOP,
	SCHED_DO_KILL,
	SCHED_DO_END, /* done, failed or interrupted, as the row says */
	SCHED_DO_FOLLOW,
	SCHED_DO_RETRY,
};

struct sched_transition {
	enum sched_state to;
	enum sched_action action;
	enum sched_end end; /* with END, FOLLOW, RETRY */
};

/* What an input does to a job in a state. */
struct sched_transition sched_transition(enum sched_state state, enum sched_input input);

#endif
