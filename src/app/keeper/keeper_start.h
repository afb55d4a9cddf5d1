/* SPDX-License-Identifier: MIT */
/* Starts the process of a hook. */
#ifndef FSMON_APP_KEEPER_KEEPER_START_H
#define FSMON_APP_KEEPER_KEEPER_START_H

#include "core/hook/wire.h"
#include "os/cgroup.h"
#include "os/spawn.h"

#include <stddef.h>
#include <stdint.h>

/* What all hooks are started with. */
struct keeper_surroundings {
	const struct spawn_defaults *defaults;
	struct cgroup_home *home; /* NULL: no cgroups */
	int worker_fd; /* whom they announce themselves to; -1: nobody */
};

/* What a worker asks for. */
struct keeper_request {
	uint64_t run_id;
	const struct wire_run *run;
	const int *fds; /* those that came with it */
	size_t fd_count;
};

/* What there is of a hook. */
struct keeper_hook {
	struct spawn_child child; /* pid is 0: there is no process (any more) */
	struct cgroup *cgroup; /* NULL: none */
	int output_fd; /* the reading end of the pipe that it writes to; -1: none */
};

/*
 * Start a hook. It announces itself to the worker by WIRE_STARTED, before its program runs.
 * Borrows its arguments for the call; what is in *hook is the caller's. Returns 0, or -1 with
 * *err; then there is no process, but there may be output_fd and cgroup.
 */
__attribute__((warn_unused_result)) int keeper_start(
	const struct keeper_surroundings *around, const struct keeper_request *request,
	struct keeper_hook *hook, struct spawn_error *err);

#endif
