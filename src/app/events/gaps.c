/* SPDX-License-Identifier: MIT */
#include "app/events/gaps.h"

#include "app/events/matches.h"
#include "app/events/places.h"
#include "app/log.h"
#include "base/grow.h"
#include "base/slots.h"

#include <stdlib.h>
#include <string.h>

/* So many renames are told apart, and so many names of what was lost; whom more pairs of these
 * concern is not worked out at once. */
#define RENAMES_MAX 1024u
#define LOSSES_MAX 256u
#define PAIRS_MAX 16384u
/* A whole filesystem is told of no more often, and a line is logged no more often. */
#define EVERY_NS UINT64_C(1000000000)

/* A rename of a directory that may have replaced another. */
struct replacing {
	uint64_t ordinal; /* of the last such record */
	uint64_t fsid;
	char *path; /* where it went, within the filesystem */
	uint32_t hash; /* of that */
};

/* Records that were given up, of what has one name in directories that are not known. */
struct loss {
	uint64_t fsid;
	char *rest; /* the path below such a directory, from its slash on; "": itself */
	uint32_t kinds; /* who asks for one of these is to be told */
	uint64_t after, until; /* where the renames stand that are meant */
};

/* Of a whole filesystem there is something to tell, or has been lately. */
struct whole {
	uint64_t fsid;
	uint64_t next_ns; /* not told of before */
	uint64_t ordinal; /* of the first record of which it is to be told; 0: none is */
};

struct gaps {
	struct replacing *renames;
	size_t rename_count;
	uint64_t
		missed; /* the last such record for which there was no room, or no path */
	struct loss *losses; /* since gaps_tell */
	size_t loss_count;
	struct whole *wholes;
	size_t whole_count;
	uint64_t log_ns; /* no line is logged before */
	unsigned unlogged; /* directories that no line has told of */
};

struct gaps *gaps_new(void)
{
	return calloc(1, sizeof(struct gaps));
}

/* Drop the renames that stand before a record. */
static void drop_renames(struct gaps *g, uint64_t ordinal)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->rename_count; i++) {
		if (g->renames[i].ordinal < ordinal)
			free(g->renames[i].path);
		else
			g->renames[kept++] = g->renames[i];
	}
	g->rename_count = kept;
}

static void drop_losses(struct gaps *g)
{
	for (size_t i = 0; i < g->loss_count; i++)
		free(g->losses[i].rest);
	g->loss_count = 0;
}

void gaps_free(struct gaps *g)
{
	if (!g)
		return;
	drop_renames(g, UINT64_MAX);
	drop_losses(g);
	free(g->renames);
	free(g->losses);
	free(g->wholes);
	free(g);
}

/* ---- What may have replaced a directory ---- */

bool gaps_wants(const struct pipeline *p, const struct facts *f)
{
	return p->aside_count > 0 && f->fs && (f->kinds & EVENT_RENAME) &&
	       (f->rec.mask & FAN_ONDIR);
}

/* The rename to a path, made if there is none. NULL: there is no room, or no memory. */
static struct replacing *rename_to(struct gaps *g, uint64_t fsid, const char *path)
{
	uint32_t hash = slots_hash_str(path);
	for (size_t i = 0; i < g->rename_count; i++) {
		struct replacing *r = &g->renames[i];
		if (r->hash == hash && r->fsid == fsid && strcmp(r->path, path) == 0)
			return r;
	}
	if (g->rename_count == RENAMES_MAX || grow(g->renames, g->rename_count) < 0)
		return NULL;
	struct replacing *r = &g->renames[g->rename_count];
	*r = (struct replacing){.fsid = fsid, .path = strdup(path), .hash = hash};
	if (r->path)
		g->rename_count++;
	return r->path ? r : NULL;
}

void gaps_note_rename(struct pipeline *p, const struct facts *f, uint64_t oldest)
{
	if (!gaps_wants(p, f))
		return;
	struct replacing *r = NULL;
	if (p->gaps->rename_count == RENAMES_MAX)
		drop_renames(p->gaps, oldest);
	if (f->has_path && !p->path.failed)
		r = rename_to(p->gaps, f->rec.fsid, p->path.data);
	*(r ? &r->ordinal : &p->gaps->missed) = f->ordinal;
}

/* ---- What was lost ---- */

/* What there is to tell of a whole filesystem, made if there is nothing. NULL with ENOMEM. */
static struct whole *whole_of(struct gaps *g, uint64_t fsid)
{
	for (size_t i = 0; i < g->whole_count; i++) {
		if (g->wholes[i].fsid == fsid)
			return &g->wholes[i];
	}
	if (grow(g->wholes, g->whole_count) < 0)
		return NULL;
	g->wholes[g->whole_count] = (struct whole){.fsid = fsid};
	return &g->wholes[g->whole_count++];
}

static void add_whole(struct pipeline *p, uint64_t fsid, uint64_t ordinal)
{
	struct whole *w = whole_of(p->gaps, fsid);
	if (!w)
		p->counters.dropped++;
	else if (!w->ordinal)
		w->ordinal = ordinal;
}

/* Add a loss to those of the same name. Returns 0, or -1 if there is no room. */
static int add_loss(struct gaps *g, const struct loss *add)
{
	for (size_t i = 0; i < g->loss_count; i++) {
		struct loss *l = &g->losses[i];
		if (l->fsid != add->fsid || l->kinds != add->kinds ||
			strcmp(l->rest, add->rest) != 0)
			continue;
		l->after = add->after < l->after ? add->after : l->after;
		l->until = add->until > l->until ? add->until : l->until;
		return 0;
	}
	if (g->loss_count == LOSSES_MAX || grow(g->losses, g->loss_count) < 0)
		return -1;
	struct loss *l = &g->losses[g->loss_count];
	*l = *add;
	l->rest = strdup(add->rest);
	if (!l->rest)
		return -1;
	g->loss_count++;
	return 0;
}

/*
 * Say which renames may have replaced the directory of a loss. Those were in the queue when the
 * directory was found to be gone; if there are none of them, some process has been slow to queue
 * its record. Returns false if nothing can be said.
 */
static bool find_renames(const struct gaps *g, struct loss *l)
{
	bool has_any = false, has_early = false;
	if (g->missed > l->after)
		return false;
	for (size_t i = 0; i < g->rename_count; i++) {
		const struct replacing *r = &g->renames[i];
		bool fits = r->fsid == l->fsid && r->ordinal > l->after;
		has_any = has_any || fits;
		has_early = has_early || (fits && r->ordinal <= l->until);
	}
	if (!has_early)
		l->until = UINT64_MAX;
	return has_any;
}

void gaps_add(struct pipeline *p, const struct facts *f, uint64_t until)
{
	bool is_new_side = f->rec.new_place.dir.bytes && f->has_old_path;
	const struct fanrec_place *place =
		is_new_side ? &f->rec.new_place : &f->rec.place;
	struct dirnode *dir = dirtree_node(p->parts.tree, f->rec.fsid, &place->dir);
	/* The removal of an entry, by whatever name it went, is the last that is told of it: who
	 * hears of that has heard of all. */
	bool is_last = !is_new_side && (f->kinds & (EVENT_DELETE | EVENT_RENAME));
	struct buf rest = {0};
	if (dir)
		places_add_path(dir, place->name, &rest);
	struct loss l = {
		.fsid = f->rec.fsid,
		.rest = rest.data,
		.kinds = is_last ? EVENT_ALL | EVENT_UNWRITTEN : f->kinds,
		.after = f->ordinal,
		.until = until,
	};
	bool is_told = dir && !rest.failed && find_renames(p->gaps, &l) &&
		       add_loss(p->gaps, &l) == 0;
	if (!is_told && is_last)
		add_whole(p, l.fsid, l.after);
	buf_fini(&rest);
}

/* ---- Telling ---- */

/* Log that something cannot be told: a line a second at most. */
static void log_loss(struct pipeline *p, const char *path)
{
	struct gaps *g = p->gaps;
	if (p->now.monotonic_ns < g->log_ns) {
		g->unlogged++;
		return;
	}
	log_warn(
		"the directory %s was replaced before it was known which it was: changes "
		"in it cannot be told (and in %u others)",
		path, g->unlogged);
	g->log_ns = p->now.monotonic_ns + EVERY_NS;
	g->unlogged = 0;
}

/* Note in *change the rules that all losses concern which a rename may have to do with. Returns
 * how many these are. */
static size_t add_rules(
	struct pipeline *p, const struct replacing *r, struct change **change)
{
	const struct gaps *g = p->gaps;
	struct filesystem *fs = filesystems_by_fsid(p->parts.filesystems, r->fsid);
	size_t pairs = 0;
	for (size_t i = 0; i < g->loss_count && fs; i++) {
		const struct loss *l = &g->losses[i];
		if (l->fsid != r->fsid || r->ordinal <= l->after || r->ordinal > l->until)
			continue;
		pairs++;
		buf_clear(&p->path);
		buf_add_str(&p->path, r->path);
		buf_add_str(&p->path, l->rest);
		if (matches_add_lost(p, fs, r->path, &p->path, l->kinds, change) < 0)
			p->counters.dropped++;
	}
	return pairs;
}

static void tell_losses(struct pipeline *p)
{
	struct gaps *g = p->gaps;
	size_t pairs = 0;
	for (size_t i = 0; i < g->rename_count && pairs < PAIRS_MAX; i++) {
		struct change *c = NULL;
		pairs += add_rules(p, &g->renames[i], &c);
		if (c && c->hit_count) {
			log_loss(p, c->event.path);
			matches_tell_lost(p, c);
		}
		change_unref(c);
	}
	for (size_t i = 0; i < g->loss_count && pairs >= PAIRS_MAX; i++)
		add_whole(p, g->losses[i].fsid, g->losses[i].after);
	drop_losses(g);
}

static void tell_wholes(struct pipeline *p)
{
	struct gaps *g = p->gaps;
	for (size_t i = 0; i < g->whole_count; i++) {
		struct whole *w = &g->wholes[i];
		if (p->now.monotonic_ns < w->next_ns)
			continue;
		struct facts f = {.kinds = EVENT_OVERFLOW};
		f.fs = filesystems_by_fsid(p->parts.filesystems, w->fsid);
		if (!w->ordinal || !f.fs) {
			*w = g->wholes[--g->whole_count];
			i--;
			continue;
		}
		log_warn("%s: directories went before it was known where they were: "
			 "changes in them cannot be told",
			f.fs->point);
		matches_whole(p, &f);
		w->ordinal = 0;
		w->next_ns = p->now.monotonic_ns + EVERY_NS;
	}
}

void gaps_tell(struct pipeline *p)
{
	struct gaps *g = p->gaps;
	if (g->loss_count)
		tell_losses(p);
	if (g->whole_count)
		tell_wholes(p);
	if (p->aside_count == 0)
		drop_renames(g, UINT64_MAX);
}

uint64_t gaps_oldest(const struct pipeline *p)
{
	uint64_t oldest = UINT64_MAX;
	for (size_t i = 0; i < p->gaps->whole_count; i++) {
		const struct whole *w = &p->gaps->wholes[i];
		if (w->ordinal && w->ordinal < oldest)
			oldest = w->ordinal;
	}
	return oldest;
}

uint64_t gaps_due_ns(const struct pipeline *p)
{
	uint64_t due_ns = UINT64_MAX;
	for (size_t i = 0; i < p->gaps->whole_count; i++) {
		const struct whole *w = &p->gaps->wholes[i];
		if (w->ordinal && w->next_ns < due_ns)
			due_ns = w->next_ns;
	}
	return due_ns;
}
