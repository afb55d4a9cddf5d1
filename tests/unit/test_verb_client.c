/* SPDX-License-Identifier: MIT */
/* The verbs that talk to a running daemon. */
#include "app/verbs/verbs.h"

#include "base/countof.h"
#include "fake_daemon.h"
#include "printed.h"
#include "tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int tear_down(void **state)
{
	fake_daemon_stop();
	return tempdir_teardown(state);
}

/* What a verb is given, and what comes of it. */
struct dialogue {
	int (*verb)(const struct options *o);
	struct options options;
	const char *args[3];
	const char *answer; /* the daemon's */
	const char *asked; /* of the daemon, without its newline; NULL: nothing */
	int code;
	const char *out, *err; /* parts of what is printed; NULL: nothing is */
};

static void check(const char *printed, const char *wanted)
{
	if (wanted)
		assert_contains(printed, wanted);
	else
		assert_string_equal(printed, "");
}

static void hold(const struct dialogue *d)
{
	struct options o = d->options;
	char asked[256] = "";
	o.verb = "verb";
	o.runtime_dir = tempdir;
	o.args = (char **)d->args;
	while (o.args[o.arg_count])
		o.arg_count++;
	fake_daemon_start(tempdir, d->answer);
	printed_begin();
	int code = d->verb(&o);
	printed_end();
	if (d->asked)
		snprintf(asked, sizeof(asked), "%s\n", d->asked);
	assert_string_equal(fake_daemon_stop(), asked);
	check(printed_err, d->err);
	check(printed_out, d->out);
	assert_int_equal(code, d->code);
}

#define HOLD(dialogues)                                         \
	do {                                                    \
		for (size_t i = 0; i < countof(dialogues); i++) \
			hold(&(dialogues)[i]);                  \
	} while (0)

static void nobody_answers(void **state)
{
	static int (*const verbs[])(const struct options *o) = {
		verb_status, verb_reload, verb_sync, verb_rerun, verb_pause, verb_resume};
	char *args[] = {(char *)"1", NULL};
	const struct options o = {.runtime_dir = tempdir, .args = args, .arg_count = 1};
	(void)state;
	for (size_t i = 0; i < countof(verbs); i++) {
		printed_begin();
		int code = verbs[i](&o);
		printed_end();
		assert_int_equal(code, EXIT_FAILED);
		assert_contains(printed_err, "fsmon: no daemon runs here");
		assert_string_equal(printed_out, "");
	}
}

static void status_is_shown_in_three_ways(void **state)
{
	static const char report[] =
		"{\"version\": \"1.2\", \"pid\": 7, \"state\": \"running\", "
		"\"rules\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}";
	static const struct dialogue dialogues[] = {
		{verb_status, {0}, {0}, report, "status", EXIT_FINE,
			"fsmon 1.2, pid 7: running\n", NULL},
		{verb_status, {.is_json = true}, {0}, report, "status", EXIT_FINE,
			"{\n  \"version\": \"1.2\",\n  \"pid\": 7,\n", NULL},
	};
	(void)state;
	static const struct dialogue names = {verb_status, {.only_names = true}, {0},
		report, "status", EXIT_FINE, "a", NULL};
	HOLD(dialogues);
	assert_int_equal(printed_out[strlen(printed_out) - 1], '\n');
	hold(&names);
	assert_string_equal(printed_out, "a\nb\n");
}

static void a_reload_says_what_is_in_force(void **state)
{
	static const struct dialogue dialogues[] = {
		{verb_reload, {0}, {0},
			"{\"ok\": true, \"rules\": 1, \"messages\": [\"a:1: warning\"]}",
			"reload", EXIT_FINE, "reloaded: 1 rule\n", "a:1: warning\n"},
		{verb_reload, {.timeout = "2min"}, {0}, "{\"ok\": true, \"rules\": 2}",
			"reload", EXIT_FINE, "reloaded: 2 rules\n", NULL},
		{verb_reload, {0}, {0},
			"{\"ok\": false, \"rules\": 3, \"messages\": [\"a\", \"b\"]}",
			"reload", EXIT_USAGE, NULL,
			"a\nb\nfsmon: not reloaded: what was in force before (3 rules) "
			"stays\n"},
		{verb_reload, {.timeout = "soon"}, {0}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon: --timeout: "},
	};
	(void)state;
	HOLD(dialogues);
}

static void sync_waits_for_a_time(void **state)
{
	static const struct dialogue dialogues[] = {
		{verb_sync, {0}, {0}, "{\"ok\": true}", "sync", EXIT_FINE, NULL, NULL},
		{verb_sync, {0}, {0}, "{\"ok\": false}", "sync", EXIT_FAILED, NULL,
			"fsmon: the daemon refuses\n"},
		{verb_sync, {.timeout = "1ms"}, {0}, FAKE_DAEMON_WAITS, "sync",
			EXIT_FAILED, NULL, "fsmon: gave up after 1ms: "},
		{verb_sync, {.timeout = "9999d"}, {0}, "{\"ok\": true}", "sync",
			EXIT_FINE, NULL, NULL},
		{verb_sync, {.timeout = "-1s"}, {0}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon: --timeout: "},
	};
	(void)state;
	HOLD(dialogues);
}

static void a_run_is_run_again_by_its_number(void **state)
{
	static const struct dialogue dialogues[] = {
		{verb_rerun, {0}, {"17"}, "{\"ok\": true, \"run\": 17, \"job\": 40}",
			"{\"do\":\"rerun\",\"run\":17}", EXIT_FINE,
			"run 17 is run again as job 40\n", NULL},
		{verb_rerun, {0}, {"17"}, "{\"ok\": false, \"error\": \"unknown\"}",
			"{\"do\":\"rerun\",\"run\":17}", EXIT_FAILED, NULL,
			"fsmon: unknown\n"},
		{verb_rerun, {0}, {"site"}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon rerun: 'site' is no number of a run"},
		{verb_rerun, {0}, {0}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon verb: the number of a run was expected (fsmon verb 17)\n"},
		{verb_rerun, {0}, {"1", "2"}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon verb: the number of a run was expected"},
	};
	(void)state;
	HOLD(dialogues);
}

static void a_rule_is_paused_for_a_time_or_for_ever(void **state)
{
	static const struct dialogue dialogues[] = {
		{verb_pause, {0}, {"site"}, "{\"ok\": true, \"waiting\": 0}",
			"{\"do\":\"pause\",\"rule\":\"site\",\"for_ns\":0}", EXIT_FINE,
			"paused: site, until fsmon resume site; events gather\n", NULL},
		/* at the beginning of 1970, which is another day */
		{verb_pause, {.pause_for = "2h"}, {"site"},
			"{\"ok\": true, \"paused_until_ns\": 14400000000000}",
			"{\"do\":\"pause\",\"rule\":\"site\",\"for_ns\":7200000000000}",
			EXIT_FINE,
			"paused: site, for 2h, until 1970-01-01 04:00:00; events "
			"gather\n",
			NULL},
		{verb_pause, {.pause_for = "0s"}, {"site"}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon: --for: a pause of no time is none\n"},
		{verb_pause, {.pause_for = "long"}, {"site"}, "{}", NULL, EXIT_USAGE,
			NULL, "fsmon: --for: "},
		{verb_pause, {0}, {0}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon verb: the name of a rule was expected"},
		{verb_pause, {0}, {"site"}, "{\"ok\": false, \"error\": \"no\"}",
			"{\"do\":\"pause\",\"rule\":\"site\",\"for_ns\":0}", EXIT_FAILED,
			NULL, "fsmon: no\n"},
	};
	(void)state;
	HOLD(dialogues);
}

static void a_pause_that_ends_today_has_no_date(void **state)
{
	char answer[128], wanted[64], day[64];
	time_t now = time(NULL);
	(void)state;
	snprintf(answer, sizeof(answer),
		"{\"ok\": true, \"paused_until_ns\": %lld000000000}", (long long)now);
	strftime(day, sizeof(day), "%Y-%m-%d", localtime(&now));
	strftime(
		wanted, sizeof(wanted), "site, for 1s, until %H:%M:%S;", localtime(&now));
	const struct dialogue d = {verb_pause, {.pause_for = "1s"}, {"site"}, answer,
		"{\"do\":\"pause\",\"rule\":\"site\",\"for_ns\":1000000000}", EXIT_FINE,
		wanted, NULL};
	hold(&d);
	assert_null(strstr(printed_out, day));
}

static void a_rule_goes_on(void **state)
{
	static const char asked[] = "{\"do\":\"resume\",\"rule\":\"site\"}";
	static const struct dialogue dialogues[] = {
		{verb_resume, {0}, {"site"},
			"{\"ok\": true, \"was_paused\": true, \"waiting\": 1}", asked,
			EXIT_FINE, "resumed: site; 1 job waited\n", NULL},
		{verb_resume, {0}, {"site"},
			"{\"ok\": true, \"was_paused\": true, \"waiting\": 2}", asked,
			EXIT_FINE, "resumed: site; 2 jobs waited\n", NULL},
		{verb_resume, {0}, {"site"}, "{\"ok\": true, \"was_paused\": false}",
			asked, EXIT_FINE, "not paused: site\n", NULL},
		{verb_resume, {0}, {"site"}, "{\"ok\": false, \"error\": \"no\"}", asked,
			EXIT_FAILED, NULL, "fsmon: no\n"},
		{verb_resume, {0}, {0}, "{}", NULL, EXIT_USAGE, NULL,
			"fsmon verb: the name of a rule was expected (fsmon verb "
			"rebuild)\n"},
	};
	(void)state;
	HOLD(dialogues);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, tempdir_setup, tear_down)

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		HERE(nobody_answers),
		HERE(status_is_shown_in_three_ways),
		HERE(a_reload_says_what_is_in_force),
		HERE(sync_waits_for_a_time),
		HERE(a_run_is_run_again_by_its_number),
		HERE(a_rule_is_paused_for_a_time_or_for_ever),
		HERE(a_pause_that_ends_today_has_no_date),
		HERE(a_rule_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
