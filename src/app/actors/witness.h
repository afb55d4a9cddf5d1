/* SPDX-License-Identifier: MIT */
/*
 * Watches processes from a real-time thread: receives what the process connector and
 * taskstats report, reads /proc of each program as it starts, and keeps all that for the
 * main thread.
 */
#ifndef FSMON_APP_ACTORS_WITNESS_H
#define FSMON_APP_ACTORS_WITNESS_H

#include "app/actors/actors_source.h"
struct witness;

/* The witness, which is its ctx, as a source of process records. */
extern const struct actors_source witness_source;

/*
 * As actors_new, but the table is not filled: see witness_scan. `reading` outlives it. Returns the witness, or
 * NULL with errno.
 */
__attribute__((warn_unused_result)) struct witness *witness_new(
	const struct actors_fds *fds, int wake_fd, const char *why_degraded,
	struct actors_reading *reading);

/* Stop the thread and free everything; NULL is allowed. */
void witness_free(struct witness *w);

/* Fill the table from /proc, after the subscription, before the first event is resolved;
 * without a connector leave it empty. Returns 0, or -1 with errno. */
int witness_scan(struct witness *w, struct proctable *t);

#endif
