/* SPDX-License-Identifier: MIT */
#include "app/jobs/restore.h"

#include "app/jobs/jobs_state.h"
#include "app/jobs/keep.h"
#include "app/jobs/say.h"
#include "app/log.h"
#include "core/hook/runlabel.h"
#include "os/cgroup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Tags ---- */

void restore_tag(struct jobs *j, pid_t pid, const char *label)
{
	struct runlabel l;
	if (runlabel_parse(&l, label) < 0)
		return;
	/* Its rule may be gone: it is a hook's process all the same. */
	const struct job_rule *rule = job_rule_get(&j->known, l.rule);
	if (rule)
		j->config.started(
			j->config.ctx, pid, job_rule_tag(rule, l.run_id), l.depth);
}

static void on_labelled(void *ctx, pid_t pid, const char *label)
{
	restore_tag(ctx, pid, label);
}

/* ---- Jobs ---- */

static void drop_changes(const struct store_saved *left)
{
	for (size_t i = 0; i < left->event_count; i++)
		change_unref(left->events[i].view.change);
}

/* Put a job in as it was, or its events as a new one. NULL where that cannot be. */
static struct sched_job *give(struct jobs *j, const struct store_saved *left,
	uint32_t rule, bool is_new, struct clock_now now)
{
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	struct sched_insertion given = {.items = &items, .count = left->job.count};
	struct job *job =
		job_new(j->by_rule[rule], left->job.failure, left->job.failure_run_id);
	struct sched_job *s = NULL;
	for (size_t i = 0; i < left->event_count; i++)
		given.listed += job_add_event(&items, &left->events[i].view,
			is_new ? ++j->last_seq : left->events[i].seq);
	given.truncated = left->job.truncated || given.listed < given.count;
	if (!is_new) {
		given.id = left->job.id;
		given.attempt = left->job.attempt;
		given.failures = left->job.failures;
	}
	if (job && given.listed)
		s = sched_insert(j->sched, job_lane(rule, left->job.failure != NULL),
			left->job.key, &given, now.monotonic_ns);
	if (s && !s->data) {
		job_attach(job, s, is_new ? now.realtime_ns : left->job.added_ns);
		return s;
	}
	if (s) /* It joined another. */
		keep_cut_all(j->store, s, &items);
	job_free_events(&items);
	job_free(job);
	return s;
}

/* Take an earlier worker's run to be going on, since it started, until the keeper has told. */
static void assume_running(struct jobs *j, struct sched_job *s,
	const struct store_job *left, struct clock_now now)
{
	struct job *job = s->data;
	uint64_t now_ns = now.monotonic_ns, real_ns = now.realtime_ns;
	uint64_t started_ns = left->run_started_ns;
	if (!started_ns || started_ns > real_ns || real_ns - started_ns > now_ns)
		started_ns = real_ns;
	if (job->run_id ||
		sched_adopt(j->sched, s, now_ns - (real_ns - started_ns), false) < 0)
		return;
	job->run_id = left->run_id;
	job->run_started_ns = started_ns;
	job->is_unconfirmed = true;
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
}

/* For what the store hands out. */
struct taking {
	struct jobs *jobs;
	struct clock_now now;
};

static bool take_job(void *ctx, const struct store_saved *left)
{
	const struct taking *t = ctx;
	struct jobs *j = t->jobs;
	int64_t rule = table_find(j->rules, left->job.rule);
	struct sched_job *s = NULL;
	if (rule >= 0 && table_rule(j->rules, (uint32_t)rule)->enabled)
		s = give(j, left, (uint32_t)rule, false, t->now);
	else
		say_dropped(left->job.rule, left->job.key);
	drop_changes(left);
	if (!s)
		return false;
	if (s->id != left->job.id) {
		store_follow(j->store, left->job.id, s->id);
		keep_job(j->store, s, NULL);
	} else if (left->job.run_id) {
		assume_running(j, s, &left->job, t->now);
	}
	return true;
}

/* Also of a rule that is not there now: its file may be mended. */
static void take_pause(void *ctx, const char *rule, uint64_t until_ns)
{
	const struct taking *t = ctx;
	struct jobs *j = t->jobs;
	struct job_rule *known = job_rule_get(&j->known, rule);
	struct log_about about = {.rule = rule};
	if (until_ns <= t->now.realtime_ns || !known) {
		store_drop_pause(j->store, rule);
		return;
	}
	known->paused_until_ns = until_ns;
	log_about(
		LOG_LEVEL_INFO, &about, "still paused: fsmon resume %s ends that", rule);
}

void restore_all(struct jobs *j, struct clock_now now)
{
	struct taking taking = {.jobs = j, .now = now};
	assert(j->rules);
	if (j->config.hooks_dir)
		cgroup_each_labelled(j->config.hooks_dir, on_labelled, j);
	if (!j->store)
		return;
	if (store_take_jobs(j->store, take_job, &taking) < 0)
		log_err("waiting jobs could not be read back: %s", strerror(errno));
	store_take_pauses(j->store, take_pause, &taking);
	size_t waiting = sched_waiting_all(j->sched);
	if (waiting)
		log_info("%zu job%s waited in the store", waiting,
			waiting == 1 ? "" : "s");
}

/* ---- Once more ---- */

/* Who asked for a run to be done again. */
struct again {
	struct jobs *jobs;
	void (*done)(void *ctx, uint64_t job_id, const char *error);
	void *ctx;
};

static void on_job(void *ctx, const struct store_saved *left)
{
	struct again *a = ctx;
	struct jobs *j = a->jobs;
	int64_t rule = left ? table_find(j->rules, left->job.rule) : -1;
	struct sched_job *s = NULL;
	if (rule >= 0)
		s = give(j, left, (uint32_t)rule, true, clock_now());
	if (left)
		drop_changes(left);
	if (s)
		keep_whole_job(j->store, s);
	a->done(a->ctx, s ? s->id : 0,
		s          ? NULL
		: !left    ? "there is no such run, or its events are not known any more"
		: rule < 0 ? "its rule is gone"
			   : "there is no memory for it");
	free(a);
}

void restore_job_of(struct jobs *j, uint64_t run_id,
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
