/* SPDX-License-Identifier: MIT */
#include "os/netlink.h"

#include "os/clock.h"
#include "os/fd.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define RCVBUF_BYTES (16 * 1024 * 1024)
#define ANSWER_TIMEOUT_NS UINT64_C(500000000)

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

int netlink_open(int family, uint32_t groups)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, family);
	if (fd < 0)
		return -1;

	int size = RCVBUF_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

static int send_request(int fd, const void *bytes, size_t len_bytes)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = sendto(fd, bytes, len_bytes, MSG_NOSIGNAL, (struct sockaddr *)&kernel,
		sizeof(kernel));
	return n < 0 ? -1 : 0;
}

ssize_t netlink_receive(int fd, void *buf, size_t size_bytes, uint64_t *spoofed)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = buf, .iov_len = size_bytes};
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		/* The end of a socket that was shut down has no sender. */
		if (n == 0 && msg.msg_namelen == 0) {
			errno = EPIPE;
			return -1;
		}
		if (msg.msg_namelen != sizeof(from) || from.nl_family != AF_NETLINK ||
			from.nl_pid != 0) {
			(*spoofed)++;
			continue;
		}
		if (msg.msg_flags & MSG_TRUNC) {
			errno = EMSGSIZE;
			return -1;
		}
		return n;
	}
}

int netlink_ask(int fd, const void *request, size_t len_bytes,
	int (*answer)(void *ctx, const char *bytes, size_t len_bytes), void *ctx)
{
	if (send_request(fd, request, len_bytes) < 0)
		return -1;
	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	uint64_t spoofed = 0, deadline_ns = clock_monotonic_ns() + ANSWER_TIMEOUT_NS;
	for (;;) {
		ssize_t n = netlink_receive(fd, buf, sizeof(buf), &spoofed);
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE)
			return -1;
		int result = n < 0 ? 0 : answer(ctx, buf, (size_t)n);
		if (result != 0)
			return result < 0 ? -1 : 0;
		uint64_t now_ns = clock_monotonic_ns();
		if (now_ns >= deadline_ns) {
			errno = ETIMEDOUT;
			return -1;
		}
		fd_wait(fd, POLLIN, (int)((deadline_ns - now_ns) / 1000000) + 1);
	}
}

uint32_t netlink_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}
