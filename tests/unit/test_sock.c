/* SPDX-License-Identifier: MIT */
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/fsmon-test-sock-XXXXXX";

static char *in_directory(const char *name)
{
	static char path[96];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void test_packets_and_descriptors(void **state)
{
	(void)state;
	int fds[2], got[SOCK_MAX_FDS];
	size_t count = 99;
	char bytes[64];
	assert_int_equal(sock_pair(fds), 0);
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(count, 0);
	assert_int_equal(sock_send(fds[0], "one", 3, NULL, 0), 0);
	assert_int_equal(sock_send(fds[0], "two!", 4, (int[]){0, fds[0]}, 2), 0);
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), 3);
	assert_int_equal(count, 0);
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), 4);
	assert_memory_equal(bytes, "two!", 4);
	assert_int_equal(count, 2);
	assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	close(got[0]);
	close(got[1]);
	close(fds[0]);
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), 0);
	assert_int_equal(sock_send(fds[1], "x", 1, NULL, 0), -1); /* and no SIGPIPE */
	assert_int_equal(errno, EPIPE);
	close(fds[1]);
}

static void test_too_long_a_packet_is_lost_alone(void **state)
{
	(void)state;
	int fds[2], got[SOCK_MAX_FDS];
	size_t count;
	char bytes[4];
	assert_int_equal(sock_pair(fds), 0);
	int next = dup(0);
	close(next);
	assert_int_equal(sock_send(fds[0], "12345", 5, (int[]){0}, 1), 0);
	assert_int_equal(sock_send(fds[0], "1234", 4, NULL, 0), 0);
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(fcntl(next, F_GETFD), -1); /* its descriptor was closed */
	assert_int_equal(sock_recv(fds[1], bytes, sizeof(bytes), got, &count), 4);
	close(fds[0]);
	close(fds[1]);
}

/* A process that can open no more gets the packet without its descriptors. */
static void test_no_room_for_descriptors(void **state)
{
	(void)state;
	int fds[2], got[SOCK_MAX_FDS];
	size_t count = 99;
	char bytes[4];
	struct rlimit was, none;
	assert_int_equal(sock_pair(fds), 0);
	assert_int_equal(sock_send(fds[0], "1234", 4, (int[]){0, 1}, 2), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	int next = dup(0);
	close(next);
	none.rlim_cur = (rlim_t)next + 1; /* room for one of the two */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ssize_t n = sock_recv(fds[1], bytes, sizeof(bytes), got, &count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(n, 4);
	assert_int_equal(count, 0);
	assert_int_equal(fcntl(next, F_GETFD), -1);
	close(fds[0]);
	close(fds[1]);
}

static void test_full_socket_does_not_block(void **state)
{
	(void)state;
	static char bytes[65536];
	int fds[2];
	int sent = 0;
	int got[SOCK_MAX_FDS];
	size_t count;
	assert_int_equal(sock_pair(fds), 0);
	assert_true(sock_has_room(fds[0]));
	while (sock_send(fds[0], bytes, sizeof(bytes), NULL, 0) == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 0);
	assert_false(sock_has_room(fds[0]));
	while (sock_recv(fds[1], bytes, sizeof(bytes), got, &count) > 0)
		continue;
	assert_true(sock_has_room(fds[0]));
	close(fds[1]);
	assert_true(sock_has_room(fds[0]));
	close(fds[0]);
}

static void test_listen_and_connect(void **state)
{
	(void)state;
	char *path = in_directory("control");
	struct stat st;
	int lock, second_lock = -1;
	mode_t was = umask(0);
	int fd = sock_listen(path, SOCK_STREAM, &lock);
	umask(was);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	int client = sock_connect(path, SOCK_STREAM), served = sock_accept(fd);
	assert_true(client >= 0 && served >= 0);
	assert_int_equal(sock_peer(served), getpid());
	assert_int_equal(sock_peer(lock), 0);
	close(served);
	close(client);

	assert_int_equal(sock_listen(path, SOCK_STREAM, &second_lock), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(second_lock, -1);
	client = sock_connect(path, SOCK_STREAM); /* the first one is still there */
	assert_true(client >= 0);
	close(client);

	/* What a crash leaves behind is replaced. */
	close(fd);
	close(lock);
	assert_int_equal(sock_connect(path, SOCK_STREAM), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd = sock_listen(path, SOCK_STREAM, &lock);
	assert_true(fd >= 0);
	close(fd);
	close(lock);
}

static void test_listen_spares_other_files(void **state)
{
	(void)state;
	char *path = in_directory("precious");
	int lock;
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(sock_listen(path, SOCK_STREAM, &lock), -1);
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_long_paths(void **state)
{
	(void)state;
	char path[200];
	int lock;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(sock_listen(path, SOCK_STREAM, &lock), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(sock_connect(path, SOCK_STREAM), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(sock_notify(path, "READY=1"), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

/* Listen as a service manager does, and see that the state arrives. */
static void assert_notifies(const char *address)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char bytes[64] = "";
	size_t len = strlen(address);
	memcpy(sun.sun_path, address, len);
	if (*address == '@')
		sun.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, size), 0);
	assert_int_equal(sock_notify(address, "READY=1"), 0);
	assert_int_equal(recv(fd, bytes, sizeof(bytes) - 1, 0), 7);
	assert_string_equal(bytes, "READY=1");
	close(fd);
}

static void test_notify(void **state)
{
	(void)state;
	char name[64];
	assert_notifies(in_directory("notify"));
	snprintf(name, sizeof(name), "@fsmon-test-%d", (int)getpid());
	assert_notifies(name);
	assert_int_equal(sock_notify("relative", "READY=1"), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_int_equal(sock_notify(in_directory("nobody"), "READY=1"), -1);
	assert_int_equal(errno, ENOENT);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_and_descriptors),
		cmocka_unit_test(test_too_long_a_packet_is_lost_alone),
		cmocka_unit_test(test_no_room_for_descriptors),
		cmocka_unit_test(test_full_socket_does_not_block),
		cmocka_unit_test(test_listen_and_connect),
		cmocka_unit_test(test_listen_spares_other_files),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_notify),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
