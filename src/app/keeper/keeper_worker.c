/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper_worker.h"

#include "base/countof.h"
#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>

#define PROGRAM "/proc/self/exe" /* the worker is another verb of it */

/* Put the descriptors where the worker looks for them. */
static int place_fds(struct wire_fds *fds)
{
	for (int i = 0; i < WIRE_FD_COUNT; i++) {
		if (fds->fd[i] < 0)
			continue;
		fds->fd[i] = fcntl(fds->fd[i], F_DUPFD_CLOEXEC, WIRE_FD_END);
		if (fds->fd[i] < 0)
			return -1;
	}
	if (close_range(WIRE_FD_WORKER, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < WIRE_FD_COUNT; i++) {
		if (fds->fd[i] >= 0 && dup2(fds->fd[i], WIRE_FD_WORKER + i) < 0)
			return -1;
	}
	return 0;
}

static void set_signals(void)
{
	const int ignored[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < countof(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void execute(char *const *argv, struct wire_fds fds)
{
	set_signals();
	unsetenv("NOTIFY_SOCKET");
	if (place_fds(&fds) == 0)
		execv(PROGRAM, argv);
	dprintf(STDERR_FILENO, "fsmon: cannot execute %s: %s\n", PROGRAM,
		strerror(errno));
	_exit(127);
}

int keeper_worker_send(int fd, const struct wire_message *m, const int *with_fd)
{
	struct buf bytes = {0};
	int result = wire_encode(&bytes, m);
	if (result == 0)
		result = sock_send(fd, bytes.data, bytes.len, with_fd, with_fd ? 1 : 0);
	buf_fini(&bytes);
	return result;
}

pid_t keeper_worker_start(
	char *const *argv, const struct wire_fds *fds, struct wire_hello hello, int *fd)
{
	int pair[2];
	if (sock_pair(pair) < 0)
		return -1;
	struct wire_fds places = *fds;
	places.fd[0] = pair[1];
	for (int i = 0; i < WIRE_FD_COUNT; i++)
		hello.places |= places.fd[i] >= 0 ? 1u << i : 0u;
	struct wire_message m = {.type = WIRE_HELLO, .hello = hello};
	/* Sent before the fork, the hello is there when the worker begins. */
	pid_t pid = keeper_worker_send(pair[0], &m, NULL) == 0 ? fork() : -1;
	if (pid == 0)
		execute(argv, places);
	fd_close(pair[1]);
	if (pid < 0)
		fd_close(pair[0]);
	*fd = pair[0];
	return pid;
}
