/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEY_HOLD_NS UINT64_C(10000000000)
#define KEY_HOLD_MAX_NS UINT64_C(600000000000)
#define KEY_HOLD_DOUBLINGS 6u /* more than the maximum */
#define KEY_SWEEP 8 /* keys in one go: more than one step can leave idle */

/* FNV-1a; what it costs to meet names made to collide is a comparison of names. */
#define KEY_HASH_START UINT64_C(14695981039346656037)
#define KEY_HASH_PRIME UINT64_C(1099511628211)

/* What the tree of names compares of a key. `path` is borrowed; the name of a batch is one
 * NUL, which no path is. */
static struct sched_key key_named(const char *path)
{
	struct sched_key key = {.name = path ? path : "", .hash = KEY_HASH_START};
	key.name_len = path ? strlen(path) : 1;
	for (size_t i = 0; i < key.name_len; i++)
		key.hash = (key.hash ^ (unsigned char)key.name[i]) * KEY_HASH_PRIME;
	return key;
}

struct sched_key *sched_key_find(struct sched_lane *lane, const char *path)
{
	struct sched_key key = key_named(path);
	return RB_FIND(sched_by_name, &lane->keys, &key);
}

struct sched_key *sched_key_get(struct sched_lane *lane, const char *path)
{
	struct sched_key named = key_named(path);
	struct sched_key *key = RB_FIND(sched_by_name, &lane->keys, &named);
	if (key)
		return key;
	key = malloc(sizeof(*key) + named.name_len + 1);
	if (!key)
		return NULL;
	*key = named;
	char *name = (char *)(key + 1);
	memcpy(name, named.name, named.name_len);
	name[named.name_len] = '\0';
	key->name = name;
	key->lane = lane;
	TAILQ_INIT(&key->waiting);
	TAILQ_INIT(&key->runs);
	RB_INSERT(sched_by_name, &lane->keys, key);
	return key;
}

static void leave_held(struct sched_key *key)
{
	if (key->is_in_held)
		TAILQ_REMOVE(&key->lane->held, key, held_link);
	key->is_in_held = false;
}

static void leave_place(struct sched *s, struct sched_key *key)
{
	struct sched_lane *lane = key->lane;
	if (key->place == SCHED_PENDING)
		RB_REMOVE(sched_by_when, &lane->pending, key);
	else if (key->place == SCHED_READY)
		RB_REMOVE(sched_by_head, &lane->ready, key);
	else if (key->place == SCHED_IDLE)
		RB_REMOVE(sched_by_when, &s->idle, key);
	key->place = SCHED_NOWHERE;
	if (key->is_in_waits)
		RB_REMOVE(sched_waits, &lane->waits, key);
	key->is_in_waits = false;
}

void sched_key_free(struct sched *s, struct sched_key *key)
{
	assert(TAILQ_EMPTY(&key->waiting));
	leave_place(s, key);
	leave_held(key);
	RB_REMOVE(sched_by_name, &key->lane->keys, key);
	free(key);
}

void sched_key_place(struct sched *s, struct sched_key *key)
{
	struct sched_lane *lane = key->lane;
	const struct sched_entry *first = TAILQ_FIRST(&key->waiting);
	bool runs = !TAILQ_EMPTY(&key->runs);
	leave_place(s, key);
	if (first) {
		key->order = first->job.order;
		key->is_in_waits = true;
		RB_INSERT(sched_waits, &lane->waits, key);
	}
	if (first && !runs) {
		key->when_ns = MAX(first->due_ns, key->held_ns);
		key->place = SCHED_PENDING;
		RB_INSERT(sched_by_when, &lane->pending, key);
	} else if (!first && !runs) {
		if (key->forget_ns == 0) {
			sched_key_free(s, key);
		} else {
			key->when_ns = key->forget_ns;
			key->place = SCHED_IDLE;
			RB_INSERT(sched_by_when, &s->idle, key);
		}
	}
	sched_lane_place(s, lane);
}

void sched_key_sweep(struct sched *s, uint64_t now_ns)
{
	for (int i = 0; i < KEY_SWEEP; i++) {
		struct sched_key *key = RB_MIN(sched_by_when, &s->idle);
		if (!key || key->when_ns > now_ns)
			return;
		sched_key_free(s, key);
	}
}

struct sched_entry *sched_key_waiting(const struct sched_key *key)
{
	if (!key || key->lane->timing.run_per == TIMING_PER_EVENT)
		return NULL;
	return TAILQ_FIRST(&key->waiting);
}

void sched_key_push(struct sched *s, struct sched_key *key, struct sched_entry *e)
{
	struct sched_entry *other = TAILQ_FIRST(&key->waiting);
	if (!other || other->job.order > e->job.order) {
		TAILQ_INSERT_HEAD(&key->waiting, e, link);
	} else {
		other = TAILQ_LAST(&key->waiting, sched_queue);
		while (other->job.order > e->job.order)
			other = TAILQ_PREV(other, sched_queue, link);
		TAILQ_INSERT_AFTER(&key->waiting, other, e, link);
	}
	e->key = key;
	e->job.lane = key->lane->number;
	key->lane->waiting++;
	s->waiting++;
}

void sched_key_pull(struct sched *s, struct sched_entry *e)
{
	TAILQ_REMOVE(&e->key->waiting, e, link);
	e->key->lane->waiting--;
	s->waiting--;
}

static void hold_key(struct sched_key *key, uint64_t now_ns)
{
	uint64_t hold_ns = KEY_HOLD_NS << MIN(key->holds, KEY_HOLD_DOUBLINGS);
	key->holds++;
	key->starts = 0;
	key->held_ns = sched_later(now_ns, MIN(hold_ns, KEY_HOLD_MAX_NS));
	key->forget_ns = sched_later(key->held_ns, key->lane->timing.breaker.per_ns);
	leave_held(key);
	TAILQ_INSERT_TAIL(&key->lane->held, key, held_link);
	key->is_in_held = true;
}

bool sched_key_try_start(struct sched_key *key, uint64_t now_ns)
{
	const struct timing_rate *rate = &key->lane->timing.breaker;
	if (rate->count == 0)
		return true;
	if (now_ns >= key->forget_ns)
		sched_key_forget(key);
	if (key->starts >= rate->count) {
		hold_key(key, now_ns);
		return false;
	}
	leave_held(key);
	if (key->starts++ == 0)
		key->forget_ns = sched_later(now_ns, rate->per_ns);
	return true;
}

void sched_key_forget(struct sched_key *key)
{
	leave_held(key);
	key->starts = 0;
	key->holds = 0;
	key->held_ns = 0;
	key->forget_ns = 0;
}
