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

/* Find out who did it. Returns 0, or -1 with ENOMEM. The caller frees *out with actor_fini. */
int matches_who(struct pipeline *p, const struct facts *f, struct actor *out);

/*
 * Note in *change, which is made if need be, the rules that a change of a path concerns that
 * cannot be told: those that match the path, ask for one of the kinds and want to hear of lost
 * events. They are told of `dir`, the directory above it that was lost. Both are within the
 * filesystem. Returns 0, or -1 with ENOMEM.
 */
int matches_add_lost(struct pipeline *p, struct filesystem *fs, const char *dir,
	const struct buf *path, uint32_t kinds, struct change **change);

/* Hand that on. */
void matches_tell_lost(struct pipeline *p, struct change *c);

#endif
