/* SPDX-License-Identifier: MIT */
/* Finds the place of directories that the tree does not know, by opening their handles.
 */
#ifndef FSMON_APP_WATCH_WHERE_H
#define FSMON_APP_WATCH_WHERE_H

#include "app/watch/filesystems.h"
#include "core/place/dirtree.h"
#include "core/record/event.h"

/*
 * Look up a node that is not placed, and those above it as far as needed: where they are now,
 * so their places are guesses (dirtree_guess). Returns 0, or -1 with ESTALE: the directory is gone (so its delete record is in the queue or was read
 * before), or another errno.
 */
int where_look_up(struct dirtree *tree, struct filesystem *fs, struct dirnode *n);

/*
 * Open the file of a handle with O_PATH. Returns a descriptor, or -1 with errno: ESTALE
 * if it is gone (no name is left of it).
 */
int where_open(struct filesystem *fs, const struct fanrec_handle *handle);

/* Whether the file of a handle is at a place now. */
bool where_has(struct filesystem *fs, const struct fanrec_place *place,
	const struct fanrec_handle *handle);

/*
 * Fill type, links and size of an event from the open file (of where_open; O_PATH will
 * do); -1: the file is gone.
 */
void where_fill_type(int fd, struct event *e);

/* Whether a directory has an entry of that name now which is the file of that handle. */
bool where_has_entry(struct filesystem *fs, const struct fanrec_place *place,
	const struct fanrec_handle *target);

/*
 * The path within the filesystem of a file that was made without a name (O_TMPFILE) and
 * linked since. Returns 0 with the path added to *out, or -1: with ENOENT if `name` is
 * not such a file's ("#" and its inode number) but one that it was given; with ESTALE if
 * it is such a file's, and it has no name at all.
 */
int where_add_linked_path(struct filesystem *fs, const struct fanrec_handle *handle,
	const char *name, struct buf *out);

#endif
