/* SPDX-License-Identifier: MIT */
/*
 * The keeper, which fsmon run becomes (fsmon(8)): holds the kernel's queues open, keeps a
 * worker running, and starts, stops and reaps hooks for it. It knows nothing of rules and
 * decodes nothing but the worker's messages.
 */
#ifndef FSMON_APP_KEEPER_KEEPER_H
#define FSMON_APP_KEEPER_KEEPER_H

#include "core/hook/wire.h"

/* All is borrowed until keeper_run returns. */
struct keeper_config {
	/* CLOEXEC; the places of WIRE_FD_WORKER and WIRE_FD_CONF are not used: there is no
	 * configuration in force yet. */
	struct wire_fds fds;
	uint64_t subscribed_ns; /* CLOCK_MONOTONIC, of the process records */
	const char *degraded; /* why who did it may be unknown; NULL: it is not */
	char *const *worker_argv; /* of this program: {"fsmon", "worker", …, NULL} */
};

/*
 * Run until told to stop: SIGTERM or SIGINT asks the worker to end after the running
 * hooks, a second one kills them and ends at once; SIGHUP asks for a reload. Must be
 * called from a process with a single thread; it blocks signals. The caller closes the
 * descriptors of the configuration afterwards.
 *
 * Returns the exit code of the program: 0 after a clean stop; if the worker never became
 * ready, its exit code (2: usage or configuration), or 1.
 */
__attribute__((warn_unused_result)) int keeper_run(const struct keeper_config *config);

#endif
