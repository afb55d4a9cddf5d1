/* SPDX-License-Identifier: MIT */
/*
 * A rename of a directory is a rename of all that is in it. Where rules can match below the old or
 * the new place, a thread lists what is there, and each entry is handed on as renamed. Records of
 * what goes or comes there meanwhile are heeded: what goes is told before it has gone, and nothing
 * is told after it has.
 */
#ifndef FSMON_APP_EVENTS_BELOW_H
#define FSMON_APP_EVENTS_BELOW_H

#include "app/events/events_state.h"

/*
 * Hand on what a record matches (matches_find), whose paths are known; before it, what it takes
 * away from below a directory that is being listed; and if it is a rename of a directory, have
 * that listed.
 */
void below_find(struct pipeline *p, struct facts *f);

/* Whether a record that no rule wants is to be given to below_find all the same. */
bool below_needs(const struct pipeline *p, const struct facts *f);

/* The path of such a record could not be found out. */
void below_miss(struct pipeline *p, const struct facts *f);

/* Go on with what is being listed; once a turn, after the records. is_empty: the queue was read to
 * its end in this turn, and no record waits. Returns whether there is more to hand on at once. */
bool below_turn(struct pipeline *p, bool is_empty);

/* The oldest record of which not all has been handed on, counted from 1; UINT64_MAX: none. */
uint64_t below_oldest(const struct pipeline *p);

/* Nothing is handed on any more after this: let one event stand for all of each directory that is
 * being listed. */
void below_end(struct pipeline *p);

/* Forget all that is being listed. */
void below_free(struct pipeline *p);

#endif
