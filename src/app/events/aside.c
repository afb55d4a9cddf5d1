/* SPDX-License-Identifier: MIT */
#include "app/events/aside.h"

#include "app/events/below.h"
#include "app/events/fresh.h"
#include "app/events/gaps.h"
#include "app/events/matches.h"
#include "app/events/places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* rmdir(2) removes the directory, then queues its record; a process can be kept from the second
 * for as long as others use the processor. */
#define WAIT_NS UINT64_C(100000000)
/* The time is over at a multiple of this, for many at once. */
#define STEP_NS UINT64_C(50000000)
/* So many records; the oldest is given up when there are more. */
#define ITEMS_MAX 16384u

struct item {
	STAILQ_ENTRY(item) next;
	uint64_t ordinal;
	uint64_t due_ns; /* when it is given up */
	uint64_t until; /* the last record that had been read when it was put aside */
	struct actor actor;
	size_t len;
	unsigned char bytes[]; /* of the record */
};

struct aside {
	STAILQ_HEAD(, item) items; /* by ordinal; p->aside_count of them */
};

struct aside *aside_new(void)
{
	struct aside *a = calloc(1, sizeof(*a));
	if (a)
		STAILQ_INIT(&a->items);
	return a;
}

static void free_item(struct item *item)
{
	actor_fini(&item->actor);
	free(item);
}

void aside_free(struct aside *a)
{
	struct item *item;
	if (!a)
		return;
	while ((item = STAILQ_FIRST(&a->items))) {
		STAILQ_REMOVE_HEAD(&a->items, next);
		free_item(item);
	}
	free(a);
}

/* Try to find the places of a record. */
static enum places_found resolve(struct pipeline *p, struct item *item, struct facts *f)
{
	size_t at = 0;
	*f = (struct facts){.ordinal = item->ordinal, .actor = &item->actor};
	if (!fanrec_next(item->bytes, item->len, &at, &f->rec, NULL))
		return PLACES_UNKNOWN;
	f->rec.pidfd = -1; /* closed long since */
	f->fs = filesystems_by_fsid(p->parts.filesystems, f->rec.fsid);
	f->kinds = fanrec_kinds(f->rec.mask);
	return f->fs ? places_resolve(p, f) : PLACES_UNKNOWN;
}

/* Nothing will tell where it was. Of a rename one side may be known all the same. */
static void give_up(struct pipeline *p, struct facts *f, uint64_t until)
{
	p->counters.unresolved++;
	if (f->fs && (f->has_path || f->has_old_path))
		below_find(p, f);
	if (f->fs)
		gaps_add(p, f, until);
}

static void give_up_oldest(struct pipeline *p)
{
	struct item *item = STAILQ_FIRST(&p->aside->items);
	struct facts f;
	resolve(p, item, &f);
	give_up(p, &f, item->until);
	STAILQ_REMOVE_HEAD(&p->aside->items, next);
	p->aside_count--;
	free_item(item);
}

void aside_put(struct pipeline *p, struct facts *f, const void *bytes, size_t len)
{
	struct item *item = malloc(sizeof(*item) + len);
	if (!item || matches_who(p, f, &item->actor) < 0) {
		p->counters.dropped++;
		free(item);
		return;
	}
	if (p->aside_count == ITEMS_MAX)
		give_up_oldest(p);
	item->ordinal = f->ordinal;
	item->due_ns = (p->now.monotonic_ns + WAIT_NS + STEP_NS - 1) / STEP_NS * STEP_NS;
	item->until = p->counters.read;
	item->len = len;
	memcpy(item->bytes, bytes, len);
	STAILQ_INSERT_TAIL(&p->aside->items, item, next);
	p->aside_count++;
}

bool aside_resolve(struct pipeline *p)
{
	/* Whatever could explain a record was in the queue before its time was over. */
	bool may_give_up = p->window.complete || p->is_full;
	if (!p->is_stirred && (!may_give_up || p->now.monotonic_ns < aside_due_ns(p)))
		return true;
	struct item *item, *next;
	STAILQ_FOREACH_SAFE(item, &p->aside->items, next, next)
	{
		struct facts f;
		enum places_found found = resolve(p, item, &f);
		bool is_over = may_give_up && p->now.monotonic_ns >= item->due_ns;
		if (found == PLACES_ASKED)
			return false;
		if (found == PLACES_UNKNOWN && !is_over)
			continue;
		if (found == PLACES_KNOWN && f.kinds & FRESH_SETTLING)
			fresh_settle(p, &f);
		if (found == PLACES_KNOWN)
			below_find(p, &f);
		else
			give_up(p, &f, item->until);
		STAILQ_REMOVE(&p->aside->items, item, item, next);
		p->aside_count--;
		free_item(item);
	}
	p->is_stirred = false;
	return true;
}

void aside_keep(struct pipeline *p)
{
	const struct item *item;
	STAILQ_FOREACH (item, &p->aside->items, next) {
		if (readbuf_put_back(&p->buffer, item->bytes, item->len) < 0)
			return;
	}
}

uint64_t aside_oldest(const struct pipeline *p)
{
	const struct item *first = STAILQ_FIRST(&p->aside->items);
	return first ? first->ordinal : UINT64_MAX;
}

uint64_t aside_due_ns(const struct pipeline *p)
{
	const struct item *first = STAILQ_FIRST(&p->aside->items);
	return first ? first->due_ns : UINT64_MAX;
}
