/* SPDX-License-Identifier: MIT */
#include "fake_daemon.h"

#include "os/sock.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	bool is_running;
	pthread_t thread;
	char path[108];
	const char *answer;
	int listen_fd, lock_fd;
	int stop[2]; /* a pipe: its end of the thread hangs up when that has to end */
	char asked[8192];
	size_t asked_len;
} fake;

static void serve(int fd)
{
	struct pollfd ends = {.fd = fake.stop[0]};
	ssize_t n;
	do {
		n = recv(fd, fake.asked + fake.asked_len,
			sizeof(fake.asked) - 1 - fake.asked_len, 0);
		fake.asked_len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && fake.asked[fake.asked_len - 1] != '\n');
	if (!fake.answer)
		poll(&ends, 1, -1);
	else if (send(fd, fake.answer, strlen(fake.answer), MSG_NOSIGNAL) < 0)
		print_error("the fake daemon cannot answer\n");
	close(fd);
}

static void *serve_all(void *unused)
{
	struct pollfd p[] = {
		{.fd = fake.listen_fd, .events = POLLIN}, {.fd = fake.stop[0]}};
	(void)unused;
	/* Whoever has connected is heard, also when the end has come meanwhile. */
	while (poll(p, 2, -1) > 0 && (p[0].revents & POLLIN)) {
		int fd = accept(fake.listen_fd, NULL, NULL);
		if (fd >= 0)
			serve(fd);
	}
	return NULL;
}

void fake_daemon_start(const char *runtime_dir, const char *answer)
{
	assert_false(fake.is_running);
	fake.answer = answer;
	fake.asked_len = 0;
	snprintf(fake.path, sizeof(fake.path), "%s/fsmon.sock", runtime_dir);
	fake.listen_fd = sock_listen(fake.path, SOCK_STREAM, &fake.lock_fd);
	assert_true(fake.listen_fd >= 0);
	assert_int_equal(pipe(fake.stop), 0);
	assert_int_equal(pthread_create(&fake.thread, NULL, serve_all, NULL), 0);
	fake.is_running = true;
}

const char *fake_daemon_stop(void)
{
	if (!fake.is_running)
		return "";
	close(fake.stop[1]);
	pthread_join(fake.thread, NULL);
	close(fake.stop[0]);
	close(fake.listen_fd);
	close(fake.lock_fd);
	unlink(fake.path);
	fake.is_running = false;
	fake.asked[fake.asked_len] = '\0';
	return fake.asked;
}
