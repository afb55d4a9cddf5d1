/* SPDX-License-Identifier: MIT */
/*
 * Watches processes from a real-time thread: receives what the process connector and
 * taskstats report, reads /proc of each program as it starts, and keeps all that for the
 * main thread.
 */
#ifndef FSMON_APP_WITNESS_H
#define FSMON_APP_WITNESS_H

#include "core/actor.h"
#include "core/proctable.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct witness;

/* The descriptors; they stay the caller's, who closes them after witness_free. */
struct witness_fds {
	int connector; /* of connector_open; -1: none, and nobody is known but through
			  /proc */
	int taskstats; /* of taskstats_open (opened before the connector); -1: none */
	int fanotify; /* to see when the queue of file events is empty; -1: none */
	uint64_t since_ns; /* CLOCK_MONOTONIC after the subscription; 0: not known */
};

struct witness_counters {
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

/*
 * Start watching, with a thread of its own unless there is no connector. `wake_fd` is a
 * wake-up (os/thread) that is sent when much has gathered and after an error, or -1.
 * `why_degraded` (static, or NULL) is the reason to give where a descriptor is -1.
 * Returns the witness, or NULL with errno.
 */
__attribute__((warn_unused_result)) struct witness *witness_new(
	const struct witness_fds *fds, int wake_fd, const char *why_degraded);

/* Stop the thread and free everything; NULL is allowed. */
void witness_free(struct witness *w);

/*
 * Fill the table from /proc, after the subscription, before the first event is resolved;
 * without a connector leave it empty. Returns 0, or -1 with errno.
 */
int witness_scan(struct witness *w, struct proctable *t);

/*
 * Receive everything that is waiting and apply it, and all that the thread gathered, to
 * the table: what a process did before a file event that has been read already is in the
 * table then, and if it is gone its exit record too. After a loss the table is told, and
 * /proc scanned anew. Returns 0, or -1 with ENOMEM (the table is told that something was
 * lost).
 */
int witness_drain(struct witness *w, struct proctable *t);

/*
 * The last time at which the thread saw the queue of file events empty, having received
 * all process records up to then; 0: never. Loaded before a read of that queue it is the
 * `after_ns` of all that the read brings.
 */
uint64_t witness_empty_ns(const struct witness *w);

/* The counters. */
void witness_counters(struct witness *w, struct witness_counters *out);

/*
 * Read /proc/PID now: for processes of which the table knows nothing. What stands there
 * may be another process or another program by now, so at best the attribution is
 * partial. Fills *out, which the caller frees with actor_fini. Returns 0, or -1 with
 * ENOMEM.
 */
int witness_look(pid_t pid, struct actor *out);

#endif
