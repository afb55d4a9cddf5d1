/* SPDX-License-Identifier: MIT */
/* Where a record was: paths from the tree of directories, and what records say to that. */
#ifndef FSMON_APP_EVENTS_PLACES_H
#define FSMON_APP_EVENTS_PLACES_H

#include "app/events/events_state.h"

/* What has been found out about the places of a record. */
enum places_found {
	PLACES_KNOWN,
	PLACES_ASKED, /* a directory was looked up just now: see places_resolve */
	PLACES_UNKNOWN, /* a directory is gone, and no record that was read says where it was */
};

/* A record was read: if it says where a directory is of which nothing is known, or only what a
 * look-up said, believe it. */
void places_scan(struct pipeline *p, const struct fanrec *r);

/*
 * Find the paths of a record (p->path, p->old_path); f->has_path and f->has_old_path say which of
 * them were found.
 *
 * A look-up tells how things are now, and the record is older: a rename that stands behind it in
 * the queue has happened already. The first record of a directory that comes after its look-up
 * says where it was before, so by PLACES_ASKED the record has to be resolved once more, when all
 * that was in the queue at the look-up has been scanned. A record of a directory that is gone may
 * be among that as well.
 */
enum places_found places_resolve(struct pipeline *p, struct facts *f);

/* Add the path of a directory and a name in it ("." is the directory itself) as far as the tree
 * knows it, see dirtree_add_path. */
void places_add_path(const struct dirnode *dir, const char *name, struct buf *out);

/* Let the tree know how things are after the record. */
void places_apply(struct pipeline *p, const struct fanrec *r);

#endif
