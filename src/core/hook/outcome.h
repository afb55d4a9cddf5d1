/* SPDX-License-Identifier: MIT */
/* How something ended: a run, or what else an on-failure command is told of. */
#ifndef FSMON_CORE_HOOK_OUTCOME_H
#define FSMON_CORE_HOOK_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

/* fsmon(8) names them under "runs --json", fsmon-hook(7) under FSMON_REASON. */
enum outcome_kind {
	OUTCOME_RUNNING, /* it has not ended */
	OUTCOME_OK,
	OUTCOME_EXIT, /* with a status that is not 0 */
	OUTCOME_SIGNAL,
	OUTCOME_TIMEOUT,
	OUTCOME_COULD_NOT_START,
	OUTCOME_RESTARTED, /* stopped for a newer event */
	OUTCOME_LOST, /* nobody knows: the daemon ended before */
	OUTCOME_BREAKER, /* not of runs: taken for a loop */
	OUTCOME_OVERFLOW, /* not of runs: queue-max */
};

/* What a run used; see getrusage(2). It goes over the wire as it is: no pointers, no gaps. */
struct outcome_usage {
	uint64_t user_us;
	uint64_t system_us;
	uint64_t max_rss_kib;
};

struct outcome {
	enum outcome_kind kind;
	int status; /* exit code, signal, or errno where it could not start */
	int shell_status; /* as a shell would have it in $?; -1: there was no run */
	uint64_t duration_ns;
	struct outcome_usage usage;
	const char *output; /* the last that it printed, or why it did not start */
	size_t output_len; /* where it is 0 the output may be NULL */
};

/* "ok", "exit", "signal", "timeout", "could-not-start", ...: static. */
const char *outcome_kind_name(enum outcome_kind kind);

/* The kind of a name; OUTCOME_LOST for all others and NULL. */
enum outcome_kind outcome_kind_of(const char *name);

/* How a process ended, by its status of wait(2): ok, exit or signal. The rest is the caller's
 * to fill in. */
struct outcome outcome_of_wait(int wait_status);

/* The program could not be started: what was tried ("exec", "chdir", ...) and its errno. The
 * output is a text for the errno, valid until strerror(3) is called again. */
struct outcome outcome_unstarted(const char *stage, int error);

/* Copy an outcome together with its output, behind which a NUL is put. The copy is one
 * piece of memory, which free(3) frees. NULL with ENOMEM. */
__attribute__((warn_unused_result)) struct outcome *outcome_copy(const struct outcome *o);

#endif
