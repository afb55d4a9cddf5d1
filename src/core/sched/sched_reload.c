/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <errno.h>
#include <stdlib.h>

/* A reload: first what can fail, then what cannot. */
struct reload {
	struct sched *s;
	const struct timing *timings;
	struct sched_lane **lanes; /* the new ones */
	size_t lane_count;
	const int64_t *map;
	struct sched_by_order over; /* jobs that wait no longer */
	struct sched_job **gone; /* room for them */
	size_t gone_count;
};

/* The form that a lane takes, or NULL if it goes. */
static const struct timing *next_timing(const struct reload *r, size_t lane)
{
	int64_t to = r->map[lane];
	return to >= 0 && (size_t)to < r->lane_count ? &r->timings[to] : NULL;
}

static bool becomes_batch(const struct reload *r, size_t lane)
{
	const struct timing *c = next_timing(r, lane);
	return c && c->run_per == TIMING_PER_BATCH &&
	       r->s->lanes[lane]->timing.run_per != TIMING_PER_BATCH;
}

/* Put the lanes that go on in their new places, and make the others. Returns 0, or -1 with
 * ENOMEM. */
static int make_lanes(struct reload *r)
{
	r->lanes = calloc(r->lane_count + 1, sizeof(struct sched_lane *));
	if (!r->lanes)
		return -1;
	for (size_t i = 0; i < r->s->lane_count; i++) {
		if (next_timing(r, i))
			r->lanes[r->map[i]] = r->s->lanes[i];
	}
	for (size_t i = 0; i < r->lane_count; i++) {
		if (!r->lanes[i])
			r->lanes[i] = sched_lane_new(&r->timings[i], (uint32_t)i);
		if (!r->lanes[i])
			return -1;
	}
	return 0;
}

/* Make the keys of lanes that become a batch, and room for the jobs that may be over.
 * Returns 0, or -1 with ENOMEM. */
static int make_room(struct reload *r)
{
	size_t room = 0;
	for (size_t i = 0; i < r->s->lane_count; i++) {
		struct sched_lane *lane = r->s->lanes[i];
		const struct timing *c = next_timing(r, i);
		if (!c || c->run_per != lane->timing.run_per)
			room += lane->waiting;
		if (becomes_batch(r, i) && !sched_key_get(lane, NULL))
			return -1;
	}
	r->gone = room > 0 ? reallocarray(NULL, room, sizeof(struct sched_job *)) : NULL;
	return room > 0 && !r->gone ? -1 : 0;
}

/* Undo what has been made. */
static void undo(struct reload *r)
{
	for (size_t i = 0; i < r->s->lane_count; i++) {
		struct sched_key *batch = NULL;
		if (becomes_batch(r, i))
			batch = sched_key_find(r->s->lanes[i], NULL);
		if (batch)
			sched_key_place(r->s, batch);
		if (r->lanes && next_timing(r, i))
			r->lanes[r->map[i]] = NULL; /* not made here */
	}
	for (size_t i = 0; r->lanes && i < r->lane_count; i++)
		sched_lane_free(r->lanes[i]);
	free(r->lanes);
}

/* Let the jobs that wait for a key join the first of them, which may list queue_max events. */
static void join_key(struct reload *r, struct sched_key *key, uint32_t queue_max)
{
	struct sched_entry *first = TAILQ_FIRST(&key->waiting);
	struct sched_entry *e;
	while (first && (e = TAILQ_NEXT(first, link)) != NULL) {
		sched_key_pull(r->s, e);
		sched_job_take(first, e, false, queue_max);
		first->due_ns = MIN(first->due_ns, e->due_ns);
		e->job.follower = &first->job;
		RB_INSERT(sched_by_order, &r->over, e);
	}
}

/* Take all jobs that wait off their keys. */
static void pull_jobs(
	struct reload *r, struct sched_lane *lane, struct sched_by_order *jobs)
{
	struct sched_key *key;
	RB_FOREACH (key, sched_by_name, &lane->keys) {
		struct sched_entry *e;
		while ((e = TAILQ_FIRST(&key->waiting)) != NULL) {
			sched_key_pull(r->s, e);
			RB_INSERT(sched_by_order, jobs, e);
		}
	}
}

/* Make one key of all. */
static void become_batch(struct reload *r, struct sched_lane *lane, uint32_t queue_max)
{
	struct sched_key *batch = sched_key_find(lane, NULL);
	struct sched_by_order jobs = RB_INITIALIZER(&jobs);
	sched_key_forget(batch);
	pull_jobs(r, lane, &jobs);
	struct sched_key *key, *next_key;
	RB_FOREACH_SAFE (key, sched_by_name, &lane->keys, next_key) {
		struct sched_entry *run;
		while (key != batch && (run = TAILQ_FIRST(&key->runs)) != NULL) {
			TAILQ_REMOVE(&key->runs, run, link);
			TAILQ_INSERT_TAIL(&batch->runs, run, link);
			run->key = batch;
		}
		if (key != batch)
			sched_key_free(r->s, key);
	}
	struct sched_entry *e;
	while ((e = RB_MIN(sched_by_order, &jobs)) != NULL) {
		RB_REMOVE(sched_by_order, &jobs, e);
		sched_key_push(r->s, batch, e);
	}
	join_key(r, batch, queue_max);
}

/* End a lane: its runs go on without it. */
static void end_lane(struct reload *r, struct sched_lane *lane)
{
	struct sched_key *key;
	struct sched_entry *e;
	pull_jobs(r, lane, &r->over);
	while ((key = RB_ROOT(&lane->keys)) != NULL) {
		while ((e = TAILQ_FIRST(&key->runs)) != NULL) {
			TAILQ_REMOVE(&key->runs, e, link);
			e->key = NULL;
			e->job.lane = SCHED_NO_LANE;
		}
		sched_key_free(r->s, key);
	}
	sched_lane_free(lane);
}

/* Give a lane its new form. */
static void change_lane(struct reload *r, struct sched_lane *lane, const struct timing *c)
{
	struct sched_key *key;
	bool changes = lane->timing.run_per != c->run_per;
	if (changes && c->run_per == TIMING_PER_BATCH) {
		become_batch(r, lane, c->queue_max);
	} else if (changes && c->run_per == TIMING_PER_PATH) {
		RB_FOREACH (key, sched_by_name, &lane->keys)
			join_key(r, key, c->queue_max);
	}
	sched_lane_change(lane, c, (uint32_t)(c - r->timings));
}

/* Put a lane's keys where they belong now, and its number on its jobs. */
static void place_lane(struct reload *r, struct sched_lane *lane)
{
	struct sched_key *key, *next_key;
	RB_FOREACH_SAFE (key, sched_by_name, &lane->keys, next_key) {
		struct sched_entry *e;
		TAILQ_FOREACH (e, &key->waiting, link)
			e->job.lane = lane->number;
		TAILQ_FOREACH (e, &key->runs, link)
			e->job.lane = lane->number;
		if (lane->timing.breaker.count == 0)
			sched_key_forget(key);
		sched_key_place(r->s, key);
	}
}

static void commit(struct reload *r, uint32_t max_parallel)
{
	struct sched *s = r->s;
	for (size_t i = 0; i < s->lane_count; i++)
		sched_lane_unplace(s, s->lanes[i]);
	for (size_t i = 0; i < s->lane_count; i++) {
		const struct timing *c = next_timing(r, i);
		if (c)
			change_lane(r, s->lanes[i], c);
		else
			end_lane(r, s->lanes[i]);
	}
	free(s->lanes);
	s->lanes = r->lanes;
	s->lane_count = r->lane_count;
	s->max_parallel = max_parallel;
	for (size_t i = 0; i < s->lane_count; i++)
		place_lane(r, s->lanes[i]);
	struct sched_entry *e;
	while ((e = RB_MIN(sched_by_order, &r->over)) != NULL) {
		RB_REMOVE(sched_by_order, &r->over, e);
		e->job.lane = e->job.follower ? e->job.follower->lane : SCHED_NO_LANE;
		r->gone[r->gone_count++] = &e->job;
	}
}

int sched_reload(struct sched *s, const struct timing *lanes, size_t lane_count,
	const int64_t *map, uint32_t max_parallel, struct sched_job ***gone,
	size_t *gone_count)
{
	struct reload r = {
		.s = s,
		.timings = lanes,
		.lane_count = lane_count,
		.map = map,
		.over = RB_INITIALIZER(&r.over),
	};
	if (make_lanes(&r) < 0 || make_room(&r) < 0) {
		undo(&r);
		errno = ENOMEM;
		return -1;
	}
	commit(&r, max_parallel);
	if (r.gone_count == 0) {
		free(r.gone);
		r.gone = NULL;
	}
	*gone = r.gone;
	*gone_count = r.gone_count;
	return 0;
}
