/* SPDX-License-Identifier: MIT */
#include "app/jobs/keep.h"

#include <assert.h>

void keep_job(
	struct store *store, const struct sched_job *s, const struct job_event *added)
{
	if (!store)
		return;
	const struct job *job = s->data;
	const struct store_job put = {
		.id = s->id,
		.rule = job->rule->name,
		.key = job_path(s),
		.attempt = s->attempt,
		.failures = s->failures,
		.count = s->count,
		.truncated = s->truncated,
		.run_id = job->run_id,
		.added_ns = job->added_ns,
		.failure = job->failure,
		.failure_run_id = job->failure_run_id,
	};
	store_put_job(store, &put);
	if (added)
		store_add_event(store, s->id, &added->event);
}

void keep_whole_job(struct store *store, const struct sched_job *s)
{
	const struct sched_item *item;
	if (!store)
		return;
	keep_job(store, s, NULL);
	STAILQ_FOREACH (item, &s->items, next)
		store_add_event(store, s->id, &((const struct job_event *)item)->event);
}

void keep_cut(struct store *store, const struct sched_job *s, const struct job_event *cut)
{
	((struct job *)s->data)->rule->counters.unlisted++;
	if (store)
		store_drop_event(store, s->id, cut->event.seq);
}

void keep_end_job(struct store *store, const struct sched_job *s)
{
	if (store)
		store_end_job(store, s->id);
}

void keep_cut_all(
	struct store *store, const struct sched_job *s, const struct sched_items *items)
{
	const struct sched_item *item;
	STAILQ_FOREACH (item, items, next)
		keep_cut(store, s, (const struct job_event *)item);
}

void keep_follow(
	struct store *store, const struct sched_job *s, const struct sched_job *follower)
{
	keep_cut_all(store, follower, &s->items);
	if (store)
		store_follow(store, s->id, follower->id);
	keep_job(store, follower, NULL);
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

void keep_run(struct store *store, const struct sched_job *s, const struct outcome *end)
{
	if (!store)
		return;
	const struct job *job = s->data;
	struct store_run run = {
		.id = job->run_id,
		.job_id = s->id,
		.rule = job->rule->name,
		.is_on_failure = job->failure != NULL,
		.event = &job_newest(s)->event,
		.count = s->count,
		.attempt = s->attempt,
		.queued_ns = waited_ns(s),
		.started_ns = job->run_started_ns,
	};
	if (end)
		run.outcome = *end;
	store_put_run(store, &run);
}

static void put_again(void *ctx, struct sched_job *s)
{
	keep_whole_job(ctx, s);
	if (((const struct job *)s->data)->run_id)
		keep_run(ctx, s, NULL);
}

void keep_all(
	struct store *store, const struct sched *sched, const struct job_rule *known)
{
	const struct job_rule *rule, *next;
	assert(store);
	sched_each(sched, put_again, store);
	HASH_ITER (hh, known, rule, next) {
		if (rule->paused_until_ns)
			store_put_pause(store, rule->name, rule->paused_until_ns);
	}
}
