/* SPDX-License-Identifier: MIT */
/* The verbs that show the history, with a daemon and without. */
#include "app/verbs/verbs.h"

#include "app/store/store.h"
#include "base/countof.h"
#include "fake_daemon.h"
#include "printed.h"
#include "store_kit.h"
#include "tempdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Two runs, as a daemon gives them. */
#define RUNS                                                                             \
	"{\"ok\": true, \"runs\": [{\"run\": 1, \"rule\": \"a\", \"outcome\": \"ok\"}, " \
	"{\"run\": 2, \"rule\": \"a\", \"outcome\": \"exit\", \"status\": 4}]}"

static int set_up(void **state)
{
	return tempdir_setup(state) == 0 ? kit_setup(state) : -1;
}

static int tear_down(void **state)
{
	fake_daemon_stop();
	return kit_teardown(state) == 0 ? tempdir_teardown(state) : -1;
}

/* The verb's exit code; what it printed is in printed_out and printed_err. */
static int run(const struct kit *k, int (*verb)(const struct options *o),
	struct options o, const char *arg)
{
	char *args[] = {(char *)arg, NULL};
	o.state_dir = k->dir;
	o.runtime_dir = tempdir;
	o.args = args;
	o.arg_count = arg ? 1 : 0;
	printed_begin();
	int code = verb(&o);
	printed_end();
	return code;
}

/* Run the verb while a daemon gives an answer; it must be asked for what is said. */
static int run_with(struct kit *k, const char *answer,
	int (*verb)(const struct options *o), struct options o, const char *arg,
	const char *asked)
{
	fake_daemon_start(tempdir, answer);
	int code = run(k, verb, o, arg);
	assert_string_equal(fake_daemon_stop(), asked);
	return code;
}

static void a_daemon_is_asked_for_what_the_options_say(void **state)
{
	static const struct {
		int (*verb)(const struct options *o);
		struct options options;
		const char *arg;
		const char *asked;
	} cases[] = {
		{verb_runs, {0}, NULL,
			"\"failed\":false,\"output\":false,\"since_ns\":0,\"run\":0}"},
		{verb_runs, {.rule = "a", .only_failed = true, .since = "@5"}, NULL,
			"\"failed\":true,\"output\":false,\"since_ns\":5000000000,\"run\""
			":0,\"rule\":\"a\"}"},
		{verb_runs, {.since = "1970-01-02 00:00:01"}, NULL,
			"\"failed\":false,\"output\":false,\"since_ns\":86401000000000,"
			"\"run\":0}"},
		{verb_logs, {0}, "a",
			"\"failed\":false,\"output\":true,\"since_ns\":0,\"run\":0,"
			"\"rule\":\"a\"}"},
		{verb_logs, {0}, "17",
			"\"failed\":false,\"output\":true,\"since_ns\":0,\"run\":17}"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char asked[256];
		snprintf(asked, sizeof(asked), "{\"do\":\"runs\",%s\n", cases[i].asked);
		assert_int_equal(run_with(*state, RUNS, cases[i].verb, cases[i].options,
					 cases[i].arg, asked),
			EXIT_FINE);
		assert_string_equal(printed_err, "");
	}
}

#define ASKED(output, rule)                                    \
	"{\"do\":\"runs\",\"failed\":false,\"output\":" output \
	",\"since_ns\":0,\"run\":0" rule "}\n"
#define ASKED_RUNS ASKED("false", "")
#define ASKED_LOGS ASKED("true", ",\"rule\":\"a\"")

static void runs_are_shown_as_a_table_or_as_json(void **state)
{
	struct kit *k = *state;
	assert_int_equal(
		run_with(k, RUNS, verb_runs, (struct options){0}, NULL, ASKED_RUNS),
		EXIT_FINE);
	assert_contains(printed_out, "RUN  STARTED...\n  1  ...\n  2  ...  exit 4  ");
	assert_int_equal(run_with(k, RUNS, verb_runs, (struct options){.is_json = true},
				 NULL, ASKED_RUNS),
		EXIT_FINE);
	json_t *runs = json_loads(printed_out, 0, NULL);
	assert_int_equal(json_array_size(runs), 2);
	json_decref(runs);
	assert_int_equal(run_with(k, "{\"ok\": true, \"runs\": []}", verb_runs,
				 (struct options){0}, NULL, ASKED_RUNS),
		EXIT_FINE);
	assert_string_equal(printed_out, "no runs\n");
}

static void a_daemon_knows_what_still_runs(void **state)
{
	assert_int_equal(
		run_with(*state, "{\"ok\": true, \"runs\": [{\"outcome\": \"running\"}]}",
			verb_runs, (struct options){0}, NULL, ASKED_RUNS),
		EXIT_FINE);
	assert_contains(printed_out, "  running  ");
}

static void what_the_daemon_refuses_is_a_failure(void **state)
{
	static const char answer[] = "{\"ok\": false, \"error\": \"not now\"}";
	assert_int_equal(run_with(*state, answer, verb_runs, (struct options){0}, NULL,
				 ASKED_RUNS),
		EXIT_FAILED);
	assert_string_equal(printed_err, "fsmon: not now\n");
	assert_int_equal(
		run_with(*state, answer, verb_logs, (struct options){0}, "a", ASKED_LOGS),
		EXIT_FAILED);
	assert_string_equal(printed_out, "");
}

static void logs_of_a_rule_are_of_runs_that_tell_something(void **state)
{
	struct kit *k = *state;
	assert_int_equal(
		run_with(k,
			"{\"ok\": true, \"runs\": ["
			"{\"run\": 1, \"outcome\": \"ok\"}, "
			"{\"run\": 2, \"outcome\": \"ok\", \"output\": \"said\"}, "
			"{\"run\": 3, \"outcome\": \"ok\", \"output\": \"\"}, "
			"{\"run\": 4, \"outcome\": \"timeout\"}]}",
			verb_logs, (struct options){0}, "a", ASKED_LOGS),
		EXIT_FINE);
	assert_contains(printed_out, "--- run 2, ...\nsaid\n\n--- run 4, ");
	assert_null(strstr(printed_out, "run 1"));
	assert_null(strstr(printed_out, "run 3"));
	assert_int_equal(
		run_with(k, "{\"ok\": true, \"runs\": [{\"outcome\": \"running\"}]}",
			verb_logs, (struct options){0}, "a", ASKED_LOGS),
		EXIT_FINE);
	assert_string_equal(printed_out, "no run that has printed anything or failed\n");
}

static void logs_of_a_run_that_is_not_there(void **state)
{
	assert_int_equal(
		run_with(*state, "{\"ok\": true, \"runs\": []}", verb_logs,
			(struct options){0}, "9",
			"{\"do\":\"runs\",\"failed\":false,\"output\":true,\"since_ns\":"
			"0,\"run\":9}\n"),
		EXIT_FAILED);
	assert_string_equal(printed_err, "fsmon: there is no run 9 in the history\n");
	assert_string_equal(printed_out, "");
}

static void usage_is_asked_for_before_the_daemon(void **state)
{
	struct kit *k = *state;
	assert_int_equal(
		run(k, verb_runs, (struct options){.since = "never"}, NULL), EXIT_USAGE);
	assert_contains(printed_err, "fsmon: --since: ");
	assert_int_equal(run(k, verb_logs, (struct options){0}, NULL), EXIT_USAGE);
	assert_contains(printed_err, "fsmon logs: one rule or the number of one run");
}

/* ---- Without a daemon ---- */

static void without_daemon_and_history_there_is_nothing(void **state)
{
	struct kit *k = *state;
	assert_int_equal(run(k, verb_runs, (struct options){0}, NULL), EXIT_FAILED);
	assert_contains(printed_err,
		"fsmon: no daemon runs here (--runtime-dir /tmp/..."
		"), and none has left a history in /tmp/... (--state-dir)\n");
	assert_int_equal(
		run(k, verb_runs, (struct options){.rule = "a"}, NULL), EXIT_FAILED);
	assert_contains(printed_err, "none has left a history");
}

/* A history of the rule site: run 1000001 went well and 1000002 did not, 1000003 had not ended. */
static void make_history(struct kit *k)
{
	kit_open(k);
	kit_put_done(k, 1, "site", OUTCOME_OK, 1000);
	kit_put_done(k, 2, "site", OUTCOME_EXIT, 2000);
	kit_put_done(k, 3, "other", OUTCOME_RUNNING, 3000);
	assert_true(kit_close(k));
}

static void what_an_earlier_daemon_left_is_read(void **state)
{
	struct kit *k = *state;
	make_history(k);
	assert_int_equal(run(k, verb_runs, (struct options){0}, NULL), EXIT_FINE);
	assert_contains(printed_out,
		"1000001...\n1000002...  exit 3  ...\n1000003...  not known");
	assert_int_equal(
		run(k, verb_runs, (struct options){.rule = "site", .only_failed = true},
			NULL),
		EXIT_FINE);
	assert_null(strstr(printed_out, "1000001"));
	assert_contains(printed_out, "1000002");
	assert_int_equal(run(k, verb_logs, (struct options){0}, "1000001"), EXIT_FINE);
	assert_contains(printed_out, "--- run 1000001, site, ...\nsaid\n");
	assert_int_equal(run(k, verb_logs, (struct options){0}, "7"), EXIT_FAILED);
	assert_contains(printed_err, "there is no run 7");
}

static void a_rule_that_the_history_does_not_know(void **state)
{
	struct kit *k = *state;
	make_history(k);
	assert_int_equal(
		run(k, verb_runs, (struct options){.rule = "siet"}, NULL), EXIT_FAILED);
	assert_string_equal(printed_err,
		"fsmon: the history knows no rule \"siet\"; did you mean site?\n");
	assert_int_equal(run(k, verb_logs, (struct options){0}, "zzzzzz"), EXIT_FAILED);
	assert_string_equal(printed_err, "fsmon: the history knows no rule \"zzzzzz\"\n");
}

static void a_history_that_cannot_be_read_is_told_of(void **state)
{
	struct kit *k = *state;
	FILE *file = fopen(kit_path(k, "fsmon.db"), "w");
	fprintf(file, "this is no database, however long it may be made to look\n");
	fclose(file);
	assert_int_equal(run(k, verb_runs, (struct options){0}, NULL), EXIT_FAILED);
	assert_contains(printed_err, "fsmon: no daemon runs here, and the history in "
				     "/tmp/... cannot be read: ");
}

static void a_daemon_that_cannot_be_asked_is_not_passed_over(void **state)
{
	struct kit *k = *state;
	make_history(k);
	/* a path that is too long for a socket */
	char *args[] = {NULL};
	char dir[300];
	memset(dir, 'x', sizeof(dir));
	memcpy(dir, "/tmp/", 5);
	dir[sizeof(dir) - 1] = '\0';
	const struct options o = {.runtime_dir = dir, .state_dir = k->dir, .args = args};
	printed_begin();
	int code = verb_runs(&o);
	printed_end();
	assert_int_equal(code, EXIT_FAILED);
	assert_contains(printed_err, "File name too long");
	assert_string_equal(printed_out, "");
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		HERE(a_daemon_is_asked_for_what_the_options_say),
		HERE(runs_are_shown_as_a_table_or_as_json),
		HERE(a_daemon_knows_what_still_runs),
		HERE(what_the_daemon_refuses_is_a_failure),
		HERE(logs_of_a_rule_are_of_runs_that_tell_something),
		HERE(logs_of_a_run_that_is_not_there),
		HERE(usage_is_asked_for_before_the_daemon),
		HERE(without_daemon_and_history_there_is_nothing),
		HERE(what_an_earlier_daemon_left_is_read),
		HERE(a_rule_that_the_history_does_not_know),
		HERE(a_history_that_cannot_be_read_is_told_of),
		HERE(a_daemon_that_cannot_be_asked_is_not_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
