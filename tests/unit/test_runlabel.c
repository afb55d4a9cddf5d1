/* SPDX-License-Identifier: MIT */
#include "core/hook/runlabel.h"

#include "base/countof.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NAME_10 "a.B_c-9xyz"
#define NAME_MAX_LONG NAME_10 NAME_10 NAME_10 NAME_10 "12345678"

static void test_round_trip(void **state)
{
	(void)state;
	static const struct runlabel labels[] = {
		{"rule", 1, 1},
		{"1", 40, 16},
		{NAME_MAX_LONG, UINT64_MAX, UINT32_MAX},
	};
	for (size_t i = 0; i < countof(labels); i++) {
		const struct runlabel *in = &labels[i];
		struct runlabel out;
		char text[RUNLABEL_BYTES];
		runlabel_write(text, in->rule, in->run_id, in->depth);
		assert_int_equal(runlabel_parse(&out, text), 0);
		assert_string_equal(out.rule, in->rule);
		assert_true(out.run_id == in->run_id);
		assert_int_equal(out.depth, in->depth);
	}
}

static void test_the_longest_fits(void **state)
{
	(void)state;
	char text[RUNLABEL_BYTES];
	assert_int_equal(strlen(NAME_MAX_LONG), RULE_NAME_MAX);
	runlabel_write(text, NAME_MAX_LONG, UINT64_MAX, UINT32_MAX);
	assert_int_equal(strlen(text), RUNLABEL_BYTES - 1);
}

static void test_what_is_none(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		" ",
		"rule",
		"rule ",
		"rule 1",
		"rule 1 ",
		" 1 1",
		"rule 1 1 ",
		"rule 1 1\n",
		"rule 1 1 1",
		"rule  1 1",
		"rule 1  1",
		"rule\t1 1",
		"ru/le 1 1",
		"r\303\251gle 1 1",
		"rule 0 1",
		"rule 1 0",
		"rule 01 1",
		"rule +1 1",
		"rule -1 1",
		"rule 1x 1",
		"rule 1 1x",
		"rule 1 0x1",
		"rule 18446744073709551616 1",
		"rule 1 4294967296",
		NAME_MAX_LONG "9 1 1",
	};
	for (size_t i = 0; i < countof(texts); i++) {
		struct runlabel out;
		errno = 0;
		assert_int_equal(runlabel_parse(&out, texts[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_the_longest_fits),
		cmocka_unit_test(test_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
