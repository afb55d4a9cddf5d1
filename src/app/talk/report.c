/* SPDX-License-Identifier: MIT */
#include "app/talk/report.h"

#include "app/jsontext.h"
#include "app/log.h"
#include "app/store/store.h"
#include "base/countof.h"
#include "base/utf8.h"
#include "os/clock.h"
#include "os/fanotify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

/* So many mount points of a rule are listed: with thousands of rules and mounts there would be
 * millions of them. */
#define PLACES_MAX 20

/* Append a formatted string. */
__attribute__((format(printf, 2, 3))) static void say(json_t *array, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		json_array_append_new(array, jsontext_str(text));
	va_end(ap);
	free(text);
}

struct counter {
	const char *name;
	uint64_t value;
};

static void add_numbers(json_t *object, const struct counter *counters, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, counters[i].name,
			json_integer((json_int_t)counters[i].value));
}

struct report_landing report_landing(
	const struct table *rules, uint32_t rule, const struct filesystems *f, size_t max)
{
	struct report_landing l = {.watched = json_array(), .refused = json_array()};
	struct landing_list list = {0};
	if (landing_of_rule(&f->landing, rules, rule, &list) < 0)
		list.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		const struct mount *m = &f->landing.mounts.items[list.items[i]];
		const struct filesystem *fs = filesystems_of_mount(f, m);
		if (!fs->refusal && l.watched_count++ < max)
			json_array_append_new(l.watched, jsontext_str(m->point));
		else if (fs->refusal && l.refused_count++ < max)
			say(l.refused, "%s (%s): %s", m->point, fs->type, fs->refusal);
	}
	free(list.items);
	return l;
}

/* ---- Links ---- */

/* How far paths lead: what JSON calls it, and what people are told behind the path. */
static const struct {
	const char *state;
	const char *before, *after; /* what it leads to */
} ways[] = {
	{"there", " leads to ", ""},
	{"missing", " leads to ", ", which is not there"},
	{"unknown", " leads to ", ", where fsmon does not look: it might have to wait"},
	{"stranger", " is not followed: a link on the way is a stranger's", NULL},
	{"loop", " leads in a circle of links, or through too many", NULL},
};

static size_t way_of(const struct front *f)
{
	if (f->end == FRONT_LOOP)
		return 4;
	if (f->end == FRONT_REFUSED)
		return 3;
	if (f->end == FRONT_WHOLE)
		return 0;
	return f->steps[f->step_count - 1].kind == FRONT_UNTOUCHED ? 2 : 1;
}

json_t *report_link(const struct fronts_item *item)
{
	const struct front *f = &item->front;
	size_t way = way_of(f);
	if (!front_has_link(f))
		return NULL;
	const char *to = ways[way].after ? f->leads.items[f->leads.count - 1] : NULL;
	return json_pack("{s:o, s:o, s:s}", "path", jsontext_str(item->text), "leads_to",
		!to ? json_null() : jsontext_str(*to ? to : "/"), "state",
		ways[way].state);
}

json_t *report_links(const struct rule *r, const struct fronts *fronts)
{
	json_t *all = json_array();
	size_t rest;
	const char *last = NULL;
	for (size_t i = 0; fronts && i < r->path.count; i++) {
		const char *front = glob_literal_front(r->path.items[i], &rest);
		const struct fronts_item *item = fronts_get(fronts, front);
		json_t *link = item && item->text != last ? report_link(item) : NULL;
		if (link)
			json_array_append_new(all, link);
		last = item ? item->text : NULL;
	}
	return all;
}

void report_print_link(json_t *link, const char *indent, FILE *out)
{
	const char *state = jsontext_get(link, "state");
	struct buf text = {0};
	size_t way = 0;
	while (way + 1 < countof(ways) && strcmp(ways[way].state, state) != 0)
		way++;
	jsontext_add_vis(&text, json_object_get(link, "path"));
	buf_add_str(&text, ways[way].before);
	if (ways[way].after) {
		jsontext_add_vis(&text, json_object_get(link, "leads_to"));
		buf_add_str(&text, ways[way].after);
	}
	if (!text.failed)
		fprintf(out, "%s%s\n", indent, text.data);
	buf_fini(&text);
}

void report_print_links(json_t *links, const char *indent, FILE *out)
{
	size_t i;
	json_t *link;
	json_array_foreach (links, i, link)
		report_print_link(link, indent, out);
}

/* ---- The report ---- */

/* In which state a rule is, for people. */
static const char *state_of(
	const struct rule *r, const struct jobs_counters *c, bool is_watched)
{
	return !r->enabled          ? "disabled"
	       : !is_watched        ? "refused"
	       : c->paused_until_ns ? "paused"
				    : "active";
}

static void set_counters(json_t *rule, const struct jobs_counters *c)
{
	const struct counter counters[] = {
		{"matched", c->matched},
		{"started", c->started},
		{"ok", c->ok},
		{"failed", c->failed},
		{"on_failure", c->on_failure},
		{"retried", c->retried},
		{"restarted", c->restarted},
		{"timed_out", c->timed_out},
		{"dropped", c->dropped},
		{"unlisted", c->unlisted},
		{"self", c->self},
		{"waiting", c->waiting},
		{"running", c->running},
		{"held", c->held},
	};
	add_numbers(rule, counters, countof(counters));
}

static json_t *rule_object(const struct report_parts *p, uint32_t i)
{
	const struct rule *r = table_rule(p->rules, i);
	struct jobs_counters c = jobs_rule_counters(p->jobs, i);
	struct report_landing l = report_landing(p->rules, i, p->filesystems, PLACES_MAX);
	json_t *rule = json_pack("{s:s, s:o, s:i, s:s, s:o, s:I, s:o, s:I, s:b}", "name",
		r->name, "file", jsontext_str(r->file), "line", (int)r->line, "state",
		state_of(r, &c, l.watched_count > 0), "watched", l.watched,
		"watched_count", (json_int_t)l.watched_count, "not_watched", l.refused,
		"not_watched_count", (json_int_t)l.refused_count, "paused",
		c.paused_until_ns != 0);
	if (p->symlinks)
		json_object_set_new(
			rule, "links", report_links(r, symlinks_fronts(p->symlinks)));
	/* A pause without an end has no such field. */
	if (c.paused_until_ns && c.paused_until_ns != UINT64_MAX)
		json_object_set_new(rule, "paused_until_ns",
			json_integer((json_int_t)c.paused_until_ns));
	set_counters(rule, &c);
	return rule;
}

static json_t *filesystem_objects(const struct filesystems *f)
{
	json_t *all = json_array();
	for (size_t i = 0; i < f->count; i++) {
		const struct filesystem *fs = &f->items[i];
		json_t *o = json_pack("{s:o, s:o, s:s, s:b}", "point",
			jsontext_str(fs->point), "type", jsontext_str(fs->type), "how",
			filesystems_how(fs), "has_rules", fs->kinds != 0);
		if (fs->refusal && fs->kinds)
			json_object_set_new(o, "reason", json_string(fs->refusal));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *counters_object(
	const struct report_parts *p, const struct actors_counters *w)
{
	const struct pipeline_counters *c = pipeline_counters(p->pipeline);
	ssize_t depth = fanotify_depth(p->group);
	const struct counter counters[] = {
		{"records_read", c->read},
		{"records_resolved", c->resolved},
		{"records_unresolved", c->unresolved},
		{"records_malformed", c->malformed},
		{"queue_depth", depth > 0 ? (uint64_t)depth : 0},
		{"queue_overflows", c->overflows},
		{"events_dropped", c->dropped},
		{"actors_exact", c->exact},
		{"actors_partial", c->partial},
		{"actors_unknown", c->unknown},
		{"process_records", w->records},
		{"connector_lost", w->lost},
		{"connector_spoofed", w->spoofed},
		{"taskstats_lost", w->taskstats_lost},
		{"process_rescans", w->rescans},
		{"jobs_waiting", jobs_waiting(p->jobs)},
		{"jobs_running", jobs_running(p->jobs)},
		{"log_lines_dropped", log_dropped()},
	};
	json_t *o = json_object();
	add_numbers(o, counters, countof(counters));
	return o;
}

/* Where waiting jobs and the history are kept. */
static json_t *store_object(struct jobs *jobs)
{
	struct store *store = jobs_store(jobs);
	struct store_health h = {0};
	if (store)
		store_health(store, &h);
	const char *where = !store ? "nowhere" : h.is_memory ? "memory" : "disk";
	json_t *o = json_pack("{s:s, s:I, s:I}", "where", where, "unwritten",
		(json_int_t)h.waiting, "lost", (json_int_t)h.lost);
	if (*h.reason)
		json_object_set_new(o, "reason", jsontext_str(h.reason));
	return o;
}

/* Rules that are missing, and for which jobs wait. */
static json_t *absent_objects(const struct jobs *jobs)
{
	json_t *all = json_array();
	size_t waiting;
	const char *name;
	for (size_t i = 0; (name = jobs_absent_rule(jobs, i, &waiting)); i++)
		json_array_append_new(all, json_pack("{s:s, s:I}", "name", name,
						   "waiting", (json_int_t)waiting));
	return all;
}

/* Say which rules the errors in files keep jobs from. */
static void say_absent(json_t *reasons, json_t *absent)
{
	size_t i;
	json_t *rule;
	json_array_foreach (absent, i, rule)
		say(reasons,
			"[%s] is missing, because a file with an error was left out; "
			"jobs "
			"that wait for it: %" PRIu64,
			jsontext_get(rule, "name"), jsontext_number(rule, "waiting"));
}

/* Why not all is well. */
static json_t *reasons(const struct report_parts *p, const struct actors_counters *w,
	json_t *rules, json_t *store, json_t *absent)
{
	json_t *all = json_array(), *rule;
	size_t i;
	if (strcmp(jsontext_get(store, "where"), "memory") == 0)
		json_array_append_new(all, json_sprintf("waiting jobs and the history "
							"are kept in memory only, and "
							"lost when the daemon ends: %s",
						   jsontext_get(store, "reason")));
	if (w->reason)
		say(all, "who did it may be unknown: %s", w->reason);
	for (i = 0; i < p->conf->message_count; i++) {
		const struct conf_message *m = &p->conf->messages[i];
		struct buf text = {0};
		conf_format_message(&text, m, false);
		if (!m->is_warning)
			json_array_append_new(all, jsontext_str(text.data));
		buf_fini(&text);
	}
	say_absent(all, absent);
	json_array_foreach (rules, i, rule) {
		if (strcmp(json_string_value(json_object_get(rule, "state")),
			    "refused") == 0)
			json_array_append_new(
				all, json_sprintf("[%s] is not watched: %s",
					     jsontext_get(rule, "name"),
					     json_string_value(json_array_get(
						     json_object_get(rule, "not_watched"),
						     0))));
	}
	return all;
}

json_t *report_make(const struct report_parts *p)
{
	struct actors_counters w;
	actors_counters(p->actors, &w);
	json_t *rules = json_array();
	for (uint32_t i = 0; i < table_count(p->rules); i++)
		json_array_append_new(rules, rule_object(p, i));
	json_t *store = store_object(p->jobs);
	json_t *absent = absent_objects(p->jobs);
	json_t *why = reasons(p, &w, rules, store, absent);
	const char *state = json_array_size(why) ? "degraded" : "running";
	return json_pack("{s:s, s:i, s:i, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o}",
		"version", FSMON_VERSION, "pid", (int)getppid(), "worker_pid",
		(int)getpid(), "state", state, "reasons", why, "dry_run", p->is_dry,
		"realtime", w.is_realtime, "rules", rules, "absent", absent, "store",
		store, "filesystems", filesystem_objects(p->filesystems), "counters",
		counters_object(p, &w));
}

/* ---- As text ---- */

/* Why a rule does not do what it could, a line each. */
static void print_hindrances(json_t *r, FILE *out)
{
	size_t i;
	json_t *why;
	json_array_foreach (json_object_get(r, "not_watched"), i, why)
		jsontext_show(out, "    not watched: ", why);
	uint64_t count = jsontext_number(r, "not_watched_count");
	if (count > i)
		fprintf(out, "    not watched: %" PRIu64 " more\n", count - i);
	uint64_t until_ns = jsontext_number(r, "paused_until_ns");
	struct buf until = {0};
	if (until_ns && clock_add_local(&until, until_ns) == 0)
		fprintf(out, "    paused until %s\n", until.data);
	else if (json_is_true(json_object_get(r, "paused")))
		fprintf(out, "    paused until fsmon resume %s\n",
			jsontext_get(r, "name"));
	buf_fini(&until);
}

/* The width of the column of names. */
static int name_width(json_t *rules)
{
	size_t i, width = 24;
	json_t *r;
	json_array_foreach (rules, i, r)
		width = MAX(width, strlen(jsontext_get(r, "name")));
	return (int)width;
}

static void print_rules(json_t *rules, FILE *out)
{
	static const struct {
		const char *title, *field;
	} columns[] = {
		{"MATCHED", "matched"},
		{"STARTED", "started"},
		{"OK", "ok"},
		{"FAILED", "failed"},
		{"DROPPED", "dropped"},
		{"WAITING", "waiting"},
		{"RUNNING", "running"},
		{"HELD", "held"},
	};
	int width = name_width(rules);
	size_t i;
	json_t *r;
	fprintf(out, "\n%-*s %-9s", width, "RULE", "STATE");
	for (size_t k = 0; k < countof(columns); k++)
		fprintf(out, " %8s", columns[k].title);
	fprintf(out, "\n");
	json_array_foreach (rules, i, r) {
		fprintf(out, "%-*s %-9s", width, jsontext_get(r, "name"),
			jsontext_get(r, "state"));
		for (size_t k = 0; k < countof(columns); k++)
			fprintf(out, " %8" PRIu64, jsontext_number(r, columns[k].field));
		fprintf(out, "\n");
		print_hindrances(r, out);
		report_print_links(json_object_get(r, "links"), "    ", out);
	}
}

static void print_filesystems(json_t *filesystems, FILE *out)
{
	size_t i;
	json_t *f;
	fprintf(out, "\n%-32s %-10s %s\n", "FILESYSTEM", "TYPE", "WATCHED BY");
	json_array_foreach (filesystems, i, f) {
		const char *reason = jsontext_get(f, "reason");
		struct buf point = {0};
		if (!json_is_true(json_object_get(f, "has_rules")))
			continue;
		jsontext_add_vis(&point, json_object_get(f, "point"));
		if (point.data)
			fprintf(out, "%s%*s %-10s %s%s%s\n", point.data,
				MAX(0, 32 - (int)utf8_count(point.data)), "",
				jsontext_get(f, "type"), jsontext_get(f, "how"),
				*reason ? ": " : "", reason);
		buf_fini(&point);
	}
}

void report_print(json_t *report, FILE *out)
{
	size_t i;
	json_t *item;
	const char *name;
	fprintf(out, "fsmon %s, pid %" PRIu64 ": %s%s\n", jsontext_get(report, "version"),
		jsontext_number(report, "pid"), jsontext_get(report, "state"),
		json_is_true(json_object_get(report, "dry_run"))
			? " (dry run: no hook is started)"
			: "");
	json_array_foreach (json_object_get(report, "reasons"), i, item)
		jsontext_show(out, "  ! ", item);
	print_rules(json_object_get(report, "rules"), out);
	print_filesystems(json_object_get(report, "filesystems"), out);
	item = json_object_get(report, "store");
	fprintf(out, "\n%-24s %s\n", "jobs_and_history_in", jsontext_get(item, "where"));
	json_object_foreach (json_object_get(report, "counters"), name, item)
		fprintf(out, "%-24s %lld\n", name, (long long)json_integer_value(item));
}
