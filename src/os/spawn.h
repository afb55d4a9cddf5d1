/* SPDX-License-Identifier: MIT */
/* Starts one process exactly as asked, with nothing of the daemon left in it. */
#ifndef FSMON_OS_SPAWN_H
#define FSMON_OS_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define SPAWN_FILE_FD 3 /* the number that file_fd gets in the child */

/* What a child gets back because the daemon may have changed it for itself. */
struct spawn_defaults {
	struct rlimit limits[RLIM_NLIMITS];
	bool has_limit[RLIM_NLIMITS];
	sigset_t ignored; /* signals to set back to their default */
	bool reset_oom_score; /* the daemon's oom_score_adj is below 0 */
};

/* Credentials to run with. */
struct spawn_ids {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary groups, all of them */
	size_t group_count;
};

struct spawn_request {
	char *const *argv; /* argv[0] without a slash is looked up in PATH of envp */
	char *const *envp;
	const char *directory;
	mode_t umask;
	int nice;
	const struct spawn_ids *ids; /* NULL: the caller's own */
	int stdin_fd; /* -1: /dev/null */
	int output_fd; /* standard output and error */
	int file_fd; /* becomes SPAWN_FILE_FD; -1: none */
	int cgroup_fd; /* directory of the cgroup to start in; -1: the caller's */
	/*
	 * NULL, or called in the child before its program runs; -1 and errno keep it from
	 * that. The child may share the caller's memory: system calls, and nothing else.
	 */
	int (*announce)(void *ctx, pid_t pid);
	void *ctx;
};

/* Why a process could not be started; all zero: it was. */
struct spawn_error {
	int error; /* errno */
	char stage[20]; /* what was tried: "fork", "cgroup" (fork, into that cgroup),
			   "setgroups", "chdir", "exec" … */
};

struct spawn_child {
	pid_t pid;
	int pidfd; /* readable once the process has ended */
	int report_fd; /* -1, or what spawn_result reads */
};

/*
 * Remember limits and oom score as they are now, and which signals are ignored. Call it
 * before the daemon changes a limit and after it has changed a signal.
 */
void spawn_get_defaults(struct spawn_defaults *d);

/*
 * Start a process: in a session and process group of its own, default signals and an
 * empty mask, SCHED_OTHER, the defaults' limits, oom_score_adj not below 0, descriptors 0
 * to 2, and 3 if there is a file_fd, and no others. Credentials are set, checked and
 * verified before anything is executed: what cannot be had fails. Must be called from a
 * process with a single thread. Everything is borrowed for the call; the caller keeps its
 * descriptors.
 *
 * Without a change of credentials the program already runs on return. With one, it may
 * fail later: once the process has ended, spawn_result tells. Either way the caller reaps
 * pid with wait4(2) when pidfd becomes readable, and closes pidfd and report_fd.
 *
 * Returns 0, or -1 with *err (and errno) set; then there is nothing to reap or to close.
 */
__attribute__((warn_unused_result)) int spawn_start(const struct spawn_defaults *d,
	const struct spawn_request *r, struct spawn_child *child,
	struct spawn_error *err);

/*
 * After the process has ended: whether its program had been executed. Returns 0 if so, or
 * -1 with *err (and errno) set.
 */
__attribute__((warn_unused_result)) int spawn_result(
	int report_fd, struct spawn_error *err);

#endif
