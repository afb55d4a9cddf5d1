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
	assert_int_equal(dirlock_take(tempdir, &holder), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(holder, by);
}

static void test_a_second_one_is_told_who_holds_it(void **state)
{
	(void)state;
	pid_t holder = -1;
	int fd = dirlock_take(tempdir, &holder);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_locked(getpid());
	/* It is the directory's, under whichever name. */
	assert_int_equal(symlink(tempdir, tempdir_path("link")), 0);
	assert_int_equal(dirlock_take(tempdir_path("link"), &holder), -1);
	assert_int_equal(holder, getpid());
	close(fd);
	fd = dirlock_take(tempdir, &holder);
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
		bool is_locked = dirlock_take(tempdir, &holder) >= 0;
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
	int fd = dirlock_take(tempdir, &holder);
	assert_true(fd >= 0);
	close(fd);
	close(ready[0]);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
	(void)state;
	pid_t holder;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mount("none", tempdir, "tmpfs", MS_RDONLY, NULL), 0);
	int fd = dirlock_take(tempdir, &holder);
	assert_true(fd >= 0);
	assert_locked(getpid());
	close(fd);
}

static void test_what_is_no_directory(void **state)
{
	(void)state;
	pid_t holder = -1;
	tempdir_write("file", "");
	assert_int_equal(dirlock_take(tempdir_path("file"), &holder), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(dirlock_take(tempdir_path("none"), &holder), -1);
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
		TEST(test_a_directory_that_cannot_be_written),
		TEST(test_what_is_no_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
