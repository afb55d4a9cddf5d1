/* SPDX-License-Identifier: MIT */
#include "app/events/repeats.h"

#include "app/watch/where.h"
#include "core/place/renames.h"

#include <stdlib.h>
#include <string.h>

/* The kernel looks through 128 records of one of 128 lists for one to merge into
 * (FANOTIFY_MAX_MERGE_EVENTS, FANOTIFY_HTABLE_BITS), and so into none that is farther away than
 * some 16,384 records. */
#define DISTANCE_MAX 65536u
/* Of the records of an earlier window those stay that may be the first half of an exchange. */
#define HALVES 16u
/* As many as one step, or two of an exchange, can bring. */
#define STEPS_MAX ((size_t)2 * RENAMES_STEPS_MAX)

struct repeats {
	struct renames *renames;
	uint64_t asked; /* for which record directories were asked last */
	uint64_t answer; /* which place has its file; 0: none */
	const struct renames_step *steps[STEPS_MAX]; /* to be told */
	size_t count;
	const struct renames_step *told; /* the one before the next */
};

struct repeats *repeats_new(void)
{
	struct repeats *r = calloc(1, sizeof(*r));
	if (r && !(r->renames = renames_new())) {
		free(r);
		return NULL;
	}
	return r;
}

void repeats_free(struct repeats *r)
{
	if (!r)
		return;
	renames_free(r->renames);
	free(r);
}

/* Forget what is farther back than that. What is to be told yet is needed. */
static void forget(struct repeats *r, uint64_t now, uint64_t distance)
{
	if (!r->count)
		renames_forget(r->renames, now > distance ? now - distance : 0);
}

void repeats_scan(
	struct pipeline *p, const struct fanrec *r, const void *bytes, size_t len)
{
	forget(p->repeats, p->counters.read, DISTANCE_MAX);
	/* Without memory some steps are not told. */
	(void)renames_add(p->repeats->renames, r, p->counters.read, bytes, len);
}

void repeats_begin_window(struct pipeline *p)
{
	forget(p->repeats, p->counters.read, HALVES);
}

/* ---- Where a file is that has come back ---- */

/* The record of a step. Returns false if it is none. */
static bool record_of(const struct renames_step *s, struct fanrec *r)
{
	size_t at = 0;
	bool is_one = fanrec_next(s->bytes, s->len, &at, r, NULL);
	r->pidfd = -1; /* closed long since */
	return is_one;
}

/* Ask the directories: the hash of the place that has the file, or 0. */
static uint64_t ask(
	const struct facts *f, const struct renames_repeat *repeats, size_t count)
{
	struct fanrec r;
	if (where_has(f->fs, &f->rec.new_place, &f->rec.target))
		return f->step->to;
	for (size_t i = 0; i < count; i++) {
		const struct renames_step *s = repeats[i].step;
		if (record_of(s, &r) && where_has(f->fs, &r.new_place, &f->rec.target))
			return s->to;
	}
	return 0;
}

bool repeats_ask(struct pipeline *p, struct facts *f)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	struct repeats *r = p->repeats;
	if (!(f->kinds & EVENT_RENAME))
		return true;
	f->step = renames_find(r->renames, &f->rec, f->ordinal);
	if (!f->step)
		return true;
	f->is_second_half = renames_first_half(f->step) != NULL;
	if (!renames_closes(f->step) || r->asked == f->ordinal)
		return true;
	size_t count = renames_repeats(f->step, all);
	if (renames_left_next(f->step, all, count))
		return true;
	r->asked = f->ordinal;
	r->answer = ask(f, all, count);
	return false;
}

/* ---- What is told ---- */

/* Add a step; behind those of the other half of an exchange in the order of both. */
static void add_step(struct repeats *r, const struct renames_step *s, bool is_sorted)
{
	size_t i = r->count;
	if (r->count == STEPS_MAX)
		return;
	for (; is_sorted && i > 0 && r->steps[i - 1]->ordinal > s->ordinal; i--)
		r->steps[i] = r->steps[i - 1];
	r->steps[i] = s;
	r->count++;
}

/* Add the steps that lead to one of them, and that one. */
static void add_trail(struct repeats *r, const struct renames_repeat *all, size_t last)
{
	size_t trail[RENAMES_STEPS_MAX], count = 0;
	bool is_sorted = r->count > 0;
	for (size_t i = last + 1; i > 0; i = all[i - 1].before)
		trail[count++] = i - 1;
	while (count > 0)
		add_step(r, all[trail[--count]].step, is_sorted);
}

/* The hash of the place where the file is: what the queue says, and what directories said. */
static uint64_t place_now(const struct repeats *r, const struct facts *f,
	const struct renames_repeat *all, size_t count)
{
	uint64_t place = renames_left_next(f->step, all, count);
	if (!place && r->asked == f->ordinal)
		place = r->answer;
	return place ? place : renames_taken_next(f->step, all, count);
}

void repeats_add(struct pipeline *p, const struct facts *f)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	if (!f->step)
		return;
	f->step->order = f->order;
	if (!renames_closes(f->step))
		return;
	size_t count = renames_repeats(f->step, all);
	uint64_t place = place_now(p->repeats, f, all, count);
	for (size_t i = 0; i < count; i++) {
		if (all[i].step->to == place) {
			add_trail(p->repeats, all, i);
			return;
		}
	}
}

bool repeats_next(struct pipeline *p, const struct facts *f, struct facts *again)
{
	struct repeats *r = p->repeats;
	if (!r->count || (f->step && renames_second_half(f->step)))
		return false;
	const struct renames_step *s = r->steps[0];
	*again = (struct facts){
		.fs = f->fs,
		.ordinal = f->ordinal,
		.order = s->pid == f->rec.pid ? f->order : s->order,
		.is_merged = true,
		.is_second_half = r->told && renames_is_exchange(r->told, s),
	};
	memmove(r->steps, r->steps + 1, --r->count * sizeof(s));
	r->told = r->count ? s : NULL;
	bool is_one = record_of(s, &again->rec);
	again->kinds = fanrec_kinds(again->rec.mask);
	return is_one;
}
