/* SPDX-License-Identifier: MIT */
#include "core/record/nameless.h"

#include "base/countof.h"
#include "record_bytes.h"

#include <linux/fanotify.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FSID 7
#define INO 1234
#define RECORDS 8

/* What a record says; directories and files are numbers, 0: it does not say which. */
struct said {
	uint64_t mask; /* 0: there is no record */
	uint32_t file;
	uint32_t dir;
	const char *name;
	uint32_t new_dir;
	const char *new_name;
};

static void add_place(
	struct buf *b, size_t at, uint8_t kind, uint32_t dir, const char *name)
{
	const uint32_t handle[2] = {dir, 1};
	record_add_fid(b, at, kind, FSID, handle, dir ? sizeof(handle) : 0, name);
}

static void add(struct buf *b, const struct said *s)
{
	bool is_rename = s->new_dir;
	size_t at = record_begin(b, s->mask, 1);
	add_place(b, at,
		is_rename ? FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
			  : FAN_EVENT_INFO_TYPE_DFID_NAME,
		s->dir, s->name);
	if (is_rename)
		add_place(b, at, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, s->new_dir,
			s->new_name);
	add_place(b, at, FAN_EVENT_INFO_TYPE_FID, s->file, NULL);
}

/* The record of a file without a name. */
static const struct said written = {FAN_CLOSE_WRITE, INO, 9, "#1234", 0, NULL};

static void the_name_tells_the_entry_of_a_file_without_one(void **state)
{
	static const struct {
		struct said said;
		bool is_one;
	} cases[] = {
		{{FAN_CLOSE_WRITE, INO, 9, "#1234", 0, NULL}, true},
		{{FAN_MODIFY | FAN_OPEN, INO, 9, "#1234", 0, NULL}, true},
		/* Of the number the handle has the low half. */
		{{FAN_OPEN, INO, 9, "#4294968530", 0, NULL}, true},
		{{FAN_CLOSE_WRITE, INO, 9, "#1235", 0, NULL}, false},
		{{FAN_CLOSE_WRITE, INO, 9, "#1234x", 0, NULL}, false},
		{{FAN_CLOSE_WRITE, INO, 9, "#x", 0, NULL}, false},
		{{FAN_CLOSE_WRITE, INO, 9, "#", 0, NULL}, false},
		{{FAN_CLOSE_WRITE, INO, 9, "1234", 0, NULL}, false},
		{{FAN_CLOSE_WRITE, 0, 9, "#1234", 0, NULL}, false},
		{{FAN_CREATE, INO, 9, "#1234", 0, NULL}, false},
		{{FAN_DELETE | FAN_CLOSE_WRITE, INO, 9, "#1234", 0, NULL}, false},
		{{FAN_RENAME, INO, 9, "#1234", 9, "a"}, false},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		struct fanrec r;
		size_t at = 0;
		add(&b, &cases[i].said);
		assert_true(fanrec_next(b.data, b.len, &at, &r, NULL));
		if (nameless_is_one(&r) != cases[i].is_one)
			fail_msg("case %zu", i);
		buf_fini(&b);
	}
}

/* The file is linked as 1/a, or is renamed or deleted there. */
#define LINK                                     \
	{                                        \
		FAN_CREATE, INO, 1, "a", 0, NULL \
	}
#define MOVE                                    \
	{                                       \
		FAN_RENAME, INO, 1, "a", 2, "b" \
	}
#define UNLINK                                   \
	{                                        \
		FAN_DELETE, INO, 1, "a", 0, NULL \
	}

/* Where the file is by what stands before its record and behind it. */
static const struct {
	const char *what;
	struct said before[RECORDS], behind[RECORDS];
	uint32_t dir; /* 0: nothing says it */
	const char *name;
} cases[] = {
	{"nothing says it", {{0}}, {{0}}, 0, NULL},
	{"it was linked", {LINK}, {{0}}, 1, "a"},
	{"it is linked later", {{0}}, {LINK}, 1, "a"},
	{"it is linked, and renamed, later", {{0}}, {LINK, MOVE}, 1, "a"},
	{"it was linked, and is renamed later", {LINK}, {MOVE}, 1, "a"},
	{"it was linked and renamed", {LINK, MOVE}, {{0}}, 2, "b"},
	{"it was linked and renamed, and is deleted later", {LINK, MOVE},
		{{FAN_DELETE, INO, 2, "b", 0, NULL}}, 2, "b"},
	{"it is renamed later", {{0}}, {MOVE}, 1, "a"},
	{"it is deleted later", {{0}}, {UNLINK}, 1, "a"},
	{"it was linked and deleted", {LINK, UNLINK}, {{0}}, 0, NULL},
	{"it was linked and deleted, and is linked later", {LINK, UNLINK},
		{{FAN_CREATE, INO, 3, "c", 0, NULL}}, 3, "c"},
	{"another took its place", {LINK, {FAN_RENAME, 5, 1, "x", 1, "a"}}, {{0}}, 0,
		NULL},
	{"one of two links was deleted",
		{{FAN_CREATE, INO, 3, "c", 0, NULL}, LINK,
			{FAN_DELETE, INO, 3, "c", 0, NULL}},
		{{0}}, 1, "a"},
	{"it was made and deleted, in which order ever",
		{{FAN_CREATE | FAN_DELETE, INO, 1, "a", 0, NULL}}, {{0}}, 1, "a"},
	{"others were made and renamed",
		{{FAN_CREATE, 5, 1, "a", 0, NULL}, {FAN_RENAME, 5, 1, "a", 2, "b"}},
		{{FAN_DELETE, 5, 2, "b", 0, NULL}}, 0, NULL},
	{"other things were done to it", {{FAN_OPEN, INO, 1, "a", 0, NULL}},
		{{FAN_ATTRIB, INO, 1, "a", 0, NULL}}, 0, NULL},
	{"its directory has no handle", {{FAN_CREATE, INO, 0, "a", 0, NULL}},
		{{FAN_CREATE, INO, 0, "a", 0, NULL}}, 0, NULL},
};

static void assert_place(const char *what, bool is_found,
	const struct fanrec_place *place, uint32_t dir, const char *name)
{
	uint32_t found = 0;
	if (is_found)
		memcpy(&found, place->dir.bytes, sizeof(found));
	if (found != dir || (dir && strcmp(place->name, name) != 0))
		fail_msg("%s: it is %u/%s", what, found, found ? place->name : "");
}

static void the_nearest_record_before_it_tells_or_the_first_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		struct fanrec r;
		struct fanrec_place place;
		for (size_t k = 0; k < RECORDS && cases[i].before[k].mask; k++)
			add(&b, &cases[i].before[k]);
		struct nameless_records around = {.at = b.len};
		add(&b, &written);
		for (size_t k = 0; k < RECORDS && cases[i].behind[k].mask; k++)
			add(&b, &cases[i].behind[k]);
		around.bytes = b.data;
		around.len = b.len;
		size_t at = around.at;
		assert_true(fanrec_next(b.data, b.len, &at, &r, NULL));
		bool is_found = nameless_find_place(&around, &r, &place);
		assert_place(
			cases[i].what, is_found, &place, cases[i].dir, cases[i].name);
		assert_int_equal(around.from, 0);
		buf_fini(&b);
	}
}

/* Add records of others, at least so many bytes. */
static void add_others(struct buf *b, size_t len)
{
	static const struct said other = {FAN_CREATE, 5, 1, "other", 0, NULL};
	for (size_t end = b->len + len; b->len < end;)
		add(b, &other);
}

static void what_is_far_away_is_not_looked_at(void **state)
{
	static const struct said linked = LINK;
	static const struct {
		size_t before, behind;
		uint32_t dir;
	} far[] = {
		{NAMELESS_REACH_BYTES, NAMELESS_REACH_BYTES, 0},
		{NAMELESS_REACH_BYTES - 512, NAMELESS_REACH_BYTES, 1},
		{NAMELESS_REACH_BYTES, NAMELESS_REACH_BYTES - 512, 1},
	};
	(void)state;
	for (size_t i = 0; i < countof(far); i++) {
		struct buf b = {0};
		struct fanrec r;
		struct fanrec_place place;
		add_others(&b, 1000);
		size_t first = b.len;
		add(&b, &linked);
		add_others(&b, far[i].before);
		struct nameless_records around = {.at = b.len};
		add(&b, &written);
		add_others(&b, far[i].behind);
		add(&b, &linked);
		around.bytes = b.data;
		around.len = b.len;
		size_t at = around.at;
		assert_true(fanrec_next(b.data, b.len, &at, &r, NULL));
		bool is_found = nameless_find_place(&around, &r, &place);
		assert_place("far", is_found, &place, far[i].dir, "a");
		/* The next search begins where this one did, or behind that. */
		assert_true(around.at - around.from <= NAMELESS_REACH_BYTES);
		assert_int_equal(
			around.from > first, far[i].before >= NAMELESS_REACH_BYTES);
		buf_fini(&b);
	}
}

/* Whatever end is cut off, nothing past the bytes is read. */
static void cut_anywhere(void **state)
{
	static const struct said linked = LINK, moved = MOVE;
	struct buf b = {0};
	struct fanrec r;
	size_t at = 0;
	(void)state;
	add(&b, &written);
	assert_true(fanrec_next(b.data, b.len, &at, &r, NULL));
	struct buf records = {0};
	add(&records, &moved);
	size_t second = records.len;
	add(&records, &linked);
	for (size_t len = 0; len <= records.len; len++) {
		char *copy = malloc(len + (len == 0));
		struct fanrec_place place;
		assert_non_null(copy);
		memcpy(copy, records.data, len);
		struct nameless_records behind = {.bytes = copy, .len = len};
		struct nameless_records before = {.bytes = copy, .len = len, .at = len};
		assert_int_equal(nameless_find_place(&behind, &r, &place), len >= second);
		assert_int_equal(nameless_find_place(&before, &r, &place), len >= second);
		free(copy);
	}
	buf_fini(&records);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_tells_the_entry_of_a_file_without_one),
		cmocka_unit_test(the_nearest_record_before_it_tells_or_the_first_behind),
		cmocka_unit_test(what_is_far_away_is_not_looked_at),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
