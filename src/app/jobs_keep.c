/* SPDX-License-Identifier: MIT */
/* What the store remembers of jobs, and how they come back from it. */
#include "app/jobs_state.h"

#include "app/log.h"
#include "os/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Into the store ---- */

static void fill_event(struct jobs *j, const struct job_event *e, struct store_event *out)
{
	const struct actor *a = &e->change->actor;
	uint64_t now_ns = clock_monotonic_ns();
	*out = (struct store_event){
		.seq = e->seq,
		.change = e->change,
		.kind = e->kind,
		.path = e->path,
		.old_path = e->old_path,
	};
	names_get(j->names, a->uid, now_ns, &out->user);
	names_get(j->names, a->login_uid, now_ns, &out->login);
}

static void put_job(struct jobs *j, const struct sched_job *s)
{
	const struct job *job = s->data;
	struct store_failure why;
	struct store_job put = {
		.id = s->id,
		.rule = job->named->name,
		.key = job_event_key(job_newest(s)),
		.attempt = s->attempt,
		.failures = s->failures,
		.count = s->count,
		.truncated = s->truncated,
		.run_id = job->run_id,
		.added_ns = job->added_ns,
	};
	if (job->failure) {
		why = (struct store_failure){
			.reason = job->failure->reason,
			.status = job->failure->status,
			.run_id = job->failure->run_id,
			.output = job->failure->output,
			.output_len = job->failure->output_len,
		};
		put.failure = &why;
	}
	store_put_job(j->store, &put);
}

void keep_job(struct jobs *j, const struct sched_job *s, const struct job_event *added)
{
	struct store_event event;
	if (!j->store)
		return;
	put_job(j, s);
	if (!added)
		return;
	fill_event(j, added, &event);
	store_add_event(j->store, s->id, &event);
}

void keep_cut(struct jobs *j, const struct sched_job *s, const struct job_event *cut)
{
	if (j->store)
		store_drop_event(j->store, s->id, cut->seq);
}

void keep_done(struct jobs *j, const struct sched_job *s)
{
	if (j->store)
		store_done_job(j->store, s->id);
}

/* Events of a job are no longer listed because it has taken over more. */
static void keep_cut_all(
	struct jobs *j, const struct sched_job *s, const struct sched_items *items)
{
	const struct job *job = s->data;
	const struct sched_item *item;
	STAILQ_FOREACH (item, items, next) {
		job->named->counters.unlisted++;
		keep_cut(j, s, (const struct job_event *)item);
	}
}

void keep_follow(
	struct jobs *j, const struct sched_job *s, const struct sched_job *follower)
{
	keep_cut_all(j, follower, &s->items);
	if (!j->store)
		return;
	store_follow(j->store, s->id, follower->id);
	put_job(j, follower);
}

/* How long a job that runs had waited. An earlier worker's has been queued before the clock of
 * this one's scheduler knows of it. */
static uint64_t waited_ns(const struct sched_job *s)
{
	const struct job *job = s->data;
	if (s->started_ns >= s->queued_ns)
		return s->started_ns - s->queued_ns;
	return job->run_started_ns > job->added_ns ? job->run_started_ns - job->added_ns
						   : 0;
}

void keep_run(struct jobs *j, const struct sched_job *s, const struct keep_end *end)
{
	const struct job *job = s->data;
	struct store_event event;
	if (!j->store)
		return;
	fill_event(j, job_newest(s), &event);
	struct store_run run = {
		.id = job->run_id,
		.job_id = s->id,
		.rule = job->named->name,
		.is_on_failure = job->failure != NULL,
		.event = &event,
		.count = s->count,
		.attempt = s->attempt,
		.queued_ns = waited_ns(s),
		.started_ns = job->run_started_ns,
		.outcome = STORE_RUNNING,
	};
	if (end) {
		run.duration_ns = end->duration_ns;
		run.outcome = end->outcome;
		run.status = end->status;
		run.user_us = end->usage.user_us;
		run.system_us = end->usage.system_us;
		run.max_rss_kib = end->usage.max_rss_kib;
		run.output = end->output;
		run.output_len = end->output_len;
	}
	store_put_run(j->store, &run);
}

static void put_whole_job(void *ctx, const struct sched_job *s)
{
	struct jobs *j = ctx;
	const struct sched_item *item;
	put_job(j, s);
	STAILQ_FOREACH (item, &s->items, next) {
		struct store_event event;
		fill_event(j, (const struct job_event *)item, &event);
		store_add_event(j->store, s->id, &event);
	}
	if (((const struct job *)s->data)->run_id)
		keep_run(j, s, NULL);
}

void keep_all(void *ctx)
{
	struct jobs *j = ctx;
	const struct named *n, *next;
	sched_each(j->sched, put_whole_job, j);
	HASH_ITER (hh, j->by_name, n, next) {
		if (n->paused_until_ns)
			store_put_pause(j->store, n->name, n->paused_until_ns);
	}
}

/* ---- Out of the store ---- */

/* Make the events of a job that is put in again; `is_new`: as events of a new job. Returns
 * how many. */
static uint32_t make_items(struct jobs *j, const struct store_left *left,
	struct sched_items *items, bool is_new)
{
	uint32_t count = 0;
	for (size_t i = 0; i < left->event_count; i++) {
		const struct store_event *from = &left->events[i];
		struct job_event *e = job_event_new(
			j, from->change, from->kind, from->path, from->old_path);
		if (!e)
			continue;
		/* They begin before the name service can have answered. */
		names_suppose(j->names, from->change->actor.uid, from->user);
		names_suppose(j->names, from->change->actor.login_uid, from->login);
		if (!is_new)
			e->seq = from->seq;
		STAILQ_INSERT_TAIL(items, &e->item, next);
		count++;
	}
	return count;
}

static void drop_changes(const struct store_left *left)
{
	for (size_t i = 0; i < left->event_count; i++)
		change_unref(left->events[i].change);
}

static struct job_failure *failure_of(const struct store_failure *why)
{
	return why ? job_failure_new(why) : NULL;
}

/* Put a job in as it was, or its events as a new one. NULL where that cannot be. */
static struct sched_job *give(
	struct jobs *j, const struct store_left *left, uint32_t rule, bool is_new)
{
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	struct sched_given given = {.items = &items, .count = left->job.count};
	bool is_failure = left->job.failure != NULL;
	struct job_failure *failure = failure_of(left->job.failure);
	struct sched_job *s = NULL;
	given.listed = make_items(j, left, &items, is_new);
	given.truncated = left->job.truncated || given.listed < given.count;
	if (!is_new) {
		given.id = left->job.id;
		given.attempt = left->job.attempt;
		given.failures = left->job.failures;
	}
	if (given.listed && jobs_has_spare(j) && (!is_failure || failure))
		s = sched_give(j->sched, jobs_lane(rule, is_failure), left->job.key,
			&given, clock_monotonic_ns());
	if (!s) {
		jobs_free_items(&items);
		free(failure);
		return NULL;
	}
	if (s->data) {
		free(failure); /* it joined another */
		keep_cut_all(j, s, &items);
		jobs_free_items(&items);
		return s;
	}
	struct job *job = jobs_dress(j, s, j->by_rule[rule]);
	job->failure = failure;
	if (!is_new)
		job->added_ns = left->job.added_ns;
	return s;
}

/* Take an earlier worker's run to be going on, since it started, until the keeper has told. */
static void assume_running(
	struct jobs *j, struct sched_job *s, const struct store_job *left)
{
	struct job *job = s->data;
	uint64_t now_ns = clock_monotonic_ns(), real_ns = clock_realtime_ns();
	uint64_t started_ns = left->run_started_ns;
	if (!started_ns || started_ns > real_ns || real_ns - started_ns > now_ns)
		started_ns = real_ns;
	if (job->run_id ||
		sched_adopt(j->sched, s, now_ns - (real_ns - started_ns), false) < 0)
		return;
	job->run_id = left->run_id;
	job->run_started_ns = started_ns;
	job->is_left = true;
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
}

static bool take_left(void *ctx, const struct store_left *left)
{
	struct jobs *j = ctx;
	int64_t rule = table_find(j->rules, left->job.rule);
	bool is_there = rule >= 0 && table_rule(j->rules, (uint32_t)rule)->enabled;
	struct sched_job *s = NULL;
	if (is_there)
		s = give(j, left, (uint32_t)rule, false);
	else {
		struct log_about about = {.rule = left->job.rule};
		log_about(LOG_LEVEL_WARN, &about,
			"not run for %s: the rule is gone, or disabled", left->job.key);
	}
	drop_changes(left);
	if (!s)
		return false;
	if (s->id != left->job.id) {
		store_follow(j->store, left->job.id, s->id);
		put_job(j, s);
	} else if (left->job.run_id)
		assume_running(j, s, &left->job);
	return true;
}

/* Also of a rule that is not there now: its file may be mended. */
static void take_pause(void *ctx, const char *rule, uint64_t until_ns)
{
	struct jobs *j = ctx;
	struct named *named = jobs_named(j, rule);
	struct log_about about = {.rule = rule};
	if (until_ns <= clock_realtime_ns() || !named) {
		store_drop_pause(j->store, rule);
		return;
	}
	named->paused_until_ns = until_ns;
	log_about(
		LOG_LEVEL_INFO, &about, "still paused: fsmon resume %s ends that", rule);
}

void keep_restore(struct jobs *j)
{
	if (!j->store)
		return;
	if (store_take_left(j->store, take_left, j) < 0)
		log_err("waiting jobs could not be read back: %s", strerror(errno));
	store_take_pauses(j->store, take_pause, j);
	size_t waiting = sched_waiting_all(j->sched);
	if (waiting)
		log_info("%zu job%s waited in the store", waiting,
			waiting == 1 ? "" : "s");
}

void keep_settle_left(struct jobs *j)
{
	struct job *job, *next;
	HASH_ITER (hh, j->runs, job, next) {
		if (job->is_left)
			runs_lose(j, job);
	}
}

/* ---- Once more ---- */

/* Who asked for a run to be done again. */
struct again {
	struct jobs *jobs;
	void (*done)(void *ctx, uint64_t job_id, const char *error);
	void *ctx;
};

static void on_job(void *ctx, const struct store_left *left)
{
	struct again *a = ctx;
	struct jobs *j = a->jobs;
	int64_t rule = left ? table_find(j->rules, left->job.rule) : -1;
	struct sched_job *s = NULL;
	const struct sched_item *item;
	if (rule >= 0)
		s = give(j, left, (uint32_t)rule, true);
	if (left)
		drop_changes(left);
	if (s) {
		STAILQ_FOREACH (item, &s->items, next)
			keep_job(j, s, (const struct job_event *)item);
	}
	a->done(a->ctx, s ? s->id : 0,
		s          ? NULL
		: !left    ? "there is no such run, or its events are not known any more"
		: rule < 0 ? "its rule is gone"
			   : "there is no memory for it");
	free(a);
}

void jobs_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx)
{
	struct again *a = j->store ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		done(ctx, 0,
			j->store ? "there is no memory for it"
				 : "with --dry-run nothing is remembered");
		return;
	}
	*a = (struct again){.jobs = j, .done = done, .ctx = ctx};
	store_ask_job(j->store, run_id, on_job, a);
}
