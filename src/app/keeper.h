/* SPDX-License-Identifier: MIT */
/*
 * The keeper (DESIGN 11): holds the kernel's queues open, keeps a worker running, and
 * starts, stops and reaps hooks for it. It knows nothing of rules and decodes nothing but
 * the worker's messages.
 */
#ifndef FSMON_APP_KEEPER_H
#define FSMON_APP_KEEPER_H

/* Numbers that the descriptors have in the worker. */
enum keeper_fd {
	KEEPER_FD_WORKER =
		3, /* the worker's end of the socket to the keeper; always there */
	KEEPER_FD_FANOTIFY,
	KEEPER_FD_CONNECTOR,
	KEEPER_FD_TASKSTATS,
	KEEPER_FD_BUFFER, /* memfd that fanotify is read into */
	KEEPER_FD_CONTROL, /* listening socket */
	KEEPER_FD_END,
};

#define KEEPER_FD_COUNT (KEEPER_FD_END - KEEPER_FD_WORKER)

/* Descriptors by place: fds[KEEPER_FD_x - KEEPER_FD_WORKER]; -1 is none. */
struct keeper_fds {
	int fd[KEEPER_FD_COUNT];
};

/* All is borrowed until keeper_run returns. */
struct keeper_config {
	struct keeper_fds
		fds; /* CLOEXEC ones; the place of KEEPER_FD_WORKER is not used */
	const char *worker_exe; /* NULL: /proc/self/exe */
	char *const *worker_argv; /* such as {"fsmon", "worker", …, NULL} */
};

/*
 * Run until told to stop: SIGTERM or SIGINT asks the worker to end after the running
 * hooks, a second one kills them and ends at once; SIGHUP asks for a reload. Must be
 * called from a process with a single thread; it blocks signals. The caller closes the
 * descriptors of the configuration afterwards.
 *
 * Returns the exit code of the program: 0 after a clean stop; if the worker never became
 * ready, its exit code (2: usage or configuration), or 1.
 */
__attribute__((warn_unused_result)) int keeper_run(const struct keeper_config *config);

/*
 * In the worker: the descriptors that the keeper handed over, at their places, CLOEXEC.
 * They are the caller's. Once only. Returns 0, or -1 with ENOENT if this process was not
 * started by a keeper.
 */
__attribute__((warn_unused_result)) int keeper_inherit(struct keeper_fds *fds);

#endif
