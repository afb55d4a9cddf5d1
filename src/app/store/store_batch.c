/* SPDX-License-Identifier: MIT */
#include "app/store/store_batch.h"

#include "app/store/store_read.h"

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

static void free_event(struct store_batch_event *e)
{
	change_unref(e->row.event.view.change);
	free(e);
}

static void free_run(struct store_batch_run *r)
{
	if (r)
		change_unref(r->event.view.change);
	free(r);
}

void store_batch_free_asks(struct store_batch_asks *asks)
{
	struct store_batch_ask *a;
	while ((a = STAILQ_FIRST(asks))) {
		STAILQ_REMOVE_HEAD(asks, next);
		free(a->runs);
		store_read_free(a->job, true);
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

/* How many bytes a copy of a string takes. */
static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static struct store_batch_job *copy_job(const struct store_job *job)
{
	const struct outcome *f = job->failure;
	size_t output_size = f ? f->output_len + 1 : 0;
	struct store_batch_job *copy = calloc(
		1, sizeof(*copy) + size_of(job->rule) + size_of(job->key) + output_size);
	if (!copy)
		return NULL;
	char *at = copy->text;
	copy->is_put = true;
	copy->job = *job;
	copy->job.rule = put_text(&at, job->rule);
	copy->job.key = put_text(&at, job->key);
	if (f) {
		copy->failure = *f;
		copy->failure.output = put_bytes(&at, f->output, f->output_len);
		copy->job.failure = &copy->failure;
	}
	return copy;
}

static struct store_batch_run *copy_run(const struct store_run *run)
{
	const struct outcome *o = &run->outcome;
	struct store_batch_run *copy =
		calloc(1, sizeof(*copy) + size_of(run->rule) + o->output_len + 1);
	if (!copy)
		return NULL;
	char *at = copy->text;
	copy->run = *run;
	copy->run.rule = put_text(&at, run->rule);
	copy->run.outcome.output = put_bytes(&at, o->output, o->output_len);
	if (run->event) {
		copy->event = *run->event;
		copy->run.event = &copy->event;
		change_ref(copy->event.view.change);
	}
	return copy;
}

/* ---- Adding ---- */

static void note_highest(uint64_t *highest, uint64_t id)
{
	if (id > *highest)
		*highest = id;
}

/* Add a job to the table; it is freed where there is no memory for that. */
static int add_job(struct store_batch *b, struct store_batch_job *j)
{
	HASH_ADD(hh, b->jobs, job.id, sizeof(j->job.id), j);
	if (!j->hh.tbl) {
		free(j);
		errno = ENOMEM;
		return -1;
	}
	b->count++;
	return 0;
}

static struct store_batch_job *find_job(const struct store_batch *b, uint64_t id)
{
	struct store_batch_job *j;
	HASH_FIND(hh, b->jobs, &id, sizeof(id), j);
	return j;
}

int store_batch_put_job(struct store_batch *b, const struct store_job *job)
{
	assert(job->id && job->rule);
	struct store_batch_job *old = find_job(b, job->id), *j = copy_job(job);
	if (!j)
		return -1;
	if (old) {
		j->is_done = old->is_done;
		j->followed_by = old->followed_by;
	}
	if (add_job(b, j) < 0)
		return -1;
	if (old) {
		HASH_DEL(b->jobs, old);
		free(old);
		b->count--;
	}
	note_highest(&b->last.job_id, job->id);
	note_highest(&b->last.run_id, job->run_id);
	return 0;
}

int store_batch_end_job(struct store_batch *b, uint64_t id, uint64_t followed_by)
{
	struct store_batch_job *j = find_job(b, id);
	if (!j) {
		j = calloc(1, sizeof(*j));
		if (!j)
			return -1;
		j->job.id = id;
		if (add_job(b, j) < 0)
			return -1;
	}
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
	e->row = (struct store_schema_event_row){job_id, *event};
	change_ref(event->view.change);
	TAILQ_INSERT_TAIL(&b->events, e, next);
	b->count++;
	note_highest(&b->last.seq, event->seq);
	return 0;
}

int store_batch_drop_event(struct store_batch *b, uint64_t seq)
{
	struct store_batch_event *e = TAILQ_LAST(&b->events, store_batch_events);
	for (int i = 0; e && i < LOOK_BACK; i++) {
		if (e->row.event.seq == seq) {
			TAILQ_REMOVE(&b->events, e, next);
			free_event(e);
			b->count--;
			return 0;
		}
		e = TAILQ_PREV(e, store_batch_events, next);
	}
	return store_batch_add_op(b, STORE_DB_DROP_EVENT, NULL, seq, 0);
}

int store_batch_put_run(struct store_batch *b, const struct store_run *run)
{
	assert(run->id && run->rule);
	struct store_batch_run *old, *r = copy_run(run);
	if (!r)
		return -1;
	HASH_FIND(hh, b->runs, &run->id, sizeof(run->id), old);
	HASH_ADD(hh, b->runs, run.id, sizeof(r->run.id), r);
	if (!r->hh.tbl) {
		free_run(r);
		errno = ENOMEM;
		return -1;
	}
	if (old)
		HASH_DEL(b->runs, old);
	else
		b->count++;
	free_run(old);
	note_highest(&b->last.run_id, run->id);
	return 0;
}

int store_batch_add_ask(struct store_batch *b, const struct store_batch_ask *ask)
{
	const char *rule = ask->query.rule;
	struct store_batch_ask *copy = malloc(sizeof(*copy) + size_of(rule));
	if (!copy)
		return -1;
	char *at = copy->rule;
	*copy = *ask;
	copy->query.rule = put_text(&at, rule);
	STAILQ_INSERT_TAIL(&b->asks, copy, next);
	return 0;
}

int store_batch_add_op(struct store_batch *b, enum store_db_stmt what, const char *rule,
	uint64_t first, uint64_t second)
{
	struct store_batch_op *op = malloc(sizeof(*op) + size_of(rule));
	if (!op)
		return -1;
	char *at = op->rule;
	*op = (struct store_batch_op){
		.what = what, .a = first, .b = second, .has_rule = rule != NULL};
	put_text(&at, rule);
	STAILQ_INSERT_TAIL(&b->ops, op, next);
	b->count++;
	return 0;
}
