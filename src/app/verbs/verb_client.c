/* SPDX-License-Identifier: MIT */
/* The verbs that talk to a running daemon. */
#include "app/verbs/verbs.h"

#include "app/jsontext.h"
#include "app/talk/report.h"
#include "app/verbs/client.h"
#include "base/buf.h"
#include "core/text/value.h"
#include "os/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The duration that an option gives. Returns 0, or -1 after a message. */
static int span_of(const char *option, const char *text, uint64_t *ns)
{
	struct buf why = {0};
	int rc = value_duration(text, ns, &why);
	if (rc < 0)
		fprintf(stderr, "fsmon: %s: %s\n", option, why.data ? why.data : "");
	buf_fini(&why);
	return rc;
}

/* The --timeout, in ms; -1: none. Returns 0, or -1 after a message. */
static int timeout_of(const struct options *o, int *ms)
{
	uint64_t ns;
	*ms = -1;
	if (!o->timeout)
		return 0;
	if (span_of("--timeout", o->timeout, &ns) < 0)
		return -1;
	*ms = ns / 1000000 > INT32_MAX ? INT32_MAX : (int)(ns / 1000000);
	return 0;
}

/* Whether there is one argument; else after a message. */
static bool has_one(const struct options *o, const char *what, const char *example)
{
	if (o->arg_count == 1)
		return true;
	fprintf(stderr, "fsmon %s: %s was expected (fsmon %s %s)\n", o->verb, what,
		o->verb, example);
	return false;
}

static void print_names(json_t *rules)
{
	size_t i;
	json_t *rule;
	json_array_foreach (rules, i, rule)
		printf("%s\n", json_string_value(json_object_get(rule, "name")));
}

int verb_status(const struct options *o)
{
	json_t *report = client_ask(o, "status", -1);
	if (!report)
		return EXIT_FAILED;
	if (o->only_names) {
		print_names(json_object_get(report, "rules"));
	} else if (o->is_json) {
		jsontext_print(report, stdout);
	} else {
		report_print(report, stdout);
	}
	json_decref(report);
	return EXIT_FINE;
}

int verb_reload(const struct options *o)
{
	int ms;
	if (timeout_of(o, &ms) < 0)
		return EXIT_USAGE;
	json_t *answer = client_ask(o, "reload", ms), *message;
	size_t i;
	if (!answer)
		return EXIT_FAILED;
	json_array_foreach (json_object_get(answer, "messages"), i, message)
		jsontext_show(stderr, "", message);
	bool is_ok = json_is_true(json_object_get(answer, "ok"));
	uint64_t rules = jsontext_number(answer, "rules");
	if (is_ok)
		printf("reloaded: %" PRIu64 " rule%s\n", rules, rules == 1 ? "" : "s");
	else
		fprintf(stderr,
			"fsmon: not reloaded: what was in force before (%" PRIu64
			" rule%s) "
			"stays\n",
			rules, rules == 1 ? "" : "s");
	json_decref(answer);
	return is_ok ? EXIT_FINE : EXIT_USAGE;
}

int verb_sync(const struct options *o)
{
	int ms;
	if (timeout_of(o, &ms) < 0)
		return EXIT_USAGE;
	json_t *answer = client_ask(o, "sync", ms);
	bool is_ok = answer && !client_is_refused(answer);
	json_decref(answer);
	return is_ok ? EXIT_FINE : EXIT_FAILED;
}

int verb_rerun(const struct options *o)
{
	uint64_t run;
	if (!has_one(o, "the number of a run", "17"))
		return EXIT_USAGE;
	if (client_run_number(o->args[0], &run) < 0) {
		fprintf(stderr,
			"fsmon rerun: '%s' is no number of a run; fsmon runs shows "
			"them\n",
			o->args[0]);
		return EXIT_USAGE;
	}
	json_t *answer = client_ask_object(
		o, json_pack("{s:s, s:I}", "do", "rerun", "run", (json_int_t)run));
	if (!answer)
		return EXIT_FAILED;
	printf("run %" PRIu64 " is run again as job %" PRIu64 "\n",
		jsontext_number(answer, "run"), jsontext_number(answer, "job"));
	json_decref(answer);
	return EXIT_FINE;
}

/* ", until 04:10:00", with the date where that is another day. */
static void print_until(uint64_t until_ns)
{
	struct tm now = clock_local(clock_realtime_ns()), until = clock_local(until_ns);
	bool is_today = until.tm_yday == now.tm_yday && until.tm_year == now.tm_year;
	struct buf text = {0};
	if (clock_add_local(&text, until_ns) == 0)
		printf(", until %s", text.data + (is_today ? strlen("2026-11-23 ") : 0));
	buf_fini(&text);
}

int verb_pause(const struct options *o)
{
	uint64_t for_ns = 0;
	if (!has_one(o, "the name of a rule", "rebuild --for 2h") ||
		(o->pause_for && span_of("--for", o->pause_for, &for_ns) < 0))
		return EXIT_USAGE;
	if (o->pause_for && !for_ns) {
		fprintf(stderr, "fsmon: --for: a pause of no time is none\n");
		return EXIT_USAGE;
	}
	json_t *answer = client_ask_object(
		o, json_pack("{s:s, s:o, s:I}", "do", "pause", "rule",
			   client_rule_name(o->args[0]), "for_ns", (json_int_t)for_ns));
	if (!answer)
		return EXIT_FAILED;
	printf("paused: %s", o->args[0]);
	if (o->pause_for) {
		printf(", for %s", o->pause_for);
		print_until(jsontext_number(answer, "paused_until_ns"));
	} else {
		printf(", until fsmon resume %s", o->args[0]);
	}
	printf("; events gather\n");
	json_decref(answer);
	return EXIT_FINE;
}

int verb_resume(const struct options *o)
{
	if (!has_one(o, "the name of a rule", "rebuild"))
		return EXIT_USAGE;
	json_t *answer =
		client_ask_object(o, json_pack("{s:s, s:o}", "do", "resume", "rule",
					     client_rule_name(o->args[0])));
	if (!answer)
		return EXIT_FAILED;
	uint64_t waiting = jsontext_number(answer, "waiting");
	if (!json_is_true(json_object_get(answer, "was_paused")))
		printf("not paused: %s\n", o->args[0]);
	else
		printf("resumed: %s; %" PRIu64 " job%s waited\n", o->args[0], waiting,
			waiting == 1 ? "" : "s");
	json_decref(answer);
	return EXIT_FINE;
}
