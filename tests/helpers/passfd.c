/* SPDX-License-Identifier: MIT */
/*
 * passfd FILE: opens FILE for writing and passes the descriptor to another process, which
 * closes it last. Prints that process's id.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void receive(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int fd;
	if (recvmsg(from, &m, 0) != 1 || !CMSG_FIRSTHDR(&m))
		err(1, "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	/* The other end has closed its descriptor when it closes the socket. */
	if (read(from, &byte, 1) != 0)
		err(1, "read");
	_exit(close(fd) == 0 ? 0 : 1);
}

static void pass(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(fd))};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(to, &m, 0) != 1)
		err(1, "sendmsg");
}

int main(int argc, char **argv)
{
	int pair[2], status;
	if (argc != 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		errx(2, "usage: passfd FILE");
	pid_t child = fork();
	if (child == 0) {
		close(pair[0]);
		receive(pair[1]);
	}
	int fd = open(argv[1], O_WRONLY | O_CREAT, 0644);
	if (child < 0 || fd < 0)
		err(1, "%s", argv[1]);
	printf("%d\n", (int)child);
	close(pair[1]);
	pass(pair[0], fd);
	close(fd);
	close(pair[0]);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
