/* SPDX-License-Identifier: MIT */
#include "core/sched/sched.h"

#include "core/sched/sched_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct sched *sched_new(const struct timing *lanes, size_t lane_count,
	uint32_t max_parallel, uint64_t last_job_id, uint64_t seed)
{
	struct sched *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->max_parallel = max_parallel;
	s->last_id = last_job_id;
	s->random = seed;
	s->lanes = calloc(lane_count + 1, sizeof(struct sched_lane *));
	for (size_t i = 0; s->lanes && i < lane_count; i++) {
		s->lanes[i] = sched_lane_new(&lanes[i], (uint32_t)i);
		if (!s->lanes[i])
			break;
		s->lane_count++;
	}
	if (!s->lanes || s->lane_count < lane_count) {
		sched_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

/* ---- The end of all ---- */

static void free_lane(struct sched *s, struct sched_lane *lane)
{
	struct sched_key *key;
	while ((key = RB_ROOT(&lane->keys)) != NULL) {
		struct sched_entry *e;
		while ((e = TAILQ_FIRST(&key->waiting)) != NULL) {
			sched_key_pull(s, e);
			sched_job_free(&e->job);
		}
		sched_key_free(s, key);
	}
	sched_lane_free(lane);
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->lane_count; i++)
		free_lane(s, s->lanes[i]);
	struct sched_entry *e;
	while ((e = RB_ROOT(&s->runs)) != NULL) {
		RB_REMOVE(sched_by_order, &s->runs, e);
		sched_job_free(&e->job);
	}
	free(s->lanes);
	free(s);
}

/* ---- Jobs come ---- */

/* The key in a lane for what comes for a path, made if need be; NULL with ENOMEM. */
static struct sched_key *key_for(struct sched_lane *lane, const char *path)
{
	return sched_key_get(
		lane, lane->timing.run_per == TIMING_PER_BATCH ? NULL : path);
}

static void set_due(struct sched_entry *e, const struct timing *c, uint64_t now_ns)
{
	if (e->first_ns == SCHED_FOREVER)
		e->first_ns = now_ns;
	uint64_t quiet_ns = sched_later(now_ns, c->debounce_ns);
	uint64_t latest_ns = sched_later(e->first_ns, c->max_wait_ns);
	e->due_ns = MIN(quiet_ns, latest_ns);
}

/* Find or make the job that an event for a key goes to. */
static enum sched_added add_to_key(
	struct sched *s, struct sched_key *key, uint64_t now_ns, struct sched_entry **job)
{
	const struct timing *c = &key->lane->timing;
	if (!TAILQ_EMPTY(&key->runs) && c->on_busy == TIMING_BUSY_DROP)
		return SCHED_BUSY;
	struct sched_entry *e = sched_key_waiting(key);
	bool is_new = !e;
	if (is_new && key->lane->waiting >= c->queue_max)
		return SCHED_FULL;
	if (is_new)
		e = sched_job_new(s, 0, now_ns);
	if (!e)
		return SCHED_NO_MEMORY;
	if (is_new)
		sched_key_push(s, key, e);
	sched_job_input(e, SCHED_IN_EVENT);
	set_due(e, c, now_ns);
	*job = e;
	return is_new ? SCHED_QUEUED : SCHED_MERGED;
}

enum sched_added sched_add(struct sched *s, uint32_t lane, const char *key,
	struct sched_item *item, uint64_t now_ns, struct sched_job **job,
	struct sched_item **cut)
{
	assert(lane < s->lane_count);
	*job = NULL;
	*cut = NULL;
	sched_key_sweep(s, now_ns);
	struct sched_key *k = key_for(s->lanes[lane], key);
	if (!k)
		return SCHED_NO_MEMORY;
	struct sched_entry *e = NULL;
	enum sched_added added = add_to_key(s, k, now_ns, &e);
	if (e) {
		*cut = sched_job_add(e, item, k->lane->timing.queue_max);
		*job = &e->job;
		struct sched_entry *run;
		TAILQ_FOREACH (run, &k->runs, link)
			sched_run_ask(s, run, now_ns);
	}
	sched_key_place(s, k);
	return *cut ? SCHED_CUT : added;
}

/* A job of its own for what is put in. NULL with ENOMEM. */
static struct sched_entry *entry_of(
	struct sched *s, const struct sched_insertion *in, uint64_t now_ns)
{
	struct sched_entry *e = sched_job_new(s, in->id, now_ns);
	if (!e)
		return NULL;
	if (in->order)
		e->job.order = in->order;
	STAILQ_CONCAT(&e->job.items, in->items);
	e->job.listed = in->listed;
	e->job.count = in->count;
	e->job.truncated = in->truncated;
	e->job.attempt = in->attempt;
	e->job.failures = in->failures;
	e->due_ns = now_ns;
	return e;
}

struct sched_job *sched_insert(struct sched *s, uint32_t lane, const char *key,
	const struct sched_insertion *in, uint64_t now_ns)
{
	assert(lane < s->lane_count);
	struct sched_key *k = key_for(s->lanes[lane], key);
	if (!k)
		return NULL;
	struct sched_entry *e = entry_of(s, in, now_ns);
	struct sched_entry *waiting = sched_key_waiting(k);
	if (e && waiting) {
		sched_job_take(waiting, e, false, k->lane->timing.queue_max);
		STAILQ_CONCAT(in->items, &e->job.items);
		waiting->due_ns = MIN(waiting->due_ns, now_ns);
		sched_job_free(&e->job);
		e = waiting;
	} else if (e) {
		sched_key_push(s, k, e);
	}
	sched_key_place(s, k);
	return e ? &e->job : NULL;
}

int sched_adopt(
	struct sched *s, struct sched_job *job, uint64_t started_ns, bool is_attempt)
{
	struct sched_entry *e = sched_entry_of(job);
	assert(e->state == SCHED_WAITING);
	if (!TAILQ_EMPTY(&e->key->runs)) {
		errno = EBUSY;
		return -1;
	}
	sched_job_input(e, SCHED_IN_ADOPT);
	sched_key_pull(s, e);
	sched_run_begin(s, e, started_ns);
	if (is_attempt)
		job->attempt++;
	sched_key_place(s, e->key);
	return 0;
}

/* ---- What there is to do ---- */

/* The lane whose turn it is, or NULL. */
static struct sched_lane *choose_lane(struct sched *s, uint64_t now_ns)
{
	if (s->running >= s->max_parallel)
		return NULL;
	struct sched_lane *lane;
	while ((lane = RB_MIN(sched_wakes, &s->wakes)) && lane->wake_ns <= now_ns) {
		RB_REMOVE(sched_wakes, &s->wakes, lane);
		RB_INSERT(sched_turns, &s->turns, lane);
		lane->turn = SCHED_IN_TURNS;
	}
	return RB_MIN(sched_turns, &s->turns);
}

/* The candidate with the lowest order; there is one. */
static struct sched_key *choose_key(struct sched_lane *lane, uint64_t now_ns)
{
	struct sched_key *key;
	while ((key = RB_MIN(sched_by_when, &lane->pending)) && key->when_ns <= now_ns) {
		RB_REMOVE(sched_by_when, &lane->pending, key);
		RB_INSERT(sched_by_head, &lane->ready, key);
		key->place = SCHED_READY;
	}
	return RB_MIN(sched_by_head, &lane->ready);
}

/* The next start, or hold, that is possible now; false if there is none. */
static bool next_start(struct sched *s, uint64_t now_ns, struct sched_order *o)
{
	struct sched_lane *lane = choose_lane(s, now_ns);
	struct sched_key *key = lane ? choose_key(lane, now_ns) : NULL;
	if (!key)
		return false;
	struct sched_entry *e = TAILQ_FIRST(&key->waiting);
	*o = (struct sched_order){.what = SCHED_START, .job = &e->job};
	if (sched_key_try_start(key, now_ns)) {
		sched_job_input(e, SCHED_IN_SLOT);
		sched_key_pull(s, e);
		sched_run_begin(s, e, now_ns);
		e->job.attempt++;
		sched_lane_note_start(s, lane, now_ns);
	} else {
		sched_job_input(e, SCHED_IN_BREAK);
		o->what = SCHED_HELD;
		o->until_ns = key->held_ns;
	}
	sched_key_place(s, key);
	return true;
}

bool sched_next(struct sched *s, uint64_t now_ns, struct sched_order *o)
{
	sched_key_sweep(s, now_ns);
	return sched_run_next(s, now_ns, o) || next_start(s, now_ns, o);
}

uint64_t sched_due_ns(const struct sched *s)
{
	struct sched_alarms alarms = s->alarms;
	struct sched_wakes wakes = s->wakes;
	const struct sched_entry *run = RB_MIN(sched_alarms, &alarms);
	uint64_t due_ns = run ? run->alarm_ns : SCHED_FOREVER;
	if (s->running >= s->max_parallel)
		return due_ns;
	if (!RB_EMPTY(&s->turns))
		return 0;
	const struct sched_lane *lane = RB_MIN(sched_wakes, &wakes);
	return lane ? MIN(lane->wake_ns, due_ns) : due_ns;
}

void sched_pause(struct sched *s, uint32_t lane, uint64_t until_ns)
{
	assert(lane < s->lane_count);
	s->lanes[lane]->paused_ns = until_ns;
	sched_lane_place(s, s->lanes[lane]);
}

/* ---- How it goes ---- */

struct sched_counts sched_counts(const struct sched *s, uint32_t lane, uint64_t now_ns)
{
	assert(lane < s->lane_count);
	const struct sched_lane *l = s->lanes[lane];
	struct sched_counts c = {.waiting = l->waiting, .running = l->running};
	const struct sched_key *key;
	TAILQ_FOREACH (key, &l->held, held_link)
		c.held += key->held_ns > now_ns && !TAILQ_EMPTY(&key->waiting);
	if (l->paused_ns > now_ns)
		c.paused_until_ns = l->paused_ns;
	return c;
}

size_t sched_waiting_all(const struct sched *s)
{
	return s->waiting;
}

uint64_t sched_last_order(const struct sched *s)
{
	return s->last_order;
}

/* Runs that wait for what is asked. */
struct waiters {
	struct sched_job *const *items;
	size_t count;
};

static bool is_waiter(const struct waiters *w, const struct sched_entry *run)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->items[i] == &run->job)
			return true;
	}
	return false;
}

/* Whether the waiters alone are as many runs as the lane may have. */
static bool waiters_fill(const struct waiters *w, const struct sched_lane *lane)
{
	size_t count = 0;
	for (size_t i = 0; i < w->count; i++) {
		const struct sched_key *key = sched_entry_of(w->items[i])->key;
		count += key && key->lane == lane;
	}
	return count >= lane->timing.parallel;
}

static bool waiter_has_key(const struct waiters *w, const struct sched_key *key)
{
	const struct sched_entry *run;
	TAILQ_FOREACH (run, &key->runs, link) {
		if (is_waiter(w, run))
			return true;
	}
	return false;
}

static bool lane_is_done(const struct sched_lane *lane, uint64_t order, uint64_t now_ns,
	const struct waiters *w)
{
	if (lane->paused_ns > now_ns || waiters_fill(w, lane))
		return true;
	struct sched_waits waits = lane->waits;
	for (struct sched_key *key = RB_MIN(sched_waits, &waits);
		key && key->order <= order; key = RB_NEXT(sched_waits, &waits, key)) {
		if (key->held_ns <= now_ns && !waiter_has_key(w, key))
			return false;
	}
	return true;
}

static bool runs_are_done(const struct sched *s, uint64_t order, const struct waiters *w)
{
	struct sched_by_order runs = s->runs;
	for (struct sched_entry *run = RB_MIN(sched_by_order, &runs);
		run && run->job.order <= order;
		run = RB_NEXT(sched_by_order, &runs, run)) {
		if (!is_waiter(w, run))
			return false;
	}
	return true;
}

bool sched_is_done_beside(const struct sched *s, uint64_t order, uint64_t now_ns,
	struct sched_job *const *waiters, size_t waiter_count)
{
	const struct waiters w = {waiters, waiter_count};
	if (!runs_are_done(s, order, &w))
		return false;
	if (waiter_count >= s->max_parallel)
		return true;
	for (size_t i = 0; i < s->lane_count; i++) {
		if (!lane_is_done(s->lanes[i], order, now_ns, &w))
			return false;
	}
	return true;
}

bool sched_is_done(const struct sched *s, uint64_t order, uint64_t now_ns)
{
	return sched_is_done_beside(s, order, now_ns, NULL, 0);
}

static void each_waiting(const struct sched_lane *lane,
	void (*each)(void *ctx, struct sched_job *job), void *ctx)
{
	struct sched_waits waits = lane->waits;
	struct sched_key *key;
	RB_FOREACH (key, sched_waits, &waits) {
		struct sched_entry *e;
		TAILQ_FOREACH (e, &key->waiting, link)
			each(ctx, &e->job);
	}
}

void sched_each(
	const struct sched *s, void (*each)(void *ctx, struct sched_job *job), void *ctx)
{
	for (size_t i = 0; i < s->lane_count; i++)
		each_waiting(s->lanes[i], each, ctx);
	struct sched_by_order runs = s->runs;
	struct sched_entry *e;
	RB_FOREACH (e, sched_by_order, &runs)
		each(ctx, &e->job);
}
