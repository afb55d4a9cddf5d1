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

/* A record of a directory tells where that is: believe it if nothing else is known. */
static void scan_dir(struct pipeline *p, const struct fanrec *r)
{
	struct dirnode *self = node_of(p, r, &r->target);
	if (!self || dirtree_is_placed(self) || strcmp(r->place.name, ".") == 0)
		return;
	struct dirnode *parent = node_of(p, r, &r->place.dir);
	if (parent)
		dirtree_place(p->parts.tree, self, parent, r->place.name);
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
 * Put the path of a place within its filesystem into *out. Returns false if its directory is
 * gone and no record that was read says where it had been.
 */
static bool resolve_place(struct pipeline *p, struct facts *f,
	const struct fanrec_place *place, struct buf *out)
{
	buf_clear(out);
	struct dirnode *dir = node_of(p, &f->rec, &place->dir);
	struct dirnode *unknown = dir ? dirtree_unknown(dir) : NULL;
	/* Each look-up places one node at least, or fails. */
	while (unknown && where_look_up(p->parts.tree, f->fs, unknown) == 0)
		unknown = dirtree_unknown(dir);
	if (!dir || unknown)
		return false;
	buf_add(out, "", 0); /* the root's path is empty, but there */
	dirtree_add_path(dir, out);
	if (strcmp(place->name, ".") != 0) {
		buf_add(out, "/", 1);
		buf_add_str(out, place->name);
	}
	return true;
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

bool places_resolve(struct pipeline *p, struct facts *f)
{
	const struct fanrec *r = &f->rec;
	bool is_rename = r->new_place.dir.bytes;
	if (!r->place.dir.bytes && !is_rename)
		return true;
	if (is_rename) {
		if (!resolve_place(p, f, &r->new_place, &p->path))
			return false;
		f->has_path = true;
	}
	if (r->place.dir.bytes) {
		struct buf *out = is_rename ? &p->old_path : &p->path;
		if (!resolve_place(p, f, &r->place, out))
			return false;
		*(is_rename ? &f->has_old_path : &f->has_path) = true;
	}
	if (!is_rename)
		rename_linked(p, f);
	return true;
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
