/* SPDX-License-Identifier: MIT */
#include "core/proc/cnrec.h"

#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <string.h>

void cnrec_init(struct cnrec *it, const void *bytes, size_t len_bytes)
{
	*it = (struct cnrec){
		.at = bytes,
		.left_bytes = len_bytes > INT32_MAX ? INT32_MAX : (int)len_bytes,
	};
}

/* What a fork, exec, name, user or exit event says, by its kind. Returns false for other
 * kinds. */
static bool cnrec_fill(const struct proc_event *ev, struct proc_record *out)
{
	switch ((uint32_t)ev->what) {
	case PROC_EVENT_NONE:
		out->kind = PROCREC_ACK;
		out->ack.error = ev->event_data.ack.err;
		return true;
	case PROC_EVENT_FORK:
		out->kind = PROCREC_FORK;
		out->pid = ev->event_data.fork.child_pid;
		out->tgid = ev->event_data.fork.child_tgid;
		out->fork.parent_pid = ev->event_data.fork.parent_pid;
		out->fork.parent_tgid = ev->event_data.fork.parent_tgid;
		return true;
	case PROC_EVENT_EXEC:
		out->kind = PROCREC_EXEC;
		out->pid = ev->event_data.exec.process_pid;
		out->tgid = ev->event_data.exec.process_tgid;
		return true;
	case PROC_EVENT_UID:
		out->kind = PROCREC_UID;
		out->pid = ev->event_data.id.process_pid;
		out->tgid = ev->event_data.id.process_tgid;
		out->uid.uid = ev->event_data.id.r.ruid;
		out->uid.euid = ev->event_data.id.e.euid;
		return true;
	case PROC_EVENT_COMM:
		out->kind = PROCREC_COMM;
		out->pid = ev->event_data.comm.process_pid;
		out->tgid = ev->event_data.comm.process_tgid;
		memcpy(out->comm.name, ev->event_data.comm.comm, PROGRAM_COMM_SIZE);
		out->comm.name[PROGRAM_COMM_SIZE - 1] = '\0';
		return true;
	case (uint32_t)PROC_EVENT_EXIT:
		out->kind = PROCREC_EXIT;
		out->pid = ev->event_data.exit.process_pid;
		out->tgid = ev->event_data.exit.process_tgid;
		return true;
	default:
		return false;
	}
}

/* The process event in one netlink message, copied because its fields are not aligned
 * there. Returns false, having counted, if there is none. */
static bool cnrec_event(
	struct cnrec *it, const struct nlmsghdr *nlh, struct proc_event *ev)
{
	struct cn_msg cn;
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN || len < sizeof(cn)) {
		it->bad++;
		return false;
	}

	const char *payload = mnl_nlmsg_get_payload(nlh);
	memcpy(&cn, payload, sizeof(cn));
	if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC) {
		it->skipped++;
		return false;
	}
	if (cn.len < sizeof(*ev) || len - sizeof(cn) < sizeof(*ev)) {
		it->bad++;
		return false;
	}
	memcpy(ev, payload + sizeof(cn), sizeof(*ev));
	return true;
}

/* Whether a whole message is left. mnl_nlmsg_ok takes lengths from 2 GiB up for negative
 * ones. */
static bool cnrec_has_message(const struct cnrec *it)
{
	const struct nlmsghdr *nlh = it->at;
	return mnl_nlmsg_ok(nlh, it->left_bytes) && nlh->nlmsg_len <= INT32_MAX;
}

bool cnrec_next(struct cnrec *it, struct proc_record *out)
{
	while (cnrec_has_message(it)) {
		const struct nlmsghdr *nlh = it->at;
		it->at = mnl_nlmsg_next(nlh, &it->left_bytes);

		struct proc_event ev;
		if (!cnrec_event(it, nlh, &ev))
			continue;
		*out = (struct proc_record){.time_ns = ev.timestamp_ns, .cpu = ev.cpu};
		memcpy(&out->seq,
			(const char *)mnl_nlmsg_get_payload(nlh) +
				offsetof(struct cn_msg, seq),
			sizeof(out->seq));
		if (cnrec_fill(&ev, out))
			return true;
		it->skipped++;
	}
	if (it->left_bytes > 0) {
		it->bad++;
		it->left_bytes = 0;
	}
	return false;
}
