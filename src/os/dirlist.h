/* SPDX-License-Identifier: MIT */
/* Lists directories that are known by their handles. */
#ifndef FSMON_OS_DIRLIST_H
#define FSMON_OS_DIRLIST_H

#include "os/handle.h"

#include <stdbool.h>

/* One entry of a directory. The name is borrowed for the call that is given it. */
struct dirlist_entry {
	const char *name;
	bool is_dir;
	struct handle handle;
};

/*
 * Call `each` for the entries of a directory, in the order of the filesystem, until it returns
 * false. What something else is mounted over is not among them, nor what is gone while the
 * directory is read. May take long, and opens the directory, which others may hold up. mount_fd is
 * that of handle_open. Returns 0, or -1 with errno: ESTALE if the directory is gone (it
 * is empty where somebody still has it open), EMFILE, or
 * what the filesystem says.
 */
int dirlist_read(int mount_fd, const struct handle *dir,
	bool (*each)(void *ctx, const struct dirlist_entry *e), void *ctx);

#endif
