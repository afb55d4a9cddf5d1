/* SPDX-License-Identifier: MIT */
/* Where process records come from: the kernel (witness), or a script in tests. */
#ifndef FSMON_APP_ACTORS_ACTORS_SOURCE_H
#define FSMON_APP_ACTORS_ACTORS_SOURCE_H

#include "core/proc/actor.h"
#include "core/proc/proctable.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The kernel's sources; they stay the caller's, who closes them after actors_free. */
struct actors_fds {
	int connector; /* of connector_open; -1: none, and nobody is known but through
			  /proc */
	int taskstats; /* of taskstats_open (opened before the connector); -1: none */
	int fanotify; /* to see when the queue of file events is empty; -1: none */
	uint64_t since_ns; /* CLOCK_MONOTONIC after the subscription; 0: not known */
};

/* How far the reader of the queue of file events has come; other threads look at it. */
struct actors_reading {
	_Atomic uint64_t phase; /* odd: it is reading, or has never read */
	_Atomic uint64_t taken; /* records that it has taken from the queue */
	_Atomic unsigned
		counting; /* so many threads would like it not to read just now */
	pid_t reader; /* the reading thread, by thread_id */
	atomic_bool is_lifted; /* one of those has given it real-time priority */
};

struct actors_counters {
	uint64_t records; /* process records received */
	uint64_t spoofed; /* datagrams that did not come from the kernel */
	uint64_t malformed; /* datagrams or messages that made no sense */
	uint64_t lost; /* connector records that the kernel dropped */
	uint64_t taskstats_lost; /* likewise of taskstats */
	uint64_t queue_dropped; /* given up because nobody drained */
	uint64_t rescans; /* scans of /proc after a loss */
	bool is_realtime; /* the thread has real-time priority */
	bool has_taskstats; /* the exits of processes are seen */
	bool is_degraded; /* actors are read from /proc at event time, too late for many
			   */
	const char *reason; /* why it is degraded or has no taskstats; static; NULL: it is
			       not */
};

/* Where process records come from; every function must be set. */
struct actors_source {
	/* As actors_drain, into the table. */
	int (*drain)(void *ctx, struct proctable *t);
	/* As actors_empty_ns. */
	uint64_t (*empty_ns)(void *ctx);
	/* What /proc says now about a process of which the table knows nothing, and whose
	 * pidfd shows that it is still there: as proctable_who. */
	int (*look_up)(void *ctx, pid_t pid, struct actor *out);
	void (*counters)(void *ctx, struct actors_counters *out);
	void (*free)(void *ctx);
};

#endif
