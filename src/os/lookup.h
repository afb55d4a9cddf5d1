/* SPDX-License-Identifier: MIT */
/* One entry of a directory, looked up by a path in which nothing but the entry may be a symbolic
 * link: openat2(2) with RESOLVE_NO_SYMLINKS. Nothing is opened but as O_PATH. */
#ifndef FSMON_OS_LOOKUP_H
#define FSMON_OS_LOOKUP_H

#include "os/handle.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct lookup {
	mode_t mode; /* type and permissions */
	uid_t uid;
	char text[PATH_MAX]; /* of a symbolic link; else "" */
};

/* Look at an entry; a link is not followed. Returns 0, or -1 with errno of openat2(2) (ELOOP:
 * another component is a link), or of readlinkat(2). */
int lookup_entry(const char *path, struct lookup *out);

/* Whether a symbolic link is met on a path ("/a/b") below an open directory (O_PATH will do). */
bool lookup_meets_link(int dir_fd, const char *path);

/* The handle of a directory at such a path. Returns 0, or -1 with errno likewise, or of
 * name_to_handle_at(2). */
int lookup_handle(const char *path, struct handle *out);

#endif
