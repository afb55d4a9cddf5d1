/* SPDX-License-Identifier: MIT */
/*
 * Directories that lead somewhere: above the place where something is mounted, or what a bind
 * mount shows; or one whose entries are marked, or above that. Much hangs on where these are.
 */
#ifndef FSMON_APP_EVENTS_LEADING_H
#define FSMON_APP_EVENTS_LEADING_H

#include "app/events/events_state.h"

/* Whether the record may be of such a directory, so that its paths must be found out whether a
 * rule wants it or not. */
bool leading_concern(const struct pipeline *p, const struct facts *f);

/* Let the records behind this one find mounts where it has put them, and note which marks are to be
 * put right. Of a record whose paths are not known the mount table is merely read again, after the
 * turn. */
void leading_apply(struct pipeline *p, const struct facts *f);

#endif
