/* SPDX-License-Identifier: MIT */
/*
 * What the keeper (fsmon run) and its worker say to each other. The keeper starts a worker with
 * descriptors at fixed places; over one of them go messages: one packet is one message.
 */
#ifndef FSMON_CORE_HOOK_WIRE_H
#define FSMON_CORE_HOOK_WIRE_H

#include "base/buf.h"
#include "core/hook/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The places: numbers that the descriptors have in the worker. */
enum wire_place {
	WIRE_FD_WORKER = 3, /* its end of the socket to the keeper; always there */
	WIRE_FD_FANOTIFY,
	WIRE_FD_CONNECTOR,
	WIRE_FD_TASKSTATS,
	WIRE_FD_BUFFER, /* memfd that fanotify is read into */
	WIRE_FD_CONTROL, /* listening socket */
	WIRE_FD_CONF, /* memfd with the configuration in force; none before the first worker */
	WIRE_FD_STATE, /* the lock on the state directory: held as long as somebody writes there */
	WIRE_FD_END,
};

#define WIRE_FD_COUNT (WIRE_FD_END - WIRE_FD_WORKER)

/* Descriptors by place: fd[WIRE_FD_x - WIRE_FD_WORKER]; -1 is none. */
struct wire_fds {
	int fd[WIRE_FD_COUNT];
};

#define WIRE_MAX_BYTES ((size_t)1024 * 1024) /* the longest message */
#define WIRE_MAX_FDS 2 /* descriptors with one message */

/* A worker that ends waits at most so long for the store to reach the disk. The keeper lets it, and
 * then do what else there is (the log waits two seconds for its reader), before it kills it. */
#define WIRE_STORE_PATIENCE_NS UINT64_C(5000000000)
#define WIRE_END_PATIENCE_NS (WIRE_STORE_PATIENCE_NS + UINT64_C(3000000000))

enum wire_type {
	/* worker to keeper */
	WIRE_RUN = 1, /* start a hook; with it go its descriptors */
	WIRE_SIGNAL, /* send a signal to the process group of a run */
	WIRE_STOP, /* begin to stop a run: send a signal to all of its processes */
	WIRE_KILL, /* kill all processes of a run */
	WIRE_DONE, /* the ends of these runs have been dealt with */
	WIRE_READY, /* the worker is at work; also at the end of each reload */
	WIRE_STATUS, /* one line about how it goes, for the service manager */
	WIRE_CONF, /* what the next worker is to have at WIRE_FD_CONF; with that descriptor */
	/* keeper to worker */
	WIRE_HELLO, /* the first one to a new worker, there before it begins */
	WIRE_STARTED, /* a process exists, its program does not run yet; with the output pipe */
	WIRE_RUNNING, /* to a new worker: a run that an earlier one asked for; likewise */
	/* The last word about a run, to each worker until one says WIRE_DONE. */
	WIRE_FAILED, /* the program could not be started */
	WIRE_ENDED, /* the process ended; all of them, where the run was stopped */
	WIRE_CAUGHT_UP, /* to a new worker: it knows all runs of earlier ones */
	WIRE_RELOAD,
	WIRE_SHUTDOWN,
};

/* What to start. */
struct wire_run {
	char **argv; /* at least one, NULL behind the last */
	char **envp; /* likewise, may be empty */
	const char *directory;
	const char *label; /* of its cgroup, and for the next worker; NULL is "" */
	uint32_t umask;
	int32_t nice;
	bool has_ids; /* run with these credentials, not with the keeper's own */
	uint32_t uid;
	uint32_t gid;
	gid_t *groups; /* supplementary */
	size_t group_count;
	bool has_stdin; /* the first descriptor is standard input */
	bool has_file; /* the next one is FSMON_FD */
};

/* Runs of which no more needs to be said. */
struct wire_done {
	uint64_t *ids;
	size_t count;
};

/* What a worker must know before it begins. */
struct wire_hello {
	uint32_t places; /* those taken: bits 1 << (WIRE_FD_x - WIRE_FD_WORKER) */
	uint64_t subscribed_ns; /* CLOCK_MONOTONIC; no process record since is missing */
	uint64_t last_run_id; /* the highest that a run was asked for with; 0: none was */
	const char *degraded; /* why actors may be unknown; NULL, decoded "": not so */
	const char *hooks_dir; /* where the hooks have cgroups; likewise: nowhere */
};

struct wire_message {
	enum wire_type type;
	uint64_t run_id; /* 0 where the message concerns no run */
	union {
		struct wire_run run; /* WIRE_RUN */
		int32_t signal; /* WIRE_SIGNAL, WIRE_STOP */
		struct wire_done done; /* WIRE_DONE */
		const char *text; /* WIRE_STATUS */
		struct {
			int32_t pid; /* WIRE_RUNNING: 0 if it has ended */
			bool has_output; /* the pipe comes with the message */
			const char *label; /* WIRE_RUNNING only: the request's */
		} started; /* WIRE_STARTED, WIRE_RUNNING */
		struct {
			int32_t error; /* errno */
			const char *stage; /* what was tried: "exec", "chdir" … */
		} failed; /* WIRE_FAILED */
		struct {
			int32_t status; /* as of wait(2) */
			struct outcome_usage usage;
		} ended; /* WIRE_ENDED */
		bool now; /* WIRE_SHUTDOWN: do not wait for running hooks */
		bool logs_json; /* WIRE_READY: the log is to be JSON */
		struct wire_hello hello; /* WIRE_HELLO */
	};
};

/* Append the bytes of a message to b. Returns 0, or -1 with ENOMEM, E2BIG (longer than
 * WIRE_MAX_BYTES) or EINVAL (no such type). */
int wire_encode(struct buf *b, const struct wire_message *m);

/* Put another pid into the bytes of an encoded WIRE_STARTED. For the child between fork and
 * exec: allocates nothing. */
void wire_set_pid(void *bytes, int32_t pid);

/*
 * Read a message. Strings of *m point into the bytes, which must outlive it; wire_fini
 * frees the rest. Returns 0, or -1 with EBADMSG (not a whole, correct message of this
 * version) or ENOMEM; then there is nothing to free.
 */
__attribute__((warn_unused_result)) int wire_decode(
	struct wire_message *m, const void *bytes, size_t len);

/* Free what wire_decode allocated. */
void wire_fini(struct wire_message *m);

#endif
