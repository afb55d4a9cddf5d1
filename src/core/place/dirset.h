/* SPDX-License-Identifier: MIT */
/*
 * A set of directories by their paths within filesystems, each with all that are above it. It is
 * asked about directories that are made, renamed and deleted, which seldom are in it.
 */
#ifndef FSMON_CORE_PLACE_DIRSET_H
#define FSMON_CORE_PLACE_DIRSET_H

#include "base/slots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A path in two pieces, of which the second one begins with a slash unless it is empty. */
struct dirset_path {
	const char *head;
	const char *tail;
};

/* All zero is empty, and has no room. */
struct dirset {
	struct slots dirs; /* the hashes of the directories */
	struct slots names; /* the hashes of their names */
};

/* How many directories there are from the one below the root down to that. */
size_t dirset_depth(struct dirset_path path);

/* Make room for so many directories. Returns 0, or -1 with ENOMEM. On success dirset_fini frees
 * it. */
int dirset_init(struct dirset *s, size_t count);

/* Add a directory of the filesystem `dev`, and those above it, but for the root, which nobody can
 * rename. There must be room for its dirset_depth. */
void dirset_add(struct dirset *s, uint64_t dev, struct dirset_path path);

/* Whether the directory ("/a/b") is in the set. May say true once too often, never false wrongly.
 * Takes a time that does not depend on their number. */
bool dirset_has(const struct dirset *s, uint64_t dev, const char *inner, size_t len);

/* Whether one in the set may have the name. Says at little cost of most names that none has. */
bool dirset_has_name(const struct dirset *s, const char *name);

void dirset_fini(struct dirset *s);

#endif
