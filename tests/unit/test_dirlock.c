/* SPDX-License-Identifier: MIT */
#include "os/dirlock.h"

#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_locked(pid_t by)
{
	pid_t holder = -1;
	assert_int_equal(dirlock_take(tempdir, 0, &holder), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(holder, by);
}

static void test_a_second_one_is_told_who_holds_it(void **state)
{
	(void)state;
	pid_t holder = -1;
	int fd = dirlock_take(tempdir, 0, &holder);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_locked(getpid());
	/* It is the directory's, under whichever name. */
	assert_int_equal(symlink(tempdir, tempdir_path("link")), 0);
	assert_int_equal(dirlock_take(tempdir_path("link"), 0, &holder), -1);
	assert_int_equal(holder, getpid());
	close(fd);
	fd = dirlock_take(tempdir, 0, &holder);
	assert_true(fd >= 0);
	close(fd);
}

static void test_it_ends_with_the_process(void **state)
{
	(void)state;
	int ready[2], status;
	char byte;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pid_t holder;
		bool is_locked = dirlock_take(tempdir, 0, &holder) >= 0;
		if (write(ready[1], is_locked ? "1" : "0", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, '1');
	assert_locked(pid);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid_t holder;
	int fd = dirlock_take(tempdir, 0, &holder);
	assert_true(fd >= 0);
	close(fd);
	close(ready[0]);
}

/* Have a process take the lock, hand it to a child, and die; the child ends when it reads the end of
 * a pipe. Returns the pid of the first, which is not reaped. */
static pid_t leave_lock(int end_fd)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pid_t holder;
		bool is_locked = dirlock_take(tempdir, 0, &holder) >= 0;
		if (fork() == 0) {
			char wait;
			alarm(60);
			close(ready[0]);
			if (write(ready[1], is_locked ? "1" : "0", 1) == 1)
				_exit((int)read(end_fd, &wait, 1));
		}
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, '1');
	close(ready[0]);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

static void test_what_a_dead_holder_has_left_is_waited_for(void **state)
{
	(void)state;
	int end[2];
	pid_t holder = -1;
	assert_int_equal(pipe(end), 0);
	pid_t pid = leave_lock(end[0]);
	/* Also as long as the holder is a zombie. */
	assert_int_equal(dirlock_take(tempdir, 100, &holder), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(holder, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(dirlock_take(tempdir, 0, &holder), -1);
	assert_int_equal(holder, 0);
	pid_t waker = fork();
	if (waker == 0) {
		usleep(100000);
		_exit(write(end[1], "x", 1) == 1 ? 0 : 1);
	}
	int fd = dirlock_take(tempdir, 20000, &holder);
	assert_true(fd >= 0);
	assert_int_equal(waitpid(waker, NULL, 0), waker);
	/* For one who lives nobody waits. */
	assert_int_equal(dirlock_take(tempdir, 1000000, &holder), -1);
	assert_int_equal(holder, getpid());
	close(fd);
	close(end[0]);
	close(end[1]);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
	(void)state;
	pid_t holder;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mount("none", tempdir, "tmpfs", MS_RDONLY, NULL), 0);
	int fd = dirlock_take(tempdir, 0, &holder);
	assert_true(fd >= 0);
	assert_locked(getpid());
	close(fd);
}

static void test_what_is_no_directory(void **state)
{
	(void)state;
	pid_t holder = -1;
	tempdir_write("file", "");
	assert_int_equal(dirlock_take(tempdir_path("file"), 0, &holder), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(dirlock_take(tempdir_path("none"), 0, &holder), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(holder, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, tempdir_setup, tempdir_teardown)

int main(void)
{
	tempdir_own_mounts();
	const struct CMUnitTest tests[] = {
		TEST(test_a_second_one_is_told_who_holds_it),
		TEST(test_it_ends_with_the_process),
		TEST(test_what_a_dead_holder_has_left_is_waited_for),
		TEST(test_a_directory_that_cannot_be_written),
		TEST(test_what_is_no_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
