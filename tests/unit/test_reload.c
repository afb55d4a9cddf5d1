/* SPDX-License-Identifier: MIT */
/* The configuration is loaded beside the loop. */
#include "app/reload.h"

#include "os/clock.h"
#include "tempdir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define PATIENCE_NS (UINT64_C(20) * 1000000000)

static struct {
	struct poller *poller;
	struct options options;
	struct reload *reload;
	size_t done; /* times */
	size_t rules; /* of the last load */
	bool takes_table;
	struct table *taken;
} world;

static void on_done(void *ctx, struct load *l)
{
	assert_ptr_equal(ctx, &world);
	assert_non_null(l);
	world.done++;
	world.rules = table_count(l->table);
	if (world.takes_table) {
		world.taken = l->table;
		l->table = NULL;
	}
}

static int set_up(void **state)
{
	memset(&world, 0, sizeof(world));
	if (tempdir_setup(state) < 0)
		return -1;
	world.poller = poller_new();
	world.options.conf_file = tempdir_path("main");
	tempdir_write("main", "");
	tempdir_write("a.conf", "[a]\npath = /a\ncommand = true\n");
	strlist_add(&world.options.rule_dirs, tempdir);
	world.reload = reload_new(world.poller, &world.options, on_done, &world);
	return world.reload ? 0 : -1;
}

static int tear_down(void **state)
{
	reload_free(world.reload);
	table_free(world.taken);
	poller_free(world.poller);
	options_fini(&world.options);
	return tempdir_teardown(state);
}

/* Turn the poller until so many loads have been done. */
static void wait_for(size_t count)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (world.done < count) {
		poller_turn(world.poller, (int64_t)PATIENCE_NS);
		assert_true(clock_monotonic_ns() < until_ns);
	}
}

static void each_load_reads_what_is_there(void **state)
{
	(void)state;
	reload_start(world.reload);
	assert_int_equal(world.done, 0); /* only the poller tells */
	wait_for(1);
	assert_int_equal(world.rules, 1);
	tempdir_write("b.conf", "[b]\npath = /b\ncommand = true\n");
	reload_start(world.reload);
	wait_for(2);
	assert_int_equal(world.rules, 2);
}

static void what_is_wanted_meanwhile_is_one_more_load(void **state)
{
	(void)state;
	/* The first load may have read the directory, and its end has not been taken in. */
	reload_start(world.reload);
	tempdir_write("b.conf", "[b]\npath = /b\ncommand = true\n");
	reload_start(world.reload);
	reload_start(world.reload);
	wait_for(1);
	assert_int_equal(world.rules, 2);
	/* It is told of once, and another can be had. */
	reload_start(world.reload);
	wait_for(2);
	assert_int_equal(world.done, 2);
}

static void the_table_may_be_taken(void **state)
{
	(void)state;
	world.takes_table = true;
	reload_start(world.reload);
	wait_for(1);
	assert_string_equal(table_rule(world.taken, 0)->name, "a");
}

static void the_end_waits_for_a_load(void **state)
{
	(void)state;
	reload_start(world.reload);
	reload_free(world.reload);
	world.reload = NULL;
	poller_turn(world.poller, 0);
	assert_int_equal(world.done, 0);
	reload_free(NULL);
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

#define HERE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(each_load_reads_what_is_there),
		HERE(what_is_wanted_meanwhile_is_one_more_load),
		HERE(the_table_may_be_taken),
		HERE(the_end_waits_for_a_load),
		HERE(without_descriptors_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
