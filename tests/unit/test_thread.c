/* SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

/* Which of the signals the thread blocks; wakes its starter. */
struct born {
	sigset_t blocked;
	int wakeup;
};

static void *look_at_signals(void *ctx)
{
	struct born *b = ctx;
	pthread_sigmask(SIG_SETMASK, NULL, &b->blocked);
	thread_wake(b->wakeup);
	return NULL;
}

static void starts_without_signals_and_keeps_those_of_the_caller(void **state)
{
	(void)state;
	struct born b = {.wakeup = thread_wakeup_open()};
	pthread_t thread;
	sigset_t before, after;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, look_at_signals, &b), 0);
	struct pollfd p = {.fd = b.wakeup, .events = POLLIN};
	assert_int_equal(poll(&p, 1, -1), 1);
	pthread_join(thread, NULL);
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1};
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		assert_int_equal(sigismember(&b.blocked, signals[i]), 1);
		assert_int_equal(sigismember(&after, signals[i]),
			sigismember(&before, signals[i]));
	}
	close(b.wakeup);
}

static void is_readable_from_waking_until_taken(void **state)
{
	(void)state;
	int wakeup = thread_wakeup_open();
	assert_true(wakeup >= 0);
	assert_false(is_readable(wakeup));
	thread_take_wakeups(wakeup);
	thread_wake(wakeup);
	thread_wake(wakeup);
	assert_true(is_readable(wakeup));
	thread_take_wakeups(wakeup);
	assert_false(is_readable(wakeup));
	close(wakeup);
}

static void waits_for_the_first_that_can_be_read(void **state)
{
	(void)state;
	const int fds[] = {thread_wakeup_open(), -1, thread_wakeup_open()};
	thread_wake(fds[2]);
	assert_int_equal(thread_wait(fds, 3), 2);
	thread_wake(fds[0]);
	assert_int_equal(thread_wait(fds, 3), 0);
	thread_take_wakeups(fds[0]);
	assert_int_equal(thread_wait(fds, 3), 2);
	close(fds[0]);
	close(fds[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_without_signals_and_keeps_those_of_the_caller),
		cmocka_unit_test(is_readable_from_waking_until_taken),
		cmocka_unit_test(waits_for_the_first_that_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
