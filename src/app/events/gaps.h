/* SPDX-License-Identifier: MIT */
/*
 * What is told of records whose path nothing tells: that events were lost, to the rules that it
 * concerns. A directory that goes without a record of its own was replaced, by a rename of another
 * directory to its path that stands behind the record in the queue. So the path is among those of
 * such renames; where there is none, or there are too many, the whole filesystem is concerned.
 */
#ifndef FSMON_APP_EVENTS_GAPS_H
#define FSMON_APP_EVENTS_GAPS_H

#include "app/events/events_state.h"

struct gaps; /* opaque */

/* NULL with ENOMEM. */
struct gaps *gaps_new(void);

/* Free all; NULL is allowed. */
void gaps_free(struct gaps *g);

/* Whether the path of a record has to be found out, though no rule may want it: it is a rename
 * that may have replaced a directory of which a record is aside. */
bool gaps_wants(const struct pipeline *p, const struct facts *f);

/* Note a record that was resolved, if it is such a rename. `oldest` is the ordinal of the first
 * record that is aside. */
void gaps_note_rename(struct pipeline *p, const struct facts *f, uint64_t oldest);

/*
 * A record is given up, of which f->fs is known and a path is not; `until` is the ordinal of the
 * last that was in the queue when its directory was found to be gone. What is to be told of it is
 * gathered up to gaps_tell.
 */
void gaps_add(struct pipeline *p, const struct facts *f, uint64_t until);

/* Hand on what was gathered, and what waits for its time: a whole filesystem is told of once a
 * second at most. */
void gaps_tell(struct pipeline *p);

/* The ordinal of a record, up to which all but those that are told of in time is done;
 * UINT64_MAX: none waits. */
uint64_t gaps_oldest(const struct pipeline *p);

/* When gaps_tell has something to do, CLOCK_MONOTONIC; UINT64_MAX: never. */
uint64_t gaps_due_ns(const struct pipeline *p);

#endif
