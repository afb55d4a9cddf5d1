/* SPDX-License-Identifier: MIT */
#include "core/rule/view.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	uint32_t kind;
	const char *path, *old_path;
	const char *is_about;
} paths[] = {
	{EVENT_CLOSE_WRITE, "/new", NULL, "/new"},
	{EVENT_RENAME, "/new", "/old", "/new"},
	{EVENT_MOVED_TO, "/new", "/old", "/new"},
	{EVENT_MOVED_TO, "/new", NULL, "/new"},
	{EVENT_MOVED_FROM, "/new", "/old", "/old"},
	{EVENT_MOVED_FROM, NULL, "/old", "/old"},
	{EVENT_MOVED_FROM, "/new", NULL, ""},
	{EVENT_OVERFLOW, NULL, NULL, ""},
};

static void is_about_the_old_path_where_it_moved_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(paths); i++) {
		struct view v = {.kind = paths[i].kind,
			.path = paths[i].path,
			.old_path = paths[i].old_path};
		assert_string_equal(view_path(&v), paths[i].is_about);
	}
}

static void has_the_paths_of_the_event_or_those_of_the_rule(void **state)
{
	(void)state;
	struct change *c = change_new("/new", "/old");
	assert_int_equal(change_add_hit(c, 1, false, "/new"), 0);
	assert_int_equal(change_add_hit(c, 2, false, "/bind/new"), 0);
	assert_int_equal(change_add_hit(c, 2, true, "/bind/old"), 0);
	struct view v = view_of(c, EVENT_MOVED_TO, NULL);
	assert_ptr_equal(v.change, c);
	assert_int_equal(v.kind, EVENT_MOVED_TO);
	assert_ptr_equal(v.path, c->event.path);
	assert_ptr_equal(v.old_path, c->event.old_path);
	v = view_of(c, EVENT_MOVED_TO, &c->hits[0]);
	assert_ptr_equal(v.path, c->event.path);
	assert_ptr_equal(v.old_path, c->event.old_path);
	v = view_of(c, EVENT_RENAME, &c->hits[1]);
	assert_string_equal(v.path, "/bind/new");
	assert_string_equal(v.old_path, "/bind/old");
	change_unref(c);
}

static const struct {
	uint32_t kind;
	bool is_dir, type_known;
	enum event_type type;
	enum event_type is;
} types[] = {
	{EVENT_CREATE, false, true, EVENT_TYPE_SYMLINK, EVENT_TYPE_SYMLINK},
	{EVENT_CREATE, true, true, EVENT_TYPE_DIR, EVENT_TYPE_DIR},
	{EVENT_CREATE, true, true, EVENT_TYPE_GONE, EVENT_TYPE_GONE},
	{EVENT_CREATE, true, false, EVENT_TYPE_GONE, EVENT_TYPE_DIR},
	{EVENT_CREATE, false, false, EVENT_TYPE_GONE, EVENT_TYPE_GONE},
	{EVENT_DELETE, true, false, EVENT_TYPE_GONE, EVENT_TYPE_GONE},
	{EVENT_DELETE, false, true, EVENT_TYPE_FILE, EVENT_TYPE_GONE},
	{EVENT_MOVED_FROM, false, true, EVENT_TYPE_FILE, EVENT_TYPE_FILE},
};

static void has_the_type_of_what_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(types); i++) {
		struct change c = {.event = {.is_dir = types[i].is_dir,
					   .type_known = types[i].type_known,
					   .type = types[i].type}};
		assert_int_equal(view_of(&c, types[i].kind, NULL).type, types[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_about_the_old_path_where_it_moved_away),
		cmocka_unit_test(has_the_paths_of_the_event_or_those_of_the_rule),
		cmocka_unit_test(has_the_type_of_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
