/* SPDX-License-Identifier: MIT */
#include "app/store/store_batch.h"

#include "app/store/store_left.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Events that come and go at once are among the newest. */
#define LOOK_BACK 16

void store_batch_init(struct store_batch *b)
{
	*b = (struct store_batch){0};
	TAILQ_INIT(&b->events);
	STAILQ_INIT(&b->ops);
	STAILQ_INIT(&b->asks);
}

void store_batch_move(struct store_batch *to, struct store_batch *from)
{
	assert(to->count == 0 && STAILQ_EMPTY(&to->asks));
	to->jobs = from->jobs;
	to->runs = from->runs;
	TAILQ_CONCAT(&to->events, &from->events, next);
	STAILQ_CONCAT(&to->ops, &from->ops);
	STAILQ_CONCAT(&to->asks, &from->asks);
	to->count = from->count;
	to->last_job_id = from->last_job_id;
	to->last_run_id = from->last_run_id;
	to->last_seq = from->last_seq;
	from->jobs = NULL;
	from->runs = NULL;
	from->count = 0;
}

static void free_event(struct store_batch_event *e)
{
	change_unref(e->event.view.change);
	free(e);
}

static void free_run(struct store_batch_run *r)
{
	change_unref(r->event.view.change);
	free(r->run);
	free(r);
}

void store_batch_free_asks(struct store_batch_asks *asks)
{
	struct store_batch_ask *a;
	while ((a = STAILQ_FIRST(asks))) {
		STAILQ_REMOVE_HEAD(asks, next);
		free(a->runs);
		store_left_free(a->left, true);
		free(a);
	}
}

void store_batch_fini(struct store_batch *b)
{
	struct store_batch_job *job = b->jobs, *next_job;
	struct store_batch_run *run = b->runs, *next_run;
	HASH_CLEAR(hh, b->jobs);
	HASH_CLEAR(hh, b->runs);
	for (; job; job = next_job) {
		next_job = job->hh.next;
		free(job->state);
		free(job);
	}
	for (; run; run = next_run) {
		next_run = run->hh.next;
		free_run(run);
	}
	struct store_batch_event *e;
	while ((e = TAILQ_FIRST(&b->events))) {
		TAILQ_REMOVE(&b->events, e, next);
		free_event(e);
	}
	struct store_batch_op *op;
	while ((op = STAILQ_FIRST(&b->ops))) {
		STAILQ_REMOVE_HEAD(&b->ops, next);
		free(op);
	}
	store_batch_free_asks(&b->asks);
	store_batch_init(b);
}

/* ---- Copies ---- */

/* Copy bytes to *at, with a NUL behind them, and move *at behind that. */
static const char *put_bytes(char **at, const char *bytes, size_t len)
{
	if (!bytes)
		return NULL;
	char *copy = *at;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	*at += len + 1;
	return copy;
}

static const char *put_text(char **at, const char *s)
{
	return put_bytes(at, s, s ? strlen(s) : 0);
}

/* What a copy takes. */
static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static struct store_batch_state *copy_job(const struct store_job *job)
{
	const struct outcome *f = job->failure;
	size_t output_len = f ? f->output_len : 0;
	struct store_batch_state *copy = malloc(
		sizeof(*copy) + size_of(job->rule) + size_of(job->key) + output_len + 1);
	if (!copy)
		return NULL;
	char *at = copy->text;
	copy->job = *job;
	copy->job.rule = put_text(&at, job->rule);
	copy->job.key = put_text(&at, job->key);
	if (f) {
		copy->failure = *f;
		copy->failure.output = put_bytes(&at, f->output, output_len);
		copy->job.failure = &copy->failure;
	}
	return copy;
}

static struct store_run *copy_run(const struct store_run *run, struct store_event *event)
{
	struct store_run *copy =
		malloc(sizeof(*run) + size_of(run->rule) + run->outcome.output_len + 1);
	if (!copy)
		return NULL;
	char *at = (char *)(copy + 1);
	*copy = *run;
	copy->rule = put_text(&at, run->rule);
	copy->outcome.output =
		put_bytes(&at, run->outcome.output, run->outcome.output_len);
	*event = run->event ? *run->event : (struct store_event){0};
	if (event->view.change)
		change_ref(event->view.change);
	return copy;
}

/* ---- Adding ---- */

static void note_highest(uint64_t *highest, uint64_t id)
{
	if (id > *highest)
		*highest = id;
}

/* The entry of a job, made where there is none. */
static struct store_batch_job *job_of(struct store_batch *b, uint64_t id)
{
	struct store_batch_job *j;
	HASH_FIND(hh, b->jobs, &id, sizeof(id), j);
	if (j)
		return j;
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->id = id;
	HASH_ADD(hh, b->jobs, id, sizeof(j->id), j);
	if (!j->hh.tbl) {
		free(j);
		errno = ENOMEM;
		return NULL;
	}
	b->count++;
	return j;
}

int store_batch_put_job(struct store_batch *b, const struct store_job *job)
{
	struct store_batch_state *state = copy_job(job);
	struct store_batch_job *j = state ? job_of(b, job->id) : NULL;
	if (!j) {
		free(state);
		return -1;
	}
	free(j->state);
	j->state = state;
	note_highest(&b->last_job_id, job->id);
	return 0;
}

int store_batch_end_job(struct store_batch *b, uint64_t id, uint64_t followed_by)
{
	struct store_batch_job *j = job_of(b, id);
	if (!j)
		return -1;
	j->is_done = true;
	if (followed_by)
		j->followed_by = followed_by;
	return 0;
}

int store_batch_add_event(
	struct store_batch *b, uint64_t job_id, const struct store_event *event)
{
	struct store_batch_event *e = malloc(sizeof(*e));
	if (!e)
		return -1;
	e->job_id = job_id;
	e->event = *event;
	change_ref(event->view.change);
	TAILQ_INSERT_TAIL(&b->events, e, next);
	b->count++;
	note_highest(&b->last_seq, event->seq);
	return 0;
}

int store_batch_drop_event(struct store_batch *b, uint64_t seq)
{
	struct store_batch_event *e = TAILQ_LAST(&b->events, store_batch_events);
	for (int i = 0; e && i < LOOK_BACK; i++) {
		if (e->event.seq == seq) {
			TAILQ_REMOVE(&b->events, e, next);
			free_event(e);
			b->count--;
			return 0;
		}
		e = TAILQ_PREV(e, store_batch_events, next);
	}
	return store_batch_add_op(b, STORE_BATCH_DROP_EVENT, seq, 0, NULL);
}

int store_batch_put_run(struct store_batch *b, const struct store_run *run)
{
	struct store_event event;
	struct store_batch_run *r;
	struct store_run *copy = copy_run(run, &event);
	if (!copy)
		return -1;
	HASH_FIND(hh, b->runs, &run->id, sizeof(run->id), r);
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			goto fail;
		r->id = run->id;
		HASH_ADD(hh, b->runs, id, sizeof(r->id), r);
		if (!r->hh.tbl)
			goto fail;
		b->count++;
	}
	free(r->run);
	change_unref(r->event.view.change);
	r->run = copy;
	r->event = event;
	copy->event = copy->event ? &r->event : NULL;
	note_highest(&b->last_run_id, run->id);
	return 0;
fail:
	free(r);
	change_unref(event.view.change);
	free(copy);
	errno = ENOMEM;
	return -1;
}

int store_batch_add_op(struct store_batch *b, enum store_batch_what what, uint64_t a,
	uint64_t until_ns, const char *rule)
{
	struct store_batch_op *op = malloc(sizeof(*op) + size_of(rule));
	if (!op)
		return -1;
	char *at = op->rule;
	op->what = what;
	op->a = a;
	op->b = until_ns;
	put_text(&at, rule);
	STAILQ_INSERT_TAIL(&b->ops, op, next);
	b->count++;
	return 0;
}
