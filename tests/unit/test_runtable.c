/* SPDX-License-Identifier: MIT */
#include "app/verbs/runtable.h"

#include "base/countof.h"
#include "core/text/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define STARTED_NS "1700000000000000000" /* 2023-11-14 22:13:20 UTC */
#define NOW_NS (UINT64_C(1700000000) * 1000000000 + UINT64_C(65000000000))

/* What a function prints of runs, as text of JSON. */
static const char *print(int (*function)(json_t *runs, uint64_t now_ns, FILE *out),
	const char *runs, uint64_t now_ns)
{
	static char text[16384];
	json_t *array = json_loads(runs, 0, NULL);
	FILE *out = fmemopen(text, sizeof(text), "w");
	text[0] = '\0';
	assert_non_null(array);
	assert_non_null(out);
	assert_int_equal(function(array, now_ns, out), 0);
	fclose(out);
	json_decref(array);
	return text;
}

static void columns_are_as_wide_as_need_be(void **state)
{
	(void)state;
	const char *text = print(runtable_print,
		"[{\"run\": 7, \"started_ns\": " STARTED_NS
		", \"rule\": \"site\", \"queued_ns\": 38000000, \"duration_ns\": "
		"1200000000, \"outcome\": \"ok\", \"cmd\": \"cp\", \"user\": \"root\", "
		"\"event\": \"close-write\", \"path\": \"/srv/a\", \"count\": 1, "
		"\"attempt\": 1}, "
		"{\"run\": 12345, \"started_ns\": " STARTED_NS
		", \"rule\": \"a-long-name\", \"on_failure\": true, \"outcome\": "
		"\"exit\", \"status\": 3, \"attempt\": 2, \"path\": \"/srv/b\", "
		"\"count\": 4}]",
		NOW_NS);
	assert_string_equal(text,
		"  RUN  STARTED              RULE                    WAITED  TOOK  "
		"OUTCOME            BY       EVENT        PATH\n"
		"    7  2023-11-14 22:13:20  site                      38ms  1.2s  "
		"ok                 cp/root  close-write  /srv/a\n"
		"12345  2023-11-14 22:13:20  a-long-name on-failure     0ms   0ms  "
		"exit 3, attempt 2  ?/?                   /srv/b +3\n");
}

static void nothing_is_only_titles(void **state)
{
	(void)state;
	assert_string_equal(print(runtable_print, "[]", 0),
		"RUN  STARTED  RULE  WAITED  TOOK  OUTCOME  BY  EVENT  PATH\n");
}

/* Ends: what the table says of each, and whether it is a failure. */
static void every_end_has_its_words(void **state)
{
	static const struct {
		const char *fields;
		uint64_t now_ns;
		bool is_failure;
		const char *said;
	} cases[] = {
		{"\"outcome\": \"ok\"", NOW_NS, false, "   0ms  ok "},
		{"\"outcome\": \"exit\", \"status\": 9", NOW_NS, true, "  exit 9 "},
		{"\"outcome\": \"signal\", \"status\": 15", NOW_NS, true, "  SIGTERM "},
		{"\"outcome\": \"signal\", \"status\": 99", NOW_NS, true, "  signal 99 "},
		{"\"outcome\": \"could-not-start\", \"status\": 2", NOW_NS, true,
			"  could not start: No such file or directory "},
		{"\"outcome\": \"timeout\"", NOW_NS, true, "  timeout "},
		{"\"outcome\": \"restarted\"", NOW_NS, true, "  restarted "},
		{"\"outcome\": \"lost\"", NOW_NS, true, "  lost "},
		{"\"outcome\": \"running\"", NOW_NS, false, "  1min5s  running "},
		{"\"outcome\": \"running\"", 1, false, "   0ms  running "},
		{"\"outcome\": \"running\"", 0, false, "     -  not known "},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char text[256];
		snprintf(text, sizeof(text), "[{\"started_ns\": " STARTED_NS ", %s}]",
			cases[i].fields);
		const char *said = print(runtable_print, text, cases[i].now_ns);
		if (!strstr(said, cases[i].said))
			fail_msg("'%s' is not within '%s'", cases[i].said, said);
		json_t *runs = json_loads(text, 0, NULL);
		assert_int_equal(runtable_is_failure(json_array_get(runs, 0)),
			cases[i].is_failure);
		json_decref(runs);
	}
}

static void output_stands_below_a_head(void **state)
{
	static const struct {
		const char *run;
		uint64_t now_ns;
		const char *said;
	} cases[] = {
		{"\"outcome\": \"ok\", \"output\": \"one\\ntwo\\n\", \"duration_ns\": "
		 "38000000",
			NOW_NS, ": ok after 38ms\none\ntwo\n"},
		{"\"outcome\": \"exit\", \"status\": 1, \"attempt\": 3, \"output\": "
		 "\"no newline\"",
			NOW_NS, ": exit 1 after 0ms, attempt 3\nno newline\n"},
		{"\"outcome\": \"could-not-start\", \"status\": 13", NOW_NS,
			": could not start: Permission denied\n"},
		{"\"outcome\": \"running\"", NOW_NS,
			": running; what it prints is in the daemon's log until it "
			"ends\n"},
		{"\"outcome\": \"running\"", 0, ": not known\n"},
		{"\"outcome\": \"ok\", \"output\": \"a\\u001b[31mred\"", NOW_NS,
			": ok after 0ms\na\\033[31mred\n"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char text[512];
		static const char head[] = "--- run 5, site, 2023-11-14 22:13:20";
		snprintf(text, sizeof(text),
			"[{\"run\": 5, \"rule\": \"site\", \"started_ns\": " STARTED_NS
			", %s}]",
			cases[i].run);
		const char *said = print(runtable_print_output, text, cases[i].now_ns);
		assert_memory_equal(said, head, strlen(head));
		assert_string_equal(said + strlen(head), cases[i].said);
	}
}

static void outputs_are_apart(void **state)
{
	(void)state;
	const char *said = print(runtable_print_output,
		"[{\"outcome\": \"ok\", \"output\": \"a\"}, {\"outcome\": \"ok\"}]",
		NOW_NS);
	assert_non_null(strstr(said, "\na\n\n--- run 0, "));
	assert_string_equal(print(runtable_print_output, "[]", NOW_NS), "");
}

static void says_that_not_all_was_kept(void **state)
{
	char *output = malloc(LINES_TAIL_BYTES + 1), *text;
	static const char words[] = "[what came before was not kept]\n";
	(void)state;
	memset(output, 'x', LINES_TAIL_BYTES);
	for (size_t missing = 0; missing < 2; missing++) {
		output[LINES_TAIL_BYTES - missing] = '\0';
		assert_true(asprintf(&text, "[{\"outcome\": \"ok\", \"output\": \"%s\"}]",
				    output) > 0);
		const char *said = print(runtable_print_output, text, NOW_NS);
		assert_int_equal(!strstr(said, words), missing);
		free(text);
	}
	free(output);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_need_be),
		cmocka_unit_test(nothing_is_only_titles),
		cmocka_unit_test(every_end_has_its_words),
		cmocka_unit_test(output_stands_below_a_head),
		cmocka_unit_test(outputs_are_apart),
		cmocka_unit_test(says_that_not_all_was_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
