/* SPDX-License-Identifier: MIT */
/* Which rules a record concerns, and who caused it: what they match is handed on. */
#ifndef FSMON_APP_EVENTS_MATCHES_H
#define FSMON_APP_EVENTS_MATCHES_H

#include "app/events/events_state.h"

/* Find the rules that match the paths of a record, and hand on what they match. */
void matches_find(struct pipeline *p, struct facts *f);

/* Hand on what has happened to a whole filesystem, or to all of them: it concerns each rule that
 * lands there. */
void matches_whole(struct pipeline *p, struct facts *f);

#endif
