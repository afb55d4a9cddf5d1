/* SPDX-License-Identifier: MIT */
/* Where a record was: paths from the tree of directories, and what records say to that. */
#ifndef FSMON_APP_EVENTS_PLACES_H
#define FSMON_APP_EVENTS_PLACES_H

#include "app/events/events_state.h"

/* A record was read: if it says where a directory is of which nothing else is known, believe
 * it. */
void places_scan(struct pipeline *p, const struct fanrec *r);

/* Find the paths of a record (p->path, p->old_path). Returns false if one is not known yet. */
bool places_resolve(struct pipeline *p, struct facts *f);

/* Let the tree know how things are after the record. */
void places_apply(struct pipeline *p, const struct fanrec *r);

#endif
