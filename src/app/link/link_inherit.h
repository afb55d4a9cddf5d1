/* SPDX-License-Identifier: MIT */
/* What a worker has from its keeper before it begins. */
#ifndef FSMON_APP_LINK_LINK_INHERIT_H
#define FSMON_APP_LINK_LINK_INHERIT_H

#include "core/hook/wire.h"

#include <limits.h>
#include <stdint.h>

/* Not to be copied: the texts lie in it. */
struct link_inheritance {
	struct wire_fds fds; /* CLOEXEC */
	uint64_t subscribed_ns; /* CLOCK_MONOTONIC, of the process records */
	uint64_t
		last_run_id; /* the highest number of a run that earlier workers asked for */
	const char *degraded; /* why who did it may be unknown; NULL: it is not */
	const char *hooks_dir; /* where the cgroups of hooks are; NULL: they have none */
	char bytes[2 * PATH_MAX]; /* the keeper's first message */
};

/*
 * Take over what the keeper has left for its worker (enum wire_place, struct wire_hello). The
 * descriptors are the caller's. Once only. Returns 0, or -1 with ENOENT if this process was
 * not started by a keeper.
 */
__attribute__((warn_unused_result)) int link_inherit(struct link_inheritance *in);

#endif
