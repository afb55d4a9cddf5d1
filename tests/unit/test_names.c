/* SPDX-License-Identifier: MIT */
/* Names of users, asked of a name service that takes its time: a fake by the name of the real
 * one, which is not linked. */
#include "app/actors/names.h"

#include "core/proc/actor.h"
#include "os/user.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000
#define MINUTE_NS (UINT64_C(60) * 1000000000)
#define SECOND_NS UINT64_C(1000000000)

/* The service answers once for each of these permits. What it says is read by its thread after
 * a permit, and written before. */
static struct {
	int permits;
	int entered; /* readable when it has been asked */
	int error; /* errno; 0: it knows the name */
	const char *name;
	unsigned asked; /* times */
} service;

int user_name_of(uid_t uid, char *out, size_t size)
{
	eventfd_t permit;
	eventfd_write(service.entered, 1);
	eventfd_read(service.permits, &permit);
	service.asked++;
	if (!service.error)
		snprintf(out, size, "%s%u", service.name, (unsigned)uid);
	errno = service.error;
	return service.error ? -1 : 0;
}

static int set_up(void **state)
{
	service.error = 0;
	service.name = "user";
	service.asked = 0;
	*state = names_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	names_free(*state);
	return 0;
}

/* Let the service answer, and take that in. */
static void answer(struct names *n, uint64_t now_ns)
{
	struct pollfd p = {.fd = names_fd(n), .events = POLLIN};
	eventfd_write(service.permits, 1);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	names_collect(n, now_ns);
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void check(
	struct names *n, uint32_t uid, uint64_t now_ns, bool is_known, const char *wanted)
{
	const char *name;
	assert_int_equal(names_get(n, uid, now_ns, &name), is_known);
	if (wanted)
		assert_string_equal(name, wanted);
	else
		assert_null(name);
}

static void a_name_is_known_when_the_service_has_answered(void **state)
{
	check(*state, 7, 0, false, NULL);
	check(*state, 7, 0, false, NULL);
	names_collect(*state, 0);
	check(*state, 7, 0, false, NULL);
	answer(*state, 0);
	check(*state, 7, 0, true, "user7");
	assert_int_equal(service.asked, 1);
}

static void nobody_has_no_name(void **state)
{
	check(*state, ACTOR_ID_UNKNOWN, 0, true, NULL);
	assert_int_equal(service.asked, 0);
}

static void a_user_may_have_no_name(void **state)
{
	service.error = ENOENT;
	check(*state, 7, 0, false, NULL);
	answer(*state, 0);
	check(*state, 7, MINUTE_NS, true, NULL);
	/* It is not asked for again so soon: the next question is another. */
	service.error = 0;
	check(*state, 8, MINUTE_NS, false, NULL);
	answer(*state, MINUTE_NS);
	check(*state, 8, MINUTE_NS, true, "user8");
}

static void a_name_is_asked_for_again_after_ten_minutes(void **state)
{
	check(*state, 7, 0, false, NULL);
	answer(*state, MINUTE_NS);
	service.name = "other";
	check(*state, 7, 11 * MINUTE_NS - 1, true, "user7");
	eventfd_write(service.permits, 1);
	check(*state, 7, 11 * MINUTE_NS, true, "user7"); /* until there is another */
	struct pollfd p = {.fd = names_fd(*state), .events = POLLIN};
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	names_collect(*state, 11 * MINUTE_NS);
	check(*state, 7, 11 * MINUTE_NS, true, "other7");
	assert_int_equal(service.asked, 2);
}

static void a_service_that_fails_is_asked_again_soon(void **state)
{
	service.error = EIO;
	check(*state, 7, 0, false, NULL);
	answer(*state, 0);
	check(*state, 7, 5 * SECOND_NS - 1, true, NULL); /* the number will do */
	service.error = 0;
	check(*state, 7, 5 * SECOND_NS, true, NULL);
	answer(*state, 5 * SECOND_NS);
	check(*state, 7, 5 * SECOND_NS, true, "user7");
	/* A name that was known stays while the service is down. */
	service.error = EIO;
	check(*state, 7, 11 * MINUTE_NS, true, "user7");
	answer(*state, 11 * MINUTE_NS);
	check(*state, 7, 11 * MINUTE_NS, true, "user7");
}

static void many_are_answered_in_turn(void **state)
{
	for (uint32_t uid = 0; uid < 5; uid++)
		check(*state, uid, 0, false, NULL);
	for (uint32_t uid = 0; uid < 5; uid++) {
		answer(*state, 0);
		check(*state, uid, 0, true,
			(const char *[]){
				"user0", "user1", "user2", "user3", "user4"}[uid]);
	}
}

static void without_descriptors_there_is_none(void **state)
{
	struct rlimit limit, none = {0};
	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	none.rlim_max = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	struct names *n = names_new();
	int error = errno;
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_null(n);
	assert_int_equal(error, EMFILE);
}

/* The last test: the thread that is left behind waits for a permit for ever. */
static void the_end_does_not_wait_for_the_service(void **state)
{
	static struct names *left_behind; /* so that it is not a leak */
	left_behind = *state;
	eventfd_t count;
	eventfd_read(service.entered, &count); /* by the tests before */
	check(left_behind, 7, 0, false, NULL);
	struct pollfd p = {.fd = service.entered, .events = POLLIN};
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	names_free(left_behind);
	*state = NULL;
	assert_int_equal(service.asked, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	service.permits = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	service.entered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_known_when_the_service_has_answered),
		TEST(nobody_has_no_name),
		TEST(a_user_may_have_no_name),
		TEST(a_name_is_asked_for_again_after_ten_minutes),
		TEST(a_service_that_fails_is_asked_again_soon),
		TEST(many_are_answered_in_turn),
		TEST(without_descriptors_there_is_none),
		TEST(the_end_does_not_wait_for_the_service),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
