/* SPDX-License-Identifier: MIT */
/* Finds the place of directories that the tree does not know, by opening their handles.
 */
#ifndef FSMON_APP_WATCH_WHERE_H
#define FSMON_APP_WATCH_WHERE_H

#include "app/watch/filesystems.h"
#include "core/place/dirtree.h"
#include "core/record/event.h"
#include "os/handle.h"

#include <limits.h>

/*
 * Look up a node that is not placed, and those above it as far as needed: where they are now, so
 * their places are guesses (dirtree_guess). Returns 0, or -1 with ESTALE: the directory is gone (so
 * its delete record is in the queue or was read before), or another errno.
 */
int where_look_up(struct dirtree *tree, struct filesystem *fs, struct dirnode *n);

/*
 * Open the file of a handle with O_PATH. Returns a descriptor, or -1 with errno: ESTALE if it is gone
 * (no name is left of it), EAGAIN if its filesystem is not to be reached where it was.
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

/* An entry of a directory. */
struct where_entry {
	struct handle dir;
	char name[NAME_MAX + 1];
};

/*
 * An entry that a file which was made without a name (core/record/nameless) has now; `unnamed` is
 * what the kernel called it then. Returns 0 with *out filled, or -1 with errno: ESTALE if it has no
 * name at all, or is given one this very moment; ENOENT if the kernel does not tell one, or that of
 * opening the directory.
 */
int where_find_linked(struct filesystem *fs, const struct fanrec_handle *handle,
	const char *unnamed, struct where_entry *out);

#endif
