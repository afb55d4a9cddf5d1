/* SPDX-License-Identifier: MIT */
/* The verbs that talk to a running daemon. */
#include "app/verbs.h"

#include "app/client.h"
#include "app/report.h"
#include "base/buf.h"
#include "core/value.h"

#include <jansson.h>
#include <stdio.h>

/* The --timeout, in ms; -1: none. Returns 0, or -1 after a message. */
static int timeout_of(const struct options *o, int *ms)
{
	uint64_t ns = 0;
	struct buf why = {0};
	*ms = -1;
	int rc = o->timeout ? value_duration(o->timeout, &ns, &why) : 0;
	if (rc < 0)
		fprintf(stderr, "fsmon: --timeout: %s\n", why.data ? why.data : "");
	else if (o->timeout)
		*ms = ns / 1000000 > INT32_MAX ? INT32_MAX : (int)(ns / 1000000);
	buf_fini(&why);
	return rc;
}

int verb_status(const struct options *o)
{
	json_t *report = client_ask(o, "status", -1);
	if (!report)
		return EXIT_FAILED;
	if (o->is_json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		printf("\n");
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
	json_array_foreach(json_object_get(answer, "messages"), i, message)
		fprintf(stderr, "%s\n", json_string_value(message));
	bool is_ok = json_is_true(json_object_get(answer, "ok"));
	long long rules = json_integer_value(json_object_get(answer, "rules"));
	if (is_ok)
		printf("reloaded: %lld rule%s\n", rules, rules == 1 ? "" : "s");
	else
		fprintf(stderr,
			"fsmon: not reloaded: what was in force before (%lld rule%s) "
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
	bool is_ok = answer && json_is_true(json_object_get(answer, "ok"));
	json_decref(answer);
	return is_ok ? EXIT_FINE : EXIT_FAILED;
}
