/* SPDX-License-Identifier: MIT */
/*
 * The directories that lead to mounts: those on which something is mounted, those whose
 * contents a bind mount shows, and all above these. If one of them is renamed or deleted the
 * mount table changes, and the kernel does not say so.
 */
#ifndef FSMON_CORE_PLACE_ROUTES_H
#define FSMON_CORE_PLACE_ROUTES_H

#include "core/place/dirset.h"
#include "core/place/mounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct routes {
	const struct mounts *mounts; /* borrowed */
	uint32_t *parents; /* of each mount the number of the one on which it lies, or
			      SLOTS_NONE */
	struct dirset dirs;
};

/* Find them all. The mounts are to live as long. Returns 0, or -1 with ENOMEM. On success
 * routes_fini frees it. */
int routes_init(struct routes *w, const struct mounts *m);

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
