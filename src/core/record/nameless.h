/* SPDX-License-Identifier: MIT */
/*
 * Files that were made without a name (O_TMPFILE) and are given one later. Whoever has had such a
 * file open since then works on an entry that the kernel calls "#" and the number of the inode, in
 * the directory that it was made in, and so records of what he does say, for as long as he has it
 * open. What the file is called the records of other kinds tell.
 */
#ifndef FSMON_CORE_RECORD_NAMELESS_H
#define FSMON_CORE_RECORD_NAMELESS_H

#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stddef.h>

/* Records farther away than so many bytes are not looked at. */
#define NAMELESS_REACH_BYTES ((size_t)64 * 1024)

/* Whether a record is of such an entry, as its name says: or of a file that was given that name,
 * which is the number of its own inode. What is created, renamed or deleted has another name. */
bool nameless_is_one(const struct fanrec *r);

/* Where a record stands among others. */
struct nameless_records {
	const void *bytes; /* whole records, as fanrec_next takes them */
	size_t len;
	size_t at; /* where the record begins, or where it would stand */
	size_t from; /* where a record begins, at `at` or before that; each search moves it to what
			it has looked at first, so that the next one need not begin at the front */
};

/*
 * The place that the file of a record had when that was made, as other records say: the one that
 * the nearest record before it has given to the file, if nothing took that away since; else the
 * one that the first record behind it says that the file had, or was given. Returns true with *out
 * filled, whose pointers go into the bytes; or false if none tells.
 */
bool nameless_find_place(struct nameless_records *around, const struct fanrec *r,
	struct fanrec_place *out);

#endif
