/* SPDX-License-Identifier: MIT */
#include "os/connector.h"

#include "os/fd.h"
#include "os/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Where the fields of an event lie in a datagram. */
#define EVENT_OFFSET (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define AT(field) ((uint32_t)(EVENT_OFFSET + offsetof(struct proc_event, field)))

/*
 * Whether a datagram confirms the subscription that was sent with the ack at ctx: then it has
 * ack + 1. All listeners get the answers to all others.
 */
static int find_ack(void *ctx, const char *bytes, size_t len)
{
	const uint32_t *ack = ctx;
	struct proc_event ev;
	struct cn_msg cn;
	if (len < EVENT_OFFSET + sizeof(ev))
		return 0;
	memcpy(&cn, bytes + NLMSG_HDRLEN, sizeof(cn));
	memcpy(&ev, bytes + EVENT_OFFSET, sizeof(ev));
	if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC ||
		ev.what != PROC_EVENT_NONE || cn.ack != *ack + 1)
		return 0;
	errno = (int)ev.event_data.ack.err;
	return errno ? -1 : 1;
}

/* Subscribe: a message is cn_msg and the operation right behind it. */
static int subscribe(int fd)
{
	char buf[MNL_ALIGN(256)] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_DONE;
	enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	uint32_t ack = arc4random();
	struct cn_msg cn = {
		.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC},
		.ack = ack,
		.len = sizeof(op),
	};
	char *payload = mnl_nlmsg_put_extra_header(nlh, sizeof(cn) + sizeof(op));
	memcpy(payload, &cn, sizeof(cn));
	memcpy(payload + sizeof(cn), &op, sizeof(op));
	return netlink_ask(fd, nlh, nlh->nlmsg_len, find_ack, &ack);
}

/*
 * Keep in the kernel what is of no use: kinds that nobody decodes, and all that threads
 * do. A filter loads words in network order, so the constants are turned round. Without
 * the filter there is more to receive, nothing else.
 */
static void attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_UID), 8, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_COMM), 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)PROC_EVENT_EXIT), 6,
			0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 9, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		/* 8: a fork */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.fork.child_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.fork.child_tgid)),
		BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
		/* 12: the others */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.exec.process_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.exec.process_tgid)),
		/* 15 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* Only changes of users by first threads on one processor: where a filter runs is where the
 * process does. */
static int attach_users_filter(int fd, unsigned processor)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_UID), 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, processor, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.id.process_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.id.process_tgid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/*
 * Ask the kernel for changes of users alone: it then passes over the socket for all others. One
 * before 6.6 does not know this request, and sends all to whoever is bound, for the filter to
 * throw away. Nobody answers it.
 */
static void subscribe_users(int fd)
{
	char buf[MNL_ALIGN(256)] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_DONE;
	const uint32_t request[] = {PROC_CN_MCAST_LISTEN, PROC_EVENT_UID};
	struct cn_msg cn = {
		.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC},
		.len = sizeof(request),
	};
	char *payload = mnl_nlmsg_put_extra_header(nlh, sizeof(cn) + sizeof(request));
	memcpy(payload, &cn, sizeof(cn));
	memcpy(payload + sizeof(cn), request, sizeof(request));
	(void)send(fd, nlh, nlh->nlmsg_len, 0);
}

static const char *reason_of(int error)
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
	if (fd >= 0 && subscribe(fd) == 0) {
		attach_filter(fd);
		return fd;
	}
	*why = reason_of(errno);
	fd_close(fd);
	return -1;
}

int connector_open_users(unsigned processor)
{
	int fd = netlink_open(NETLINK_CONNECTOR, CN_IDX_PROC);
	if (fd < 0)
		return -1;
	if (attach_users_filter(fd, processor) == 0) {
		subscribe_users(fd);
		return fd;
	}
	int saved = errno;
	fd_close(fd);
	errno = saved;
	return -1;
}
