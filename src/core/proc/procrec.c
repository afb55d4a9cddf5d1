/* SPDX-License-Identifier: MIT */
#include "core/proc/procrec.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/acct.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <string.h>

/* The whole of struct taskstats up to and with a member. */
#define END_OF(member) \
	(offsetof(struct taskstats, member) + sizeof(((struct taskstats *)0)->member))

/* Version 15 put new fields in the middle; version 16 took them to the end. */
#define VERSION_SHIFTED 15
#define VERSION_GROUP 12

#ifndef AGROUP
#define AGROUP 0x20
#endif

/* What a message turned out to be. */
enum found { FOUND_RECORD, FOUND_OTHER, FOUND_BAD };

void procrec_init(struct procrec_walk *it, const void *bytes, size_t len_bytes)
{
	assert((uintptr_t)bytes % NLMSG_ALIGNTO == 0);
	*it = (struct procrec_walk){
		.at = bytes,
		.left_bytes = len_bytes > INT32_MAX ? INT32_MAX : (int)len_bytes,
	};
}

/* Whether a whole message is left. mnl_nlmsg_ok takes lengths from 2 GiB up for negative
 * ones. */
static bool has_message(const struct procrec_walk *it)
{
	const struct nlmsghdr *nlh = it->at;
	return mnl_nlmsg_ok(nlh, it->left_bytes) && nlh->nlmsg_len <= INT32_MAX;
}

/* Decode messages until one of them is a record. */
static bool next_record(struct procrec_walk *it,
	enum found (*decode)(const struct nlmsghdr *nlh, struct procrec *out),
	struct procrec *out)
{
	while (has_message(it)) {
		const struct nlmsghdr *nlh = it->at;
		it->at = mnl_nlmsg_next(nlh, &it->left_bytes);
		enum found found = decode(nlh, out);
		if (found == FOUND_RECORD)
			return true;
		it->skipped += found == FOUND_OTHER;
		it->bad += found == FOUND_BAD;
	}
	it->bad += it->left_bytes > 0;
	it->left_bytes = 0;
	return false;
}

/* ---- The process connector ---- */

/* What a fork, exec, name, user or exit event says, by its kind. */
static enum found fill_event(const struct proc_event *ev, struct procrec *out)
{
	/* All events but acknowledgements and forks begin as an exec does. */
	out->pid = ev->event_data.exec.process_pid;
	out->tgid = ev->event_data.exec.process_tgid;
	switch ((uint32_t)ev->what) {
	case PROC_EVENT_NONE:
		out->kind = PROCREC_ACK;
		out->pid = out->tgid = 0;
		out->ack.error = ev->event_data.ack.err;
		return FOUND_RECORD;
	case PROC_EVENT_FORK:
		out->kind = PROCREC_FORK;
		out->pid = ev->event_data.fork.child_pid;
		out->tgid = ev->event_data.fork.child_tgid;
		out->fork.parent_pid = ev->event_data.fork.parent_pid;
		out->fork.parent_tgid = ev->event_data.fork.parent_tgid;
		return FOUND_RECORD;
	case PROC_EVENT_EXEC:
		out->kind = PROCREC_EXEC;
		return FOUND_RECORD;
	case PROC_EVENT_UID:
		out->kind = PROCREC_UID;
		out->uid.uid = ev->event_data.id.r.ruid;
		out->uid.euid = ev->event_data.id.e.euid;
		return FOUND_RECORD;
	case PROC_EVENT_COMM:
		out->kind = PROCREC_COMM;
		memcpy(out->comm.name, ev->event_data.comm.comm, PROGRAM_COMM_SIZE);
		out->comm.name[PROGRAM_COMM_SIZE - 1] = '\0';
		return FOUND_RECORD;
	case (uint32_t)PROC_EVENT_EXIT:
		out->kind = PROCREC_EXIT;
		return FOUND_RECORD;
	default:
		return FOUND_OTHER;
	}
}

/* The event of one message, whose parts are copied because they are not aligned there. */
static enum found decode_event(const struct nlmsghdr *nlh, struct procrec *out)
{
	struct cn_msg cn;
	struct proc_event ev;
	const char *payload = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	if (len < sizeof(cn))
		return FOUND_BAD;
	memcpy(&cn, payload, sizeof(cn));
	if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC)
		return FOUND_OTHER;
	if (cn.len < sizeof(ev) || len - sizeof(cn) < sizeof(ev))
		return FOUND_BAD;
	memcpy(&ev, payload + sizeof(cn), sizeof(ev));
	*out = (struct procrec){.time_ns = ev.timestamp_ns, .cpu = ev.cpu, .seq = cn.seq};
	return fill_event(&ev, out);
}

bool procrec_next_event(struct procrec_walk *it, struct procrec *out)
{
	return next_record(it, decode_event, out);
}

/* ---- Taskstats ---- */

/* The first of the attributes in len bytes that is of that type, or NULL. */
static const struct nlattr *find_attribute(const void *at, size_t len, uint16_t type)
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

static enum found fill_task(const void *bytes, size_t len, struct procrec *out)
{
	struct taskstats ts = {0};
	if (len < END_OF(ac_etime))
		return FOUND_BAD;
	memcpy(&ts, bytes, len < sizeof(ts) ? len : sizeof(ts));
	if (ts.version == VERSION_SHIFTED)
		return FOUND_BAD;

	bool has_group = ts.version >= VERSION_GROUP && len >= END_OF(ac_tgid);
	*out = (struct procrec){
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
	return FOUND_RECORD;
}

/* The exit record of the one thread that a message is about. */
static enum found decode_task(const struct nlmsghdr *nlh, struct procrec *out)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	if (len < GENL_HDRLEN)
		return FOUND_BAD;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || genl->cmd != TASKSTATS_CMD_NEW)
		return FOUND_OTHER;
	const struct nlattr *nest =
		find_attribute(mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN),
			len - GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID);
	if (!nest)
		return FOUND_OTHER;
	const struct nlattr *stats = find_attribute(mnl_attr_get_payload(nest),
		mnl_attr_get_payload_len(nest), TASKSTATS_TYPE_STATS);
	if (!stats)
		return FOUND_BAD;
	return fill_task(
		mnl_attr_get_payload(stats), mnl_attr_get_payload_len(stats), out);
}

bool procrec_next_task(struct procrec_walk *it, struct procrec *out)
{
	return next_record(it, decode_task, out);
}
