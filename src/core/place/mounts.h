/* SPDX-License-Identifier: MIT */
/* The mount table, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
#ifndef FSMON_CORE_PLACE_MOUNTS_H
#define FSMON_CORE_PLACE_MOUNTS_H

#include "base/buf.h"
#include "base/slots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One mount. The strings belong to the table. */
struct mount {
	int id;
	int parent_id;
	uint64_t dev; /* major << 32 | minor: which filesystem */
	const char *root; /* what of the filesystem is mounted: "/" is all of it */
	const char *point; /* where; "/" for the root */
	const char *type; /* "ext4", "fuse.sshfs" */
	uint32_t top; /* the number of the uppermost mount over it, or its own */
	uint64_t lengths; /* bit N: the point of a mount on it has N bytes; 63: or more */
	bool is_noexec;
	bool is_visible; /* a look-up of `point` ends in this mount */
};

/* All zero is an empty table. A mount's number is its place among the items. */
struct mounts {
	struct mount *items;
	size_t count;
	const struct mount *root; /* the first mount of all, over which others may lie, or
				     NULL */
	struct slots by_place; /* by parent and point: the first one there */
	char *text; /* holds the strings */
};

/* Parse the text, and see what is mounted on what. Lines that are not whole are skipped.
 * Returns 0, or -1 with ENOMEM. On success mounts_fini frees the table. */
int mounts_parse(struct mounts *m, const char *text, size_t len);

/* The mount in which a look-up of the path ("" is the root) ends, or NULL for an empty
 * table. */
const struct mount *mounts_find(const struct mounts *m, const char *path);

/* Append the path that a path within the filesystem ("" or "/a/b") and within the mount's
 * root has below its point. Returns 0, or -1 with ENOMEM. */
int mounts_add_path(
	const struct mount *mount, const char *inner, size_t inner_len, struct buf *out);

/* Whether another mount hides the path (as this mount would show it). */
bool mounts_hide(
	const struct mounts *m, const struct mount *mount, const char *path, size_t len);

/*
 * Append the path under which a mount shows a path within its filesystem. Returns 1, or 0
 * if the mount does not show it (outside of its root, or hidden by another mount), or -1
 * with ENOMEM. `out` is not changed by 0.
 */
int mounts_show(const struct mounts *m, const struct mount *mount, const char *inner,
	size_t inner_len, struct buf *out);

/* Whether `path` is `dir` or lies below it ("/" holds all). No trailing slashes. */
bool mounts_is_within(const char *path, size_t path_len, const char *dir);

void mounts_fini(struct mounts *m);

#endif
