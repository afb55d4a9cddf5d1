/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <assert.h>
#include <stdlib.h>

#define LANE_STARTS_ROOM 16 /* of a throttle, at first */

struct sched_lane *sched_lane_new(const struct timing *c, uint32_t number)
{
	assert(c->parallel >= 1 && c->queue_max >= 1);
	struct sched_lane *lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->timing = *c;
	lane->number = number;
	TAILQ_INIT(&lane->held);
	return lane;
}

void sched_lane_free(struct sched_lane *lane)
{
	if (!lane)
		return;
	free(lane->starts.times_ns);
	free(lane);
}

/* ---- The throttle ---- */

static void starts_drop_oldest(struct sched_starts *r)
{
	r->oldest = (r->oldest + 1) % r->room;
	r->used--;
}

/* Twice the room, at most `max`. Without memory it stays as it is. */
static void starts_grow(struct sched_starts *r, uint32_t max)
{
	uint32_t room = r->room < LANE_STARTS_ROOM ? LANE_STARTS_ROOM : r->room;
	room = r->room == 0 ? room : room > max / 2 ? max : room * 2;
	uint64_t *times_ns = reallocarray(NULL, room, sizeof(*times_ns));
	if (!times_ns)
		return;
	for (uint32_t i = 0; i < r->used; i++)
		times_ns[i] = r->times_ns[(r->oldest + i) % r->room];
	free(r->times_ns);
	r->times_ns = times_ns;
	r->room = room;
	r->oldest = 0;
}

/* Remember a start as one of the last `count`; of fewer where there is no memory. */
static void starts_add(struct sched_starts *r, uint32_t count, uint64_t now_ns)
{
	if (r->used >= count)
		starts_drop_oldest(r);
	else if (r->used == r->room)
		starts_grow(r, count);
	if (r->room == 0)
		return;
	if (r->used == r->room)
		starts_drop_oldest(r);
	r->times_ns[(r->oldest + r->used) % r->room] = now_ns;
	r->used++;
}

/* From when on the throttle lets the lane start something. */
static uint64_t throttled_until_ns(const struct sched_lane *lane)
{
	const struct timing_rate *rate = &lane->timing.throttle;
	if (rate->count == 0 || lane->starts.used < rate->count)
		return 0;
	return sched_later(lane->starts.times_ns[lane->starts.oldest], rate->per_ns);
}

/* ---- Turns ---- */

static uint64_t next_wake_ns(struct sched_lane *lane)
{
	if (lane->running >= lane->timing.parallel)
		return SCHED_FOREVER;
	uint64_t wake_ns = 0;
	if (RB_EMPTY(&lane->ready)) {
		const struct sched_key *key = RB_MIN(sched_by_when, &lane->pending);
		wake_ns = key ? key->when_ns : SCHED_FOREVER;
	}
	uint64_t throttled_ns = throttled_until_ns(lane);
	wake_ns = MAX(wake_ns, lane->paused_ns);
	return MAX(wake_ns, throttled_ns);
}

void sched_lane_unplace(struct sched *s, struct sched_lane *lane)
{
	if (lane->turn == SCHED_IN_WAKES)
		RB_REMOVE(sched_wakes, &s->wakes, lane);
	else if (lane->turn == SCHED_IN_TURNS)
		RB_REMOVE(sched_turns, &s->turns, lane);
	lane->turn = SCHED_OUT;
}

void sched_lane_place(struct sched *s, struct sched_lane *lane)
{
	sched_lane_unplace(s, lane);
	lane->wake_ns = next_wake_ns(lane);
	if (lane->wake_ns == SCHED_FOREVER)
		return;
	RB_INSERT(sched_wakes, &s->wakes, lane);
	lane->turn = SCHED_IN_WAKES;
}

void sched_lane_change(struct sched_lane *lane, const struct timing *c, uint32_t number)
{
	lane->timing = *c;
	lane->number = number;
	while (lane->starts.used > c->throttle.count)
		starts_drop_oldest(&lane->starts);
}

void sched_lane_note_start(struct sched *s, struct sched_lane *lane, uint64_t now_ns)
{
	lane->last_start = ++s->last_start;
	if (lane->timing.throttle.count > 0)
		starts_add(&lane->starts, lane->timing.throttle.count, now_ns);
}
