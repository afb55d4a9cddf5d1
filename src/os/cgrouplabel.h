/* SPDX-License-Identifier: MIT */
/* Labels on cgroups: text for another process that finds them (the attribute user.fsmon). */
#ifndef FSMON_OS_CGROUPLABEL_H
#define FSMON_OS_CGROUPLABEL_H

#include <sys/types.h>

/*
 * Label a cgroup by its directory's descriptor, in the place of a label that it has. Before
 * Linux 5.7, and where the kernel refuses it otherwise, it has none afterwards. Keeps errno.
 */
void cgrouplabel_set(int dir_fd, const char *label);

/*
 * Call found(ctx, pid, label) for each process in the labelled cgroups of a directory, and
 * below them. Who comes meanwhile may be missed, unless his parent is found. What cannot be
 * read is passed over. Borrows its arguments; the label lives as long as the call.
 */
void cgrouplabel_each(const char *path,
	void (*found)(void *ctx, pid_t pid, const char *label), void *ctx);

#endif
