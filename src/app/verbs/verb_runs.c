/* SPDX-License-Identifier: MIT */
/* The verbs that show the history: of the running daemon, or what an earlier one left. */
#include "app/verbs/verbs.h"

#include "app/jsontext.h"
#include "app/store/store.h"
#include "app/verbs/client.h"
#include "app/verbs/runtable.h"
#include "base/buf.h"
#include "core/text/suggest.h"
#include "core/text/value.h"
#include "core/text/when.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Runs, and where they come from. */
struct history {
	json_t *runs; /* NULL: after a message */
	uint64_t now_ns; /* 0: there is no daemon */
};

/* The --since, in ns; 0: none. Returns 0, or -1 after a message. */
static int since_of(const struct options *o, uint64_t *ns)
{
	struct buf why = {0};
	struct when when = {0};
	uint64_t now_ns = clock_realtime_ns();
	time_t s = 0;
	struct tm local = clock_local(now_ns);
	if (!o->since)
		return 0;
	int rc = when_parse(o->since, now_ns, &local, &when, &why);
	if (rc == 0 && when.is_local)
		s = mktime(&when.local);
	*ns = when.ns + (s > 0 ? (uint64_t)s * 1000000000 : 0);
	if (rc < 0)
		fprintf(stderr, "fsmon: --since: %s\n", why.data ? why.data : "");
	buf_fini(&why);
	return rc;
}

static json_t *request_of(const struct store_query *query)
{
	json_t *request = json_pack("{s:s, s:b, s:b, s:I, s:I}", "do", "runs", "failed",
		query->only_failed, "output", query->with_output, "since_ns",
		(json_int_t)query->since_ns, "run", (json_int_t)query->run_id);
	if (query->rule)
		json_object_set_new(request, "rule", client_rule_name(query->rule));
	return request;
}

/* ---- Without a daemon ---- */

static json_t *read_runs(const struct options *o, const struct store_query *query)
{
	const char *why = NULL;
	json_t *runs = store_read_runs(o->state_dir, query, &why);
	if (!runs && errno == ENOENT)
		fprintf(stderr,
			"fsmon: no daemon runs here (--runtime-dir %s), and none has "
			"left a history in %s (--state-dir)\n",
			o->runtime_dir, o->state_dir);
	else if (!runs)
		fprintf(stderr,
			"fsmon: no daemon runs here, and the history in %s cannot be "
			"read: %s%s\n",
			o->state_dir, why ? why : strerror(errno),
			geteuid() == 0 ? "" : "; try sudo");
	return runs;
}

static void say_no_rule(const char *rule, json_t *all)
{
	size_t i, count = 0;
	json_t *run;
	const char **names = calloc(json_array_size(all) + 1, sizeof(*names));
	json_array_foreach (all, i, run) {
		const char *name = json_string_value(json_object_get(run, "rule"));
		if (names && name)
			names[count++] = name;
	}
	const char *near = suggest_nearest(rule, names, count, sizeof(*names));
	struct buf quoted = {0};
	value_quote(&quoted, rule, strlen(rule));
	fprintf(stderr, "fsmon: the history knows no rule %s%s%s%s\n",
		quoted.data ? quoted.data : "", near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	buf_fini(&quoted);
	free(names);
}

/* Whether the history knows the rule; else after a message. */
static bool knows_rule(const struct options *o, const char *rule)
{
	const struct store_query query = {.rule = rule, .limit = 1}, any = {0};
	json_t *runs = read_runs(o, &query);
	bool knows = json_array_size(runs) > 0;
	json_t *all = runs && !knows ? read_runs(o, &any) : NULL;
	if (all)
		say_no_rule(rule, all);
	json_decref(all);
	json_decref(runs);
	return knows;
}

/* ---- With or without ---- */

static struct history get_history(
	const struct options *o, const struct store_query *query)
{
	struct history h = {0};
	int fd = client_connect(o);
	if (fd >= 0) {
		json_t *answer = client_ask_over(o, fd, request_of(query));
		h.runs = json_incref(json_object_get(answer, "runs"));
		h.now_ns = clock_realtime_ns();
		json_decref(answer);
		return h;
	}
	if (errno != ENOENT && errno != ECONNREFUSED) {
		client_say_unreachable(o);
		return h;
	}
	if (!query->rule || knows_rule(o, query->rule))
		h.runs = read_runs(o, query);
	return h;
}

/* Print JSON, or what the function makes of it, or that there is none; frees the history.
 * Returns the exit code. */
static int show_history(const struct options *o, struct history *h, const char *none,
	int (*print)(json_t *runs, uint64_t now_ns, FILE *out))
{
	int rc = 0;
	if (o->is_json)
		rc = jsontext_print(h->runs, stdout);
	else if (json_array_size(h->runs) == 0)
		printf("%s\n", none);
	else
		rc = print(h->runs, h->now_ns, stdout);
	if (rc < 0)
		fprintf(stderr, "fsmon: %s\n", strerror(errno));
	json_decref(h->runs);
	return rc < 0 ? EXIT_FAILED : EXIT_FINE;
}

int verb_runs(const struct options *o)
{
	struct store_query query = {.rule = o->rule, .only_failed = o->only_failed};
	if (since_of(o, &query.since_ns) < 0)
		return EXIT_USAGE;
	struct history h = get_history(o, &query);
	return h.runs ? show_history(o, &h, "no runs", runtable_print) : EXIT_FAILED;
}

/* Drop the runs that went well and printed nothing. */
static void drop_silent(json_t *runs)
{
	for (size_t i = json_array_size(runs); i-- > 0;) {
		json_t *run = json_array_get(runs, i);
		const char *output = json_string_value(json_object_get(run, "output"));
		if (!runtable_is_failure(run) && !(output && *output))
			json_array_remove(runs, i);
	}
}

int verb_logs(const struct options *o)
{
	struct store_query query = {.with_output = true};
	if (o->arg_count != 1) {
		fprintf(stderr, "fsmon logs: one rule or the number of one run was "
				"expected (fsmon logs 17)\n");
		return EXIT_USAGE;
	}
	if (client_run_number(o->args[0], &query.run_id) < 0)
		query.rule = o->args[0];
	struct history h = get_history(o, &query);
	if (!h.runs)
		return EXIT_FAILED;
	if (query.rule) {
		drop_silent(h.runs);
	} else if (json_array_size(h.runs) == 0) {
		fprintf(stderr, "fsmon: there is no run %s in the history\n", o->args[0]);
		json_decref(h.runs);
		return EXIT_FAILED;
	}
	return show_history(o, &h, "no run that has printed anything or failed",
		runtable_print_output);
}
