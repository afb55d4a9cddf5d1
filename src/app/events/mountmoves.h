/* SPDX-License-Identifier: MIT */
/* Mounts that move because a directory does: one above the place where they are mounted, or one
 * that a bind mount shows. */
#ifndef FSMON_APP_EVENTS_MOUNTMOVES_H
#define FSMON_APP_EVENTS_MOUNTMOVES_H

#include "app/events/events_state.h"

/* Whether mounts may move with what a record says, so that its paths must be found out whether a
 * rule wants it or not. */
bool mountmoves_concern(const struct facts *f);

/* Let the records behind this one find mounts where it has put them. Of a record whose paths are
 * not known the mount table is merely read again, after the turn. */
void mountmoves_apply(struct pipeline *p, const struct facts *f);

#endif
