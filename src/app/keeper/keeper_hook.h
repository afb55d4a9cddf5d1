/* SPDX-License-Identifier: MIT */
/* One hook of the keeper: where its cgroup is, and how its process starts. */
#ifndef FSMON_APP_KEEPER_KEEPER_HOOK_H
#define FSMON_APP_KEEPER_KEEPER_HOOK_H

#include "core/hook/wire.h"
#include "os/cgroup.h"
#include "os/spawn.h"

#include <stddef.h>
#include <stdint.h>

/* What all hooks are started with. */
struct keeper_hook_common {
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

struct keeper_hook {
	struct spawn_child child; /* pid is 0: there is no process (any more) */
	struct cgroup *cgroup; /* NULL: none */
	int output_fd; /* the reading end of the pipe that it writes to; -1: none */
};

/*
 * Open a directory for the cgroups of hooks in the keeper's own, wherever cgroup v2 is mounted.
 * The caller closes it. Returns NULL with ENOENT (not mounted), ENOMEM, or an errno of
 * cgroup_home_open.
 */
__attribute__((warn_unused_result)) struct cgroup_home *keeper_hook_open_home(void);

/*
 * Start a hook. It announces itself to the worker by WIRE_STARTED, before its program runs.
 * Borrows its arguments for the call; what is in *hook is the caller's. Returns 0, or -1 with
 * *err; then there is no process, but there may be output_fd and cgroup.
 */
__attribute__((warn_unused_result)) int keeper_hook_start(
	const struct keeper_hook_common *common, const struct keeper_request *request,
	struct keeper_hook *hook, struct spawn_error *err);

#endif
