/* SPDX-License-Identifier: MIT */
#include "core/text/when.h"

#include "base/countof.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)
/* 2026-11-23 10:20:30 UTC. */
#define NOW (UINT64_C(1795429230) * S)

/* What now is in a zone two hours ahead. */
static const struct tm here = {
	.tm_year = 126, .tm_mon = 10, .tm_mday = 23, .tm_hour = 12, .tm_min = 20};

static int parse(const char *text, struct when *w, struct buf *why)
{
	*w = (struct when){.ns = 12345};
	return when_parse(text, NOW, &here, w, why);
}

static void knows_points_that_need_no_zone(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"now", NOW},
		{"2h", NOW - 7200 * S},
		{"30min", NOW - 1800 * S},
		{"1d ago", NOW - 86400 * S},
		{"500ms", NOW - S / 2},
		{"36500d", 0},
		{"@0", 0},
		{"@1795429230", NOW},
		{"1970-01-01T00:00Z", 0},
		{"2026-11-23T10:20:30Z", NOW},
		{"2026-11-23t10:20:30z", NOW},
		{"2026-11-23 10:20:30 UTC", NOW},
		{"2026-11-23 12:20:30+02:00", NOW},
		{"2026-11-23 12:20:30 +0200", NOW},
		{"2026-11-22 22:50:30 -11:30", NOW},
		{"2026-11-23T10:20:30.25Z", NOW + S / 4},
		{"2026-11-23T10:20:30.1234567891Z", NOW + 123456789},
		{"2000-02-29 UTC", UINT64_C(951782400) * S},
		{"2100-03-01T00:00Z", UINT64_C(4107542400) * S},
		{"10:20:30 UTC", NOW},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct when w;
		struct buf why = {0};
		if (parse(cases[i].text, &w, &why) < 0)
			fail_msg("%s: %s", cases[i].text, why.data);
		if (w.is_local || w.ns != cases[i].ns)
			fail_msg("%s: %d, %llu", cases[i].text, w.is_local,
				(unsigned long long)w.ns);
		buf_fini(&why);
	}
}

static void leaves_the_local_zone_to_the_caller(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int year, month, day, hour, minute, second;
		uint64_t ns;
	} cases[] = {
		{"today", 126, 10, 23, 0, 0, 0, 0},
		{"Yesterday", 126, 10, 22, 0, 0, 0, 0},
		{"2026-11-22", 126, 10, 22, 0, 0, 0, 0},
		{"2026-11-22 04:05", 126, 10, 22, 4, 5, 0, 0},
		{"2026-11-22T04:05", 126, 10, 22, 4, 5, 0, 0},
		{"2028-02-29  23:59:59.5", 128, 1, 29, 23, 59, 59, S / 2},
		{"04:05", 126, 10, 23, 4, 5, 0, 0},
		{"04:05:06", 126, 10, 23, 4, 5, 6, 0},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct when w;
		struct buf why = {0};
		if (parse(cases[i].text, &w, &why) < 0)
			fail_msg("%s: %s", cases[i].text, why.data);
		if (!w.is_local || w.local.tm_year != cases[i].year ||
			w.local.tm_mon != cases[i].month ||
			w.local.tm_mday != cases[i].day ||
			w.local.tm_hour != cases[i].hour ||
			w.local.tm_min != cases[i].minute ||
			w.local.tm_sec != cases[i].second || w.ns != cases[i].ns ||
			w.local.tm_isdst != -1)
			fail_msg("%s", cases[i].text);
		buf_fini(&why);
	}
}

#define EXPECTED                                                                     \
	"expected a duration back from now such as 2h, today, yesterday, or a date " \
	"such as "                                                                   \
	"2026-11-23 or \"2026-11-23 04:00\", found "

static void refuses_what_is_no_time(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", EXPECTED "\"\""},
		{"tomorow", EXPECTED "\"tomorow\""},
		{"2026-13-01", EXPECTED "\"2026-13-01\""},
		{"2026-02-29", EXPECTED "\"2026-02-29\""},
		{"2100-02-29", EXPECTED "\"2100-02-29\""},
		{"2026- 1-23", EXPECTED "\"2026- 1-23\""},
		{"2026-11-00", EXPECTED "\"2026-11-00\""},
		{"1969-12-31", EXPECTED "\"1969-12-31\""},
		{"9999-12-31", EXPECTED "\"9999-12-31\""},
		{"9999-12-31 UTC", EXPECTED "\"9999-12-31 UTC\""},
		{"2026-11-23 24:00", EXPECTED "\"2026-11-23 24:00\""},
		{"2026-11-23 04:60", EXPECTED "\"2026-11-23 04:60\""},
		{"2026-11-23 04:00:60", EXPECTED "\"2026-11-23 04:00:60\""},
		{"2026-11-23T", EXPECTED "\"2026-11-23T\""},
		{"2026-11-23 4:00", EXPECTED "\"2026-11-23 4:00\""},
		{"2026-11-23 04:00 CET", EXPECTED "\"2026-11-23 04:00 CET\""},
		{"2026-11-23 04:00+24:00", EXPECTED "\"2026-11-23 04:00+24:00\""},
		{"2026-11-23 04:00:01.", EXPECTED "\"2026-11-23 04:00:01.\""},
		{"2026-11-23 04:00Zz", EXPECTED "\"2026-11-23 04:00Zz\""},
		{"1970-01-01 00:00+01:00", EXPECTED "\"1970-01-01 00:00+01:00\""},
		{"-2h", EXPECTED "\"-2h\""},
		{"23.11.2026", EXPECTED "\"23.11.2026\""},
		{"2", "the duration \"2\" has no unit; did you mean 2s?"},
		{"2m", "unknown unit in \"2m\"; did you mean 2min?"},
		{"@x", "expected a whole number from 0 to 16725225600, found \"x\""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct when w;
		struct buf why = {0};
		if (parse(cases[i].text, &w, &why) == 0)
			fail_msg("%s gave %llu", cases[i].text, (unsigned long long)w.ns);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(w.ns, 12345);
		if (strcmp(why.data, cases[i].why) != 0)
			fail_msg("%s: %s", cases[i].text, why.data);
		buf_fini(&why);
	}
}

/* Each day of five centuries is where timegm(3) says that it is. */
static void counts_days_as_the_library_does(void **state)
{
	(void)state;
	for (int64_t day = 0; day < INT64_C(500) * 365; day++) {
		time_t s = (time_t)(day * 86400);
		struct tm t;
		char text[64];
		struct when w;
		struct buf why = {0};
		gmtime_r(&s, &t);
		strftime(text, sizeof(text), "%Y-%m-%dZ", &t);
		assert_int_equal(parse(text, &w, &why), 0);
		assert_int_equal(w.ns, (uint64_t)s * S);
	}
}

static void writes_spans_as_one_short_word(void **state)
{
	(void)state;
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0ms"},
		{999999, "0ms"},
		{38 * S / 1000, "38ms"},
		{S - 1, "999ms"},
		{S, "1s"},
		{12345 * S / 1000, "12.3s"},
		{60 * S - 1, "59.9s"},
		{60 * S, "1min"},
		{123 * S, "2min3s"},
		{3600 * S, "1h"},
		{3900 * S + 59, "1h5min"},
		{86400 * S, "1d"},
		{3 * 86400 * S + 5 * 3600 * S - 1, "3d4h"},
		{UINT64_MAX, "213503d23h"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		assert_int_equal(when_add_span(&b, cases[i].ns), 0);
		assert_string_equal(b.data, cases[i].text);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_points_that_need_no_zone),
		cmocka_unit_test(leaves_the_local_zone_to_the_caller),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(counts_days_as_the_library_does),
		cmocka_unit_test(writes_spans_as_one_short_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
