/* SPDX-License-Identifier: MIT */
#include "core/rule/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void owns_copies_of_its_paths(void **state)
{
	(void)state;
	char path[] = "/new", old_path[] = "/old";
	struct change *c = change_new(path, old_path);
	path[1] = old_path[1] = 'x';
	assert_string_equal(c->event.path, "/new");
	assert_string_equal(c->event.old_path, "/old");
	assert_ptr_equal(c->event.actor, &c->actor);
	c->actor.program.cmdline = strdup("freed with the change");
	change_unref(c);

	c = change_new(NULL, "/old");
	assert_null(c->event.path);
	assert_string_equal(c->event.old_path, "/old");
	change_unref(c);
	change_unref(NULL);
}

static void lives_until_the_last_reference(void **state)
{
	(void)state;
	struct change *c = change_new("/a", NULL);
	assert_ptr_equal(change_ref(c), c);
	assert_ptr_equal(change_ref(c), c);
	change_unref(c);
	change_unref(c);
	assert_string_equal(c->event.path, "/a");
	change_unref(c);
}

static void notes_each_rule_once(void **state)
{
	(void)state;
	struct change *c = change_new("/new", "/old");
	assert_int_equal(change_add_hit(c, 5, false, "/new"), 0);
	assert_int_equal(change_add_hit(c, 2, true, "/old"), 0);
	assert_int_equal(change_add_hit(c, 5, true, "/old"), 0);
	assert_int_equal(change_add_hit(c, 5, false, "/new"), 0);
	assert_int_equal(c->hit_count, 2);
	assert_int_equal(c->hits[0].rule, 5);
	assert_true(c->hits[0].is_new && c->hits[0].is_old);
	assert_int_equal(c->hits[1].rule, 2);
	assert_true(!c->hits[1].is_new && c->hits[1].is_old);
	change_unref(c);
}

/* A rule may see the file at another place than the event says. */
static void keeps_a_path_only_where_it_differs(void **state)
{
	(void)state;
	struct change *c = change_new("/new", "/old");
	change_add_hit(c, 1, false, "/new");
	change_add_hit(c, 1, true, "/old");
	assert_null(c->hits[0].path);
	assert_null(c->hits[0].old_path);
	change_add_hit(c, 2, false, "/bind/new");
	change_add_hit(c, 2, false, "/second/new"); /* the first one stays */
	change_add_hit(c, 2, true, "/bind/old");
	assert_string_equal(c->hits[1].path, "/bind/new");
	assert_string_equal(c->hits[1].old_path, "/bind/old");
	change_unref(c);

	c = change_new(NULL, NULL);
	change_add_hit(c, 1, false, "/only/here");
	assert_string_equal(c->hits[0].path, "/only/here");
	change_unref(c);
}

static void gives_the_handle_of_the_file(void **state)
{
	(void)state;
	struct change *c = change_new("/a", NULL);
	assert_null(change_target(c).bytes);
	c->target_len = 4;
	c->target_type = 7;
	memcpy(c->target, "abcd", 4);
	struct fanrec_handle h = change_target(c);
	assert_ptr_equal(h.bytes, c->target);
	assert_int_equal(h.len, 4);
	assert_int_equal(h.type, 7);
	change_unref(c);
}

static void follows_rules_to_their_new_numbers(void **state)
{
	(void)state;
	static const int64_t map[] = {2, -1, 0};
	struct change *c = change_new("/a", NULL);
	change_add_hit(c, 0, false, "/bind/a");
	change_add_hit(c, 1, false, "/bind/b");
	change_add_hit(c, 2, false, "/bind/c");
	change_renumber(c, map);
	assert_int_equal(c->hit_count, 2);
	assert_int_equal(c->hits[0].rule, 2);
	assert_string_equal(c->hits[0].path, "/bind/a");
	assert_int_equal(c->hits[1].rule, 0);
	assert_string_equal(c->hits[1].path, "/bind/c");
	change_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owns_copies_of_its_paths),
		cmocka_unit_test(lives_until_the_last_reference),
		cmocka_unit_test(notes_each_rule_once),
		cmocka_unit_test(keeps_a_path_only_where_it_differs),
		cmocka_unit_test(gives_the_handle_of_the_file),
		cmocka_unit_test(follows_rules_to_their_new_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
