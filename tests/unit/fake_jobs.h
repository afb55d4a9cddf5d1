/* SPDX-License-Identifier: MIT */
/*
 * Fakes of what the jobs work with: the store, the names of users, the log and the clock, by
 * their own names, so that the real ones are not linked, and the keeper. For one program alone.
 */
#ifndef FSMON_TESTS_UNIT_FAKE_JOBS_H
#define FSMON_TESTS_UNIT_FAKE_JOBS_H

#include "app/jobs/jobs.h"
#include "app/log.h"
#include "app/actors/names.h"
#include "base/buf.h"
#include "base/strlist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define START_MS UINT64_C(1000000) /* of CLOCK_MONOTONIC */
#define REAL_START_MS UINT64_C(1700000000000)
#define ARGS_MAX 8

struct script {
	const char *name;
	const char *rules;
	const char *steps;
	const char *then; /* other rules */
	/* What an earlier worker has left: jobs, each ID:RULE:PATH:RUN (0: it waits), and
	 * the rule that is paused for ever. */
	const char *left, *paused;
	uint64_t last_run_id; /* the highest that an earlier worker has asked for */
	bool lacks_files; /* errors keep rules away */
	bool is_dry, has_no_cgroups, has_slow_names;
	bool is_early; /* the keeper has not told yet what an earlier worker has left */
	/* Of scripts for the way of an event: the store's words count too; more lines of the
	 * mount table; there is no process connector. */
	bool hears_store;
	const char *mounts;
	bool is_degraded;
	bool has_little_room; /* the buffer of records takes 4 KiB, and then no more */
};

/* All that the fakes know. */
static struct play {
	const struct script *script;
	const char *word;
	char *args[ARGS_MAX];
	size_t arg_count;
	struct jobs *jobs;
	struct table *rules, *then;
	struct poller *poller;
	struct filesystems filesystems;
	struct buf said; /* words, each with a blank behind it */
	size_t heard; /* bytes of it */
	uint64_t now_ms, mark;
	uint64_t reserved; /* numbers of runs, up to this one */
	uint64_t tick_ns; /* within now_ms: what happens is in order */
	const struct link_run_handlers *keeper;
	void *keeper_ctx;
	struct store_config store;
	struct actor by;
	size_t descendants;
	bool is_full, has_answered;
	bool ignores_store; /* what the store is told is not among what is said */
	int refusal, names_fd;
	struct buf env, input; /* of the last hook; env: strings with their NULs */
} play;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add_str(&play.said, text);
	buf_add(&play.said, " ", 1);
}

#define tell_store(...) (play.ignores_store ? (void)0 : say(__VA_ARGS__))

/* ---- The fakes ---- */

uint64_t clock_monotonic_ns(void)
{
	return (START_MS + play.now_ms) * MS + play.tick_ns;
}

uint64_t clock_realtime_ns(void)
{
	return (REAL_START_MS + play.now_ms) * MS;
}

struct clock_now clock_now(void)
{
	return (struct clock_now){
		.monotonic_ns = clock_monotonic_ns(), .realtime_ns = clock_realtime_ns()};
}

void log_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
{
	(void)level;
	(void)about;
	(void)fmt;
}

struct names {
	int fd;
};

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));
	n->fd = play.names_fd = eventfd(0, EFD_CLOEXEC);
	return n;
}

void names_free(struct names *n)
{
	close(n->fd);
	free(n);
}

bool names_get(struct names *n, uint32_t uid, uint64_t now_ns, const char **name)
{
	(void)n;
	(void)now_ns;
	*name = uid == 0 ? "root" : NULL;
	return !play.script->has_slow_names || play.has_answered || uid == 0;
}

int names_fd(const struct names *n)
{
	return n->fd;
}

void names_collect(struct names *n, uint64_t now_ns)
{
	eventfd_t count;
	(void)now_ns;
	eventfd_read(n->fd, &count);
}

struct store {
	int nothing;
};

static struct store store;

struct store *store_open(const struct store_config *config)
{
	play.store = *config;
	return &store;
}

bool store_close(struct store *s, uint64_t patience_ns)
{
	(void)s;
	(void)patience_ns;
	return true;
}

void store_set_keep(struct store *s, uint64_t keep_ns, uint32_t keep_count)
{
	(void)s;
	(void)keep_ns;
	(void)keep_count;
}

uint64_t store_last_job_id(const struct store *s)
{
	(void)s;
	return play.script->left ? 10 : 0;
}

uint64_t store_last_run_id(const struct store *s)
{
	return store_last_job_id(s);
}

uint64_t store_last_event_seq(const struct store *s)
{
	return store_last_job_id(s);
}

/* A job that was stored, with one event. */
static void make_left(struct store_saved *left, uint64_t id, const char *rule,
	const char *path, uint64_t run_id)
{
	struct change *c = change_new(path, NULL);
	c->event.kinds = EVENT_CLOSE_WRITE;
	left->events = calloc(1, sizeof(*left->events));
	left->events[0] = (struct store_event){
		.seq = id, .view = view_of(c, EVENT_CLOSE_WRITE, NULL)};
	left->event_count = 1;
	left->job = (struct store_job){.id = id,
		.rule = rule,
		.key = path,
		.attempt = run_id ? 1 : 0,
		.count = 1,
		.run_id = run_id,
		.run_started_ns = run_id ? (REAL_START_MS - 5000) * MS : 0,
		.added_ns = (REAL_START_MS - 9000) * MS};
}

int store_take_jobs(struct store *s,
	bool (*take)(void *ctx, const struct store_saved *left), void *ctx)
{
	char *text = strdup(play.script->left ? play.script->left : ""), *at = text,
	     *word;
	(void)s;
	while ((word = strsep(&at, " "))) {
		if (!*word)
			continue;
		struct store_saved left;
		uint64_t id = strtoull(strsep(&word, ":"), NULL, 10);
		const char *rule = strsep(&word, ":"), *path = strsep(&word, ":");
		make_left(&left, id, rule, path, strtoull(word, NULL, 10));
		if (!take(ctx, &left))
			tell_store("over:%" PRIu64, id);
		free(left.events);
	}
	free(text);
	return 0;
}

void store_take_rules(
	struct store *s, void (*take)(void *ctx, const char *rule), void *ctx)
{
	/* The rules of the jobs that were left, each once. */
	char *text = strdup(play.script->left ? play.script->left : ""), *at = text,
	     *word;
	struct strlist seen = {0};
	(void)s;
	while ((word = strsep(&at, " "))) {
		strsep(&word, ":");
		const char *rule = strsep(&word, ":");
		bool is_new = rule != NULL;
		for (size_t i = 0; rule && i < seen.count; i++)
			is_new = is_new && strcmp(seen.items[i], rule) != 0;
		if (is_new && strlist_add(&seen, rule) == 0)
			take(ctx, rule);
	}
	strlist_fini(&seen);
	free(text);
}

void store_take_pauses(struct store *s,
	void (*take)(void *ctx, const char *rule, uint64_t until_ns), void *ctx)
{
	(void)s;
	if (play.script->paused)
		take(ctx, play.script->paused, UINT64_MAX);
}

void store_put_job(struct store *s, const struct store_job *job)
{
	(void)s;
	if (job->run_id)
		tell_store("job:%" PRIu64 ":%" PRIu64, job->id, job->run_id);
	else if (job->failure)
		tell_store("job:%" PRIu64 ":tell:%" PRIu64, job->id, job->failure_run_id);
	else
		tell_store("job:%" PRIu64 ":wait", job->id);
}

void store_add_event(struct store *s, uint64_t job_id, const struct store_event *event)
{
	(void)s;
	tell_store("event:%" PRIu64 ":%" PRIu64, job_id, event->seq);
}

void store_drop_event(struct store *s, uint64_t job_id, uint64_t seq)
{
	(void)s;
	tell_store("cut:%" PRIu64 ":%" PRIu64, job_id, seq);
}

void store_follow(struct store *s, uint64_t from_id, uint64_t to_id)
{
	(void)s;
	tell_store("follow:%" PRIu64 ":%" PRIu64, from_id, to_id);
}

void store_end_job(struct store *s, uint64_t job_id)
{
	(void)s;
	tell_store("over:%" PRIu64, job_id);
}

void store_reserve_runs(struct store *s, uint64_t last)
{
	(void)s;
	play.reserved = last;
}

void store_release_runs(struct store *s, uint64_t last)
{
	(void)s;
	play.reserved = last;
}

void store_put_run(struct store *s, const struct store_run *run)
{
	const struct outcome *o = &run->outcome;
	(void)s;
	if (o->status)
		tell_store("run:%" PRIu64 ":%s:%d", run->id, outcome_kind_name(o->kind),
			o->status);
	else
		tell_store("run:%" PRIu64 ":%s", run->id, outcome_kind_name(o->kind));
}

void store_put_pause(struct store *s, const char *rule, uint64_t until_ns)
{
	(void)s;
	if (until_ns == UINT64_MAX)
		tell_store("pause:%s:ever", rule);
	else
		tell_store("pause:%s:%" PRIu64, rule, until_ns / MS - REAL_START_MS);
}

void store_drop_pause(struct store *s, const char *rule)
{
	(void)s;
	tell_store("unpause:%s", rule);
}

uint64_t store_flush(struct store *s)
{
	(void)s;
	return 1;
}

void store_ask_job(struct store *s, uint64_t run_id,
	void (*done)(void *ctx, const struct store_saved *job), void *ctx)
{
	struct store_saved left;
	(void)s;
	if (run_id != 1) {
		done(ctx, NULL);
		return;
	}
	make_left(&left, 9, "r", "/w/again", 0);
	done(ctx, &left);
	free(left.events);
}

/* ---- The keeper ---- */

static void link_listen(
	void *ctx, const struct link_run_handlers *handlers, void *handlers_ctx)
{
	(void)ctx;
	play.keeper = handlers;
	play.keeper_ctx = handlers_ctx;
}

static const char *env_of(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < play.env.len; i += strlen(play.env.data + i) + 1) {
		if (strncmp(play.env.data + i, name, len) == 0 &&
			play.env.data[i + len] == '=')
			return play.env.data + i + len + 1;
	}
	return "";
}

static int link_start(void *ctx, const struct link_request *request)
{
	(void)ctx;
	if (play.refusal) {
		errno = play.refusal;
		return -1;
	}
	buf_clear(&play.env);
	buf_clear(&play.input);
	for (char *const *e = request->envp; *e; e++)
		buf_add(&play.env, *e, strlen(*e) + 1);
	char room[512];
	ssize_t n = request->stdin_fd >= 0
			    ? pread(request->stdin_fd, room, sizeof(room), 0)
			    : 0;
	buf_add(&play.input, room, n > 0 ? (size_t)n : 0);
	/* /bin/sh -c and the command of the rule */
	say("start:%" PRIu64 ":%s:%s", request->run_id, request->argv[2],
		env_of("FSMON_PATH"));
	return 0;
}

static int link_signal(void *ctx, enum wire_type how, uint64_t run_id, int signal)
{
	(void)ctx;
	if (how == WIRE_KILL)
		say("kill:%" PRIu64, run_id);
	else
		say("%s:%" PRIu64 ":%d", how == WIRE_STOP ? "stop" : "signal", run_id,
			signal);
	return 0;
}

static int link_done(void *ctx, const uint64_t *run_ids, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		say("forget:%" PRIu64, run_ids[i]);
	return 0;
}

static bool link_has_room(void *ctx)
{
	(void)ctx;
	return !play.is_full;
}

static void on_started(void *ctx, pid_t pid, uint64_t tag, uint32_t depth)
{
	(void)ctx;
	say("tag:%d:%" PRIu64 ":%" PRIu64 ":%" PRIu32, (int)pid, tag >> 40,
		tag & ((UINT64_C(1) << 40) - 1), depth);
}

static size_t on_signal_tagged(void *ctx, uint64_t tag, int signal)
{
	(void)ctx;
	say("reach:%" PRIu64 ":%d", tag & ((UINT64_C(1) << 40) - 1), signal);
	return play.descendants;
}

#endif
