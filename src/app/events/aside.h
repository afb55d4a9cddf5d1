/* SPDX-License-Identifier: MIT */
/*
 * Records that are put aside: of a directory that is gone, and no record that was read says where
 * it was. The kernel queues that record a moment after the directory goes, so they are looked at
 * again whenever a record has told of a directory; the others go on meanwhile. What nothing has
 * explained after a while is given up.
 */
#ifndef FSMON_APP_EVENTS_ASIDE_H
#define FSMON_APP_EVENTS_ASIDE_H

#include "app/events/events_state.h"

struct aside; /* opaque */

/* NULL with ENOMEM. */
struct aside *aside_new(void);

/* Free all; NULL is allowed. */
void aside_free(struct aside *a);

/* Put a record aside, copied from the buffer. Who did it is found out now: what is known of a
 * process that is gone is not kept for long. */
void aside_put(struct pipeline *p, struct facts *f, const void *bytes, size_t len);

/*
 * Resolve those whose places are known now, in order, and give up those whose time is over.
 * Returns false if something was looked up for one, as places_resolve says: then it is to be
 * called again.
 */
bool aside_resolve(struct pipeline *p);

/* Put them into the buffer, which is empty: what a worker leaves that ends now is taken up by the
 * next one. */
void aside_keep(struct pipeline *p);

/* The ordinal of the oldest record that is aside; UINT64_MAX: none is. */
uint64_t aside_oldest(const struct pipeline *p);

/* When the next is to be given up, CLOCK_MONOTONIC; UINT64_MAX: none. */
uint64_t aside_due_ns(const struct pipeline *p);

#endif
