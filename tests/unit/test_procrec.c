/* SPDX-License-Identifier: MIT */
/* The decoders of process records, over messages as the kernel builds them. */
#include "core/proc/procrec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/acct.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))

struct message {
	char bytes[4096] __attribute__((aligned(8)));
	size_t len;
};

/* One connector message behind what the buffer holds. */
static void add_event(struct message *m, uint32_t idx, const struct proc_event *ev)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m->bytes + m->len);
	struct cn_msg cn = {.id = {idx, CN_VAL_PROC}, .seq = 42, .len = sizeof(*ev)};
	char *payload = mnl_nlmsg_put_extra_header(nlh, sizeof(cn) + sizeof(*ev));
	nlh->nlmsg_type = NLMSG_DONE;
	memcpy(payload, &cn, sizeof(cn));
	memcpy(payload + sizeof(cn), ev, sizeof(*ev));
	m->len += MNL_ALIGN(nlh->nlmsg_len);
}

static struct proc_event event(uint32_t what)
{
	struct proc_event ev = {.cpu = 3, .timestamp_ns = 77};
	memcpy(&ev.what, &what, sizeof(what));
	return ev;
}

static void test_events(void **state)
{
	(void)state;
	struct proc_event fork = event(PROC_EVENT_FORK), exec = event(PROC_EVENT_EXEC),
			  uid = event(PROC_EVENT_UID), comm = event(PROC_EVENT_COMM),
			  end = event(0x80000000), none = event(PROC_EVENT_NONE);
	fork.event_data.fork.parent_pid = 5;
	fork.event_data.fork.parent_tgid = 4;
	fork.event_data.fork.child_pid = 7;
	fork.event_data.fork.child_tgid = 6;
	exec.event_data.exec.process_pid = exec.event_data.exec.process_tgid = 8;
	uid.event_data.id.process_pid = 10;
	uid.event_data.id.process_tgid = 9;
	uid.event_data.id.r.ruid = 11;
	uid.event_data.id.e.euid = 12;
	comm.event_data.comm.process_pid = 13;
	memset(comm.event_data.comm.comm, 'x', sizeof(comm.event_data.comm.comm));
	end.event_data.exit.process_pid = 14;
	none.event_data.ack.err = 22;

	struct message m = {.len = 0};
	const struct proc_event *all[] = {&fork, &exec, &uid, &comm, &end, &none};
	struct procrec r[countof(all) + 1];
	for (size_t i = 0; i < countof(all); i++)
		add_event(&m, CN_IDX_PROC, all[i]);
	struct procrec_walk it;
	procrec_init(&it, m.bytes, m.len);
	for (size_t i = 0; i < countof(all); i++) {
		assert_true(procrec_next_event(&it, &r[i]));
		assert_true(r[i].time_ns == 77);
		assert_int_equal(r[i].cpu, 3);
		assert_int_equal(r[i].seq, 42);
	}
	assert_false(procrec_next_event(&it, &r[countof(all)]));
	assert_int_equal(it.bad + it.skipped, 0);

	assert_int_equal(r[0].kind, PROCREC_FORK);
	assert_int_equal(r[0].pid, 7);
	assert_int_equal(r[0].tgid, 6);
	assert_int_equal(r[0].fork.parent_pid, 5);
	assert_int_equal(r[0].fork.parent_tgid, 4);
	assert_int_equal(r[1].kind, PROCREC_EXEC);
	assert_int_equal(r[1].pid, 8);
	assert_int_equal(r[2].kind, PROCREC_UID);
	assert_int_equal(r[2].pid, 10);
	assert_int_equal(r[2].tgid, 9);
	assert_int_equal(r[2].uid.uid, 11);
	assert_int_equal(r[2].uid.euid, 12);
	assert_int_equal(r[3].kind, PROCREC_COMM);
	assert_string_equal(r[3].comm.name, "xxxxxxxxxxxxxxx");
	assert_int_equal(r[4].kind, PROCREC_EXIT);
	assert_int_equal(r[4].pid, 14);
	assert_int_equal(r[5].kind, PROCREC_ACK);
	assert_int_equal(r[5].ack.error, 22);
}

static void test_events_of_no_use(void **state)
{
	(void)state;
	struct message m = {.len = 0};
	struct proc_event exec = event(PROC_EVENT_EXEC), sid = event(PROC_EVENT_SID);
	add_event(&m, CN_IDX_PROC + 1, &exec);
	add_event(&m, CN_IDX_PROC, &sid);
	add_event(&m, CN_IDX_PROC, &exec);
	struct procrec_walk it;
	struct procrec r;
	procrec_init(&it, m.bytes, m.len);
	assert_true(procrec_next_event(&it, &r));
	assert_int_equal(r.kind, PROCREC_EXEC);
	assert_int_equal(it.skipped, 2);
	assert_false(procrec_next_event(&it, &r));
}

/* Cut anywhere, a message is no record and nothing behind its end is read. */
static void test_events_cut_short(void **state)
{
	(void)state;
	struct message m = {.len = 0};
	struct proc_event exec = event(PROC_EVENT_EXEC);
	add_event(&m, CN_IDX_PROC, &exec);
	for (size_t len = 0; len < m.len; len++) {
		char *cut = malloc(len + 1);
		struct procrec_walk it;
		struct procrec r;
		memcpy(cut, m.bytes, len);
		procrec_init(&it, cut, len);
		assert_false(procrec_next_event(&it, &r));
		assert_int_equal(it.bad, len > 0);

		/* Likewise with a length in the header that fits. */
		if (len >= sizeof(struct nlmsghdr)) {
			((struct nlmsghdr *)(void *)cut)->nlmsg_len = (uint32_t)len;
			procrec_init(&it, cut, len);
			assert_false(procrec_next_event(&it, &r));
			assert_int_equal(it.bad, 1);

			/* Negative for whoever takes it for an int. */
			((struct nlmsghdr *)(void *)cut)->nlmsg_len = 0x80000001;
			procrec_init(&it, cut, len);
			assert_false(procrec_next_event(&it, &r));
			assert_int_equal(it.bad, 1);
		}
		free(cut);
	}
}

/* One exit record as of taskstats, `size` bytes of it. */
static void add_task(struct message *m, const struct taskstats *ts, size_t size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m->bytes + m->len);
	nlh->nlmsg_type = 0x1d;
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = TASKSTATS_CMD_NEW;
	struct nlattr *nest = mnl_attr_nest_start(nlh, TASKSTATS_TYPE_AGGR_PID);
	mnl_attr_put_u32(nlh, TASKSTATS_TYPE_PID, ts->ac_pid);
	mnl_attr_put(nlh, TASKSTATS_TYPE_NULL, 0, NULL);
	mnl_attr_put(nlh, TASKSTATS_TYPE_STATS, size, ts);
	mnl_attr_nest_end(nlh, nest);
	m->len += MNL_ALIGN(nlh->nlmsg_len);
}

static struct taskstats task(uint16_t version)
{
	struct taskstats ts = {
		.version = version,
		.ac_flag = AGROUP,
		.ac_comm = "touch",
		.ac_uid = 65534,
		.ac_pid = 20,
		.ac_ppid = 19,
		.ac_etime = 1500,
		.ac_tgid = 18,
	};
	return ts;
}

static void test_tasks(void **state)
{
	(void)state;
	static const struct {
		uint16_t version;
		size_t size;
		bool ok, has_group;
	} cases[] = {
		{8, offsetof(struct taskstats, ac_btime64), true, false},
		{11, offsetof(struct taskstats, ac_tgid), true, false},
		{12, offsetof(struct taskstats, wpcopy_count), true, true},
		{12, offsetof(struct taskstats, ac_tgid), true, false},
		{13, sizeof(struct taskstats), true, true},
		{14, sizeof(struct taskstats), true, true},
		{15, sizeof(struct taskstats), false, false},
		{16, sizeof(struct taskstats), true, true},
		{8, offsetof(struct taskstats, ac_etime), false, false},
		{8, 0, false, false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct taskstats ts = task(cases[i].version);
		struct message m = {.len = 0};
		struct procrec_walk it;
		struct procrec r;
		add_task(&m, &ts, cases[i].size);
		procrec_init(&it, m.bytes, m.len);
		assert_int_equal(procrec_next_task(&it, &r), cases[i].ok);
		assert_int_equal(it.bad, !cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_int_equal(r.kind, PROCREC_TASK);
		assert_int_equal(r.pid, 20);
		assert_int_equal(r.tgid, cases[i].has_group ? 18 : 20);
		assert_int_equal(r.task.has_group, cases[i].has_group);
		assert_int_equal(r.task.group_dead, cases[i].has_group);
		assert_string_equal(r.task.comm, "touch");
		assert_int_equal(r.task.uid, 65534);
		assert_int_equal(r.task.ppid, 19);
		assert_true(r.task.elapsed_ns == 1500000);
		assert_false(procrec_next_task(&it, &r));
	}
}

static void test_tasks_of_no_use(void **state)
{
	(void)state;
	struct message m = {.len = 0};
	struct taskstats ts = task(13);
	add_task(&m, &ts, sizeof(ts));
	struct nlmsghdr *nlh = (struct nlmsghdr *)m.bytes;
	struct nlattr *nest = mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN);
	struct procrec_walk it;
	struct procrec r;

	nest->nla_type = TASKSTATS_TYPE_AGGR_TGID;
	procrec_init(&it, m.bytes, m.len);
	assert_false(procrec_next_task(&it, &r));
	assert_int_equal(it.skipped, 1);

	nest->nla_type = TASKSTATS_TYPE_AGGR_PID;
	nlh->nlmsg_type = NLMSG_ERROR;
	procrec_init(&it, m.bytes, m.len);
	assert_false(procrec_next_task(&it, &r));
	assert_int_equal(it.skipped, 1);
}

static void test_tasks_cut_short(void **state)
{
	(void)state;
	struct message m = {.len = 0};
	struct taskstats ts = task(13);
	add_task(&m, &ts, sizeof(ts));
	for (size_t len = 0; len < m.len; len++) {
		char *cut = malloc(len + 1);
		struct procrec_walk it;
		struct procrec r;
		memcpy(cut, m.bytes, len);
		if (len >= sizeof(struct nlmsghdr))
			((struct nlmsghdr *)(void *)cut)->nlmsg_len = (uint32_t)len;
		procrec_init(&it, cut, len);
		assert_false(procrec_next_task(&it, &r));
		if (len >= sizeof(struct nlmsghdr))
			((struct nlmsghdr *)(void *)cut)->nlmsg_len = 0x80000001;
		procrec_init(&it, cut, len);
		assert_false(procrec_next_task(&it, &r));
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_events_of_no_use),
		cmocka_unit_test(test_events_cut_short),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_tasks_of_no_use),
		cmocka_unit_test(test_tasks_cut_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
