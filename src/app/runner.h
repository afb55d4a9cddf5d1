/* SPDX-License-Identifier: MIT */
/* The worker's side of running hooks: asks the keeper, collects output and outcomes. */
#ifndef FSMON_APP_RUNNER_H
#define FSMON_APP_RUNNER_H

#include "core/lines.h"
#include "core/rule.h"
#include "core/wire.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct runner; /* opaque */

/* One run to start. All is borrowed for the call of runner_start, the descriptors too. */
struct runner_request {
	uint64_t run_id; /* not that of a run that has not ended yet */
	char *const *argv;
	char *const *envp;
	const char *directory;
	const char *label; /* what a later worker is told of the run; NULL: nothing */
	mode_t umask;
	int nice;
	const struct rule_user *user; /* NULL, not set, no groups: the daemon's own */
	int stdin_fd; /* -1: /dev/null */
	int file_fd; /* becomes descriptor 3 of the hook; -1: none */
};

/*
 * What the runner calls, always from poller_turn or runner_drain. A run gets `started` at
 * most once and then exactly one of `failed` and `ended`, which may come without it: a
 * run that could not be started, or one of an earlier worker that is over. Handlers may
 * call everything but runner_drain and runner_free. Every handler must be set.
 */
struct runner_handlers {
	/*
	 * A process exists for the run. The message was sent before its program began:
	 * whoever has drained the runner after reading a file event of that process has
	 * seen this call. label: what an earlier worker gave with its request for the run,
	 * and pid is 0 if it has ended meanwhile; NULL: this one has asked for it.
	 */
	void (*started)(void *ctx, uint64_t run_id, pid_t pid, const char *label);
	/* The program could not be started; stage says what was tried ("exec", "chdir"
	 * …). */
	void (*failed)(void *ctx, uint64_t run_id, int error, const char *stage);
	/*
	 * A line of standard output or error, without its newline; may hold any other
	 * byte. Comes after `ended` too, from processes that the hook left behind.
	 */
	void (*output)(void *ctx, uint64_t run_id, const char *line, size_t len);
	/*
	 * The process ended, and what it had written has been delivered. Of a run that
	 * was stopped or killed all processes are gone, as far as runner_has_cgroups
	 * says that the keeper can tell. outcome: ok, exit or signal, with the last
	 * LINES_TAIL_BYTES of its output, which live as long as the call; its duration
	 * is not known here.
	 */
	void (*ended)(void *ctx, uint64_t run_id, const struct outcome *outcome);
	/* Once after the start: all that is left of an earlier worker's runs has been
	 * told, and runner_has_cgroups knows. */
	void (*told)(void *ctx);
	/* End: after the running hooks, or at once (they are being killed). */
	void (*stop_requested)(void *ctx, bool now);
	void (*reload_requested)(void *ctx);
	/* The keeper is gone; nothing can be started any more. */
	void (*keeper_gone)(void *ctx);
};

/*
 * Make a runner on the worker's end of the socket. The poller and the handlers are
 * borrowed until runner_free; keeper_fd becomes the runner's. Returns NULL with ENOMEM or
 * another errno of poller_add; then keeper_fd is still the caller's.
 */
__attribute__((warn_unused_result)) struct runner *runner_new(struct poller *poller,
	int keeper_fd, const struct runner_handlers *handlers, void *ctx);

/* Free the runner and close its descriptors; hooks go on. Not from a handler. NULL is
 * allowed. */
void runner_free(struct runner *r);

/*
 * Ask for a run. Never blocks: when the socket is full the request waits its turn, up to
 * a bound. Returns 0, or -1 with EAGAIN (too many wait; try again after an outcome),
 * E2BIG (arguments and environment too long), EPIPE (no keeper), ENOMEM, or an errno of
 * fcntl(2) or sendmsg(2). Then there is no such run.
 */
__attribute__((warn_unused_result)) int runner_start(
	struct runner *r, const struct runner_request *request);

/* Whether runner_start would not return EAGAIN now. Where it would, the next turn of the
 * poller in which the keeper takes something may make room. */
bool runner_has_room(const struct runner *r);

/* Whether every run has a cgroup of its own, by which all of its processes can be
 * reached. False before `told`. */
bool runner_has_cgroups(const struct runner *r);

/* Send a signal to the process group of a run and to nobody else (on-busy). What has
 * ended meanwhile gets none. Returns 0, or -1 as runner_start does. */
int runner_signal(struct runner *r, uint64_t run_id, int signal);

/*
 * Begin to stop a run: send the signal to every process of it, those that left its process
 * group too. From now on the run has ended only when all of them are gone. Without
 * cgroups: to the process group, and it has ended when its process has. Returns 0, or -1
 * as runner_start does.
 */
int runner_stop(struct runner *r, uint64_t run_id, int signal);

/* Kill every process of a run, likewise. Returns 0, or -1 as runner_start does. */
int runner_kill(struct runner *r, uint64_t run_id);

/*
 * The `failed` or `ended` of these runs need not be remembered any more. Until then the
 * keeper tells it to each new worker. Borrows the array. Returns 0, or -1 as runner_start
 * does; nothing is done for some of them then, and it may be called again for all.
 */
int runner_done(struct runner *r, const uint64_t *run_ids, size_t count);

/* Tell that the worker is at work: once after the start, and at the end of each reload
 * that was asked for, failed or not; and whether the log is JSON, so that the keeper's own
 * lines are. Returns 0, or -1 as runner_start does. */
int runner_ready(struct runner *r, bool logs_json);

/* Tell how it goes, one line, for the service manager. Returns 0, or -1 as runner_start
 * does. */
int runner_status(struct runner *r, const char *text);

/*
 * Deliver what the keeper has sent so far, without waiting. Call it between reading file
 * events and deciding whose they are. Not from a handler.
 */
void runner_drain(struct runner *r);

#endif
