/* SPDX-License-Identifier: MIT */
#include "core/text/jsonbytes.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	const char *json; /* without the quotes around it */
} strings[] = {
	{"", ""},
	{"/srv/a b", "/srv/a b"},
	{"a\"b\\c", "a\\\"b\\\\c"},
	{"\b\t\n\f\r", "\\b\\t\\n\\f\\r"},
	{"\x01\x1b[2J\x1f\x7f", "\\u0001\\u001b[2J\\u001f\\u007f"},
	/* Well-formed: the first and the last of each length. */
	{"\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf"},
	{"\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf"},
	{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
	{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	{"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f"},
	/* C1, which some terminals obey. */
	{"\xc2\x80\xc2\x9b\xc2\x9f", "\\u0080\\u009b\\u009f"},
	/* Separators of lines, and what turns the direction of writing. */
	{"\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa9", "\\u2028\\u202e\\u2069"},
	/* No character begins or goes on so. */
	{"\x80\xbf", "\\udc80\\udcbf"},
	{"\xc0\xaf", "\\udcc0\\udcaf"},
	{"\xc1\xbf", "\\udcc1\\udcbf"},
	{"\xfe\xff", "\\udcfe\\udcff"},
	{"caf\xe9.txt", "caf\\udce9.txt"},
	{"\xe4\xc3\xa4", "\\udce4\xc3\xa4"},
	/* Too long for what they mean. */
	{"\xe0\x9f\xbf", "\\udce0\\udc9f\\udcbf"},
	{"\xf0\x8f\xbf\xbf", "\\udcf0\\udc8f\\udcbf\\udcbf"},
	/* A surrogate, which is no character; beyond the last. */
	{"\xed\xa0\x80", "\\udced\\udca0\\udc80"},
	{"\xed\xb2\x80", "\\udced\\udcb2\\udc80"},
	{"\xf4\x90\x80\x80", "\\udcf4\\udc90\\udc80\\udc80"},
	{"\xf5\x80\x80\x80", "\\udcf5\\udc80\\udc80\\udc80"},
	/* Cut off, by the end and by another character. */
	{"\xc3", "\\udcc3"},
	{"\xe2\x82", "\\udce2\\udc82"},
	{"\xf0\x9f\x98", "\\udcf0\\udc9f\\udc98"},
	{"\xe2\x82x", "\\udce2\\udc82x"},
	{"\xf0\x9f\x98\n", "\\udcf0\\udc9f\\udc98\\n"},
	{"\xe2\xe2\x82\xac", "\\udce2\xe2\x82\xac"},
};

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(strings); i++) {
		struct buf out = {0};
		char expected[64];
		snprintf(expected, sizeof(expected), "\"%s\"", strings[i].json);
		assert_int_equal(jsonbytes_add(&out, strings[i].text), 0);
		assert_string_equal(out.data, expected);
		buf_fini(&out);
	}
}

static void test_no_byte_that_a_terminal_obeys(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		struct buf out = {0};
		char text[] = {(char)c, '\0'};
		jsonbytes_add(&out, text);
		for (size_t i = 0; i < out.len; i++)
			assert_in_range((unsigned char)out.data[i], 0x20, 0x7e);
		buf_fini(&out);
	}
}

static void test_failure_is_told(void **state)
{
	(void)state;
	struct buf out = {.failed = true};
	assert_int_equal(jsonbytes_add(&out, "x\x01"), -1);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_no_byte_that_a_terminal_obeys),
		cmocka_unit_test(test_failure_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
