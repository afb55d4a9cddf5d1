/* SPDX-License-Identifier: MIT */
/* The filesystems that are mounted: how each is watched for the rules that land on it. */
#ifndef FSMON_APP_WATCH_FILESYSTEMS_H
#define FSMON_APP_WATCH_FILESYSTEMS_H

#include "core/place/dirtree.h"
#include "core/place/landing.h"
#include "core/place/routes.h"
#include "core/rule/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct watch_way;

/* One filesystem, however often it is mounted. */
struct filesystem {
	SLIST_ENTRY(filesystem) next_open; /* while fd is not -1 */
	struct filesystems *all; /* the table that it is in */
	uint64_t fsid; /* as fanotify reports it; 0 while it is not watched */
	const char *type;
	const char *point; /* where its root is to be seen; where any of it is, if its
			      root is not */
	int mount_id; /* of that mount */
	bool has_root; /* its root is to be seen there */
	uint32_t kinds; /* what its rules ask for; 0: no rule concerns it */
	bool leads; /* directories of it, if renamed, move mounts on which rules land */
	uint64_t mask; /* what it is watched for; 0: not watched */
	const struct watch_way *way; /* in which it is watched; static */
	const char *refusal; /* why it cannot be watched though rules concern it, or NULL;
				static */
	int refusal_errno; /* where the kernel refused it; else 0 */
	bool is_new; /* came, or came to concern rules, with the latest update */
	int fd; /* its root, open while a batch is resolved (filesystems_close), or -1 */
	const char *open_point; /* under which it was opened: with that, paths of
				   /proc/self/fd begin */
	bool is_out_of_reach; /* its root could not be opened in this batch */
};

struct filesystems {
	struct landing landing;
	struct routes routes; /* to the mounts of the landing */
	struct filesystem *items; /* as the landing numbers them */
	size_t count;
	struct slots by_fsid; /* those that are or were watched */
	SLIST_HEAD(, filesystem) open; /* or out of reach */
	struct mounts
		fresh; /* what is mounted now, if that was asked for in this batch */
	bool is_behind; /* the mount table is to be read again: something moved mounts */
};

/*
 * Take in a new mount table and the rules: filesystems that came are watched, those that
 * went are forgotten (also in `tree`), masks are widened and narrowed. With group -1
 * nothing is watched and only the landing is worked out (for `check`). Returns 0, or -1
 * with ENOMEM: then all is as it was.
 */
int filesystems_update(struct filesystems *f, const char *mountinfo, size_t len,
	const struct table *rules, int group, struct dirtree *tree);

/*
 * A directory of a filesystem has moved within it (both paths are within it): if mounts moved
 * with it, take that in, without looking at what is mounted now, since more may have happened.
 * What is watched stays. *f is behind then. Returns 0, or -1 with ENOMEM: then all is as it was.
 */
int filesystems_move(struct filesystem *fs, const struct buf *from, const struct buf *to,
	const struct table *rules);

/* Whether a directory with that path within the filesystem leads to a mount, so that the mount
 * table changes with its place. */
bool filesystems_lead(const struct filesystem *fs, const struct buf *inner);

/* The watched filesystem of an id, or NULL. */
struct filesystem *filesystems_by_fsid(const struct filesystems *f, uint64_t fsid);

/* The filesystem of a mount of the landing. */
struct filesystem *filesystems_of_mount(
	const struct filesystems *f, const struct mount *mount);

/* Its number in the landing. */
uint32_t filesystems_number(const struct filesystem *fs);

/*
 * Where a rule is watched nowhere: the first of the filesystems that it concerns, each of
 * which is refused. NULL if one of them is watched. Owned by f.
 */
const struct filesystem *filesystems_refusing(
	const struct filesystems *f, const struct table *rules, uint32_t rule);

/* The root directory of a filesystem, opened (not O_PATH) and kept until
 * filesystems_close. If it is not where the table says, it is looked for where it is now, and *f
 * is behind. Returns a descriptor, or -1 with ESTALE. */
int filesystems_open(struct filesystem *fs);

/* Close all roots: nothing may stay open between batches, or umount(8) would fail. */
void filesystems_close(struct filesystems *f);

/* Whether files of a filesystem of that type may be looked at by who must not wait: those of network,
 * FUSE and automount filesystems may not answer. */
bool filesystems_may_touch(const char *type);

/* How it is watched, in a few words, as fsmon(8) has them under `status`. Static. */
const char *filesystems_how(const struct filesystem *fs);

/* Free all; what is marked stays marked until the group is closed. */
void filesystems_fini(struct filesystems *f);

#endif
