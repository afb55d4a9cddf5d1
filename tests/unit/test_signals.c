/* SPDX-License-Identifier: MIT */
#include "os/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static void test_signals_come_to_the_descriptor(void **state)
{
	(void)state;
	const int signals[] = {SIGUSR1, SIGUSR2};
	int fd = signals_open(signals, 2);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_false(is_readable(fd));
	assert_int_equal(signals_next(fd), 0);
	raise(SIGUSR2);
	assert_true(is_readable(fd));
	raise(SIGUSR1);
	/* The lower number comes first. */
	assert_int_equal(signals_next(fd), SIGUSR1);
	assert_int_equal(signals_next(fd), SIGUSR2);
	assert_int_equal(signals_next(fd), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_come_to_the_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
