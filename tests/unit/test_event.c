/* SPDX-License-Identifier: MIT */
#include "core/record/event.h"

#include "base/countof.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void knows_names_and_aliases(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t mask;
	} cases[] = {
		{"create", EVENT_CREATE},
		{"Create", EVENT_CREATE},
		{"close-write", EVENT_CLOSE_WRITE},
		{"close_write", EVENT_CLOSE_WRITE},
		{"CLOSE_WRITE", EVENT_CLOSE_WRITE},
		{"rename", EVENT_RENAMES},
		{"moved-to", EVENT_MOVED_TO},
		{"moved-from", EVENT_MOVED_FROM},
		{"changed", EVENT_CHANGED},
		{"all", EVENT_ALL},
		{"overflow", EVENT_OVERFLOW},
		{"fs-error", EVENT_FS_ERROR},
		{"open-exec", EVENT_OPEN_EXEC},
		{"IN_CREATE", EVENT_CREATE},
		{"in_create", EVENT_CREATE},
		{"IN_CLOSE_WRITE", EVENT_CLOSE_WRITE},
		{"IN_CLOSE", EVENT_CLOSE_WRITE | EVENT_CLOSE_NOWRITE},
		{"IN_MOVE", EVENT_RENAMES},
		{"IN_MOVED_TO", EVENT_MOVED_TO},
		{"IN_MOVED_FROM", EVENT_MOVED_FROM},
		{"IN_DELETE_SELF", EVENT_DELETE},
		{"IN_Q_OVERFLOW", EVENT_OVERFLOW},
		{"IN_ALL_EVENTS", EVENT_ALL},
		{"FAN_CREATE", EVENT_CREATE},
		{"FAN_RENAME", EVENT_RENAMES},
		{"FAN_MOVED_TO", EVENT_MOVED_TO},
		{"FAN_CLOSE_WRITE", EVENT_CLOSE_WRITE},
		{"FAN_OPEN_EXEC", EVENT_OPEN_EXEC},
		{"FAN_FS_ERROR", EVENT_FS_ERROR},
		{"", 0},
		{"creat", 0},
		{"create ", 0},
		{"IN_", 0},
		{"IN_CHANGED", 0},
		{"IN_OVERFLOW", 0},
		{"IN_ALL", 0},
		{"close", 0},
		{"all-events", 0},
		{"IN_OPEN_EXEC", EVENT_OPEN_EXEC},
		{"in-in-create", 0},
		{"fan", 0},
		{"a-name-that-is-much-longer-than-any-event-has", 0},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		if (event_mask_by_name(cases[i].name) != cases[i].mask)
			fail_msg("%s is %#x", cases[i].name,
				event_mask_by_name(cases[i].name));
	}
}

static void names_every_kind(void **state)
{
	(void)state;
	for (uint32_t kind = 1; kind & EVENT_ALL; kind <<= 1) {
		const char *name = event_kind_name(kind);
		assert_non_null(name);
		assert_true(event_mask_by_name(name) & kind);
	}
	assert_string_equal(event_kind_name(EVENT_RENAME), "rename");
	assert_null(event_kind_name(0));
	assert_null(event_kind_name(EVENT_CREATE | EVENT_DELETE));
	assert_null(event_kind_name(EVENT_RENAMES));
	assert_null(event_kind_name(EVENT_UNWRITTEN));
}

static void all_is_every_kind_once(void **state)
{
	(void)state;
	assert_int_equal(EVENT_ALL & EVENT_UNWRITTEN, 0);
	assert_int_equal(event_asked_by(EVENT_RENAME), EVENT_RENAMES);
	assert_int_equal(event_asked_by(EVENT_CREATE), EVENT_CREATE | EVENT_UNWRITTEN);
	assert_int_equal(event_asked_by(EVENT_MODIFY), EVENT_MODIFY | EVENT_UNWRITTEN);
	assert_int_equal(event_asked_by(EVENT_MODIFY | EVENT_CLOSE_WRITE),
		EVENT_MODIFY | EVENT_CLOSE_WRITE);
	assert_int_equal(event_asked_by(EVENT_DELETE), EVENT_DELETE);
	assert_int_equal(EVENT_ALL & EVENT_OVERFLOW, EVENT_OVERFLOW);
	assert_int_equal(EVENT_CHANGED & EVENT_CREATE, 0);
}

static void finds_the_newest(void **state)
{
	(void)state;
	assert_int_equal(event_kind_newest(0), 0);
	assert_int_equal(event_kind_newest(EVENT_OPEN), EVENT_OPEN);
	assert_int_equal(
		event_kind_newest(EVENT_CREATE | EVENT_CLOSE_WRITE | EVENT_DELETE),
		EVENT_DELETE);
}

static void suggests(void **state)
{
	(void)state;
	assert_string_equal(event_name_nearest("chagned"), "changed");
	assert_string_equal(event_name_nearest("IN_CLOSE_WRIT"), "close-write");
	assert_string_equal(event_name_nearest("crate"), "create");
	assert_string_equal(event_name_nearest("nowrite"), "close-nowrite");
	assert_null(event_name_nearest("frobnicate"));
	assert_null(event_name_nearest(""));
}

static void names_types(void **state)
{
	(void)state;
	assert_string_equal(event_type_name(EVENT_TYPE_GONE), "");
	assert_string_equal(event_type_name(EVENT_TYPE_FILE), "file");
	assert_string_equal(event_type_name(EVENT_TYPE_DIR), "dir");
	assert_string_equal(event_type_name(EVENT_TYPE_SYMLINK), "symlink");
	assert_string_equal(event_type_name(EVENT_TYPE_OTHER), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_names_and_aliases),
		cmocka_unit_test(names_every_kind),
		cmocka_unit_test(all_is_every_kind_once),
		cmocka_unit_test(finds_the_newest),
		cmocka_unit_test(suggests),
		cmocka_unit_test(names_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
