/* SPDX-License-Identifier: MIT */
#include "os/connector.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTOR_ACK_TIMEOUT_NS UINT64_C(500000000)

/* Where the fields of an event lie in a datagram. */
#define CONNECTOR_EVENT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define CONNECTOR_AT(field) \
	((uint32_t)(CONNECTOR_EVENT + offsetof(struct proc_event, field)))

/* A message is cn_msg and the operation right behind it; the answer has ack + 1. */
static int connector_send(int fd, enum proc_cn_mcast_op op, uint32_t ack)
{
	char buf[MNL_ALIGN(256)] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_DONE;

	struct cn_msg cn = {
		.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC},
		.ack = ack,
		.len = sizeof(op),
	};
	char *payload = mnl_nlmsg_put_extra_header(nlh, sizeof(cn) + sizeof(op));
	memcpy(payload, &cn, sizeof(cn));
	memcpy(payload + sizeof(cn), &op, sizeof(op));
	return netlink_send(fd, nlh, nlh->nlmsg_len);
}

/*
 * Whether a datagram confirms the subscription that was sent with this ack; its error, if
 * any, goes to *error. All listeners get the answers to all others.
 */
static bool connector_is_ack(const char *buf, size_t len, uint32_t ack, uint32_t *error)
{
	struct proc_event ev;
	struct cn_msg cn;
	if (len < CONNECTOR_EVENT + sizeof(ev))
		return false;
	memcpy(&cn, buf + NLMSG_HDRLEN, sizeof(cn));
	memcpy(&ev, buf + CONNECTOR_EVENT, sizeof(ev));
	if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC ||
		ev.what != PROC_EVENT_NONE || cn.ack != ack + 1)
		return false;
	*error = ev.event_data.ack.err;
	return true;
}

/* Returns 0 when the kernel has confirmed, or -1 with errno. */
static int connector_await_ack(int fd, uint32_t ack)
{
	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	uint64_t spoofed = 0, deadline = clock_monotonic_ns() + CONNECTOR_ACK_TIMEOUT_NS;
	for (;;) {
		uint32_t error;
		ssize_t n = netlink_receive(fd, buf, sizeof(buf), &spoofed);
		if (n >= 0 && connector_is_ack(buf, (size_t)n, ack, &error)) {
			errno = (int)error;
			return error ? -1 : 0;
		}
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE)
			return -1;

		uint64_t now = clock_monotonic_ns();
		if (now >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (n < 0 && errno == EAGAIN)
			netlink_wait(fd, (int)((deadline - now) / 1000000) + 1);
	}
}

/*
 * Keep in the kernel what is of no use: kinds that nobody decodes, and all that threads
 * do. A filter loads words in network order, so the constants are turned round. Without
 * the filter there is more to receive, nothing else.
 */
static void connector_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, CONNECTOR_AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_UID), 8, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_COMM), 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)PROC_EVENT_EXIT), 6,
			0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 9, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		/* 8: a fork */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			CONNECTOR_AT(event_data.fork.child_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			CONNECTOR_AT(event_data.fork.child_tgid)),
		BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
		/* 12: the others */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			CONNECTOR_AT(event_data.exec.process_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			CONNECTOR_AT(event_data.exec.process_tgid)),
		/* 15 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static const char *connector_reason(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "the process connector does not answer (a process namespace of "
		       "its own?)";
	case ECONNREFUSED:
		return "the process connector is out of reach (a network namespace of "
		       "its own?)";
	case EPERM:
	case EACCES:
		return "no permission to listen to the process connector";
	case EPROTONOSUPPORT:
		return "the kernel has no process connector";
	default:
		return "the process connector failed";
	}
}

int connector_open(const char **why)
{
	int fd = netlink_open(NETLINK_CONNECTOR, CN_IDX_PROC);
	uint32_t ack = arc4random();
	if (fd >= 0 && connector_send(fd, PROC_CN_MCAST_LISTEN, ack) == 0 &&
		connector_await_ack(fd, ack) == 0) {
		connector_filter(fd);
		return fd;
	}
	int saved = errno;
	*why = connector_reason(saved);
	fd_close(fd);
	errno = saved;
	return -1;
}
