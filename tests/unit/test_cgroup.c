/* SPDX-License-Identifier: MIT */
/* Works in the cgroup v2 that the test runs in; skipped where it cannot be written. */
#include "os/cgroup.h"

#include "app/keeper/keeper_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000
#define MANY 50

static struct cgroup_home *home;

static void path_of(const struct cgroup *c, char path[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup_dir_fd(c));
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	assert_true(n > 0);
	path[n] = '\0';
}

/* The directory that the home is in. */
static void path_of_parent(char path[PATH_MAX])
{
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, path);
	*strrchr(path, '/') = '\0';
	*strrchr(path, '/') = '\0';
	cgroup_close(c);
}

static void enter(const struct cgroup *c)
{
	int fd = openat(cgroup_dir_fd(c), "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(100);
	close(fd);
}

/* Start a process in a cgroup that ends with 7 at SIGUSR1; back when it is ready for it. */
static pid_t start_in(const struct cgroup *c)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sigset_t set;
		int sig;
		if (c)
			enter(c);
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		/* The home's lock among them. */
		dup2(fds[1], STDIN_FILENO);
		close_range(STDERR_FILENO + 1, ~0u, 0);
		if (write(STDIN_FILENO, "", 1) != 1)
			_exit(101);
		alarm(60);
		sigwait(&set, &sig);
		_exit(7);
	}
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static int status_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_empty(const struct cgroup *c)
{
	while (cgroup_is_populated(c)) {
		struct pollfd p = {.fd = cgroup_events_fd(c), .events = POLLPRI};
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	}
}

static void test_populated(void **state)
{
	(void)state;
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	assert_false(cgroup_is_populated(c));
	pid_t pid = start_in(c);
	assert_true(cgroup_is_populated(c));
	struct pollfd p = {.fd = cgroup_events_fd(c), .events = POLLPRI};
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(cgroup_kill(c), 0);
	expect_empty(c);
	assert_int_equal(status_of(pid), SIGKILL);
	cgroup_close(c);
}

static void test_signal_reaches_all_in_it(void **state)
{
	(void)state;
	pid_t pids[MANY];
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	for (int i = 0; i < MANY; i++)
		pids[i] = start_in(c);
	pid_t outsider = start_in(NULL);
	assert_int_equal(cgroup_signal(c, SIGUSR1, pids[3]), 1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(status_of(pids[i]), 7 << 8);
	expect_empty(c);
	assert_int_equal(cgroup_signal(c, SIGUSR1, outsider), 0);
	assert_int_equal(waitpid(outsider, NULL, WNOHANG), 0);
	kill(outsider, SIGKILL);
	assert_int_equal(status_of(outsider), SIGKILL);
	cgroup_close(c);
}

static void test_empty_ones_are_used_again(void **state)
{
	(void)state;
	char first[PATH_MAX], again[PATH_MAX], other[PATH_MAX];
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, first);
	cgroup_close(c);
	c = cgroup_open(home);
	path_of(c, again);
	assert_string_equal(first, again);
	/* Not while somebody is there. */
	pid_t pid = start_in(c);
	cgroup_close(c);
	c = cgroup_open(home);
	path_of(c, other);
	assert_string_not_equal(first, other);
	assert_int_equal(access(first, F_OK), 0);
	kill(pid, SIGKILL);
	assert_int_equal(status_of(pid), SIGKILL);
	cgroup_close(c);
}

/* The kernel would kill whatever is started in them. */
static void test_killed_ones_are_not_used_again(void **state)
{
	(void)state;
	char first[PATH_MAX];
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, first);
	pid_t pid = start_in(c);
	assert_int_equal(cgroup_kill(c), 0);
	assert_int_equal(status_of(pid), SIGKILL);
	expect_empty(c);
	cgroup_close(c);
	assert_int_equal(access(first, F_OK), -1);
	c = cgroup_open(home);
	assert_non_null(c);
	cgroup_close(c);
}

static void test_many_do_not_stay(void **state)
{
	(void)state;
	struct cgroup *c[MANY];
	char paths[MANY][PATH_MAX];
	int left = 0;
	for (int i = 0; i < MANY; i++) {
		c[i] = cgroup_open(home);
		assert_non_null(c[i]);
		path_of(c[i], paths[i]);
	}
	for (int i = 0; i < MANY; i++)
		cgroup_close(c[i]);
	for (int i = 0; i < MANY; i++)
		left += access(paths[i], F_OK) == 0;
	assert_in_range(left, 1, MANY - 1);
}

/* What somebody made below a cgroup goes with it. */
static void test_close_removes_all(void **state)
{
	(void)state;
	char path[PATH_MAX], inner[PATH_MAX + 8];
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, path);
	snprintf(inner, sizeof(inner), "%s/inner", path);
	assert_int_equal(mkdir(inner, 0755), 0);
	cgroup_close(c);
	cgroup_home_close(home);
	*strrchr(path, '/') = '\0';
	assert_int_equal(access(path, F_OK), -1);
	home = keeper_hook_open_home();
	assert_non_null(home);
}

static void test_leftovers(void **state)
{
	(void)state;
	char parent[PATH_MAX], dead[PATH_MAX + 64], inner[PATH_MAX + 80];
	path_of_parent(parent);
	snprintf(dead, sizeof(dead), "%s/fsmon.hooks.%d-dead", parent, (int)getpid());
	snprintf(inner, sizeof(inner), "%s/5", dead);
	assert_int_equal(mkdir(dead, 0755), 0);
	assert_int_equal(mkdir(inner, 0755), 0);
	/* As long as its process lives it is not touched. */
	int fd = open(dead, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	cgroup_home_close(home);
	home = keeper_hook_open_home();
	assert_non_null(home);
	assert_int_equal(access(inner, F_OK), 0);
	close(fd);
	cgroup_home_close(home);
	home = keeper_hook_open_home();
	assert_non_null(home);
	assert_int_equal(access(dead, F_OK), -1);
}

/* The home of the former process with the same pid, with somebody still there. */
static void test_home_that_is_there(void **state)
{
	(void)state;
	char first[PATH_MAX], second[PATH_MAX];
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, first);
	pid_t pid = start_in(c);
	cgroup_close(c);
	cgroup_home_close(home);
	assert_int_equal(access(first, F_OK), 0);
	home = keeper_hook_open_home();
	assert_non_null(home);
	c = cgroup_open(home);
	assert_non_null(c);
	path_of(c, second);
	assert_string_not_equal(first, second);
	cgroup_close(c);
	kill(pid, SIGKILL);
	assert_int_equal(status_of(pid), SIGKILL);
}

/* Hold the lock of a directory until it has been opened so often; back when it is held. */
static pid_t hold_until_opened(const char *path, int times)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct inotify_event e;
		char bytes[4096];
		ssize_t n = 0;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int watch = inotify_init1(IN_CLOEXEC);
		alarm(60);
		/* Of one kind alone, those that are not read yet would become one. */
		if (inotify_add_watch(watch, path, IN_OPEN | IN_CLOSE) < 0 ||
			flock(fd, LOCK_EX) < 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		while (times > 0 && (n = read(watch, bytes, sizeof(bytes))) > 0) {
			for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(e) + e.len)) {
				memcpy(&e, bytes + at, sizeof(e));
				times -= (e.mask & IN_OPEN) != 0;
			}
		}
		_exit(0);
	}
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

/* Another process may see the directory before it is locked, and lock it to see whether it is
 * left over; on busy processors that takes a while. */
static void test_home_that_another_looks_at(void **state)
{
	(void)state;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s", cgroup_home_path(home));
	cgroup_home_close(home);
	assert_int_equal(mkdir(path, 0755), 0);
	pid_t pid = hold_until_opened(path, 20);
	home = keeper_hook_open_home();
	kill(pid, SIGKILL);
	status_of(pid);
	assert_non_null(home);
}

/* What was found for the processes that are looked for. */
struct labels {
	pid_t pids[3];
	char of[3][32];
	size_t count;
};

static void found(void *ctx, pid_t pid, const char *label)
{
	struct labels *l = ctx;
	l->count++;
	for (size_t i = 0; i < 3; i++) {
		if (pid == l->pids[i])
			snprintf(l->of[i], sizeof(l->of[i]), "%s", label);
	}
}

/* Start a process in a cgroup that is made below another one. */
static pid_t start_below(const struct cgroup *c, char path[PATH_MAX + 8])
{
	char outer[PATH_MAX], procs[PATH_MAX + 32], text[16];
	path_of(c, outer);
	snprintf(path, PATH_MAX + 8, "%s/inner", outer);
	assert_int_equal(mkdir(path, 0755), 0);
	pid_t pid = start_in(NULL);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	int len = snprintf(text, sizeof(text), "%d", (int)pid);
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, text, (size_t)len), len);
	close(fd);
	return pid;
}

static void test_labels(void **state)
{
	(void)state;
	char inner[PATH_MAX + 8];
	struct cgroup *a = cgroup_open(home), *b = cgroup_open(home),
		      *none = cgroup_open(home);
	assert_true(a && b && none);
	cgroup_set_label(cgroup_dir_fd(a), "a former one");
	cgroup_set_label(cgroup_dir_fd(a), "one 1 1");
	cgroup_set_label(cgroup_dir_fd(b), "two 2 1");
	struct labels l = {.pids = {start_in(a), start_in(b), start_below(b, inner)}};
	pid_t unlabelled = start_in(none);
	cgroup_each_labelled(cgroup_home_path(home), found, &l);
	assert_int_equal(l.count, 3);
	assert_string_equal(l.of[0], "one 1 1");
	assert_string_equal(l.of[1], "two 2 1");
	assert_string_equal(l.of[2], "two 2 1");
	const pid_t pids[] = {l.pids[0], l.pids[1], l.pids[2], unlabelled};
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(status_of(pids[i]), SIGKILL);
	}
	expect_empty(b);
	cgroup_close(a);
	cgroup_close(b);
	cgroup_close(none);
}

/* One that the kernel refuses is not another's. */
static void test_label_too_long(void **state)
{
	(void)state;
	static char huge[1 << 20];
	memset(huge, 'x', sizeof(huge) - 1);
	struct cgroup *c = cgroup_open(home);
	assert_non_null(c);
	cgroup_set_label(cgroup_dir_fd(c), "a former one");
	pid_t pid = start_in(c);
	struct labels l = {.pids = {pid}};
	cgroup_set_label(cgroup_dir_fd(c), huge);
	cgroup_each_labelled(cgroup_home_path(home), found, &l);
	assert_int_equal(l.count, 0);
	kill(pid, SIGKILL);
	assert_int_equal(status_of(pid), SIGKILL);
	expect_empty(c);
	cgroup_close(c);
}

static void test_labels_nowhere(void **state)
{
	(void)state;
	struct labels l = {0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = 7;
	cgroup_set_label(fd, "x");
	assert_int_equal(errno, 7);
	close(fd);
	cgroup_each_labelled("/no/such", found, &l);
	assert_int_equal(l.count, 0);
}

static void test_nowhere(void **state)
{
	(void)state;
	assert_null(cgroup_home_open("/no/such", "/", "x"));
	assert_int_equal(errno, ENOENT);
	/* A directory, but of no cgroup. */
	char path[] = "/tmp/fsmon-test-cgroup-XXXXXX";
	assert_non_null(mkdtemp(path));
	assert_null(cgroup_home_open(path, "/", "x"));
	assert_int_equal(rmdir(path), 0);
}

static int set_up(void **state)
{
	(void)state;
	home = keeper_hook_open_home();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cgroup_home_close(home);
	return 0;
}

#define SKIP_WITHOUT_HOME(f)                  \
	static void f##_at_home(void **state) \
	{                                     \
		if (!home)                    \
			skip();               \
		f(state);                     \
	}

SKIP_WITHOUT_HOME(test_populated)
SKIP_WITHOUT_HOME(test_signal_reaches_all_in_it)
SKIP_WITHOUT_HOME(test_empty_ones_are_used_again)
SKIP_WITHOUT_HOME(test_killed_ones_are_not_used_again)
SKIP_WITHOUT_HOME(test_many_do_not_stay)
SKIP_WITHOUT_HOME(test_close_removes_all)
SKIP_WITHOUT_HOME(test_leftovers)
SKIP_WITHOUT_HOME(test_home_that_is_there)
SKIP_WITHOUT_HOME(test_home_that_another_looks_at)
SKIP_WITHOUT_HOME(test_labels)
SKIP_WITHOUT_HOME(test_label_too_long)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_populated_at_home),
		cmocka_unit_test(test_signal_reaches_all_in_it_at_home),
		cmocka_unit_test(test_empty_ones_are_used_again_at_home),
		cmocka_unit_test(test_killed_ones_are_not_used_again_at_home),
		cmocka_unit_test(test_many_do_not_stay_at_home),
		cmocka_unit_test(test_close_removes_all_at_home),
		cmocka_unit_test(test_leftovers_at_home),
		cmocka_unit_test(test_home_that_is_there_at_home),
		cmocka_unit_test(test_home_that_another_looks_at_at_home),
		cmocka_unit_test(test_labels_at_home),
		cmocka_unit_test(test_label_too_long_at_home),
		cmocka_unit_test(test_labels_nowhere),
		cmocka_unit_test(test_nowhere),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
