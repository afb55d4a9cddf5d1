/* SPDX-License-Identifier: MIT */
/* The worker's end of the line to the keeper: has hooks run, and hears what comes of them. */
#ifndef FSMON_APP_LINK_LINK_H
#define FSMON_APP_LINK_LINK_H

#include "app/link/link_inherit.h"
#include "core/hook/wire.h"
#include "core/rule/rule.h"
#include "core/text/lines.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct link; /* opaque */

/* One run to start. All is borrowed for the call of `start`, the descriptors too. */
struct link_request {
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
 * Who hears of runs. A run gets `started` at most once and then exactly one of `failed` and
 * `ended`, which may come without it: a run that could not be started, or one of an earlier
 * worker that has ended. Every handler must be set.
 */
struct link_run_handlers {
	/*
	 * A process exists for the run. The message was sent before its program began:
	 * whoever has drained the link after reading a file event of that process has
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
	 * was stopped or killed all processes are gone, as far as `has_cgroups` says that
	 * the keeper can tell. outcome: ok, exit or signal, with the last
	 * LINES_TAIL_BYTES of its output, which live as long as the call; its duration
	 * is not known here.
	 */
	void (*ended)(void *ctx, uint64_t run_id, const struct outcome *outcome);
	/* Once after the start: all that is left of an earlier worker's runs has been
	 * told. */
	void (*caught_up)(void *ctx);
};

/*
 * What runs need of the link: link_port gives the real one, a test gives its own. `ctx` is the
 * first argument of each function. Those that return int return 0, or -1 with EAGAIN (too much
 * waits to be sent), E2BIG (too long a message), EPIPE (no keeper), ENOMEM, or an errno of
 * fcntl(2) or sendmsg(2).
 */
struct link_port {
	void *ctx;
	/* Say who hears of runs, before the poller's first turn. Borrows its arguments. */
	void (*listen)(
		void *ctx, const struct link_run_handlers *handlers, void *handlers_ctx);
	/*
	 * Ask for a run. Never blocks: when the socket is full the request waits its turn,
	 * up to a bound. After EAGAIN: try again after an outcome. After any failure there
	 * is no such run.
	 */
	int (*start)(void *ctx, const struct link_request *request);
	/*
	 * Send a signal to a run. WIRE_SIGNAL: to its process group and to nobody else
	 * (on-busy). WIRE_STOP: begin to stop it, with the signal to every process of it, those
	 * that left its process group too; from now on the run has ended only when all of them
	 * are gone. WIRE_KILL: likewise, with SIGKILL. Without cgroups both reach the process
	 * group, and the run has ended when its process has. What has ended meanwhile gets
	 * none.
	 */
	int (*signal)(void *ctx, enum wire_type how, uint64_t run_id, int signal);
	/*
	 * The `failed` or `ended` of these runs need not be remembered any more. Until then
	 * the keeper tells it to each new worker. Borrows the array. After a failure
	 * nothing is done for some of them, and it may be called again for all.
	 */
	int (*done)(void *ctx, const uint64_t *run_ids, size_t count);
	/* Whether `start` would not return EAGAIN now. Where it would, the next turn of the
	 * poller in which the keeper takes something may make room. */
	bool (*has_room)(void *ctx);
	bool has_cgroups; /* every run has its own, by which all its processes are reached */
};

/* What the keeper wants of the worker itself. Every handler must be set. */
struct link_handlers {
	/* End: after the running hooks, or at once (they are being killed). */
	void (*stop_requested)(void *ctx, bool now);
	void (*reload_requested)(void *ctx);
	/* Nothing can be started any more. */
	void (*keeper_gone)(void *ctx);
};

/*
 * Open the worker's end of the socket. All handlers, those of runs too, are called from
 * poller_turn or link_drain, and may call everything but link_drain and link_close. The poller
 * and the handlers are borrowed until link_close; the descriptor at WIRE_FD_WORKER becomes the
 * link's. Returns NULL with ENOMEM or another errno of poller_add; then it is still the
 * caller's.
 */
__attribute__((warn_unused_result)) struct link *link_open(struct poller *poller,
	const struct link_inheritance *in, const struct link_handlers *handlers,
	void *ctx);

/* Close the link; hooks go on. Not from a handler. NULL is allowed. */
void link_close(struct link *l);

/* The link as runs see it. Valid until link_close. */
struct link_port link_port(struct link *l);

/* Tell that the worker is at work: once after the start, and at the end of each reload
 * that was asked for, failed or not; and whether the log is JSON, so that the keeper's own
 * lines are. Returns 0, or -1 as link_port's functions do. */
int link_ready(struct link *l, bool logs_json);

/* Tell how it goes, one line, for the service manager. Returns 0, or -1 likewise. */
int link_status(struct link *l, const char *text);

/* Have the keeper hold the configuration that is in force, a file in memory of which the link
 * makes a copy of the descriptor: the next worker finds it at WIRE_FD_CONF. Returns 0, or -1
 * likewise. */
int link_hold_conf(struct link *l, int fd);

/*
 * Deliver all that the keeper and hooks have sent so far, without waiting. Call it between reading
 * file events and deciding whose they are: whoever caused one has said before who it is. Not from
 * a handler.
 */
void link_drain(struct link *l);

#endif
