/* SPDX-License-Identifier: MIT */
#include "core/record/fanrec.h"

#include "base/countof.h"
#include "core/record/event.h"
#include "record_bytes.h"

#include <linux/fanotify.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FSID UINT64_C(0x1122334455667788)

/* ---- Records made by hand */

/* Add a file handle, and a name unless that is NULL. */
static void add_fid(
	struct buf *b, size_t record, uint8_t kind, const char *handle, const char *name)
{
	record_add_fid(b, record, kind, FSID, handle, strlen(handle), name);
}

/* The one record in the buffer; the bytes behind it must be none. */
static void decode_one(const struct buf *b, struct fanrec *out)
{
	size_t at = 0;
	unsigned bad = 0;
	struct fanrec more;
	assert_true(fanrec_next(b->data, b->len, &at, out, &bad));
	assert_int_equal(at, b->len);
	assert_false(fanrec_next(b->data, b->len, &at, &more, &bad));
	assert_int_equal(bad, 0);
}

static void assert_handle(const struct fanrec_handle *h, const char *bytes)
{
	assert_non_null(h->bytes);
	assert_int_equal(h->len, strlen(bytes));
	assert_memory_equal(h->bytes, bytes, h->len);
	assert_int_equal(h->type, 1);
}

static void decodes_a_create(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_CREATE | FAN_ONDIR, 42);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID_NAME, "parent00", "name");
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_FID, "target", NULL);
	decode_one(&b, &r);
	assert_int_equal(r.mask, FAN_CREATE | FAN_ONDIR);
	assert_int_equal(r.pid, 42);
	assert_int_equal(r.fsid, FSID);
	assert_handle(&r.place.dir, "parent00");
	assert_string_equal(r.place.name, "name");
	assert_handle(&r.target, "target");
	assert_null(r.new_place.dir.bytes);
	assert_null(r.new_place.name);
	assert_int_equal(r.pidfd, -1);
	assert_int_equal(r.fs_error, 0);
	buf_fini(&b);
}

static void decodes_a_rename(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_RENAME, 7);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "olddir", "old\n");
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "newdir", "new");
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_FID, "target", NULL);
	decode_one(&b, &r);
	assert_handle(&r.place.dir, "olddir");
	assert_string_equal(r.place.name, "old\n");
	assert_handle(&r.new_place.dir, "newdir");
	assert_string_equal(r.new_place.name, "new");
	assert_handle(&r.target, "target");
	buf_fini(&b);
}

static void decodes_an_overflow_without_info(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	record_begin(&b, FAN_Q_OVERFLOW, 0);
	decode_one(&b, &r);
	assert_true(r.mask & FAN_Q_OVERFLOW);
	assert_int_equal(r.pid, 0);
	assert_int_equal(r.fsid, 0);
	assert_null(r.place.dir.bytes);
	assert_null(r.place.name);
	assert_null(r.target.bytes);
	buf_fini(&b);
}

static void decodes_a_record_without_a_name(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_ATTRIB, 1);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_FID, "target", NULL);
	decode_one(&b, &r);
	assert_null(r.place.dir.bytes);
	assert_null(r.place.name);
	assert_handle(&r.target, "target");
	buf_fini(&b);
}

static void a_directory_alone_is_named_dot(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_ATTRIB | FAN_ONDIR, 1);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID, "directory", NULL);
	decode_one(&b, &r);
	assert_handle(&r.place.dir, "directory");
	assert_string_equal(r.place.name, ".");
	buf_fini(&b);
}

static void decodes_pidfds_and_their_errors(void **state)
{
	(void)state;
	static const int32_t fds[] = {5, FAN_NOPIDFD, FAN_EPIDFD};
	for (size_t i = 0; i < countof(fds); i++) {
		struct buf b = {0};
		struct fanrec r;
		size_t at = record_begin(&b, FAN_CLOSE_WRITE, 1);
		add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "x");
		record_add_info(
			&b, at, FAN_EVENT_INFO_TYPE_PIDFD, &fds[i], sizeof(fds[i]), 0);
		decode_one(&b, &r);
		assert_int_equal(r.pidfd, fds[i]);
		assert_string_equal(r.place.name, "x");
		buf_fini(&b);
	}
}

static void decodes_a_filesystem_error(void **state)
{
	(void)state;
	const uint32_t error[2] = {117, 3};
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_FS_ERROR, 0);
	record_add_info(&b, at, FAN_EVENT_INFO_TYPE_ERROR, error, sizeof(error), 0);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_FID, "", NULL);
	decode_one(&b, &r);
	assert_int_equal(r.fs_error, 117);
	assert_int_equal(r.fs_error_count, 3);
	assert_int_equal(r.fsid, FSID);
	assert_null(r.target.bytes);
	buf_fini(&b);
}

static void skips_infos_that_it_does_not_know(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = record_begin(&b, FAN_CREATE, 1);
	record_add_info(&b, at, 200, "what is this", 12, 0);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "x");
	record_add_info(&b, at, 201, "", 0, 0);
	decode_one(&b, &r);
	assert_string_equal(r.place.name, "x");
	buf_fini(&b);
}

static void a_longer_head_is_passed_over(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	uint16_t head_len = sizeof(struct fanotify_event_metadata) + 8;
	size_t at = record_begin(&b, FAN_CREATE, 1);
	buf_add(&b, "newfield", 8);
	memcpy(b.data + offsetof(struct fanotify_event_metadata, metadata_len), &head_len,
		sizeof(head_len));
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "x");
	decode_one(&b, &r);
	assert_string_equal(r.place.name, "x");
	buf_fini(&b);
}

static void decodes_many_records_in_order(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	size_t at = 0;
	unsigned bad = 0;
	for (int i = 0; i < 1000; i++) {
		char name[8] = {(char)('a' + i % 26), 0};
		add_fid(&b, record_begin(&b, FAN_CREATE, i),
			FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", name);
	}
	for (int i = 0; i < 1000; i++) {
		assert_true(fanrec_next(b.data, b.len, &at, &r, &bad));
		assert_int_equal(r.pid, i);
		assert_int_equal(r.place.name[0], 'a' + i % 26);
	}
	assert_false(fanrec_next(b.data, b.len, &at, &r, &bad));
	assert_int_equal(bad, 0);
	buf_fini(&b);
}

static void longest_handles_and_names(void **state)
{
	(void)state;
	struct buf b = {0};
	struct fanrec r;
	char handle[FANREC_HANDLE_MAX + 1] = {0}, name[256] = {0};
	memset(handle, 'h', FANREC_HANDLE_MAX);
	memset(name, '\xff', 255);
	size_t at = record_begin(&b, FAN_CREATE, 1);
	add_fid(&b, at, FAN_EVENT_INFO_TYPE_DFID_NAME, handle, name);
	decode_one(&b, &r);
	assert_handle(&r.place.dir, handle);
	assert_string_equal(r.place.name, name);
	buf_fini(&b);
}

/* ---- Records that are not whole: each stands before a good one */

static void break_vers(struct buf *b)
{
	b->data[offsetof(struct fanotify_event_metadata, vers)] = 2;
}

static void break_head_short(struct buf *b)
{
	b->data[offsetof(struct fanotify_event_metadata, metadata_len)] = 8;
}

static void break_head_long(struct buf *b)
{
	b->data[offsetof(struct fanotify_event_metadata, metadata_len) + 1] = 8;
}

static void info_too_long(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_PIDFD, "1234", 4, 4);
}

static void info_of_length_0(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_PIDFD, "", 0, -4);
}

static void info_unknown_too_long(struct buf *b)
{
	record_add_info(b, 0, 200, "1234", 4, 100);
}

static void info_cut_in_its_head(struct buf *b)
{
	buf_add(b, "\x01", 2);
	record_set_len(b, 0);
}

static void pidfd_short(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_PIDFD, "12", 2, 0);
}

static void error_short(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_ERROR, "1234567", 7, 0);
}

static void fsid_short(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_FID, "1234567", 7, 0);
}

static void handle_head_short(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_FID, "12345678....", 12, 0);
}

static void handle_past_the_info(struct buf *b)
{
	record_add_info(
		b, 0, FAN_EVENT_INFO_TYPE_FID, "12345678\x05\0\0\0\x01\0\0\0abcd", 20, 0);
}

static void handle_too_long(struct buf *b)
{
	char info[16 + FANREC_HANDLE_MAX + 1] = "12345678\x81\0\0\0\x01\0\0";
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_FID, info, sizeof(info), 0);
}

static void handle_of_4_gib(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_FID,
		"12345678\xff\xff\xff\xff\x01\0\0\0abcd", 20, 0);
}

static void name_without_end(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_DFID_NAME,
		"12345678\x04\0\0\0\x01\0\0\0abcdname", 24, 0);
}

static void name_missing(struct buf *b)
{
	record_add_info(b, 0, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
		"12345678\x04\0\0\0\x01\0\0\0abcd", 20, 0);
}

static void broken_records_are_counted_and_skipped(void **state)
{
	(void)state;
	static void (*const breakers[])(struct buf * b) = {
		break_vers,
		break_head_short,
		break_head_long,
		info_too_long,
		info_of_length_0,
		info_unknown_too_long,
		info_cut_in_its_head,
		pidfd_short,
		error_short,
		fsid_short,
		handle_head_short,
		handle_past_the_info,
		handle_too_long,
		handle_of_4_gib,
		name_without_end,
		name_missing,
	};
	for (size_t i = 0; i < countof(breakers); i++) {
		struct buf b = {0};
		struct fanrec r;
		size_t at = 0;
		unsigned bad = 0;
		record_begin(&b, FAN_CREATE, 1);
		breakers[i](&b);
		add_fid(&b, record_begin(&b, FAN_DELETE, 2),
			FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "good");
		if (!fanrec_next(b.data, b.len, &at, &r, &bad) || r.pid != 2 || bad != 1)
			fail_msg("case %zu: pid %d, %u broken", i, r.pid, bad);
		assert_string_equal(r.place.name, "good");
		assert_false(fanrec_next(b.data, b.len, &at, &r, NULL));
		buf_fini(&b);
	}
}

static void a_broken_length_ends_the_bytes(void **state)
{
	(void)state;
	static const uint32_t lens[] = {0, 1, 23, 49, 1000, UINT32_MAX};
	for (size_t i = 0; i < countof(lens); i++) {
		struct buf b = {0};
		struct fanrec r;
		size_t at = 0;
		unsigned bad = 0;
		record_begin(&b, FAN_CREATE, 1);
		record_begin(&b, FAN_CREATE, 2);
		memcpy(b.data, &lens[i], sizeof(lens[i]));
		assert_false(fanrec_next(b.data, b.len, &at, &r, &bad));
		assert_int_equal(bad, 1);
		assert_int_equal(at, b.len);
		buf_fini(&b);
	}
}

/* Whatever end is cut off, nothing past the bytes is read and no record is made up. */
static void cut_anywhere(void **state)
{
	(void)state;
	struct buf b = {0};
	size_t first = record_begin(&b, FAN_RENAME, 1);
	add_fid(&b, first, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "olddir", "old");
	add_fid(&b, first, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "newdir", "new");
	size_t second = record_begin(&b, FAN_CREATE, 2);
	add_fid(&b, second, FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "x");
	for (size_t len = 0; len <= b.len; len++) {
		char *copy = malloc(len + (len == 0));
		struct fanrec r;
		size_t at = 0;
		unsigned bad = 0, good = 0;
		assert_non_null(copy);
		memcpy(copy, b.data, len);
		while (fanrec_next(copy, len, &at, &r, &bad))
			good++;
		assert_int_equal(good, (len >= second) + (len == b.len));
		assert_int_equal(bad, len != 0 && len != second && len != b.len);
		free(copy);
	}
	buf_fini(&b);
}

/* ---- Masks */

static void every_kind_has_its_bit(void **state)
{
	(void)state;
	static const struct {
		uint32_t kind;
		uint64_t bit;
	} cases[] = {
		{EVENT_OPEN_EXEC, FAN_OPEN_EXEC},
		{EVENT_OPEN, FAN_OPEN},
		{EVENT_ACCESS, FAN_ACCESS},
		{EVENT_CLOSE_NOWRITE, FAN_CLOSE_NOWRITE},
		{EVENT_CREATE, FAN_CREATE},
		{EVENT_MODIFY, FAN_MODIFY},
		{EVENT_ATTRIB, FAN_ATTRIB},
		{EVENT_CLOSE_WRITE, FAN_CLOSE_WRITE},
		{EVENT_RENAME, FAN_RENAME},
		{EVENT_DELETE, FAN_DELETE},
		{EVENT_FS_ERROR, FAN_FS_ERROR},
	};
	uint32_t all_kinds = EVENT_OVERFLOW | EVENT_MOVED_TO | EVENT_MOVED_FROM;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(fanrec_mask(cases[i].kind), cases[i].bit);
		assert_int_equal(fanrec_kinds(cases[i].bit), cases[i].kind);
		all_kinds |= cases[i].kind;
	}
	assert_int_equal(all_kinds, EVENT_ALL);
}

static void kinds_without_a_bit_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(fanrec_mask(0), 0);
	assert_int_equal(fanrec_mask(EVENT_MOVED_TO), FAN_RENAME);
	assert_int_equal(fanrec_mask(EVENT_MOVED_FROM), FAN_RENAME);
	assert_int_equal(fanrec_mask(EVENT_UNWRITTEN), FAN_CREATE);
	assert_int_equal(fanrec_mask(EVENT_CHANGED),
		FAN_CLOSE_WRITE | FAN_RENAME | FAN_DELETE | FAN_CREATE);
	/* The queue says by itself that it has overflown. */
	assert_int_equal(fanrec_mask(EVENT_OVERFLOW), 0);
	assert_int_equal(fanrec_kinds(FAN_Q_OVERFLOW), EVENT_OVERFLOW);
	assert_int_equal(fanrec_kinds(FAN_ONDIR | FAN_EVENT_ON_CHILD), 0);
	assert_int_equal(fanrec_kinds(FAN_CREATE | FAN_CLOSE_WRITE | FAN_DELETE),
		EVENT_CREATE | EVENT_CLOSE_WRITE | EVENT_DELETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_a_create),
		cmocka_unit_test(decodes_a_rename),
		cmocka_unit_test(decodes_an_overflow_without_info),
		cmocka_unit_test(decodes_a_record_without_a_name),
		cmocka_unit_test(a_directory_alone_is_named_dot),
		cmocka_unit_test(decodes_pidfds_and_their_errors),
		cmocka_unit_test(decodes_a_filesystem_error),
		cmocka_unit_test(skips_infos_that_it_does_not_know),
		cmocka_unit_test(a_longer_head_is_passed_over),
		cmocka_unit_test(decodes_many_records_in_order),
		cmocka_unit_test(longest_handles_and_names),
		cmocka_unit_test(broken_records_are_counted_and_skipped),
		cmocka_unit_test(a_broken_length_ends_the_bytes),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(every_kind_has_its_bit),
		cmocka_unit_test(kinds_without_a_bit_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
