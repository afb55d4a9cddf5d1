/* SPDX-License-Identifier: MIT */
/* The worker: reads, resolves, matches and schedules, with the descriptors that the
 * keeper holds. */
#ifndef FSMON_APP_WORKER_WORKER_H
#define FSMON_APP_WORKER_WORKER_H

#include "app/options.h"

/* Work until the keeper says to stop. Returns the exit code. */
int worker_run(const struct options *o);

#endif
