/* SPDX-License-Identifier: MIT */
#include "core/proc/tsrec.h"

#include <libmnl/libmnl.h>
#include <linux/acct.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <string.h>

/* The whole of a struct up to and with a member. */
#define TSREC_END_OF(member) \
	(offsetof(struct taskstats, member) + sizeof(((struct taskstats *)0)->member))

/* Version 15 put new fields in the middle; version 16 took them to the end. */
#define TSREC_VERSION_SHIFTED 15
#define TSREC_VERSION_GROUP 12

#ifndef AGROUP
#define AGROUP 0x20
#endif

void tsrec_init(struct tsrec *it, const void *bytes, size_t len_bytes)
{
	*it = (struct tsrec){
		.at = bytes,
		.left_bytes = len_bytes > INT32_MAX ? INT32_MAX : (int)len_bytes,
	};
}

/* Walk over the attributes in len bytes; the first of that type, or NULL. */
static const struct nlattr *tsrec_find(const void *at, size_t len, uint16_t type)
{
	const struct nlattr *attr = at;
	int left = (int)len;
	while (mnl_attr_ok(attr, left)) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
		left -= (int)MNL_ALIGN(attr->nla_len);
		attr = mnl_attr_next(attr);
	}
	return NULL;
}

static bool tsrec_fill(const void *bytes, size_t len, struct proc_record *out)
{
	if (len < TSREC_END_OF(ac_etime))
		return false;
	struct taskstats ts = {0};
	memcpy(&ts, bytes, len < sizeof(ts) ? len : sizeof(ts));
	if (ts.version == TSREC_VERSION_SHIFTED)
		return false;

	bool has_group =
		ts.version >= TSREC_VERSION_GROUP && len >= TSREC_END_OF(ac_tgid);
	*out = (struct proc_record){
		.kind = PROCREC_TASK,
		.pid = (pid_t)ts.ac_pid,
		.tgid = has_group ? (pid_t)ts.ac_tgid : (pid_t)ts.ac_pid,
		.task.uid = ts.ac_uid,
		.task.ppid = ts.ac_ppid,
		.task.elapsed_ns = ts.ac_etime * 1000,
		.task.has_group = has_group,
		.task.group_dead = has_group && (ts.ac_flag & AGROUP),
	};
	memcpy(out->task.comm, ts.ac_comm, PROGRAM_COMM_SIZE);
	out->task.comm[PROGRAM_COMM_SIZE - 1] = '\0';
	return true;
}

/* The exit record of one thread in a message. Returns false, having counted, if there is
 * none. */
static bool tsrec_message(
	struct tsrec *it, const struct nlmsghdr *nlh, struct proc_record *out)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN || len < GENL_HDRLEN) {
		it->bad++;
		return false;
	}
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || genl->cmd != TASKSTATS_CMD_NEW) {
		it->skipped++;
		return false;
	}

	const struct nlattr *nest =
		tsrec_find(mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN),
			len - GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID);
	if (!nest) {
		it->skipped++;
		return false;
	}
	const struct nlattr *stats = tsrec_find(mnl_attr_get_payload(nest),
		mnl_attr_get_payload_len(nest), TASKSTATS_TYPE_STATS);
	if (!stats || !tsrec_fill(mnl_attr_get_payload(stats),
			      mnl_attr_get_payload_len(stats), out)) {
		it->bad++;
		return false;
	}
	return true;
}

/* Whether a whole message is left. mnl_nlmsg_ok takes lengths from 2 GiB up for negative
 * ones. */
static bool tsrec_has_message(const struct tsrec *it)
{
	const struct nlmsghdr *nlh = it->at;
	return mnl_nlmsg_ok(nlh, it->left_bytes) && nlh->nlmsg_len <= INT32_MAX;
}

bool tsrec_next(struct tsrec *it, struct proc_record *out)
{
	while (tsrec_has_message(it)) {
		const struct nlmsghdr *nlh = it->at;
		it->at = mnl_nlmsg_next(nlh, &it->left_bytes);
		if (tsrec_message(it, nlh, out))
			return true;
	}
	if (it->left_bytes > 0) {
		it->bad++;
		it->left_bytes = 0;
	}
	return false;
}
