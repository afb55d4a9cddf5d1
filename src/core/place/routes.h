/* SPDX-License-Identifier: MIT */
/*
 * The directories that lead to mounts: those on which something is mounted, those whose
 * contents a bind mount shows, and all above these. If one of them is renamed or deleted the
 * mount table changes, and the kernel does not say so.
 */
#ifndef FSMON_CORE_PLACE_ROUTES_H
#define FSMON_CORE_PLACE_ROUTES_H

#include "core/place/mounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct routes {
	const struct mounts *mounts; /* borrowed */
	uint32_t *parents; /* of each mount the number of the one on which it lies, or
			      SLOTS_NONE */
	struct slots dirs; /* the hashes of the directories */
	struct slots names; /* the hashes of their names */
};

/* Find them all. The mounts are to live as long. Returns 0, or -1 with ENOMEM. On success
 * routes_fini frees it. */
int routes_init(struct routes *w, const struct mounts *m);

/*
 * Whether the directory with that path ("/a/b") within the filesystem `dev` (as struct mount has
 * it) is one of them. May say true once too often, never false wrongly. Takes a time that does
 * not depend on the number of mounts.
 */
bool routes_have(const struct routes *w, uint64_t dev, const char *inner, size_t len);

/* Whether one of them may have the name. Says at little cost of most names that none has it. */
bool routes_have_name(const struct routes *w, const char *name);

/* Mark the mounts (marks[number]) of which a rename of some directory would move the mount with
 * this number. Ends at one that is marked already. */
void routes_mark(const struct routes *w, uint32_t number, bool *marks);

/*
 * Append a mount table, as mountinfo has it, that says what the table says after a directory
 * within the filesystem `dev` has moved. Both paths are within the filesystem. The mounts keep
 * their order. Returns 0, or -1 with ENOMEM.
 */
int routes_add_moved(const struct routes *w, uint64_t dev, const char *from,
	const char *to, struct buf *mountinfo);

void routes_fini(struct routes *w);

#endif
