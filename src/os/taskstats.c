/* SPDX-License-Identifier: MIT */
#include "os/taskstats.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define TASKSTATS_ANSWER_TIMEOUT_NS UINT64_C(500000000)
#define TASKSTATS_REQUEST_SIZE 1024

/* A generic netlink request that the caller completes with attributes. */
static struct nlmsghdr *taskstats_request(
	char buf[TASKSTATS_REQUEST_SIZE], uint16_t family, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

/* The number of a family in an answer about it; 0 if there is none. */
static uint16_t taskstats_family_in(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return 0;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
			mnl_attr_validate(attr, MNL_TYPE_U16) == 0)
			return mnl_attr_get_u16(attr);
	}
	return 0;
}

/*
 * Look through one datagram for the answer to a request. Returns 1 if the request was
 * confirmed, 0 if not yet, or -1 with the errno of the answer. A family number goes to
 * *family.
 */
static int taskstats_answer(const char *buf, int len, uint16_t *family)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == GENL_ID_CTRL)
			*family = taskstats_family_in(nlh);
		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
			continue;
		errno = -err->error;
		return err->error ? -1 : 1;
	}
	return 0;
}

/* Send a request and wait until it is confirmed. Returns 0, or -1 with errno. */
static int taskstats_ask(int fd, const struct nlmsghdr *request, uint16_t *family)
{
	if (netlink_send(fd, request, request->nlmsg_len) < 0)
		return -1;

	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	uint64_t spoofed = 0,
		 deadline = clock_monotonic_ns() + TASKSTATS_ANSWER_TIMEOUT_NS;
	for (;;) {
		ssize_t n = netlink_receive(fd, buf, sizeof(buf), &spoofed);
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE)
			return -1;
		if (n >= 0) {
			int answer = taskstats_answer(buf, (int)n, family);
			if (answer != 0)
				return answer < 0 ? -1 : 0;
		}
		uint64_t now = clock_monotonic_ns();
		if (now >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		netlink_wait(fd, (int)((deadline - now) / 1000000) + 1);
	}
}

/* The list of all processors there can be, such as "0-3". Returns 0, or -1 with errno. */
static int taskstats_cpus(char *list, size_t size)
{
	int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, list, size - 1);
	int saved = errno;
	close(fd);
	errno = n == 0 ? ENODATA : saved;
	if (n <= 0)
		return -1;
	list[n] = '\0';
	list[strcspn(list, "\n")] = '\0';
	return 0;
}

static int taskstats_register(int fd)
{
	char buf[TASKSTATS_REQUEST_SIZE] __attribute__((aligned(8)));
	uint16_t family = 0;
	struct nlmsghdr *nlh =
		taskstats_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
	if (taskstats_ask(fd, nlh, &family) < 0)
		return -1;
	if (family == 0) {
		errno = ENOENT;
		return -1;
	}

	char cpus[256];
	if (taskstats_cpus(cpus, sizeof(cpus)) < 0)
		return -1;
	nlh = taskstats_request(buf, family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);
	mnl_attr_put_strz(nlh, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cpus);
	return taskstats_ask(fd, nlh, &family);
}

static const char *taskstats_reason(int error)
{
	switch (error) {
	case ENOENT:
		return "the kernel has no taskstats";
	case EPERM:
		return "no permission to listen to taskstats (CAP_NET_ADMIN)";
	case EINVAL:
		return "taskstats is out of reach (a process or user namespace of its "
		       "own?)";
	default:
		return "taskstats failed";
	}
}

int taskstats_open(const char **why)
{
	int fd = netlink_open(NETLINK_GENERIC, 0);
	if (fd >= 0 && taskstats_register(fd) == 0)
		return fd;
	int saved = errno;
	*why = taskstats_reason(saved);
	fd_close(fd);
	errno = saved;
	return -1;
}
