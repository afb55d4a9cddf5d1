/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/countof.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void keeps_text_and_escapes_what_acts(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *shown;
	} cases[] = {
		{"", ""}, {"two\nlines\tand a tab", "two\nlines\tand a tab"},
		{"a\\b", "a\\b"}, {"\x1b[31mred\x1b[0m", "\\033[31mred\\033[0m"},
		{"\x1b]0;title\a", "\\033]0;title\\007"},
		{"50 %\r100 %\b\x7f", "50 %\\015100 %\\010\\177"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xc2\x9b"
		 "31m",
			"\\302\\23331m"}, /* CSI in one character */
		{"\xe2\x80\xae"
		 "txt",
			"\\342\\200\\256txt"}, /* right to left */
		{"\xff\xfe", "\\377\\376"}, {"\xc3(", "\\303("}, {"\xc3", "\\303"},
		{"\xe2\x82", "\\342\\202"},
		{"\xc0\xaf", "\\300\\257"}, /* a slash, too long */
		{"\xed\xa0\x80", "\\355\\240\\200"}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\\364\\220\\200\\200"}, /* above the last */
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		assert_int_equal(
			buf_add_screen(&b, cases[i].bytes, strlen(cases[i].bytes)), 0);
		assert_string_equal(b.data, cases[i].shown);
		buf_fini(&b);
	}
}

static void shows_a_nul(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_add_screen(&b, "a\0b", 3), 0);
	assert_string_equal(b.data, "a\\000b");
	buf_fini(&b);
}

static void tells_the_number_of_each_character(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		unsigned char s[4];
		size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		uint32_t rest = code, got = 0;
		for (size_t i = len; i-- > 1; rest >>= 6)
			s[i] = (unsigned char)(0x80 | (rest & 0x3f));
		s[0] = (unsigned char)(rest | (len == 1 ? 0 : 0xf00u >> len));
		bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
		assert_int_equal(utf8_take(s, len, &got), is_surrogate ? 0 : len);
		if (!is_surrogate)
			assert_int_equal(got, code);
		assert_int_equal(utf8_take(s, len - 1, &got), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_text_and_escapes_what_acts),
		cmocka_unit_test(shows_a_nul),
		cmocka_unit_test(tells_the_number_of_each_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
