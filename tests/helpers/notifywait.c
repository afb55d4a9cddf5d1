/* SPDX-License-Identifier: MIT */
/*
 * notifywait FIFO SECONDS COMMAND [ARGUMENT...]
 *
 * Becomes COMMAND, with NOTIFY_SOCKET set as systemd does for a service of Type=notify,
 * and leaves a process behind that writes one word into FIFO: "ready" when READY=1 came,
 * "exited" when COMMAND ended before, "timeout" after SECONDS. That process is nobody's
 * child, so the command has no child that it did not start itself.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(127);
}

/* A datagram socket at FIFO.sock, which NOTIFY_SOCKET names from now on. */
static int open_notify_socket(const char *fifo, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr->sun_family = AF_UNIX;
	int len = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s.sock", fifo);
	if (len < 0 || (size_t)len >= sizeof(addr->sun_path)) {
		fprintf(stderr, "notifywait: name too long: %s\n", fifo);
		exit(127);
	}
	unlink(addr->sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, sizeof(*addr)) < 0 ||
		setenv("NOTIFY_SOCKET", addr->sun_path, 1) < 0) {
		fail("notifywait: socket");
	}
	return fd;
}

static bool says_ready(int fd)
{
	char message[4096];
	ssize_t len = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);
	if (len <= 0) {
		return false;
	}
	message[len] = '\0';
	char *rest = message;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (strcmp(line, "READY=1") == 0) {
			return true;
		}
	}
	return false;
}

static const char *wait_for_ready(int socket_fd, int pidfd, int seconds)
{
	struct pollfd fds[] = {
		{.fd = socket_fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	for (;;) {
		int n = poll(fds, 2, seconds * 1000);
		if (n <= 0) {
			return "timeout";
		}
		if ((fds[0].revents & POLLIN) && says_ready(socket_fd)) {
			return "ready";
		}
		if (fds[1].revents) {
			return "exited";
		}
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: notifywait FIFO SECONDS COMMAND [ARGUMENT...]\n");
		return 127;
	}
	struct sockaddr_un addr = {0};
	int socket_fd = open_notify_socket(argv[1], &addr);
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd < 0) {
		fail("notifywait: pidfd_open");
	}

	pid_t child = fork();
	if (child == 0) {
		if (fork() != 0) {
			_exit(0);
		}
		int seconds = atoi(argv[2]);
		const char *result = wait_for_ready(socket_fd, pidfd, seconds);
		unlink(addr.sun_path);
		alarm((unsigned)seconds + 10); /* nobody reads the fifo */
		int fd = open(argv[1], O_WRONLY | O_CLOEXEC);
		dprintf(fd, "%s\n", result);
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) < 0) {
		fail("notifywait: fork");
	}
	execvp(argv[3], argv + 3);
	fail(argv[3]);
}
