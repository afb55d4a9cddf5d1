/* SPDX-License-Identifier: MIT */
/*
 * Processes by what they descend from, held so that a signal reaches them and nobody else: how
 * a run is stopped where there are no cgroups.
 */
#ifndef FSMON_APP_ACTORS_LINEAGE_H
#define FSMON_APP_ACTORS_LINEAGE_H

#include <stddef.h>
#include <sys/types.h>

/* All zero is empty; lineage_signal ends it. */
struct lineage {
	struct lineage_process *items;
	size_t count;
	size_t next; /* where the next one is likely to be found again */
	size_t alive;
};

/* For proctable_tagged, with a struct lineage: take a process in. What memory and descriptors
 * do not reach is left out, to be reached the next time. */
void lineage_hold(void *lineage, pid_t pid);

/*
 * Likewise, in a second look after the process records were received again: a process that
 * is found twice was still there after its descriptor was opened, so that is what the
 * descriptor means.
 */
void lineage_confirm(void *lineage, pid_t pid);

/* Send a signal to all that was confirmed (0: none), and let go of all. Returns how many
 * processes were taken in or left out. */
size_t lineage_signal(struct lineage *l, int signal);

#endif
