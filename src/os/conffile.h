/* SPDX-License-Identifier: MIT */
/* Finds rule files and reads them, if nobody but their owner can have written them. */
#ifndef FSMON_OS_CONFFILE_H
#define FSMON_OS_CONFFILE_H

#include "base/strlist.h"

#include <stddef.h>

/* What is wrong with a file, where errno would not say it. */
enum conffile_trouble {
	CONFFILE_OK,
	CONFFILE_ERRNO, /* see errno */
	CONFFILE_NOT_FILE, /* not a regular file */
	CONFFILE_FOREIGN, /* belongs neither to root nor to the user who runs this */
	CONFFILE_WRITABLE, /* its group or others may write to it */
	CONFFILE_TOO_LARGE,
};

/* Where the trouble lies: the file itself or a directory above. */
struct conffile_error {
	enum conffile_trouble trouble;
	char place[256]; /* path of the file or directory, cut if longer; "" for the file
			  */
	unsigned uid; /* CONFFILE_FOREIGN: the owner */
	unsigned mode; /* CONFFILE_WRITABLE: the permission bits */
};

/*
 * Read a whole file of at most `max` bytes. It, and every directory above it, must belong
 * to root or to the effective user, and be writable by nobody else (a directory with the
 * sticky bit may be); and so must every symbolic link on the way to it. This is checked
 * on the open descriptors. Returns the bytes, which the caller frees, with a NUL behind
 * them and *len set, or NULL with *error filled.
 */
char *conffile_read(
	const char *path, size_t max, size_t *len, struct conffile_error *error);

/*
 * The rule files that are in force: `*.conf` of each directory, ordered by file name; a
 * file of a later directory takes the place of one of the same name; one that is a link
 * to /dev/null masks it. Directories that do not exist are passed over. Adds the paths to
 * *out. Returns 0, or -1 with errno and the directory's path in *failed (borrowed from
 * dirs).
 */
int conffile_list(const struct strlist *dirs, struct strlist *out, const char **failed);

#endif
