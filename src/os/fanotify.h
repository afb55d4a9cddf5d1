/* SPDX-License-Identifier: MIT */
/* The fanotify group: fanotify_init(2), fanotify_mark(2), and its queue. */
#ifndef FSMON_OS_FANOTIFY_H
#define FSMON_OS_FANOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Open a group: notification class (nobody ever waits for it), unlimited queue and marks,
 * not blocking, reporting directory handle, name and target handle; with_pidfd also a
 * pidfd for each record. Returns the descriptor, or -1 with errno of fanotify_init(2):
 * EPERM without CAP_SYS_ADMIN, EINVAL from a kernel before 5.17, EMFILE.
 */
int fanotify_open(bool with_pidfd);

/*
 * Watch the whole filesystem that the open directory lies on for the mask (FAN_* bits),
 * in place of what was watched there before. Returns 0, or -1 with errno: EXDEV btrfs
 * subvolume, EOPNOTSUPP a filesystem without handles, ENODEV one without an id, EPERM.
 */
int fanotify_watch(int group, int dir_fd, uint64_t old_mask, uint64_t mask);

/*
 * Watch the open directory (O_PATH will do) for what is modified among its entries, or do so no
 * more. The inode stays in memory, and its filesystem can be unmounted. Returns 0, or -1 with errno:
 * EXDEV btrfs subvolume, ENODEV or EOPNOTSUPP a filesystem without handles.
 */
int fanotify_watch_entries(int group, int dir_fd, bool watches);

/* Watch the entries of no directory any more, whoever has asked for that. Whole filesystems stay
 * watched. Returns 0, or -1 with errno. */
int fanotify_forget_entries(int group);

/* Records that wait in the queue, or -1 with errno. Takes time in proportion to them. */
ssize_t fanotify_depth(int group);

/* Whether the queue is empty at this moment (also when that cannot be told). */
bool fanotify_is_empty(int group);

#endif
