/* SPDX-License-Identifier: MIT */
#include "core/place/subtree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fanrec_handle handle(const char *bytes)
{
	return (struct fanrec_handle){.bytes = (const unsigned char *)bytes,
		.len = (uint32_t)strlen(bytes),
		.type = 7};
}

static int add(
	struct subtree_list *l, const char *dir, const char *name, const char *bytes)
{
	const struct subtree_entry e = {
		.is_dir = bytes[0] == 'd', .handle = handle(bytes)};
	return subtree_list_add(l, dir, name, &e);
}

static void entries_come_in_the_order_in_which_they_were_added(void **state)
{
	(void)state;
	static const struct {
		const char *dir, *name, *handle, *rest;
	} rows[] = {
		{"", "", "d", ""},
		{"", "a", "d1234567", "/a"},
		{"/a", "b c", "f", "/a/b c"},
		{"/a/b", "\xff", "fxyz", "/a/b/\xff"},
	};
	struct subtree_list l = {0};
	struct subtree_entry e;
	size_t at = 0;
	assert_false(subtree_list_next(&l, &at, &e));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(add(&l, rows[i].dir, rows[i].name, rows[i].handle), 0);
		/* One can go on where one was. */
		assert_true(subtree_list_next(&l, &at, &e));
		assert_string_equal(e.rest, rows[i].rest);
		assert_int_equal(e.is_dir, rows[i].handle[0] == 'd');
		assert_int_equal(e.handle.type, 7);
		assert_int_equal(e.handle.len, strlen(rows[i].handle));
		assert_memory_equal(e.handle.bytes, rows[i].handle, e.handle.len);
		assert_false(subtree_list_next(&l, &at, &e));
	}
	assert_int_equal(l.count, 4);
	subtree_list_fini(&l);
}

static void a_list_has_an_end(void **state)
{
	(void)state;
	struct subtree_list l = {0};
	assert_int_equal(add(&l, "", "", "d"), 0);
	for (unsigned i = 0; i < SUBTREE_MAX; i++)
		assert_int_equal(add(&l, "", "x", "f"), 0);
	assert_int_equal(add(&l, "", "x", "f"), -1);
	assert_int_equal(errno, E2BIG);
	subtree_list_fini(&l);
}

static void a_list_has_an_end_in_bytes(void **state)
{
	(void)state;
	static char dir[100001];
	struct subtree_list l = {0};
	size_t count = 0;
	memset(dir, 'x', sizeof(dir) - 1);
	while (add(&l, dir, "x", "f") == 0)
		count++;
	assert_int_equal(errno, E2BIG);
	assert_in_range(
		count, SUBTREE_MAX_BYTES / 100100, SUBTREE_MAX_BYTES / 100000 + 1);
	subtree_list_fini(&l);
}

static void a_path_and_all_below_it_is_in_a_set(void **state)
{
	(void)state;
	const struct fanrec_handle nothing = {0}, one = handle("one"),
				   two = handle("two");
	struct subtree_paths p = {0};
	assert_false(subtree_paths_have(&p, "/a"));
	assert_false(subtree_paths_have_above(&p, "/a/b"));
	assert_int_equal(subtree_paths_put(&p, "/a", &nothing), 0);
	assert_int_equal(subtree_paths_put(&p, "/b/c", &one), 0);
	assert_true(subtree_paths_have(&p, "/a"));
	assert_false(subtree_paths_have(&p, "/a/b"));
	assert_false(subtree_paths_have_above(&p, "/a"));
	assert_true(subtree_paths_have_above(&p, "/a/b"));
	assert_true(subtree_paths_have_above(&p, "/b/c/d/e"));
	assert_false(subtree_paths_have_above(&p, "/ab/c"));
	assert_false(subtree_paths_have_above(&p, "/b/cd"));
	/* What has come there is what was told last. */
	assert_false(subtree_paths_have_from(&p, "/a", &one));
	assert_true(subtree_paths_have_from(&p, "/b/c", &one));
	assert_false(subtree_paths_have_from(&p, "/b/c", &two));
	assert_int_equal(subtree_paths_put(&p, "/b/c", &two), 0);
	assert_true(subtree_paths_have_from(&p, "/b/c", &two));
	assert_int_equal(subtree_paths_put(&p, "/b/c", &nothing), 0);
	assert_false(subtree_paths_have_from(&p, "/b/c", &two));
	assert_true(subtree_paths_have(&p, "/b/c"));
	subtree_paths_fini(&p);
	assert_false(subtree_paths_have(&p, "/a"));
}

static void paths_below_one_are_copied(void **state)
{
	(void)state;
	const struct fanrec_handle nothing = {0};
	struct subtree_paths p = {0}, below = {0}, all = {0};
	assert_int_equal(subtree_paths_put(&p, "/a", &nothing), 0);
	assert_int_equal(subtree_paths_put(&p, "/a/b/c", &nothing), 0);
	assert_int_equal(subtree_paths_put(&p, "/ab/d", &nothing), 0);
	assert_int_equal(subtree_paths_copy_below(&below, &p, "/a"), 0);
	assert_true(subtree_paths_have(&below, "/b/c"));
	assert_false(subtree_paths_have(&below, "/d"));
	assert_false(subtree_paths_have(&below, ""));
	assert_int_equal(subtree_paths_copy_below(&all, &p, ""), 0);
	assert_true(subtree_paths_have(&all, "/a"));
	assert_true(subtree_paths_have(&all, "/ab/d"));
	subtree_paths_fini(&p);
	subtree_paths_fini(&below);
	subtree_paths_fini(&all);
}

static void a_set_has_an_end(void **state)
{
	(void)state;
	const struct fanrec_handle nothing = {0};
	struct subtree_paths p = {0};
	char path[16];
	for (unsigned i = 0; i < SUBTREE_MAX; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		assert_int_equal(subtree_paths_put(&p, path, &nothing), 0);
	}
	assert_int_equal(subtree_paths_put(&p, "/1", &nothing), 0);
	assert_int_equal(subtree_paths_put(&p, "/one", &nothing), -1);
	assert_int_equal(errno, E2BIG);
	subtree_paths_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_in_the_order_in_which_they_were_added),
		cmocka_unit_test(a_list_has_an_end),
		cmocka_unit_test(a_list_has_an_end_in_bytes),
		cmocka_unit_test(a_path_and_all_below_it_is_in_a_set),
		cmocka_unit_test(paths_below_one_are_copied),
		cmocka_unit_test(a_set_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
