/* SPDX-License-Identifier: MIT */
/*
 * The links on the ways on which rules' paths lead, while the daemon runs: knows each entry on such
 * a way by its directory's handle and its name, sees in records that one has changed, and has found
 * out where the paths lead now, in a thread.
 *
 * What was found is in force only when the entries that it hangs on are known, and what happened to
 * these until then was not seen: so whatever was found to be different is found out once more.
 */
#ifndef FSMON_APP_EVENTS_SYMLINKS_H
#define FSMON_APP_EVENTS_SYMLINKS_H

#include "app/watch/filesystems.h"
#include "app/watch/fronts.h"
#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stdint.h>

struct symlinks; /* opaque */

/* Begin with no fronts. `wake_fd` is a wake-up (os/thread) that is sent when there is an answer to
 * be taken; the filesystems are borrowed. NULL with errno. */
struct symlinks *symlinks_new(int wake_fd, const struct filesystems *filesystems);

/* End; NULL is allowed. A thread that hangs is left behind. */
void symlinks_free(struct symlinks *s);

/* Take fronts that were found for the rules now in force in place of those before; they are found
 * out once more. */
void symlinks_set(struct symlinks *s, struct fronts *fronts);

/* The fronts in force. */
struct fronts *symlinks_fronts(const struct symlinks *s);

/* Take in the filesystems as they are now; after each update of these, and of the fronts. What leads
 * through places where others are mounted now is found out anew. Returns 0, or -1 with ENOMEM: then
 * it is to be called again. */
int symlinks_index(struct symlinks *s);

/* Records were lost: all is to be found out anew. */
void symlinks_ask_all(struct symlinks *s);

/*
 * Note what a record says of entries on the way; `ordinal` counts the records, from 1. Costs
 * next to nothing for one that concerns none. Returns whether rules are to be told that what they
 * name has changed: symlinks_told says which.
 */
bool symlinks_note(struct symlinks *s, const struct fanrec *r, struct filesystem *fs,
	uint64_t ordinal);

/* The i-th of the fronts, as they were written, that have changed with the entry of such a record
 * (its place or its new one), or NULL past the last. */
const char *symlinks_told(const struct symlinks *s, const struct fanrec *r,
	const struct fanrec_place *place, size_t i);

/* Have found out what has to be, unless that is being done. */
void symlinks_ask(struct symlinks *s);

/* Whether there is an answer. */
bool symlinks_has_answer(struct symlinks *s);

/* Take the answer into the fronts. The caller sees to table_lead if it is FRONTS_LEADS, and to
 * symlinks_index unless it is FRONTS_SAME. */
enum fronts_change symlinks_take(struct symlinks *s);

/* The oldest record for which something is still being found out; UINT64_MAX: none. */
uint64_t symlinks_oldest(const struct symlinks *s);

/* Whether what no record has asked for, but a change of mounts, is still being found out. */
bool symlinks_is_behind(const struct symlinks *s);

#endif
