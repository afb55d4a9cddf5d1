/* SPDX-License-Identifier: MIT */
#include "app/events/places.h"

#include "app/watch/where.h"
#include "core/record/nameless.h"
#include "os/fanotify.h"

#include <errno.h>
#include <string.h>
#include <sys/param.h>

#define GONE_TRIES 4u /* see note_gone */

/* ---- First pass: what the records say about directories ---- */

static struct dirnode *node_of(
	struct pipeline *p, const struct fanrec *r, const struct fanrec_handle *h)
{
	return h->bytes ? dirtree_node(p->parts.tree, r->fsid, h) : NULL;
}

/* A record of a directory tells where that was before it: believe it if nothing is known but
 * where a look-up has found it since. */
static void scan_dir(struct pipeline *p, const struct fanrec *r)
{
	struct dirtree *tree = p->parts.tree;
	struct dirnode *self = node_of(p, r, &r->target);
	if (!self || strcmp(r->place.name, ".") == 0)
		return;
	bool is_placed = dirtree_is_placed(self);
	if (is_placed && !dirtree_is_guess(tree, self))
		return;
	struct dirnode *parent = node_of(p, r, &r->place.dir);
	if (parent && dirtree_place(tree, self, parent, r->place.name) == 0)
		p->is_stirred = p->is_stirred || !is_placed;
}

static bool tells_place(const struct fanrec *r)
{
	uint32_t kinds = fanrec_kinds(r->mask);
	return r->mask & FAN_ONDIR && r->place.name && r->target.bytes &&
	       (kinds & (EVENT_CREATE | EVENT_DELETE | EVENT_RENAME));
}

void places_scan(struct pipeline *p, const struct fanrec *r)
{
	if (tells_place(r))
		scan_dir(p, r);
}

/* ---- Second pass: where ---- */

/*
 * A directory is gone. The kernel queues the record of that a moment later, and whoever removes it
 * is mostly running: so the queue is read a few times before the record is put aside.
 */
static void note_gone(struct pipeline *p, const struct facts *f, struct dirnode *n)
{
	p->gone_tries = p->gone_ordinal == f->ordinal ? p->gone_tries + 1 : 1;
	p->gone_ordinal = f->ordinal;
	if (p->gone_tries >= GONE_TRIES)
		dirtree_set_gone(n);
}

/* Look up what is not known of a directory's path. */
static enum places_found look_up(
	struct pipeline *p, const struct facts *f, struct dirnode *dir)
{
	enum places_found found = PLACES_KNOWN;
	struct dirnode *unknown;
	/* Each look-up places one node at least, or fails. */
	while ((unknown = dirtree_unknown(dir))) {
		if (dirtree_is_gone(unknown))
			return found == PLACES_ASKED ? found : PLACES_UNKNOWN;
		if (where_look_up(p->parts.tree, f->fs, unknown) == 0) {
			found = PLACES_ASKED;
		} else if (errno == ESTALE && dirtree_unknown(dir) == unknown) {
			note_gone(p, f, unknown);
			return PLACES_ASKED;
		} else {
			return PLACES_UNKNOWN;
		}
	}
	return found;
}

/* Put the path of a place within its filesystem into *out. */
static enum places_found resolve_place(struct pipeline *p, const struct facts *f,
	const struct fanrec_place *place, struct buf *out)
{
	buf_clear(out);
	struct dirnode *dir = node_of(p, &f->rec, &place->dir);
	enum places_found found = dir ? look_up(p, f, dir) : PLACES_UNKNOWN;
	if (found == PLACES_KNOWN)
		places_add_path(dir, place->name, out);
	return found;
}

void places_add_path(const struct dirnode *dir, const char *name, struct buf *out)
{
	buf_add(out, "", 0); /* the root's path is empty, but there */
	dirtree_add_path(dir, out);
	if (strcmp(name, ".") != 0) {
		buf_add(out, "/", 1);
		buf_add_str(out, name);
	}
}

/* ---- Files without a name ---- */

/* What the records around it say. */
static bool find_in_buffer(
	struct pipeline *p, const struct facts *f, struct fanrec_place *out)
{
	struct nameless_records around = {.bytes = p->buffer.bytes,
		.len = p->buffer.end,
		.at = f->at,
		.from = MIN(p->nameless_from, f->at)};
	bool has_place = nameless_find_place(&around, &f->rec, out);
	p->nameless_from = MAX(p->nameless_from, around.from);
	return has_place;
}

/* What the filesystem says: how things are now. Returns false if more is in the queue already,
 * which may say something else. */
static bool find_linked(struct pipeline *p, const struct facts *f)
{
	struct linked *l = &p->linked;
	if (l->ordinal == f->ordinal)
		return true;
	l->ordinal = f->ordinal;
	l->error =
		where_find_linked(f->fs, &f->rec.target, f->rec.place.name, &l->entry) < 0
			? errno
			: 0;
	return fanotify_is_empty(p->parts.group);
}

/* A file that was made without a name is reported as "#inode": let the record have the place that
 * the file had, or was given next. One that never had a name is nowhere. */
static enum places_found name_nameless(struct pipeline *p, struct facts *f)
{
	const struct where_entry *now = &p->linked.entry;
	struct fanrec_place place;
	if (!nameless_is_one(&f->rec))
		return PLACES_KNOWN;
	f->is_linked = find_in_buffer(p, f, &place);
	if (f->is_linked) {
		f->rec.place = place;
		return PLACES_KNOWN;
	}
	if (!find_linked(p, f))
		return PLACES_ASKED;
	f->is_linked = !p->linked.error;
	if (f->is_linked)
		f->rec.place = (struct fanrec_place){
			.dir = {now->dir.bytes, now->dir.len, now->dir.type},
			.name = now->name};
	else if (p->linked.error == ESTALE)
		f->rec.place = (struct fanrec_place){0};
	return PLACES_KNOWN;
}

enum places_found places_resolve(struct pipeline *p, struct facts *f)
{
	const struct fanrec *r = &f->rec;
	bool is_rename = r->new_place.dir.bytes;
	enum places_found found = PLACES_KNOWN, old = PLACES_KNOWN;
	f->has_path = f->has_old_path = false;
	if (r->place.name && r->place.name[0] == '#' &&
		name_nameless(p, f) == PLACES_ASKED)
		return PLACES_ASKED;
	if (is_rename) {
		found = resolve_place(p, f, &r->new_place, &p->path);
		f->has_path = found == PLACES_KNOWN;
	}
	if (r->place.dir.bytes) {
		struct buf *out = is_rename ? &p->old_path : &p->path;
		old = resolve_place(p, f, &r->place, out);
		*(is_rename ? &f->has_old_path : &f->has_path) = old == PLACES_KNOWN;
	}
	if (found == PLACES_ASKED || old == PLACES_KNOWN)
		return found;
	return old;
}

void places_apply(struct pipeline *p, const struct fanrec *r)
{
	if (!tells_place(r) || strcmp(r->place.name, ".") == 0)
		return;
	const struct fanrec_place *place =
		r->new_place.dir.bytes ? &r->new_place : &r->place;
	struct dirnode *self = node_of(p, r, &r->target);
	struct dirnode *parent = node_of(p, r, &place->dir);
	if (self && parent)
		dirtree_place(p->parts.tree, self, parent, place->name);
}
