/* SPDX-License-Identifier: MIT */
/*
 * Fakes of what a worker is made of, for what talks of it: the jobs, their store, the pipeline,
 * the actors and the log, by their own names, so that the real ones are not linked. For one
 * program alone.
 */
#ifndef FSMON_TESTS_UNIT_FAKE_WORKER_H
#define FSMON_TESTS_UNIT_FAKE_WORKER_H

#include "app/actors/actors.h"
#include "app/jobs/jobs.h"
#include "app/log.h"
#include "app/events/pipeline.h"
#include "app/store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define FAKE_RULES_MAX 8

/* What the fakes say, and what they have been told. */
static struct {
	struct jobs_counters rules[FAKE_RULES_MAX];
	size_t waiting, running;
	const char *absent_rule; /* for which 3 jobs wait; NULL: there is none */
	struct pipeline_counters pipeline;
	struct actors_counters actors;
	uint64_t lost_lines;
	bool is_dry; /* there is no store */
	struct store_health health;

	bool has_no_mark; /* changes wait for names */
	uint64_t marks; /* the last that was given */
	uint64_t done_until; /* mark */
	uint64_t waiting_tags; /* the sum of those that were given last */
	uint64_t flushes; /* the last that was asked for */
	uint64_t flushed; /* the last that is done */

	struct store_query query; /* the last that was asked */
	char query_rule[512]; /* its rule */
	void (*on_runs)(void *ctx, char *runs, size_t count);
	void *runs_ctx;
	uint64_t rerun_id;
	void (*on_rerun)(void *ctx, uint64_t job_id, const char *error);
	void *rerun_ctx;
	uint64_t paused_for_ns; /* the last pause */
} fake;

static char fake_jobs, fake_store; /* only their addresses matter */

struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule)
{
	(void)j;
	return fake.rules[rule];
}

const char *jobs_absent_rule(const struct jobs *j, size_t i, size_t *waiting)
{
	(void)j;
	*waiting = 3;
	return i == 0 ? fake.absent_rule : NULL;
}

size_t jobs_waiting(const struct jobs *j)
{
	(void)j;
	return fake.waiting;
}

size_t jobs_running(const struct jobs *j)
{
	(void)j;
	return fake.running;
}

struct store *jobs_store(struct jobs *j)
{
	(void)j;
	return fake.is_dry ? NULL : (struct store *)&fake_store;
}

bool jobs_mark(const struct jobs *j, uint64_t *mark)
{
	(void)j;
	if (!fake.has_no_mark)
		*mark = ++fake.marks;
	return !fake.has_no_mark;
}

bool jobs_is_done(const struct jobs *j, uint64_t mark, const uint64_t *waiting_tags,
	size_t tag_count)
{
	(void)j;
	fake.waiting_tags = 0;
	for (size_t i = 0; i < tag_count; i++)
		fake.waiting_tags += waiting_tags[i];
	return mark <= fake.done_until;
}

void jobs_pause(struct jobs *j, uint32_t rule, uint64_t for_ns)
{
	(void)j;
	fake.paused_for_ns = for_ns;
	fake.rules[rule].paused_until_ns = for_ns == UINT64_MAX ? for_ns : 1000 + for_ns;
}

size_t jobs_resume(struct jobs *j, uint32_t rule)
{
	(void)j;
	fake.rules[rule].paused_until_ns = 0;
	return fake.rules[rule].waiting;
}

void jobs_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx)
{
	(void)j;
	fake.rerun_id = run_id;
	fake.on_rerun = done;
	fake.rerun_ctx = ctx;
}

uint64_t store_flush(struct store *s)
{
	(void)s;
	return ++fake.flushes;
}

bool store_is_flushed(struct store *s, uint64_t number)
{
	(void)s;
	return number <= fake.flushed;
}

void store_health(struct store *s, struct store_health *h)
{
	(void)s;
	*h = fake.health;
}

void store_ask_runs(struct store *s, const struct store_query *query,
	void (*done)(void *ctx, char *runs, size_t count), void *ctx)
{
	(void)s;
	fake.query = *query;
	snprintf(fake.query_rule, sizeof(fake.query_rule), "%s",
		query->rule ? query->rule : "");
	fake.on_runs = done;
	fake.runs_ctx = ctx;
}

const struct pipeline_counters *pipeline_counters(const struct pipeline *p)
{
	(void)p;
	return &fake.pipeline;
}

void actors_counters(const struct actors *a, struct actors_counters *out)
{
	(void)a;
	*out = fake.actors;
}

uint64_t log_dropped(void)
{
	return fake.lost_lines;
}

#endif
