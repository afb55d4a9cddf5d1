/* SPDX-License-Identifier: MIT */
/* Loads the configuration beside the loop: files and name services may take their time. */
#ifndef FSMON_APP_WORKER_RELOAD_H
#define FSMON_APP_WORKER_RELOAD_H

#include "app/load.h"
#include "os/poller.h"

struct reload; /* opaque */

/*
 * Prepare for reloads with these options (borrowed). `done` is called from the poller
 * with what was loaded, or NULL if there was no memory for it; it may take the table.
 * NULL with errno.
 */
struct reload *reload_new(struct poller *poller, const struct options *o,
	void (*done)(void *ctx, struct load *l), void *ctx);

/* Load anew; while that goes on, once more after it. */
void reload_start(struct reload *r);

/* Wait for a load that is under way, and free the rest. NULL is allowed. */
void reload_free(struct reload *r);

#endif
