/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/countof.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vis.h>

#include <cmocka.h>

static void appends_bytes_text_and_formats(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_int_equal(buf_add_str(&b, "cd"), 0);
	assert_int_equal(buf_printf(&b, "%s=%d", "x", 42), 0);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "a\0bcdx=42", 10);
	buf_fini(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
}

static void grows_and_keeps_what_it_has(void **state)
{
	(void)state;
	struct buf b = {0};
	for (unsigned i = 0; i < 5000; i++) {
		char c = (char)('a' + i % 26);
		assert_int_equal(buf_add(&b, &c, 1), 0);
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 5000);
	assert_true(b.size > b.len);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_fini(&b);
}

static void appends_nothing(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_add_str(&b, ""), 0);
	assert_int_equal(buf_printf(&b, "%s", ""), 0);
	assert_int_equal(buf_add_vis(&b, "", 0), 0);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void formats_what_is_longer_than_the_room(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_printf(&b, "%0*d|", 3000, 7), 0);
	assert_int_equal(b.len, 3001);
	assert_string_equal(b.data + 2999, "7|");
	buf_fini(&b);
}

static void escapes_what_is_not_printable(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{"plain/file-1.txt", 16, "plain/file-1.txt"},
		{"a b", 3, "a b"},
		{"a\nb", 3, "a\\nb"},
		{"a\tb", 3, "a\\tb"},
		{"\033[31m", 5, "\\033[31m"},
		{"back\\slash", 10, "back\\\\slash"},
		{"\xff", 1, "\\377"},
		{"\xc3\xa4", 2, "\xc3\xa4"},
		{"\xe2\x82\xac \xf0\x9f\x98\x80", 8, "\xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xe2\x82\n", 3, "\\342\\202\\n"},
		{"\x7f", 1, "\\177"},
		{"a\0"
		 "1",
			3, "a\\0001"},
		/* What ends a line or turns it round in UTF-8: NEL, CSI, separators, overrides. */
		{"\xc2\x85", 2, "\\302\\205"},
		{"\xc2\x9b", 2, "\\302\\233"},
		{"\xe2\x80\xa8", 3, "\\342\\200\\250"},
		{"\xe2\x80\xa9", 3, "\\342\\200\\251"},
		{"\xe2\x80\xae", 3, "\\342\\200\\256"},
		{"\xe2\x81\xa6", 3, "\\342\\201\\246"},
		{"\xd8\x9c", 2, "\\330\\234"},
		{"$(rm -rf /)", 11, "$(rm -rf /)"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		assert_int_equal(buf_add_vis(&b, cases[i].bytes, cases[i].len), 0);
		assert_string_equal(b.data, cases[i].text);
		assert_int_equal(b.len, strlen(cases[i].text));
		buf_fini(&b);
	}
}

static void escapes_every_byte_so_that_it_comes_back(void **state)
{
	(void)state;
	char bytes[256], back[1025];
	struct buf b = {0};
	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (char)i;
	buf_add_str(&b, "front ");
	assert_int_equal(buf_add_vis(&b, bytes, sizeof(bytes)), 0);
	for (size_t i = 0; i < b.len; i++)
		assert_in_range(b.data[i], ' ', '~');
	assert_int_equal(strnunvis(back, b.data + 6, sizeof(back)), 256);
	assert_memory_equal(back, bytes, sizeof(bytes));
	buf_fini(&b);
}

static void stays_failed_until_cleared(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_add_str(&b, "kept");
	errno = 0;
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), -1);
	assert_int_equal(errno, ENOMEM);
	assert_true(b.failed);
	assert_int_equal(buf_add_str(&b, "y"), -1);
	assert_int_equal(buf_printf(&b, "%d", 1), -1);
	assert_int_equal(buf_add_vis(&b, "z", 1), -1);
	assert_string_equal(b.data, "kept");
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "new"), 0);
	assert_string_equal(b.data, "new");
	assert_int_equal(buf_add_vis(&b, "x", SIZE_MAX / 4), -1);
	errno = 0;
	assert_null(buf_take(&b));
	assert_int_equal(errno, ENOMEM);
	assert_null(b.data);
	assert_false(b.failed);
}

static void clears_but_keeps_the_memory(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_clear(&b);
	assert_null(b.data);
	buf_add_str(&b, "something");
	const char *data = b.data;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_ptr_equal(b.data, data);
	assert_string_equal(b.data, "");
	buf_fini(&b);
}

static void gives_its_string_away(void **state)
{
	(void)state;
	struct buf b = {0};
	char *s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
	buf_add_str(&b, "mine");
	s = buf_take(&b);
	assert_string_equal(s, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.size, 0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_bytes_text_and_formats),
		cmocka_unit_test(grows_and_keeps_what_it_has),
		cmocka_unit_test(appends_nothing),
		cmocka_unit_test(formats_what_is_longer_than_the_room),
		cmocka_unit_test(escapes_what_is_not_printable),
		cmocka_unit_test(escapes_every_byte_so_that_it_comes_back),
		cmocka_unit_test(stays_failed_until_cleared),
		cmocka_unit_test(clears_but_keeps_the_memory),
		cmocka_unit_test(gives_its_string_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
