/* SPDX-License-Identifier: MIT */
#include "os/poller.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

/* A pipe in a poller, and what its callback does. */
struct end {
	struct poller *poller;
	struct poller_source *source;
	struct end *removes; /* this one's source */
	int fds[2];
	int calls;
	uint32_t events;
};

static void on_event(void *ctx, uint32_t events)
{
	struct end *e = ctx;
	char c;
	e->calls++;
	e->events = events;
	if (events & EPOLLIN)
		assert_int_equal(read(e->fds[0], &c, 1), 1);
	if (e->removes) {
		poller_remove(e->poller, e->removes->source);
		e->removes->source = NULL;
	}
}

static void open_end(struct end *e, struct poller *p)
{
	*e = (struct end){.poller = p};
	assert_int_equal(pipe2(e->fds, O_CLOEXEC), 0);
	e->source = poller_add(p, e->fds[0], EPOLLIN, on_event, e);
	assert_non_null(e->source);
}

static void close_end(struct end *e)
{
	poller_remove(e->poller, e->source);
	close(e->fds[0]);
	close(e->fds[1]);
}

static void test_calls_for_what_is_ready(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	struct end a, b;
	open_end(&a, p);
	open_end(&b, p);
	assert_int_equal(poller_turn(p, 0), 0);
	assert_int_equal(write(a.fds[1], "xx", 2), 2);
	assert_int_equal(poller_turn(p, POLLER_FOREVER), 1);
	assert_int_equal(poller_turn(p, POLLER_FOREVER), 1); /* level-triggered */
	assert_int_equal(poller_turn(p, 0), 0);
	assert_int_equal(a.calls, 2);
	assert_int_equal(b.calls, 0);
	close_end(&a);
	close_end(&b);
	poller_free(p);
}

static void test_change(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	struct end a;
	open_end(&a, p);
	assert_int_equal(write(a.fds[1], "x", 1), 1);
	assert_int_equal(poller_change(p, a.source, 0), 0);
	assert_int_equal(poller_turn(p, 0), 0);
	assert_int_equal(poller_change(p, a.source, EPOLLIN), 0);
	assert_int_equal(poller_turn(p, 0), 1);
	close(a.fds[1]);
	a.fds[1] = -1;
	assert_int_equal(poller_turn(p, 0), 1);
	assert_int_equal(a.events, EPOLLHUP);
	close_end(&a);
	poller_free(p);
}

static void test_removed_source_is_not_called(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	struct end a, b;
	open_end(&a, p);
	open_end(&b, p);
	a.removes = &b;
	b.removes = &a;
	assert_int_equal(write(a.fds[1], "x", 1), 1);
	assert_int_equal(write(b.fds[1], "x", 1), 1);
	assert_int_equal(
		poller_turn(p, 0), 1); /* whichever came first removed the other */
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(poller_turn(p, 0), 0);
	close_end(&a);
	close_end(&b);
	poller_free(p);
}

static void test_source_removes_itself(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	struct end a;
	open_end(&a, p);
	a.removes = &a;
	assert_int_equal(write(a.fds[1], "xx", 2), 2);
	assert_int_equal(poller_turn(p, 0), 1);
	assert_int_equal(poller_turn(p, 0), 0);
	close_end(&a);
	poller_free(p);
}

static void test_errors(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	struct end a;
	open_end(&a, p);
	assert_null(poller_add(p, a.fds[0], EPOLLIN, on_event, &a));
	assert_int_equal(errno, EEXIST);
	assert_null(poller_add(p, -1, EPOLLIN, on_event, &a));
	assert_int_equal(errno, EBADF);
	errno = EDOM;
	poller_remove(p, a.source);
	assert_int_equal(errno, EDOM);
	a.source = NULL;
	close_end(&a);
	poller_free(p);
	poller_free(NULL);
}

static void test_timeout_is_not_early(void **state)
{
	(void)state;
	struct poller *p = poller_new();
	uint64_t before = clock_monotonic_ns();
	assert_int_equal(poller_turn(p, 300000), 0);
	assert_true(clock_monotonic_ns() - before >= 300000);
	poller_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_for_what_is_ready),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_removed_source_is_not_called),
		cmocka_unit_test(test_source_removes_itself),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_timeout_is_not_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
