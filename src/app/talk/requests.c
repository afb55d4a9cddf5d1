/* SPDX-License-Identifier: MIT */
#include "app/talk/requests.h"

#include "app/jsontext.h"
#include "app/store/store.h"
#include "app/talk/control.h"
#include "base/buf.h"
#include "base/countof.h"
#include "core/sched/sched.h"
#include "core/text/suggest.h"
#include "core/text/value.h"
#include "os/fanotify.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A client that waits for what the store or the jobs find out. */
struct pending {
	LIST_ENTRY(pending) next;
	struct requests *requests;
	uint64_t client;
	uint64_t run_id; /* of a rerun */
	struct store_query query; /* of runs */
	char rule[RULE_NAME_MAX + 1]; /* the query's */
	char *no_rule; /* what to say if the history does not know the rule either */
	json_t *answer; /* which is given when ... */
	uint64_t
		flush; /* ... this flush of the store is done; 0: no answer is there yet */
};

struct requests {
	struct requests_parts parts;
	struct control *control;
	struct jobs *jobs;
	LIST_HEAD(, pending) pending;
	bool is_stopping;
};

/* What a handler is given. */
struct request {
	struct requests *requests;
	const struct table *rules; /* in force */
	json_t *args;
	uint64_t client;
};

static void drop(struct pending *p)
{
	LIST_REMOVE(p, next);
	json_decref(p->answer);
	free(p->no_rule);
	free(p);
}

static void refuse(const struct request *q, const char *text)
{
	control_refuse(q->requests->control, q->client, text);
}

/* NULL after an answer, where there is no memory. */
static struct pending *add_pending(const struct request *q)
{
	struct pending *p = calloc(1, sizeof(*p));
	if (!p) {
		refuse(q, strerror(ENOMEM));
		return NULL;
	}
	p->requests = q->requests;
	p->client = q->client;
	LIST_INSERT_HEAD(&q->requests->pending, p, next);
	return p;
}

/* Answer and drop the reference. */
static void answer_new(struct requests *r, uint64_t client, json_t *object)
{
	control_answer(r->control, client, object);
	json_decref(object);
}

/* Answer, and drop the client and the reference, once all is written that was put so far: what was
 * answered for must not be forgotten. */
static void answer_written(struct pending *p, json_t *object)
{
	struct store *store = jobs_store(p->requests->jobs);
	p->answer = object;
	if (store) {
		p->flush = store_flush(store);
		return;
	}
	control_answer(p->requests->control, p->client, object);
	drop(p);
}

/* Give the answers for which all is written now. */
static void give_answers(struct requests *r)
{
	struct store *store = jobs_store(r->jobs);
	struct pending *p, *next;
	for (p = LIST_FIRST(&r->pending); p; p = next) {
		next = LIST_NEXT(p, next);
		if (p->flush == 0 || !store_is_flushed(store, p->flush))
			continue;
		control_answer(r->control, p->client, p->answer);
		drop(p);
	}
}

/* The name of a rule that is asked for, or NULL. */
static const char *rule_name_of(const struct request *q)
{
	return json_string_value(json_object_get(q->args, "rule"));
}

/* "there is no rule "x"; did you mean y?" The caller frees; NULL with ENOMEM. */
static char *no_rule_text(const struct table *rules, const char *name)
{
	struct buf b = {0};
	size_t count = table_count(rules);
	const char **names = calloc(count + 1, sizeof(*names));
	for (uint32_t i = 0; names && i < count; i++)
		names[i] = table_rule(rules, i)->name;
	const char *near =
		names ? suggest_nearest(name, names, count, sizeof(*names)) : NULL;
	buf_add_str(&b, "there is no rule ");
	value_quote(&b, name, strlen(name));
	if (near)
		buf_printf(&b, "; did you mean %s?", near);
	free(names);
	return buf_take(&b);
}

/* ---- status, reload, sync ---- */

static void answer_status(const struct request *q)
{
	struct report_parts parts = q->requests->parts.report;
	parts.rules = q->rules;
	answer_new(q->requests, q->client, report_make(&parts));
}

static void start_reload(const struct request *q)
{
	q->requests->parts.reload(q->requests->parts.ctx);
}

static const char stopping[] = "the daemon is stopping";

/*
 * All that happened before is in the queue already (the kernel puts an event there before
 * the system call that causes it returns), in front of whatever comes now.
 */
static void begin_sync(const struct request *q)
{
	const struct requests_parts *parts = &q->requests->parts;
	if (q->requests->is_stopping) {
		refuse(q, stopping);
		return;
	}
	const struct pipeline_counters *c = pipeline_counters(parts->report.pipeline);
	ssize_t depth = fanotify_depth(parts->report.group);
	pid_t pid = control_peer(q->requests->control, q->client);
	struct control_sync s = {
		.tag = parts->tag_of(parts->ctx, pid),
		.records = c->read + (depth > 0 ? (uint64_t)depth : 0),
		.emptied = c->emptied,
	};
	control_wait(q->requests->control, q->client, &s);
	parts->read_queue(parts->ctx);
}

/* A hook that waits here ends only after it was answered; so do the others that do. */
static bool jobs_are_done(const struct requests *r, const struct control_sync *s)
{
	uint64_t tags[CONTROL_CLIENTS_MAX];
	size_t count = s->tag ? control_sync_tags(r->control, tags) : 0;
	return jobs_is_done(r->jobs, s->mark, tags, count);
}

static bool sync_is_done(void *ctx, struct control_sync *s)
{
	struct requests *r = ctx;
	const struct requests_parts *parts = &r->parts;
	const struct pipeline_counters *c = pipeline_counters(parts->report.pipeline);
	if (parts->is_behind(parts->ctx) ||
		(c->settled < s->records && c->emptied <= s->emptied))
		return false;
	if (!s->has_mark)
		s->has_mark = jobs_mark(r->jobs, &s->mark);
	if (!s->has_mark || !jobs_are_done(r, s))
		return false;
	/* Jobs that were put aside must outlive whatever happens next. */
	struct store *store = jobs_store(r->jobs);
	if (store && !s->flush)
		s->flush = store_flush(store);
	return !store || store_is_flushed(store, s->flush);
}

/* ---- runs ---- */

static void on_runs(void *ctx, char *runs, size_t count)
{
	struct pending *p = ctx;
	struct requests *r = p->requests;
	char *text = NULL;
	(void)count;
	if (runs && asprintf(&text, "{\"ok\": true, \"runs\": %s}", runs) < 0)
		text = NULL;
	if (text)
		control_answer_text(r->control, p->client, text);
	else
		control_refuse(r->control, p->client,
			"the history cannot be read; fsmon status or the log says why");
	free(runs);
	drop(p);
}

/* Answer for a rule that there is not: whether the history knows it. */
static void on_probe(void *ctx, char *runs, size_t count)
{
	struct pending *p = ctx;
	bool is_unknown = runs && count == 0;
	free(runs);
	if (is_unknown) {
		control_refuse(p->requests->control, p->client, p->no_rule);
		drop(p);
		return;
	}
	store_ask_runs(jobs_store(p->requests->jobs), &p->query, on_runs, p);
}

static void ask_runs(const struct request *q)
{
	struct store *store = jobs_store(q->requests->jobs);
	const char *rule = rule_name_of(q);
	if (!store) {
		refuse(q, "this is a dry run: there is no history");
		return;
	}
	bool is_gone = rule && table_find(q->rules, rule) < 0;
	struct pending *p = add_pending(q);
	if (!p)
		return;
	if (is_gone)
		p->no_rule = no_rule_text(q->rules, rule);
	bool is_too_long =
		rule && strlcpy(p->rule, rule, sizeof(p->rule)) >= sizeof(p->rule);
	if (is_gone && (is_too_long || !p->no_rule)) {
		refuse(q, p->no_rule ? p->no_rule : strerror(ENOMEM));
		drop(p);
		return;
	}
	p->query = (struct store_query){
		.run_id = jsontext_number(q->args, "run"),
		.rule = rule ? p->rule : NULL,
		.only_failed = json_is_true(json_object_get(q->args, "failed")),
		.since_ns = jsontext_number(q->args, "since_ns"),
		.with_output = json_is_true(json_object_get(q->args, "output")),
	};
	const struct store_query probe = {.rule = p->rule, .limit = 1};
	store_ask_runs(
		store, is_gone ? &probe : &p->query, is_gone ? on_probe : on_runs, p);
}

/* ---- rerun ---- */

static void on_rerun(void *ctx, uint64_t job_id, const char *error)
{
	struct pending *p = ctx;
	if (!error) {
		answer_written(
			p, json_pack("{s:b, s:I, s:I}", "ok", 1, "run",
				   (json_int_t)p->run_id, "job", (json_int_t)job_id));
		return;
	}
	control_refuse(p->requests->control, p->client, error);
	drop(p);
}

static void rerun(const struct request *q)
{
	struct pending *p = add_pending(q);
	if (!p)
		return;
	p->run_id = jsontext_number(q->args, "run");
	jobs_rerun(q->requests->jobs, p->run_id, on_rerun, p);
}

/* ---- pause and resume ---- */

/* The rule that is meant, or -1 after an answer. */
static int64_t rule_of(const struct request *q)
{
	const char *name = rule_name_of(q);
	int64_t rule = name ? table_find(q->rules, name) : -1;
	if (rule < 0) {
		char *text = no_rule_text(q->rules, name ? name : "");
		refuse(q, text ? text : strerror(ENOMEM));
		free(text);
	}
	return rule;
}

static void pause_rule(const struct request *q)
{
	struct jobs *jobs = q->requests->jobs;
	uint64_t for_ns = jsontext_number(q->args, "for_ns");
	int64_t rule = rule_of(q);
	struct pending *p = rule < 0 ? NULL : add_pending(q);
	if (!p)
		return;
	jobs_pause(jobs, (uint32_t)rule, for_ns ? for_ns : SCHED_FOREVER);
	struct jobs_counters c = jobs_rule_counters(jobs, (uint32_t)rule);
	json_t *answer =
		json_pack("{s:b, s:I}", "ok", 1, "waiting", (json_int_t)c.waiting);
	if (for_ns)
		json_object_set_new(answer, "paused_until_ns",
			json_integer((json_int_t)c.paused_until_ns));
	answer_written(p, answer);
}

static void resume_rule(const struct request *q)
{
	struct jobs *jobs = q->requests->jobs;
	int64_t rule = rule_of(q);
	struct pending *p = rule < 0 ? NULL : add_pending(q);
	if (!p)
		return;
	bool was_paused = jobs_rule_counters(jobs, (uint32_t)rule).paused_until_ns;
	size_t waiting = jobs_resume(jobs, (uint32_t)rule);
	answer_written(p, json_pack("{s:b, s:b, s:I}", "ok", 1, "was_paused", was_paused,
				  "waiting", (json_int_t)waiting));
}

/* ---- All of them ---- */

static void on_request(void *ctx, const char *what, json_t *args, uint64_t client)
{
	static const struct {
		const char *what;
		void (*serve)(const struct request *q);
	} served[] = {
		{"status", answer_status},
		{"reload", start_reload},
		{"sync", begin_sync},
		{"runs", ask_runs},
		{"rerun", rerun},
		{"pause", pause_rule},
		{"resume", resume_rule},
	};
	struct requests *r = ctx;
	const struct request q = {r, r->parts.load->table, args, client};
	for (size_t i = 0; i < countof(served); i++) {
		if (strcmp(what, served[i].what) == 0) {
			served[i].serve(&q);
			return;
		}
	}
	refuse(&q, "unknown request: this daemon is of another version");
}

struct requests *requests_new(const struct requests_parts *parts)
{
	static const struct control_handlers handlers = {
		.request = on_request,
		.sync_is_done = sync_is_done,
	};
	assert(parts->load && parts->read_queue && parts->tag_of && parts->is_behind);
	struct requests *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->parts = *parts;
	r->jobs = parts->report.jobs;
	LIST_INIT(&r->pending);
	r->control = control_new(parts->poller, parts->listen_fd, &handlers, r);
	if (!r->control) {
		free(r);
		return NULL;
	}
	return r;
}

void requests_free(struct requests *r)
{
	if (!r)
		return;
	struct pending *p;
	while ((p = LIST_FIRST(&r->pending)))
		drop(p);
	control_free(r->control);
	free(r);
}

void requests_reloaded(struct requests *r, json_t *answer)
{
	control_answer_all(r->control, "reload", answer);
}

void requests_stop(struct requests *r)
{
	r->is_stopping = true;
	json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", stopping);
	control_answer_all(r->control, "sync", answer);
	json_decref(answer);
}

void requests_check(struct requests *r)
{
	give_answers(r);
	control_check(r->control);
}
