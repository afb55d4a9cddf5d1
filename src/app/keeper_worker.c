/* SPDX-License-Identifier: MIT */
#include "app/keeper_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/close_range.h>

/* Tells the worker which places are taken: a mask of bits 1 << place. */
#define KEEPER_FDS_VARIABLE "FSMON_KEEPER_FDS"

/* Put the descriptors where the worker looks for them. */
static int keeper_worker_place_fds(struct keeper_fds *fds)
{
	for (int i = 0; i < KEEPER_FD_COUNT; i++) {
		if (fds->fd[i] < 0)
			continue;
		fds->fd[i] = fcntl(fds->fd[i], F_DUPFD_CLOEXEC, KEEPER_FD_END);
		if (fds->fd[i] < 0)
			return -1;
	}
	if (close_range(KEEPER_FD_WORKER, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < KEEPER_FD_COUNT; i++) {
		if (fds->fd[i] >= 0 && dup2(fds->fd[i], KEEPER_FD_WORKER + i) < 0)
			return -1;
	}
	return 0;
}

static int keeper_worker_set_variables(const struct keeper_fds *fds)
{
	unsigned mask = 0;
	for (int i = 0; i < KEEPER_FD_COUNT; i++) {
		if (fds->fd[i] >= 0)
			mask |= 1u << i;
	}
	char text[16];
	snprintf(text, sizeof(text), "%u", mask);
	unsetenv("NOTIFY_SOCKET");
	return setenv(KEEPER_FDS_VARIABLE, text, 1);
}

static void keeper_worker_set_signals(void)
{
	const int ignored[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void keeper_worker_exec(
	const struct keeper_config *config, int worker_fd)
{
	const char *exe = config->worker_exe ? config->worker_exe : "/proc/self/exe";
	struct keeper_fds fds = config->fds;
	fds.fd[0] = worker_fd;
	keeper_worker_set_signals();
	if (keeper_worker_set_variables(&fds) == 0 && keeper_worker_place_fds(&fds) == 0)
		execv(exe, config->worker_argv);
	dprintf(STDERR_FILENO, "fsmon: cannot execute %s: %s\n", exe, strerror(errno));
	_exit(127);
}

pid_t keeper_worker_start(const struct keeper_config *config, int worker_fd)
{
	pid_t pid = fork();
	if (pid == 0)
		keeper_worker_exec(config, worker_fd);
	return pid;
}

int keeper_inherit(struct keeper_fds *fds)
{
	const char *text = getenv(KEEPER_FDS_VARIABLE);
	const char *error = "missing";
	long long mask = text ? strtonum(text, 1, (1 << KEEPER_FD_COUNT) - 1, &error) : 0;
	if (error || !(mask & 1)) {
		errno = ENOENT;
		return -1;
	}
	for (int i = 0; i < KEEPER_FD_COUNT; i++) {
		int fd = KEEPER_FD_WORKER + i;
		bool is_here = mask >> i & 1 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
		fds->fd[i] = is_here ? fd : -1;
	}
	unsetenv(KEEPER_FDS_VARIABLE);
	/* Executing /proc/self/exe gave it the name "exe". */
	prctl(PR_SET_NAME, "fsmon");
	return 0;
}
