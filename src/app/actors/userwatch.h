/* SPDX-License-Identifier: MIT */
/*
 * Counts the records in the queue of file events whenever a process changes its users: what it
 * did before is among them, and what it does then is behind them. For each processor there is a
 * thread of real-time priority, pinned to it, which hears only of changes that happen there: so
 * it runs before the process goes on, as long as that has no such priority itself.
 */
#ifndef FSMON_APP_ACTORS_USERWATCH_H
#define FSMON_APP_ACTORS_USERWATCH_H

#include "app/actors/actors_source.h"
#include "core/proc/procrec.h"

struct userwatch; /* opaque */

/* Start the threads. The process connector must be subscribed to; both arguments are borrowed
 * until userwatch_free. NULL with errno: ENOTSUP where there are too many processors, or others. */
__attribute__((warn_unused_result)) struct userwatch *userwatch_new(
	int fanotify, struct actors_reading *reading);

/* End the threads, and free it; NULL is allowed. */
void userwatch_free(struct userwatch *w);

/* Put into a record of a change of users (PROCREC_UID) what was counted then, if anything was. To
 * be called by one thread, for all such records in the order in which the connector gave them. May
 * wait 200 µs for the other thread to count. */
void userwatch_count(struct userwatch *w, struct procrec *rec);

#endif
