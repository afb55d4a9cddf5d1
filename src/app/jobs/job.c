/* SPDX-License-Identifier: MIT */
#include "app/jobs/job.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rest of a tag is the rule's. */
#define RUN_BITS 40

struct job_rule *job_rule_get(struct job_rule **rules, const char *name)
{
	struct job_rule *rule;
	HASH_FIND_STR(*rules, name, rule);
	if (rule)
		return rule;
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return NULL;
	rule->id = HASH_COUNT(*rules) + 1;
	strlcpy(rule->name, name, sizeof(rule->name));
	HASH_ADD_STR(*rules, name, rule);
	if (!rule->hh.tbl) {
		free(rule);
		errno = ENOMEM;
		return NULL;
	}
	return rule;
}

void job_rule_free_all(struct job_rule **rules)
{
	struct job_rule *rule, *next;
	HASH_ITER (hh, *rules, rule, next) {
		HASH_DEL(*rules, rule);
		free(rule);
	}
}

uint64_t job_rule_tag(const struct job_rule *rule, uint64_t run_id)
{
	assert(rule->id > 0);
	return rule->id << RUN_BITS | (run_id & ((UINT64_C(1) << RUN_BITS) - 1));
}

bool job_rule_has_tag(const struct job_rule *rule, uint64_t tag)
{
	return tag >> RUN_BITS == rule->id;
}

struct job_event *job_event_new(const struct view *view, uint64_t seq)
{
	struct job_event *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	change_ref(view->change);
	e->event = (struct store_event){.seq = seq, .view = *view};
	return e;
}

void job_event_free(struct job_event *e)
{
	if (e)
		change_unref(e->event.view.change);
	free(e);
}

bool job_add_event(struct sched_items *to, const struct view *view, uint64_t seq)
{
	struct job_event *e = job_event_new(view, seq);
	if (e)
		STAILQ_INSERT_TAIL(to, &e->item, next);
	return e;
}

void job_free_events(struct sched_items *items)
{
	struct sched_item *item;
	while ((item = STAILQ_FIRST(items))) {
		STAILQ_REMOVE_HEAD(items, next);
		job_event_free((struct job_event *)item);
	}
}

const struct job_event *job_newest(const struct sched_job *s)
{
	const struct sched_item *item = sched_newest(s);
	assert(item);
	return (const struct job_event *)item;
}

const char *job_path(const struct sched_job *s)
{
	return view_path(&job_newest(s)->event.view);
}

uint32_t job_depth(const struct job *job)
{
	const struct sched_item *item;
	uint32_t depth = 0;
	STAILQ_FOREACH (item, &job->sched->items, next) {
		const struct view *v = &((const struct job_event *)item)->event.view;
		if (v->change->actor.depth > depth)
			depth = v->change->actor.depth;
	}
	return depth;
}

bool job_covers_below(const struct job *job)
{
	const struct sched_item *item;
	STAILQ_FOREACH (item, &job->sched->items, next) {
		if (((const struct job_event *)item)
				->event.view.change->event.covers_below)
			return true;
	}
	return false;
}

struct job *job_new(
	struct job_rule *rule, const struct outcome *failure, uint64_t failure_run_id)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->rule = rule;
	job->failure_run_id = failure_run_id;
	job->failure = failure ? outcome_copy(failure) : NULL;
	if (failure && !job->failure) {
		free(job);
		return NULL;
	}
	return job;
}

void job_attach(struct job *job, struct sched_job *s, uint64_t added_ns)
{
	assert(!s->data && !job->sched);
	job->added_ns = added_ns;
	job->sched = s;
	s->data = job;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->failure);
	free(job->deferred_end);
	free(job);
}

void job_drop(struct sched_job *s)
{
	job_detach(s);
	sched_job_free(s);
}

void job_detach(struct sched_job *s)
{
	job_free_events(&s->items);
	job_free(s->data);
	s->data = NULL;
}
