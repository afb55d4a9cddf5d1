/* SPDX-License-Identifier: MIT */
/*
 * Marks on directories, so that truncate(2) by name is seen of the files in them: all that it
 * reports is FAN_MODIFY, for which a whole filesystem cannot be watched, as each write of everybody
 * would cost twice as much. So only those directories are watched for it whose entries are what a
 * path of a rule names; which directories those are changes as directories come and go.
 */
#ifndef FSMON_APP_WATCH_ENTRY_MARKS_H
#define FSMON_APP_WATCH_ENTRY_MARKS_H

#include "app/watch/filesystems.h"
#include "base/buf.h"
#include "core/place/dirset.h"
#include "core/rule/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry_mark; /* a directory whose entries are asked for, whether it is there or not */

/* All zero is empty. */
struct entry_marks {
	struct entry_mark *items; /* in the order of their filesystems and paths */
	size_t count;
	struct dirset dirs; /* these directories and those above */
	bool has_begun; /* marks that an earlier worker has left are gone */
	bool has_stale; /* what is at some of the paths may have changed */
	int error; /* why the first of those that cannot be marked is refused, or 0; ENOSPC: there
		      are too many */
	const struct entry_mark *refused; /* that one */
};

/*
 * Put the marks where the rules need them, with the filesystems as they are now: on directories of
 * those that are watched. With the first call go the marks that an earlier worker has left in the
 * group. To be called after each filesystems_update, between two batches. Returns 0, or -1 with
 * ENOMEM: then *e is empty, and the next call is as the first one.
 */
int entry_marks_set(struct entry_marks *e, struct filesystems *f,
	const struct table *rules, int group);

/* A directory of a filesystem came to that path within it, or went from there. */
void entry_marks_note(
	struct entry_marks *e, const struct filesystem *fs, const struct buf *inner);

/* Put the marks right after what was noted, in the batch. */
void entry_marks_renew(struct entry_marks *e, struct filesystems *f, int group);

/* Append the path of the directory that is refused. Returns 0, or -1 with ENOMEM. */
int entry_marks_add_refused(
	const struct entry_marks *e, const struct filesystems *f, struct buf *out);

/* Free all; what is marked stays marked until the group is closed. */
void entry_marks_fini(struct entry_marks *e);

#endif
