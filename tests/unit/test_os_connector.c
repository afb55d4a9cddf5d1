/* SPDX-License-Identifier: MIT */
/* The sockets of the process connector and of taskstats, with the kernel's own messages.
 */
#include "app/actors/actors.h"
#include "app/actors/procsnap.h"
#include "app/actors/userwatch.h"
#include "app/actors/witness.h"
#include "core/proc/life.h"
#include "core/proc/procrec.h"
#include "os/clock.h"
#include "os/connector.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/netlink.h"
#include "os/taskstats.h"
#include "os/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#define PATIENCE_MS 10000
#define NOBODY 65534

static int connector = -1;
static int taskstats = -1;

/* Skip, with the reason, what needs rights or a kernel that are not there. */
static void need(const int *fd)
{
	if (geteuid() != 0) {
		print_message("# skip: needs root\n");
		skip();
	}
	if (fd && *fd < 0) {
		print_message("# skip: the kernel or the container does not have it\n");
		skip();
	}
}

static int open_all(void **state)
{
	(void)state;
	const char *why = "";
	if (geteuid() != 0)
		return 0;
	taskstats = taskstats_open(&why);
	if (taskstats < 0)
		print_message("# taskstats: %s: %s\n", why, strerror(errno));
	connector = connector_open(&why);
	if (connector < 0)
		print_message("# connector: %s: %s\n", why, strerror(errno));
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	if (connector >= 0)
		close(connector);
	if (taskstats >= 0)
		close(taskstats);
	return 0;
}

/* Run a program as nobody until it has ended. Returns its pid. */
static pid_t run_as_nobody(const char *path, char *const argv[])
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setuid(NOBODY) == 0)
			execv(path, argv);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return pid;
}

static pid_t run_true(void)
{
	return run_as_nobody(
		"/bin/sh", (char *[]){(char *)"sh", (char *)"-c", (char *)":", NULL});
}

/* Receive until a record of that kind and pid has come. */
static struct procrec await_record(enum procrec_kind kind, pid_t pid)
{
	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	int fd = kind == PROCREC_TASK ? taskstats : connector;
	uint64_t spoofed = 0;
	struct procrec rec;
	for (;;) {
		assert_true(fd_wait(fd, POLLIN, PATIENCE_MS));
		ssize_t n = netlink_receive(fd, buf, sizeof(buf), &spoofed);
		if (n <= 0)
			continue;
		struct procrec_walk it;
		procrec_init(&it, buf, (size_t)n);
		while (kind == PROCREC_TASK ? procrec_next_task(&it, &rec)
					    : procrec_next_event(&it, &rec)) {
			if (rec.kind == kind && rec.pid == pid)
				return rec;
		}
	}
}

static void test_socket_opened_bound_subscribed_ready(void **state)
{
	(void)state;
	need(&connector);
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);
	assert_int_equal(getsockname(connector, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(addr.nl_family, AF_NETLINK);
	assert_true(addr.nl_groups & CN_IDX_PROC);
}

static void test_exec_of_a_short_lived_program_arrives(void **state)
{
	(void)state;
	need(&connector);
	uint64_t before = clock_monotonic_ns();
	pid_t pid = run_true();
	struct procrec rec = await_record(PROCREC_FORK, pid);
	assert_int_equal(rec.fork.parent_tgid, getpid());
	assert_true(rec.time_ns >= before);
	rec = await_record(PROCREC_UID, pid);
	assert_int_equal(rec.uid.uid, NOBODY);
	assert_int_equal(rec.uid.euid, NOBODY);
	rec = await_record(PROCREC_EXEC, pid);
	assert_int_equal(rec.tgid, pid);
	rec = await_record(PROCREC_EXIT, pid);
	assert_true(rec.time_ns <= clock_monotonic_ns());
}

/* Let a process become nobody. Returns the record of it, with what was counted at that time. */
static struct procrec count_at_a_change(struct userwatch *w)
{
	pid_t pid = run_true();
	struct procrec rec = await_record(PROCREC_UID, pid);
	userwatch_count(w, &rec);
	return rec;
}

static void test_records_are_counted_when_a_process_changes_its_users(void **state)
{
	(void)state;
	need(&connector);
	int group = fanotify_open(false);
	struct actors_reading reading = {.taken = 41, .reader = thread_id()};
	struct userwatch *w = userwatch_new(group, &reading);
	assert_true(group >= 0);
	assert_non_null(w);
	/* A late count is of no use here, and can be had on a processor that is not ours alone. */
	struct procrec rec = {0};
	for (int i = 0; i < 100 && rec.uid.counted != PROCREC_COUNTED; i++)
		rec = count_at_a_change(w);
	assert_int_equal(rec.uid.counted, PROCREC_COUNTED);
	assert_int_equal(rec.uid.queued, 41);
	assert_int_equal(reading.counting, 0);
	assert_false(reading.is_lifted);
	/* Whoever reads all the time is hurried, and then given up. */
	reading.phase = 1;
	rec = count_at_a_change(w);
	assert_int_equal(rec.uid.counted, PROCREC_UNCOUNTED);
	assert_true(reading.is_lifted);
	assert_false(thread_is_ordinary(reading.reader));
	thread_be_ordinary();
	assert_true(thread_is_ordinary(reading.reader));
	userwatch_free(w);
	close(group);
}

static void test_taskstats_has_the_name_of_who_is_gone(void **state)
{
	(void)state;
	need(&taskstats);
	pid_t pid = run_true();
	struct procrec rec = await_record(PROCREC_TASK, pid);
	assert_string_equal(rec.task.comm, "sh");
	assert_int_equal(rec.task.uid, NOBODY);
	assert_int_equal(rec.task.ppid, getpid());
}

static void *idle(void *arg)
{
	return arg;
}

/* The filter keeps threads out: between two processes there is nothing of one. */
static void test_threads_are_filtered(void **state)
{
	(void)state;
	need(&connector);
	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	uint64_t spoofed = 0;
	pthread_t thread;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, idle, NULL), 0);
		pthread_join(thread, NULL);
	}
	pid_t last = run_true();
	for (bool seen = false; !seen;) {
		assert_true(fd_wait(connector, POLLIN, PATIENCE_MS));
		ssize_t n = netlink_receive(connector, buf, sizeof(buf), &spoofed);
		struct procrec_walk it;
		struct procrec rec;
		procrec_init(&it, buf, n > 0 ? (size_t)n : 0);
		while (procrec_next_event(&it, &rec)) {
			assert_int_equal(rec.pid, rec.tgid);
			seen = seen || (rec.kind == PROCREC_EXIT && rec.pid == last);
		}
	}
	assert_int_equal(netlink_drops(connector), 0);
}

/* Another process with the right to can send to the socket; it is not believed. */
static void test_spoofed_messages_are_dropped(void **state)
{
	(void)state;
	need(&connector);
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(to);
	assert_int_equal(getsockname(connector, (struct sockaddr *)&to, &len), 0);
	to.nl_groups = 0;

	struct proc_event ev = {.what = PROC_EVENT_EXEC};
	struct cn_msg cn = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(ev)};
	unsigned char fake[sizeof(struct nlmsghdr) + sizeof(cn) + sizeof(ev)];
	struct nlmsghdr nlh = {.nlmsg_len = sizeof(fake), .nlmsg_type = NLMSG_DONE};
	memcpy(fake, &nlh, sizeof(nlh));
	memcpy(fake + sizeof(nlh), &cn, sizeof(cn));
	memcpy(fake + sizeof(nlh) + sizeof(cn), &ev, sizeof(ev));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	assert_true(fd >= 0);
	assert_true(sendto(fd, fake, sizeof(fake), 0, (struct sockaddr *)&to, len) > 0);
	close(fd);

	char buf[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	uint64_t spoofed = 0;
	for (ssize_t n = 0; spoofed == 0;) {
		n = netlink_receive(connector, buf, sizeof(buf), &spoofed);
		assert_true(n >= 0 || errno == EAGAIN);
	}
	assert_int_equal(spoofed, 1);
}

static struct actors *start(void)
{
	struct actors_fds fds = {.connector = connector,
		.taskstats = taskstats,
		.fanotify = -1,
		.since_ns = clock_monotonic_ns()};
	struct actors *a = actors_new(&fds, -1, NULL);
	assert_non_null(a);
	return a;
}

static void test_witness_names_who_is_gone(void **state)
{
	(void)state;
	need(&connector);
	need(&taskstats);
	struct actors *w = start();
	for (int i = 0; i < 200; i++) {
		struct proctable_window window = {.after_ns = clock_monotonic_ns(),
			.order.opens_before = 1,
			.complete = true};
		pid_t pid = run_true();
		window.before_ns = clock_monotonic_ns();
		assert_int_equal(actors_drain(w), 0);

		struct actor a;
		assert_int_equal(actors_who(w, pid, -1, &window, &a), 0);
		assert_string_equal(a.program.comm, "sh");
		assert_int_equal(a.uid, NOBODY);
		assert_int_equal(a.euid, NOBODY);
		assert_int_equal(a.ppid, getpid());
		assert_string_equal(a.ancestors, "test_os_connect");
		actor_fini(&a);
		actors_forget_past(w, window.before_ns);
	}
	struct actors_counters c;
	actors_counters(w, &c);
	assert_int_equal(c.lost, 0);
	assert_false(c.is_degraded);
	assert_true(c.has_taskstats);
	actors_free(w);
}

/* Let records come until the socket, which nobody reads and has hardly any room, has dropped
 * some. */
static void overflow(int fd)
{
	int room = 1;
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	while (netlink_drops(fd) == 0)
		run_true();
}

static void test_witness_counts_what_the_kernel_dropped(void **state)
{
	(void)state;
	need(&connector);
	need(&taskstats);
	const char *why;
	struct actors_fds fds = {.taskstats = taskstats_open(&why),
		.connector = connector_open(&why),
		.fanotify = -1};
	overflow(fds.taskstats);
	overflow(fds.connector);
	struct actors *w = actors_new(&fds, -1, NULL);
	struct actors_counters c;
	assert_non_null(w);
	assert_int_equal(actors_drain(w), 0);
	actors_counters(w, &c);
	assert_true(c.lost > 0);
	assert_true(c.taskstats_lost > 0);
	assert_int_equal(c.rescans, 1);
	assert_false(c.is_degraded);
	actors_free(w);
	close(fds.taskstats);
	close(fds.connector);
}

/* Without the connector /proc is asked, of those who are still there. */
static void test_witness_looks_without_connector(void **state)
{
	(void)state;
	struct actors_fds fds = {.connector = -1, .taskstats = -1, .fanotify = -1};
	struct actors *w = actors_new(&fds, -1, "none here");
	struct actors_counters c;
	struct actor a;
	assert_non_null(w);
	assert_int_equal(actors_drain(w), 0);
	actors_counters(w, &c);
	assert_true(c.is_degraded);
	assert_string_equal(c.reason, "none here");

	assert_int_equal(procsnap_actor(getpid(), &a), 0);
	assert_int_equal(a.attribution, ACTOR_PARTIAL);
	assert_string_equal(a.program.comm, "test_os_connect");
	assert_int_equal(a.uid, getuid());
	assert_int_equal(a.ppid, getppid());
	assert_non_null(a.program.exe);
	assert_true(a.ancestors_len > 0);
	actor_fini(&a);
	assert_int_equal(procsnap_actor(0, &a), 0);
	assert_int_equal(a.attribution, ACTOR_UNKNOWN);
	actors_free(w);
}

/* A socket that is closed at the other end, or that is none: the thread ends, the caller
 * is told. */
static void test_witness_socket_closes_or_fails(void **state)
{
	(void)state;
	for (int broken = 0; broken < 2; broken++) {
		int pair[2], wake = eventfd(0, EFD_CLOEXEC);
		assert_int_equal(
			socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		struct actors_fds fds = {.connector = broken ? wake : pair[0],
			.taskstats = -1,
			.fanotify = -1};
		struct witness *w = witness_new(&fds, wake, NULL, NULL);
		struct proctable *t = proctable_new(10);
		assert_non_null(w);
		close(pair[1]);
		if (broken)
			eventfd_write(wake, 1);

		struct actors_counters c = {0};
		uint64_t deadline =
			clock_monotonic_ns() + PATIENCE_MS * UINT64_C(1000000);
		while (!c.is_degraded && clock_monotonic_ns() < deadline)
			witness_source.counters(w, &c);
		assert_true(c.is_degraded);
		assert_string_equal(
			c.reason, "the socket of the process connector failed");
		eventfd_t value;
		assert_int_equal(eventfd_read(wake, &value), 0);

		assert_int_equal(witness_source.drain(w, t), 0);
		assert_true(t->counts.lost > 0);
		witness_free(w);
		proctable_free(t);
		close(wake);
		close(pair[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_opened_bound_subscribed_ready),
		cmocka_unit_test(test_exec_of_a_short_lived_program_arrives),
		cmocka_unit_test(
			test_records_are_counted_when_a_process_changes_its_users),
		cmocka_unit_test(test_taskstats_has_the_name_of_who_is_gone),
		cmocka_unit_test(test_threads_are_filtered),
		cmocka_unit_test(test_spoofed_messages_are_dropped),
		cmocka_unit_test(test_witness_names_who_is_gone),
		cmocka_unit_test(test_witness_counts_what_the_kernel_dropped),
		cmocka_unit_test(test_witness_looks_without_connector),
		cmocka_unit_test(test_witness_socket_closes_or_fails),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
