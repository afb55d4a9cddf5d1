/* SPDX-License-Identifier: MIT */
#include "os/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static void test_is_read_from_its_beginning(void **state)
{
	(void)state;
	int fd = memfile_make("test", "a\0b\n", 4);
	char room[8];
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(read(fd, room, sizeof(room)), 4);
	assert_memory_equal(room, "a\0b\n", 4);
	assert_int_equal(read(fd, room, sizeof(room)), 0);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	assert_int_equal(read(fd, room, sizeof(room)), 2);
	assert_memory_equal(room, "b\n", 2);
	close(fd);
}

static void test_has_no_name_and_is_not_inherited(void **state)
{
	(void)state;
	int fd = memfile_make("test", "x", 1);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 0777, 0444);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

static void test_cannot_be_changed(void **state)
{
	(void)state;
	int fd = memfile_make("test", "abc", 3);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	close(fd);
}

static void test_empty(void **state)
{
	(void)state;
	int fd = memfile_make("test", NULL, 0);
	char room[1];
	assert_true(fd >= 0);
	assert_int_equal(read(fd, room, 1), 0);
	close(fd);
}

static void test_large(void **state)
{
	(void)state;
	size_t len = (size_t)10 * 1000 * 1000 + 1;
	char *bytes = malloc(len);
	char *again = malloc(len);
	assert_true(bytes && again);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i % 251);
	int fd = memfile_make("test", bytes, len);
	assert_int_equal(pread(fd, again, len, 0), len);
	assert_memory_equal(again, bytes, len);
	close(fd);
	free(bytes);
	free(again);
}

/* What a hook of another user does: it reads /dev/stdin, which opens the file anew. */
static void test_another_user_can_open_it_again(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int fd = memfile_make("test", "x\n", 2);
	pid_t child = fork();
	if (child == 0) {
		if (dup2(fd, STDIN_FILENO) < 0 || setgroups(0, NULL) < 0 ||
			setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(100);
		execl("/bin/sh", "sh", "-c", "[ \"$(cat /dev/stdin)\" = x ]", NULL);
		_exit(101);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
}

/* No descriptor is left behind where the file cannot hold the bytes. */
static void test_failure_leaves_nothing(void **state)
{
	(void)state;
	struct rlimit before, limit = {.rlim_cur = 1000};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	char bytes[2000] = {0};
	int next = dup(0);
	close(next);
	int fd = memfile_make("test", bytes, sizeof(bytes));
	int error = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(error, EFBIG);
	fd = dup(0);
	assert_int_equal(fd, next);
	close(fd);
}

static void test_all_of_it_is_read_wherever_it_was(void **state)
{
	(void)state;
	int fd = memfile_make("test", "abc\0d", 5);
	for (int i = 0; i < 2; i++) {
		struct buf b = {0};
		assert_int_equal(lseek(fd, i, SEEK_SET), i);
		assert_int_equal(memfile_read(fd, &b), 0);
		assert_int_equal(b.len, 5);
		assert_memory_equal(b.data, "abc\0d", 5);
		buf_fini(&b);
	}
	close(fd);
	struct buf b = {0};
	assert_int_equal(memfile_read(fd, &b), -1);
	assert_int_equal(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_read_from_its_beginning),
		cmocka_unit_test(test_has_no_name_and_is_not_inherited),
		cmocka_unit_test(test_cannot_be_changed),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_another_user_can_open_it_again),
		cmocka_unit_test(test_failure_leaves_nothing),
		cmocka_unit_test(test_all_of_it_is_read_wherever_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
