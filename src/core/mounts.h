/* SPDX-License-Identifier: MIT */
/* The mount table, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
#ifndef FSMON_CORE_MOUNTS_H
#define FSMON_CORE_MOUNTS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One mount. The strings belong to the table. */
struct mount {
	int id;
	int parent_id;
	uint64_t dev; /* major << 32 | minor: which filesystem */
	char *root; /* what of the filesystem is mounted: "/" is all of it */
	char *point; /* where; "/" for the root */
	char *type; /* "ext4", "fuse.sshfs" */
	bool is_noexec;
	bool is_visible; /* a look-up of `point` ends in this mount: nothing is mounted
			    over it */
};

/* All zero is an empty table. */
struct mounts {
	struct mount *items;
	size_t count;
};

/*
 * Parse the text. Lines that are not whole are skipped. Returns 0, or -1 with ENOMEM. On
 * success the table must be freed with mounts_fini.
 */
int mounts_parse(struct mounts *m, const char *text, size_t len);

/* The mount in which a look-up of the path ends, or NULL for an empty table. */
const struct mount *mounts_find(const struct mounts *m, const char *path);

/*
 * Append the path under which a mount shows a path within its filesystem ("" or "/a/b").
 * Returns 1, or 0 if the mount does not show it (outside of its root, or hidden by
 * another mount), or -1 with ENOMEM. `out` is not changed by 0.
 */
int mounts_show(const struct mounts *m, const struct mount *mount, const char *inner,
	size_t inner_len, struct buf *out);

/* Whether `path` is `dir` or lies below it ("/" holds all). No trailing slashes. */
bool mounts_is_within(const char *path, size_t path_len, const char *dir);

void mounts_fini(struct mounts *m);

#endif
