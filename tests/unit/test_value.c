/* SPDX-License-Identifier: MIT */
#include "core/text/value.h"

#include "base/countof.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)

/* A text, and the number that it gives or the reason why it gives none. */
struct value_case {
	const char *text;
	int64_t number;
	const char *why;
};

/* Parse and compare; `got` is what was parsed, if rc is 0. */
static void check(const struct value_case *c, int rc, int64_t got, struct buf *why)
{
	if (c->why) {
		if (rc == 0)
			fail_msg("%s gave %lld", c->text, (long long)got);
		assert_int_equal(errno, EINVAL);
		assert_string_equal(why->data, c->why);
	} else {
		if (rc < 0)
			fail_msg("%s: %s", c->text, why->data);
		if (got != c->number)
			fail_msg("%s gave %lld", c->text, (long long)got);
	}
	buf_fini(why);
}

static void parses_durations(void **state)
{
	(void)state;
	static const struct value_case cases[] = {
		{"0", 0, NULL},
		{"0s", 0, NULL},
		{"500ms", (int64_t)S / 2, NULL},
		{"2s", 2 * S, NULL},
		{"1min", 60 * S, NULL},
		{"1h", 3600 * S, NULL},
		{"1d", 86400 * S, NULL},
		{"2 s", 2 * S, NULL},
		{"36500d", INT64_C(3153600000000000000), NULL},
		{"36501d", 0,
			"the duration \"36501d\" is too long; the longest is 36500d"},
		{"18446744073709551617s", 0,
			"the duration \"18446744073709551617s\" is too long; the longest "
			"is "
			"36500d"},
		{"5", 0, "the duration \"5\" has no unit; did you mean 5s?"},
		{"00", 0, "the duration \"00\" has no unit; did you mean 00s?"},
		{"5m", 0, "unknown unit in \"5m\"; did you mean 5min?"},
		{"5 Hours", 0, "unknown unit in \"5 Hours\"; did you mean 5h?"},
		{"5x", 0, "unknown unit in \"5x\"; the units are ms, s, min, h and d"},
		{"1h30min", 0,
			"unknown unit in \"1h30min\"; the units are ms, s, min, h and d"},
		{"", 0,
			"expected a whole number and a unit, such as 500ms, 2s, 1min, 1h "
			"or "
			"1d, found \"\""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf why = {0};
		uint64_t ns = 0;
		int rc = value_duration(cases[i].text, &ns, &why);
		check(&cases[i], rc, (int64_t)ns, &why);
	}
}

static void parses_sizes(void **state)
{
	(void)state;
	static const struct value_case cases[] = {
		{"0", 0, NULL},
		{"4096", 4096, NULL},
		{"4K", 4096, NULL},
		{"4k", 4096, NULL},
		{"10M", 10 << 20, NULL},
		{"1G", 1 << 30, NULL},
		{"1T", INT64_C(1) << 40, NULL},
		{"9000000T", 0, "the size \"9000000T\" is too large"},
		{"18446744073709551616", 0,
			"the size \"18446744073709551616\" is too large"},
		{"10MB", 0, "unknown unit in \"10MB\"; did you mean 10M?"},
		{"10MiB", 0, "unknown unit in \"10MiB\"; did you mean 10M?"},
		{"10X", 0,
			"unknown unit in \"10X\"; the units are K, M, G and T, or none "
			"for "
			"bytes"},
		{"1.5M", 0,
			"expected a whole number of bytes, or one with K, M, G or T, "
			"found "
			"\"1.5M\""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf why = {0};
		uint64_t size = 0;
		int rc = value_size(cases[i].text, &size, &why);
		check(&cases[i], rc, (int64_t)size, &why);
	}
}

static void parses_rates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		struct timing_rate rate;
	} cases[] = {
		{"10/1min", 0, {10, 60 * S}},
		{"100/10s", 0, {100, 10 * S}},
		{"none", 0, {0, 0}},
		{"10/min", -1, {0}},
		{"10", -1, {0}},
		{"0/1s", -1, {0}},
		{"10/0", -1, {0}},
		{"10/5", -1, {0}},
		{"4294967296/1s", -1, {0}},
		{"-1/1s", -1, {0}},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf why = {0};
		struct timing_rate rate = {0};
		assert_int_equal(value_rate(cases[i].text, &rate, &why), cases[i].rc);
		assert_int_equal(rate.count, cases[i].rate.count);
		assert_int_equal(rate.per_ns, cases[i].rate.per_ns);
		assert_int_equal(why.len > 0, cases[i].rc < 0);
		buf_fini(&why);
	}
}

static void parses_numbers(void **state)
{
	(void)state;
	static const struct value_case cases[] = {
		{"5", 5, NULL},
		{"10", 10, NULL},
		{"010", 10, NULL},
		{"4", 0, "expected a whole number from 5 to 10, found \"4\""},
		{"11", 0, "expected a whole number from 5 to 10, found \"11\""},
		{"0x7", 0, "expected a whole number from 5 to 10, found \"0x7\""},
		{"+7", 0, "expected a whole number from 5 to 10, found \"+7\""},
		{"18446744073709551623", 0,
			"expected a whole number from 5 to 10, found "
			"\"18446744073709551623\""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf why = {0};
		uint64_t n = 0;
		int rc = value_number(cases[i].text, 5, 10, &n, &why);
		check(&cases[i], rc, (int64_t)n, &why);
	}
}

static void quotes_on_one_line(void **state)
{
	(void)state;
	struct buf b = {0};
	value_quote(&b, "a\nb\x1b", 4);
	assert_string_equal(b.data, "\"a\\nb\\033\"");
	buf_clear(&b);
	char text[100];
	memset(text, 'x', sizeof(text));
	value_quote(&b, text, sizeof(text));
	assert_int_equal(b.len, 60 + strlen("\"...\""));
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_durations),
		cmocka_unit_test(parses_sizes),
		cmocka_unit_test(parses_rates),
		cmocka_unit_test(parses_numbers),
		cmocka_unit_test(quotes_on_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
