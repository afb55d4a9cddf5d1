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
	const struct renames_step
		*last; /* what was added last, while anything is open of it */
	bool is_asking; /* directories were asked where its file is */
	uint64_t answer; /* the place that they say; 0: none has it */
	const struct renames_step *steps[STEPS_MAX]; /* to be told */
	size_t count;
	const struct renames_step *told; /* the one before the next of these */
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
	if (!r->last)
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
static uint64_t ask(const struct facts *f, const struct renames_repeat *all, size_t count)
{
	struct fanrec r;
	if (where_has(f->fs, &f->rec.new_place, &f->rec.target))
		return f->step->to;
	for (size_t i = 0; i < count; i++) {
		const struct renames_step *s = all[i].step;
		if (record_of(s, &r) && where_has(f->fs, &r.new_place, &f->rec.target))
			return s->to;
	}
	return 0;
}

void repeats_find(struct pipeline *p, struct facts *f)
{
	if (f->kinds & EVENT_RENAME)
		f->step = renames_find(p->repeats->renames, &f->rec, f->ordinal);
	f->is_second_half = f->step && renames_first_half(f->step);
}

/* Whether it matters where the file is. */
static bool matters(const struct facts *f, const struct renames_repeat *all, size_t count)
{
	bool is_hit = f->step->is_hit || (f->rec.mask & FAN_ONDIR);
	for (size_t i = 0; i < count && !is_hit; i++)
		is_hit = all[i].step->is_hit;
	return is_hit;
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

/* Find out where the file is, and which steps have led there. */
static void settle(struct repeats *r)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	size_t count = renames_repeats(r->last, all);
	uint64_t place = renames_left_next(r->last, all, count);
	if (!place && r->is_asking)
		place = r->answer;
	if (!place)
		place = renames_taken_next(r->last, all, count);
	r->is_asking = false;
	for (size_t i = 0; i < count; i++) {
		if (all[i].step->to == place) {
			add_trail(r, all, i);
			return;
		}
	}
}

bool repeats_add(struct pipeline *p, const struct facts *f)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	struct repeats *r = p->repeats;
	if (!f->step)
		return true;
	f->step->order = f->order;
	f->step->is_hit = f->is_hit;
	bool closes = renames_closes(f->step);
	if (!closes && !r->last)
		return true;
	r->last = f->step;
	size_t count = closes ? renames_repeats(f->step, all) : 0;
	if (!count || !matters(f, all, count))
		return true;
	r->is_asking = !renames_left_next(f->step, all, count);
	if (!r->is_asking) {
		settle(r);
		return true;
	}
	r->answer = ask(f, all, count);
	return false;
}

bool repeats_next(struct pipeline *p, struct facts *again)
{
	struct repeats *r = p->repeats;
	const struct renames_step *last = r->last, *s = r->steps[0];
	if (!last)
		return false;
	if (r->is_asking) {
		settle(r);
		s = r->steps[0];
	}
	if (r->count && renames_second_half(last))
		return false;
	struct fanrec rec;
	if (!r->count || !record_of(s, &rec)) {
		r->last = r->told = NULL;
		r->count = 0;
		return false;
	}
	*again = (struct facts){
		.rec = rec,
		.fs = filesystems_by_fsid(p->parts.filesystems, rec.fsid),
		.kinds = fanrec_kinds(rec.mask),
		.ordinal = last->ordinal,
		.order = s->pid == last->pid ? last->order : s->order,
		.is_merged = true,
		.is_second_half = r->told && renames_is_exchange(r->told, s),
	};
	r->told = s;
	memmove(r->steps, r->steps + 1, --r->count * sizeof(s));
	return true;
}

uint64_t repeats_oldest(const struct pipeline *p)
{
	return p->repeats->last ? p->repeats->last->ordinal : UINT64_MAX;
}
