/* SPDX-License-Identifier: MIT */
/*
 * Renames without a record of their own: the kernel has merged them into an earlier one that said
 * the same (core/place/renames). Where a file has come back to a place, it is found out whether it
 * has left that again, and the steps that it has taken once more are told behind its record.
 */
#ifndef FSMON_APP_EVENTS_REPEATS_H
#define FSMON_APP_EVENTS_REPEATS_H

#include "app/events/events_state.h"

struct repeats; /* opaque */

/* NULL with ENOMEM. */
struct repeats *repeats_new(void);

/* Free all; NULL is allowed. */
void repeats_free(struct repeats *r);

/* A rename or a deletion was read. */
void repeats_scan(
	struct pipeline *p, const struct fanrec *r, const void *bytes, size_t len);

/* Another window begins: nothing that was read can be merged into any more. */
void repeats_begin_window(struct pipeline *p);

/* Before a rename is resolved: what the memory of renames says of it (f->step,
 * f->is_second_half). */
void repeats_find(struct pipeline *p, struct facts *f);

/*
 * After a rename was resolved: if the file has come back, and rules or the tree of directories are
 * concerned, find out where it is now. Returns false if directories were asked for that, which is
 * to be believed when all that is in the queue has been read: before then nothing more is to be
 * resolved.
 */
bool repeats_add(struct pipeline *p, const struct facts *f);

/* The next step to be told behind the rename that was added last, as a record of its own. Returns
 * false at the end. An exchange comes back as a whole: behind its first half nothing is told. */
bool repeats_next(struct pipeline *p, struct facts *again);

/* The ordinal of the rename behind which something is to be told yet; UINT64_MAX: none. */
uint64_t repeats_oldest(const struct pipeline *p);

#endif
