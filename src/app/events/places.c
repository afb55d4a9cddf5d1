/* SPDX-License-Identifier: MIT */
#include "app/events/places.h"

#include "app/watch/where.h"

#include <errno.h>
#include <string.h>

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
			dirtree_set_gone(unknown);
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

/* A file that was made without a name is reported as "#inode": take the name that it has
 * now, or none. */
static void rename_linked(struct pipeline *p, struct facts *f)
{
	if (f->rec.place.name[0] != '#' || (f->kinds & EVENT_DELETE))
		return;
	buf_clear(&p->shown);
	if (where_add_linked_path(f->fs, &f->rec.target, f->rec.place.name, &p->shown) ==
		0) {
		buf_clear(&p->path);
		buf_add(&p->path, p->shown.data, p->shown.len);
		f->is_linked = true;
	} else if (errno == ESTALE) {
		f->has_path = false;
	}
}

enum places_found places_resolve(struct pipeline *p, struct facts *f)
{
	const struct fanrec *r = &f->rec;
	bool is_rename = r->new_place.dir.bytes;
	enum places_found found = PLACES_KNOWN, old = PLACES_KNOWN;
	f->has_path = f->has_old_path = false;
	if (is_rename) {
		found = resolve_place(p, f, &r->new_place, &p->path);
		f->has_path = found == PLACES_KNOWN;
	}
	if (r->place.dir.bytes) {
		struct buf *out = is_rename ? &p->old_path : &p->path;
		old = resolve_place(p, f, &r->place, out);
		*(is_rename ? &f->has_old_path : &f->has_path) = old == PLACES_KNOWN;
	}
	if (!is_rename && f->has_path)
		rename_linked(p, f);
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
