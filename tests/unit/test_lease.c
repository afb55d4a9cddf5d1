/* SPDX-License-Identifier: MIT */
#include "os/lease.h"

#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static int open_file(const char *name, int flags)
{
	int fd = open(tempdir_path(name), flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void sees_who_has_it_open_for_writing(void **state)
{
	(void)state;
	tempdir_write("file", "text");
	int fd = open_file("file", O_PATH);
	assert_int_equal(lease_has_writer(fd), 0);
	int reader = open_file("file", O_RDONLY);
	assert_int_equal(lease_has_writer(fd), 0);
	int writer = open_file("file", O_WRONLY);
	assert_int_equal(lease_has_writer(fd), 1);
	close(writer);
	assert_int_equal(lease_has_writer(fd), 0);
	close(reader);
	close(fd);
}

static void sees_it_where_the_name_is_gone(void **state)
{
	(void)state;
	tempdir_write("file", "text");
	int fd = open_file("file", O_PATH), writer = open_file("file", O_WRONLY);
	assert_int_equal(unlink(tempdir_path("file")), 0);
	assert_int_equal(lease_has_writer(fd), 1);
	close(writer);
	assert_int_equal(lease_has_writer(fd), 0);
	close(fd);
}

static void says_when_it_cannot_tell(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);
	assert_int_equal(lease_has_writer(fd), -1);
	close(fd);
	assert_int_equal(lease_has_writer(fd), -1);
	assert_int_equal(errno, ENOENT);

	tempdir_write("file", "text");
	fd = open_file("file", O_RDONLY);
	assert_int_equal(fcntl(fd, F_SETSIG, SIGURG), 0);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	assert_int_equal(lease_has_writer(fd), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fd);
}

#define ROUNDS 3000

static void *write_often(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < ROUNDS; i++)
		close(open_file("file", O_WRONLY));
	return NULL;
}

/* A signal that nobody handles would end the process. */
static void lets_writers_in_and_outlives_them(void **state)
{
	(void)state;
	pthread_t thread;
	tempdir_write("file", "text");
	int fd = open_file("file", O_PATH);
	assert_int_equal(pthread_create(&thread, NULL, write_often, NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		assert_in_range(lease_has_writer(fd), 0, 1);
	pthread_join(thread, NULL);
	assert_int_equal(lease_has_writer(fd), 0);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sees_who_has_it_open_for_writing),
		TEST(sees_it_where_the_name_is_gone),
		TEST(says_when_it_cannot_tell),
		TEST(lets_writers_in_and_outlives_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
