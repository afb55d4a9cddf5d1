/* SPDX-License-Identifier: MIT */
#include "os/taskstats.h"

#include "os/fd.h"
#include "os/netlink.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdint.h>
#include <string.h>

#define REQUEST_SIZE 1024

/* A generic netlink request that the caller completes with attributes. */
static struct nlmsghdr *make_request(
	char buf[REQUEST_SIZE], uint16_t family, uint8_t cmd, uint8_t version)
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
static uint16_t find_family(const struct nlmsghdr *nlh)
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

/* Look through one datagram for the answer to a request. A family's number goes to ctx. */
static int find_answer(void *ctx, const char *bytes, size_t len_bytes)
{
	const struct nlmsghdr *nlh = (const void *)bytes;
	uint16_t *family = ctx;
	int len = (int)len_bytes;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == GENL_ID_CTRL)
			*family = find_family(nlh);
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

/* The list of all processors there can be, such as "0-3". Returns 0, or -1 with errno. */
static int list_cpus(char *list, size_t size)
{
	errno = ENODATA;
	ssize_t n =
		proc_read(AT_FDCWD, "/sys/devices/system/cpu/possible", list, size - 1);
	if (n <= 0)
		return -1;
	list[n] = '\0';
	list[strcspn(list, "\n")] = '\0';
	return 0;
}

static int register_all(int fd)
{
	char buf[REQUEST_SIZE] __attribute__((aligned(8)));
	uint16_t family = 0;
	struct nlmsghdr *nlh = make_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
	if (netlink_ask(fd, nlh, nlh->nlmsg_len, find_answer, &family) < 0)
		return -1;
	if (family == 0) {
		errno = ENOENT;
		return -1;
	}

	char cpus[256];
	if (list_cpus(cpus, sizeof(cpus)) < 0)
		return -1;
	nlh = make_request(buf, family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);
	mnl_attr_put_strz(nlh, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cpus);
	return netlink_ask(fd, nlh, nlh->nlmsg_len, find_answer, &family);
}

static const char *reason_of(int error)
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
	if (fd >= 0 && register_all(fd) == 0)
		return fd;
	*why = reason_of(errno);
	fd_close(fd);
	return -1;
}
