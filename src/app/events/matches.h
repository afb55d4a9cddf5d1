/* SPDX-License-Identifier: MIT */
/* Which rules a record concerns, and who caused it: what they match is handed on. */
#ifndef FSMON_APP_EVENTS_MATCHES_H
#define FSMON_APP_EVENTS_MATCHES_H

#include "app/events/events_state.h"
#include "core/place/subtree.h"

/* Find the rules that match the paths of a record, and hand on what they match. */
void matches_find(struct pipeline *p, struct facts *f);

/* A rename of a directory, for what is below that. All is borrowed. */
struct matches_moved {
	uint64_t fsid;
	const char *path; /* of the directory within the filesystem; NULL: not known */
	const char *old_path; /* likewise */
	const struct actor *actor;
	uint64_t time_ns; /* CLOCK_REALTIME */
};

/* The path of the directory, the new one if it is known, as some mount shows it; NULL if none
 * does, or with ENOMEM. The caller frees it. */
char *matches_shown_path(struct pipeline *p, const struct matches_moved *m);

/* Whether a rule that asks for renames may match something below the old or the new place of a
 * directory. */
bool matches_may_be_below(struct pipeline *p, const struct matches_moved *m);

/* Whom an entry below a directory that was renamed is for. */
struct matches_scope {
	/* All that is below it is meant, too: it is for the rules that may match something there. */
	bool covers_below;
	/* Kinds of what has come to its old path since: rules that ask for one of these have heard
	 * that something is there, and are not told any more that it went from there. */
	uint32_t taken;
};

/* Find the rules that match an entry by its old path or by the new one, and hand it on as renamed
 * with the directory. */
void matches_moved(struct pipeline *p, const struct matches_moved *m,
	const struct subtree_entry *e, struct matches_scope scope);

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
