/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <string.h>

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_order(const struct sched_entry *a, const struct sched_entry *b)
{
	return compare(a->job.order, b->job.order);
}

static int compare_alarm(const struct sched_entry *a, const struct sched_entry *b)
{
	int r = compare(a->alarm_ns, b->alarm_ns);
	return r ? r : compare(a->job.id, b->job.id);
}

/* By hash first: the names of a tree of files have much in common at their beginnings. */
static int compare_name(const struct sched_key *a, const struct sched_key *b)
{
	int r = compare(a->hash, b->hash);
	if (r == 0)
		r = compare(a->name_len, b->name_len);
	return r ? r : memcmp(a->name, b->name, a->name_len);
}

static int compare_when(const struct sched_key *a, const struct sched_key *b)
{
	int r = compare(a->when_ns, b->when_ns);
	if (r == 0)
		r = compare(a->order, b->order);
	return r ? r : compare((uintptr_t)a, (uintptr_t)b);
}

static int compare_head(const struct sched_key *a, const struct sched_key *b)
{
	return compare(a->order, b->order);
}

static int compare_wake(const struct sched_lane *a, const struct sched_lane *b)
{
	int r = compare(a->wake_ns, b->wake_ns);
	return r ? r : compare(a->number, b->number);
}

static int compare_turn(const struct sched_lane *a, const struct sched_lane *b)
{
	int r = compare(a->last_start, b->last_start);
	return r ? r : compare(a->number, b->number);
}

RB_GENERATE(sched_by_order, sched_entry, order_link, compare_order)
RB_GENERATE(sched_alarms, sched_entry, alarm_link, compare_alarm)
RB_GENERATE(sched_by_name, sched_key, name_link, compare_name)
RB_GENERATE(sched_by_when, sched_key, place_link, compare_when)
RB_GENERATE(sched_by_head, sched_key, place_link, compare_head)
RB_GENERATE(sched_waits, sched_key, order_link, compare_head)
RB_GENERATE(sched_wakes, sched_lane, link, compare_wake)
RB_GENERATE(sched_turns, sched_lane, link, compare_turn)
