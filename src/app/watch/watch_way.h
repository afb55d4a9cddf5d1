/* SPDX-License-Identifier: MIT */
/* The ways in which a filesystem can be watched. A new way is a file of its own, and a
 * row in WATCH_WAYS. */
#ifndef FSMON_APP_WATCH_WATCH_WAY_H
#define FSMON_APP_WATCH_WATCH_WAY_H

#include <stdbool.h>
#include <stdint.h>

struct watch_way {
	const char *name; /* as fsmon(8) has it under `status` */
	/* Why it is not even tried with filesystems of that type, whose root is mounted in
	 * sight or not. Static; NULL: it is tried. */
	const char *(*refusal)(const char *type, bool has_root);
	/* Let the group report what happens on the filesystem, whose root is open, for the
	 * mask in place of the old one (FAN_* bits; 0: nothing). Returns 0, or -1 with errno. */
	int (*watch)(int group, int root_fd, uint64_t old_mask, uint64_t mask);
	/* What errno of a failed `watch`, or of opening the root, means. Static. */
	const char *(*explain)(int error);
};

/* All of them, in the order in which they are tried. */
#define WATCH_WAYS(row) row(watch_mark)

#define WATCH_WAY_DECLARE(way) extern const struct watch_way way;
WATCH_WAYS(WATCH_WAY_DECLARE)

#endif
