/* SPDX-License-Identifier: MIT */
/*
 * What is below a directory that was renamed: a list of entries, and the paths that records have
 * told of meanwhile. Paths are those below the directory: "/a", "/a/b".
 */
#ifndef FSMON_CORE_PLACE_SUBTREE_H
#define FSMON_CORE_PLACE_SUBTREE_H

#include "base/buf.h"
#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stddef.h>

#define SUBTREE_MAX 100000 /* entries, and paths */
#define SUBTREE_MAX_BYTES ((size_t)32 << 20) /* of either */

/* One entry. Path and handle lie in the list, and live until another entry is added. */
struct subtree_entry {
	const char *rest; /* its path below the directory; "": the directory itself */
	bool is_dir;
	struct fanrec_handle handle;
};

/* Entries in the order in which they were added. All zero is empty. */
struct subtree_list {
	struct buf bytes;
	size_t count;
};

/* Append the entry `name` of the directory whose path is `dir`. All is copied. Returns 0, or -1
 * with ENOMEM, or with E2BIG: the list has all that it may have. */
int subtree_list_add(struct subtree_list *l, const char *dir, const char *name,
	const struct subtree_entry *e);

/* The entry at *at, 0 at first, which is moved behind it. Returns false at the end. */
bool subtree_list_next(const struct subtree_list *l, size_t *at, struct subtree_entry *e);

/* Free the entries; the list is empty afterwards. */
void subtree_list_fini(struct subtree_list *l);

struct subtree_path; /* opaque */

/* A set of paths. All zero is empty. */
struct subtree_paths {
	struct subtree_path *items; /* hash */
	size_t bytes;
};

/* Put a path into the set, with the handle of what has come there (bytes NULL: nothing has), also
 * where it is in the set already. Returns 0, or -1 with ENOMEM or E2BIG. */
int subtree_paths_put(
	struct subtree_paths *p, const char *rest, const struct fanrec_handle *came);

/* Whether the path is in the set; one that leads to it is; it is and this has come there. */
bool subtree_paths_have(const struct subtree_paths *p, const char *rest);
bool subtree_paths_have_above(const struct subtree_paths *p, const char *rest);
bool subtree_paths_have_from(const struct subtree_paths *p, const char *rest,
	const struct fanrec_handle *came);

/* Put the paths below one of them ("" is the directory), as paths below that, into another set.
 * Returns 0, or -1 with ENOMEM or E2BIG: not all are there. */
int subtree_paths_copy_below(
	struct subtree_paths *to, const struct subtree_paths *from, const char *rest);

/* Free the paths; the set is empty afterwards. */
void subtree_paths_fini(struct subtree_paths *p);

#endif
