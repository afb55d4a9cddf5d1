/* SPDX-License-Identifier: MIT */
/* The configuration is loaded beside the loop. What loads is a fake by the name of the real
 * one, which is not linked. */
#include "app/worker/reload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (INT64_C(20) * 1000000000)

static struct {
	struct poller *poller;
	struct reload *reload;
	struct options options;
	int permits; /* a load ends once for each */
	int rc; /* what it returns */
	size_t loads; /* that have ended */
	size_t freed; /* of these */
	size_t told; /* times that `done` was called */
	size_t last; /* the number of the load that it was called with; 0: NULL */
} world;

int load(struct load *l, const struct options *o, char *const *files, int count)
{
	eventfd_t permit;
	*l = (struct load){0};
	eventfd_read(world.permits, &permit);
	if (o != &world.options || files || count)
		return -1;
	l->conf.error_count = ++world.loads;
	return world.rc;
}

void load_fini(struct load *l)
{
	world.freed += l->conf.error_count > 0;
	*l = (struct load){0};
}

static void on_done(void *ctx, struct load *l)
{
	assert_ptr_equal(ctx, &world);
	world.told++;
	world.last = l ? l->conf.error_count : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.permits = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	world.poller = poller_new();
	world.reload = reload_new(world.poller, &world.options, on_done, &world);
	return world.reload ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	reload_free(world.reload);
	poller_free(world.poller);
	close(world.permits);
	return 0;
}

/* Let a load end, and the poller tell of it. */
static void end_load(void)
{
	eventfd_write(world.permits, 1);
	assert_true(poller_turn(world.poller, PATIENCE_NS) >= 0);
}

static void each_load_is_told_of(void **state)
{
	(void)state;
	for (size_t i = 1; i <= 2; i++) {
		reload_start(world.reload);
		assert_int_equal(world.told, i - 1);
		end_load();
		assert_int_equal(world.told, i);
		assert_int_equal(world.last, i);
		assert_int_equal(world.freed, i);
	}
}

static void what_is_wanted_meanwhile_is_one_more_load(void **state)
{
	(void)state;
	reload_start(world.reload);
	reload_start(world.reload);
	reload_start(world.reload);
	/* The first may have read files before they were changed: nobody hears of it. */
	end_load();
	assert_int_equal(world.told, 0);
	assert_int_equal(world.freed, 1);
	end_load();
	assert_int_equal(world.told, 1);
	assert_int_equal(world.last, 2);
	assert_int_equal(world.freed, 2);
	/* Then there is no other. */
	assert_int_equal(poller_turn(world.poller, 0), 0);
	assert_int_equal(world.loads, 2);
}

static void a_load_without_memory_is_told_of_as_none(void **state)
{
	(void)state;
	world.rc = -1;
	world.last = 7;
	reload_start(world.reload);
	end_load();
	assert_int_equal(world.told, 1);
	assert_int_equal(world.last, 0);
}

static void the_end_waits_for_a_load(void **state)
{
	(void)state;
	reload_start(world.reload);
	eventfd_write(world.permits, 1);
	reload_free(world.reload);
	world.reload = NULL;
	assert_int_equal(world.loads, 1);
	assert_int_equal(world.freed, 1);
	poller_turn(world.poller, 0);
	assert_int_equal(world.told, 0);
}

static void without_descriptors_there_is_none(void **state)
{
	struct rlimit limit, none = {0};
	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	none.rlim_max = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	struct reload *r = reload_new(world.poller, &world.options, on_done, &world);
	int error = errno;
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_null(r);
	assert_int_equal(error, EMFILE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_load_is_told_of),
		TEST(what_is_wanted_meanwhile_is_one_more_load),
		TEST(a_load_without_memory_is_told_of_as_none),
		TEST(the_end_waits_for_a_load),
		TEST(without_descriptors_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
