/* SPDX-License-Identifier: MIT */
#include "app/verbs/verbs.h"

#include "app/keeper/keeper.h"
#include "base/strlist.h"
#include "os/clock.h"
#include "os/connector.h"
#include "os/dirlock.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/readbuf.h"
#include "os/sock.h"
#include "os/taskstats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int *place(struct wire_fds *fds, enum wire_place which)
{
	return &fds->fd[which - WIRE_FD_WORKER];
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "fsmon: %s: %s\n", what, why);
	return -1;
}

static int open_group(struct wire_fds *fds, bool is_degraded)
{
	*place(fds, WIRE_FD_FANOTIFY) = fanotify_open(is_degraded);
	if (*place(fds, WIRE_FD_FANOTIFY) >= 0)
		return 0;
	if (errno == EPERM)
		return fail("cannot watch filesystems",
			"this needs root (CAP_SYS_ADMIN); try sudo fsmon run");
	if (errno == EINVAL)
		return fail("cannot watch filesystems",
			"the kernel is too old: fsmon needs Linux 5.17 or later");
	if (errno == EMFILE)
		return fail("cannot watch filesystems",
			"too many fanotify groups (fs.fanotify.max_user_groups)");
	return fail("cannot watch filesystems", strerror(errno));
}

/*
 * Open the sources of who did it. Without them the daemon goes on, and says so: the
 * worker is told the reason, and since when no process record is missing.
 */
static void open_process_sources(struct keeper_config *config)
{
	struct wire_fds *fds = &config->fds;
	const char *why_tasks = NULL, *why = NULL;
	*place(fds, WIRE_FD_TASKSTATS) = taskstats_open(&why_tasks);
	*place(fds, WIRE_FD_CONNECTOR) = connector_open(&why);
	config->subscribed_ns = clock_monotonic_ns();
	if (*place(fds, WIRE_FD_CONNECTOR) >= 0)
		why = *place(fds, WIRE_FD_TASKSTATS) < 0 ? why_tasks : NULL;
	config->degraded = why;
}

/* Make a directory, and those above it, with the given mode. */
static int make_dir(const char *path, mode_t mode)
{
	char *copy = strdup(path);
	int rc = copy ? 0 : -1;
	for (char *slash = copy ? strchr(copy + 1, '/') : NULL; rc == 0 && slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = mkdir(copy, 0755) < 0 && errno != EEXIST ? -1 : 0;
		*slash = '/';
	}
	if (rc == 0 && mkdir(path, mode) < 0 && errno != EEXIST)
		rc = -1;
	free(copy);
	return rc < 0 ? fail(path, strerror(errno)) : 0;
}

/* The control socket, and with it the lock that keeps a second daemon away. */
static int open_control(
	const struct options *o, struct wire_fds *fds, char **path, int *lock)
{
	if (make_dir(o->runtime_dir, 0700) < 0 || make_dir(o->state_dir, 0700) < 0)
		return -1;
	if (asprintf(path, "%s/fsmon.sock", o->runtime_dir) < 0) {
		*path = NULL;
		return fail("control socket", strerror(ENOMEM));
	}
	*place(fds, WIRE_FD_CONTROL) = sock_listen(*path, SOCK_STREAM, lock);
	if (*place(fds, WIRE_FD_CONTROL) >= 0)
		return 0;
	if (errno == EADDRINUSE)
		return fail(o->runtime_dir,
			"another fsmon runs with this runtime directory "
			"(fsmon status asks it; --runtime-dir chooses another)");
	return fail(*path, strerror(errno));
}

/*
 * Keep a second daemon out of the state directory: each would take the jobs that wait there for
 * its own. The worker holds the lock too, for it goes on writing when the keeper is killed; the
 * next daemon waits for that. With a dry run nothing is stored. Returns 0, also where the
 * filesystem has no locks, after a warning.
 */
static int lock_state(const struct options *o, int *lock)
{
	int patience_ms = (int)(WIRE_END_PATIENCE_NS / 1000000);
	pid_t holder;
	char why[160], pid[32] = "";
	if (o->is_dry)
		return 0;
	*lock = dirlock_take(o->state_dir, 0, &holder);
	if (*lock < 0 && errno == EWOULDBLOCK && holder == 0) {
		fail(o->state_dir, "waiting for the worker of an fsmon that is gone");
		*lock = dirlock_take(o->state_dir, patience_ms, &holder);
	}
	if (*lock >= 0)
		return 0;
	if (errno != EWOULDBLOCK) {
		fail(o->state_dir, strerror(errno));
		fprintf(stderr, "fsmon: take care that no other fsmon uses this state "
				"directory: it cannot be locked\n");
		return 0;
	}
	if (holder)
		snprintf(pid, sizeof(pid), " (pid %d)", (int)holder);
	snprintf(why, sizeof(why),
		"another fsmon%s uses this state directory: stop that one first, or "
		"choose another directory with --state-dir",
		pid);
	return fail(o->state_dir, why);
}

/* The worker gets the same options. */
static int worker_argv(const struct options *o, struct strlist *argv)
{
	const char *const pairs[][2] = {
		{"--config", o->conf_file},
		{"--state-dir", o->state_dir},
		{"--runtime-dir", o->runtime_dir},
	};
	int rc = strlist_add(argv, "fsmon") | strlist_add(argv, "worker");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (pairs[i][1])
			rc |= strlist_add(argv, pairs[i][0]) |
			      strlist_add(argv, pairs[i][1]);
	}
	for (size_t i = 0; i < o->rule_dirs.count; i++)
		rc |= strlist_add(argv, "--rules-dir") |
		      strlist_add(argv, o->rule_dirs.items[i]);
	if (o->is_dry)
		rc |= strlist_add(argv, "--dry-run");
	return rc;
}

/* What the command line names must be there: to start without it would be to start for
 * nothing. Returns 0, or -1 after a message. */
static int check_named(const struct options *o)
{
	struct stat st;
	if (o->conf_file && stat(o->conf_file, &st) < 0)
		return fail(o->conf_file, strerror(errno));
	for (size_t i = 0; i < o->rule_dirs.count; i++) {
		if (stat(o->rule_dirs.items[i], &st) < 0)
			return fail(o->rule_dirs.items[i], strerror(errno));
	}
	return 0;
}

int verb_run(const struct options *o)
{
	if (check_named(o) < 0)
		return EXIT_USAGE;
	struct keeper_config config = {.fds.fd = {-1, -1, -1, -1, -1, -1, -1, -1}};
	struct strlist argv = {0};
	char *path = NULL;
	int lock = -1, code = EXIT_FAILED;
	_Static_assert(WIRE_FD_COUNT == 8, "one initial value for each");
	open_process_sources(&config);
	bool is_degraded = *place(&config.fds, WIRE_FD_CONNECTOR) < 0;
	if (open_group(&config.fds, is_degraded) < 0 ||
		open_control(o, &config.fds, &path, &lock) < 0)
		goto done;
	if (lock_state(o, place(&config.fds, WIRE_FD_STATE)) < 0)
		goto unlink;
	*place(&config.fds, WIRE_FD_BUFFER) = readbuf_create();
	if (*place(&config.fds, WIRE_FD_BUFFER) < 0 || worker_argv(o, &argv) < 0) {
		fail("start", strerror(errno));
		goto unlink;
	}
	config.worker_argv = argv.items;
	code = keeper_run(&config);
unlink:
	unlink(path);
done:
	for (size_t i = 0; i < WIRE_FD_COUNT; i++) {
		fd_close(config.fds.fd[i]);
	}
	fd_close(lock);
	strlist_fini(&argv);
	free(path);
	return code;
}
