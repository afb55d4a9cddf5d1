/* SPDX-License-Identifier: MIT */
#include "sched_model.h"

#include <stdlib.h>

/* ---- Pauses, and questions */

void model_pause(struct model *m, uint32_t lane, uint64_t until_ns)
{
	m->lanes[lane].paused_until_ns = until_ns;
}

static bool is_paused(const struct model *m, uint32_t lane, uint64_t now_ns)
{
	return now_ns < m->lanes[lane].paused_until_ns;
}

struct sched_counts model_counts(const struct model *m, uint32_t lane, uint64_t now_ns)
{
	struct sched_counts c = {.waiting = model_count_of(m, lane, false),
		.running = model_count_of(m, lane, true),
		.paused_until_ns =
			is_paused(m, lane, now_ns) ? m->lanes[lane].paused_until_ns : 0};
	for (size_t i = 0; i < m->key_count; i++)
		c.held += m->keys[i].lane == lane && now_ns < m->keys[i].held_until_ns &&
			  model_waiting_for(m, lane, m->keys[i].key);
	return c;
}

bool model_is_done(const struct model *m, uint64_t order, uint64_t now_ns)
{
	for (size_t i = 0; i < m->job_count; i++) {
		const struct model_job *job = m->jobs[i];
		bool is_aside =
			!job->is_running && (is_paused(m, job->lane, now_ns) ||
						    now_ns < model_held_until_ns(m, job));
		if (job->order <= order && !is_aside)
			return false;
	}
	return true;
}

/* ---- Reload */

static int by_order(const void *a, const void *b)
{
	const struct model_job *const *x = a, *const *y = b;
	return ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
}

static void go(struct model *m, struct model_job *job, struct model_job **gone, size_t *n)
{
	model_take(m, job);
	gone[(*n)++] = job;
}

/* Jobs get their new lanes, or leave. */
static void move_jobs(
	struct model *m, const int64_t *map, struct model_job **gone, size_t *n)
{
	for (size_t i = m->job_count; i-- > 0;) {
		struct model_job *job = m->jobs[i];
		if (job->lane == SCHED_NO_LANE)
			continue;
		int64_t to = map[job->lane];
		job->lane = to < 0 ? SCHED_NO_LANE : (uint32_t)to;
		if (to < 0 && !job->is_running)
			go(m, job, gone, n);
	}
}

static void move_keys(struct model *m, const int64_t *map)
{
	size_t left = 0;
	for (size_t i = 0; i < m->key_count; i++) {
		struct model_key k = m->keys[i];
		if (map[k.lane] < 0)
			continue;
		k.lane = (uint32_t)map[k.lane];
		m->keys[left++] = k;
	}
	m->key_count = left;
}

static void forget_breaker(struct model *m, uint32_t lane)
{
	size_t left = 0;
	for (size_t i = 0; i < m->key_count; i++) {
		if (m->keys[i].lane != lane)
			m->keys[left++] = m->keys[i];
	}
	m->key_count = left;
}

/* Forget all but the newest starts. */
static void forget_starts(struct model_lane *lane, size_t left)
{
	if (lane->start_count <= left)
		return;
	size_t away = lane->start_count - left;
	for (size_t i = 0; i < left; i++)
		lane->starts_ns[i] = lane->starts_ns[i + away];
	lane->start_count = left;
}

/* A lane goes on with another configuration. */
static void reconfigure(struct model *m, uint32_t number, const struct timing *c)
{
	struct model_lane *lane = &m->lanes[number];
	bool becomes_batch = c->run_per == TIMING_PER_BATCH &&
			     lane->config.run_per != TIMING_PER_BATCH;
	if (becomes_batch || c->breaker.count == 0)
		forget_breaker(m, number);
	for (size_t i = 0; i < m->job_count && becomes_batch; i++) {
		if (m->jobs[i]->lane == number)
			m->jobs[i]->key = MODEL_WHOLE_LANE;
	}
	forget_starts(lane, lane->config.throttle.count);
	forget_starts(lane, c->throttle.count);
	lane->config = *c;
}

static void join(const struct model *m, struct model_job *job, struct model_job *into)
{
	model_join(m, into, into, job);
	if (job->queued_ns < into->queued_ns)
		into->queued_ns = job->queued_ns;
	if (job->due_ns < into->due_ns)
		into->due_ns = job->due_ns;
	job->joined = into;
}

/* The first job that waits behind another of its key though it should have joined it. */
static struct model_job *next_to_join(const struct model *m, struct model_job **into)
{
	struct model_job *next = NULL;
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		if (job->is_running || job->lane == SCHED_NO_LANE ||
			m->lanes[job->lane].config.run_per == TIMING_PER_EVENT)
			continue;
		struct model_job *first = model_waiting_for(m, job->lane, job->key);
		if (first != job && (!next || job->order < next->order)) {
			next = job;
			*into = first;
		}
	}
	return next;
}

size_t model_reload(struct model *m, const struct timing *lanes, size_t lane_count,
	const int64_t *map, uint32_t max_parallel, struct model_job **gone)
{
	static struct model_lane old[MODEL_LANES];
	size_t old_count = m->lane_count, n = 0;
	move_jobs(m, map, gone, &n);
	move_keys(m, map);
	for (size_t i = 0; i < old_count; i++)
		old[i] = m->lanes[i];
	m->lane_count = lane_count;
	m->max_parallel = max_parallel;
	for (uint32_t i = 0; i < lane_count; i++) {
		m->lanes[i] = (struct model_lane){.config = lanes[i]};
		for (size_t j = 0; j < old_count; j++) {
			if (map[j] == (int64_t)i)
				m->lanes[i] = old[j];
		}
		reconfigure(m, i, &lanes[i]);
	}
	struct model_job *job, *into = NULL;
	while ((job = next_to_join(m, &into)) != NULL) {
		join(m, job, into);
		go(m, job, gone, &n);
	}
	qsort(gone, n, sizeof(struct model_job *), by_order);
	return n;
}
