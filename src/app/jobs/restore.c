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
	/* The rule may be gone: the process is a hook's all the same. */
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

static void drop_changes(const struct store_saved *saved)
{
	for (size_t i = 0; i < saved->event_count; i++)
		change_unref(saved->events[i].view.change);
}

/* Put a job in as it was, or its events as a new job. Returns the job, NULL on failure. */
static struct sched_job *insert_saved(struct jobs *j, const struct store_saved *saved,
	uint32_t rule, bool is_new, struct clock_now now)
{
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	struct sched_insertion insertion = {.items = &items, .count = saved->job.count};
	struct job *job =
		job_new(j->by_rule[rule], saved->job.failure, saved->job.failure_run_id);
	struct sched_job *s = NULL;
	for (size_t i = 0; i < saved->event_count; i++)
		insertion.listed += job_add_event(&items, &saved->events[i].view,
			is_new ? ++j->last_seq : saved->events[i].seq);
	insertion.truncated = saved->job.truncated || insertion.listed < insertion.count;
	if (!is_new) {
		insertion.id = saved->job.id;
		insertion.attempt = saved->job.attempt;
		insertion.failures = saved->job.failures;
	}
	if (job && insertion.listed)
		s = sched_insert(j->sched, job_lane(rule, saved->job.failure != NULL),
			saved->job.key, &insertion, now.monotonic_ns);
	if (s && !s->data) {
		job_attach(job, s, is_new ? now.realtime_ns : saved->job.added_ns);
		return s;
	}
	if (s) /* It joined another. */
		keep_cut_all(j->store, s, &items);
	job_free_events(&items);
	job_free(job);
	return s;
}

/* Assume, until the keeper tells, that an earlier worker's run still goes on. */
static void assume_running(struct jobs *j, struct sched_job *s,
	const struct store_job *saved, struct clock_now now)
{
	struct job *job = s->data;
	uint64_t now_ns = now.monotonic_ns, real_ns = now.realtime_ns;
	uint64_t started_ns = saved->run_started_ns;
	if (!started_ns || started_ns > real_ns || real_ns - started_ns > now_ns)
		started_ns = real_ns;
	if (job->run_id ||
		sched_adopt(j->sched, s, now_ns - (real_ns - started_ns), false) < 0)
		return;
	job->run_id = saved->run_id;
	job->run_started_ns = started_ns;
	job->is_unconfirmed = true;
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
}

/* What the callbacks need that the store calls with what it has. */
struct restoring {
	struct jobs *jobs;
	struct clock_now now;
};

/* The number of the rule that a job waits for, which may be absent; -1: it is gone, or
 * disabled. */
static int64_t number_of(struct jobs *j, const char *name)
{
	int64_t rule = table_find(j->rules, name);
	if (rule >= 0)
		return table_rule(j->rules, (uint32_t)rule)->enabled ? rule : -1;
	const struct job_rule *known;
	HASH_FIND_STR(j->known, name, known);
	return known && known->is_absent ? (int64_t)known->number : -1;
}

static bool take_job(void *ctx, const struct store_saved *saved)
{
	const struct restoring *r = ctx;
	struct jobs *j = r->jobs;
	int64_t rule = number_of(j, saved->job.rule);
	struct sched_job *s = NULL;
	if (rule >= 0)
		s = insert_saved(j, saved, (uint32_t)rule, false, r->now);
	else
		say_dropped(saved->job.rule, saved->job.key);
	drop_changes(saved);
	if (!s)
		return false;
	if (s->id != saved->job.id) {
		store_follow(j->store, saved->job.id, s->id);
		keep_job(j->store, s, NULL);
	} else if (saved->job.run_id) {
		assume_running(j, s, &saved->job, r->now);
	}
	return true;
}

/* A pause is taken for a rule that is not there now, too: its file may be mended. */
static void take_pause(void *ctx, const char *rule, uint64_t until_ns)
{
	const struct restoring *r = ctx;
	struct jobs *j = r->jobs;
	struct job_rule *known = job_rule_get(&j->known, rule);
	struct log_about about = {.rule = rule};
	if (until_ns <= r->now.realtime_ns || !known) {
		store_drop_pause(j->store, rule);
		return;
	}
	known->paused_until_ns = until_ns;
	log_about(
		LOG_LEVEL_INFO, &about, "still paused: fsmon resume %s ends that", rule);
}

void restore_all(struct jobs *j, struct clock_now now)
{
	struct restoring restoring = {.jobs = j, .now = now};
	assert(j->rules);
	if (j->config.hooks_dir)
		cgroup_each_labelled(j->config.hooks_dir, on_labelled, j);
	if (!j->store)
		return;
	if (store_take_jobs(j->store, take_job, &restoring) < 0)
		log_err("waiting jobs could not be read back: %s", strerror(errno));
	store_take_pauses(j->store, take_pause, &restoring);
	size_t waiting = sched_waiting_all(j->sched);
	if (waiting)
		log_info("%zu job%s waited in the store", waiting,
			waiting == 1 ? "" : "s");
}

/* ---- Reruns ---- */

/* Who asked for a run to be done again. */
struct rerun {
	struct jobs *jobs;
	void (*done)(void *ctx, uint64_t job_id, const char *error);
	void *ctx;
};

static void on_job(void *ctx, const struct store_saved *saved)
{
	struct rerun *r = ctx;
	struct jobs *j = r->jobs;
	int64_t rule = saved ? table_find(j->rules, saved->job.rule) : -1;
	struct sched_job *s = NULL;
	if (rule >= 0)
		s = insert_saved(j, saved, (uint32_t)rule, true, clock_now());
	if (saved)
		drop_changes(saved);
	if (s)
		keep_whole_job(j->store, s);
	r->done(r->ctx, s ? s->id : 0,
		s          ? NULL
		: !saved   ? "there is no such run, or its events are not known any more"
		: rule < 0 ? "its rule is gone"
			   : "there is no memory for it");
	free(r);
}

void restore_for_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx)
{
	struct rerun *r = j->store ? calloc(1, sizeof(*r)) : NULL;
	if (!r) {
		done(ctx, 0,
			j->store ? "there is no memory for it"
				 : "with --dry-run nothing is remembered");
		return;
	}
	*r = (struct rerun){.jobs = j, .done = done, .ctx = ctx};
	store_ask_job(j->store, run_id, on_job, r);
}
