/* SPDX-License-Identifier: MIT */
/* The plain values that app/jobs takes and gives. */
#ifndef FSMON_APP_JOBS_JOBS_VALUES_H
#define FSMON_APP_JOBS_JOBS_VALUES_H

#include "app/link/link.h"
#include "app/watch/filesystems.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All is borrowed. */
struct jobs_config {
	struct poller *poller;
	struct filesystems *filesystems;
	struct link_port link; /* by which hooks are run */
	bool is_dry; /* only say what would run; nothing is stored */
	/* Files with errors are left out of the first rules: jobs of rules that are not there
	 * are kept, and wait until a reload. */
	bool lacks_files;
	/* The highest number of a run that earlier workers have asked for: the store may not have
	 * heard of it. */
	uint64_t last_run_id;
	const char *state_dir;
	const char *runtime_dir;
	const char *hooks_dir; /* below which hooks have their cgroups; NULL: nowhere */
	/* A process was started for a hook, `depth` hooks deep. The tag says which rule (by
	 * the id of its name, which outlives reloads) and which run it is of. */
	void (*started)(void *ctx, pid_t pid, uint64_t tag, uint32_t depth);
	/* Send a signal (0: none) to all that still descends from a run, by its tag. Returns
	 * how many processes there are. */
	size_t (*signal_tagged)(void *ctx, uint64_t tag, int signal);
	void *ctx;
};

/* Of one rule, since its name first appeared. */
struct jobs_counters {
	uint64_t matched; /* events */
	uint64_t started, ok, failed; /* runs of its command */
	uint64_t on_failure; /* runs of its on-failure */
	uint64_t retried, restarted, timed_out; /* runs */
	uint64_t dropped; /* events for which there was no room, or the hook was busy */
	uint64_t unlisted; /* events that a job counts, but does not list any more */
	uint64_t self; /* events that its own hooks caused */
	uint64_t waiting, running; /* jobs now */
	uint64_t held; /* keys that the breaker holds now */
	uint64_t paused_until_ns; /* CLOCK_REALTIME, UINT64_MAX for ever; 0: not paused */
};

#endif
