/* SPDX-License-Identifier: MIT */
/* The keeper's runs: starts, stops and reaps hooks, and remembers what the worker must be
 * told. */
#ifndef FSMON_APP_KEEPER_KEEPER_RUNS_H
#define FSMON_APP_KEEPER_KEEPER_RUNS_H

#include "app/keeper/keeper_hook.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keeper_runs; /* opaque */

/* Make an empty set of runs. `home` is where their cgroups are made; NULL: they get none.
 * Borrows its arguments until keeper_runs_free. Returns NULL with ENOMEM. */
__attribute__((warn_unused_result)) struct keeper_runs *keeper_runs_new(
	struct poller *poller, const struct spawn_defaults *defaults,
	struct cgroup_home *home);

/* Forget all runs; their hooks go on. NULL is allowed. */
void keeper_runs_free(struct keeper_runs *rs);

/*
 * Let this be the worker that is told of runs; -1: there is none, which comes between two
 * workers. The socket is borrowed. A new worker is told of all runs whose end no worker
 * has dealt with.
 */
void keeper_runs_set_worker(struct keeper_runs *rs, int worker_fd);

/*
 * Start a hook. The worker is told of the process by the process itself, before its
 * program runs; whatever fails is told by keeper_runs_tell. Borrows its arguments for the
 * call.
 */
void keeper_runs_start(struct keeper_runs *rs, const struct keeper_request *request);

/*
 * Send a signal to a run, if it has not ended. WIRE_SIGNAL: to its process group. WIRE_STOP: to
 * all processes of its cgroup (of its process group, where it has none), and take it for ended
 * when they all are. WIRE_KILL: likewise, with SIGKILL.
 */
void keeper_runs_signal(
	struct keeper_runs *rs, enum wire_type how, uint64_t run_id, int signal);

/* Kill all processes of all runs that have not ended. */
void keeper_runs_kill_all(struct keeper_runs *rs);

/* No worker needs to be told of the ends of these runs any more. */
void keeper_runs_done(struct keeper_runs *rs, const uint64_t *run_ids, size_t count);

/* Reap the process of a run, if this is one and it has ended. Returns whether it is one. */
bool keeper_runs_reap(struct keeper_runs *rs, pid_t pid);

/* How many runs have not ended. */
size_t keeper_runs_alive(const struct keeper_runs *rs);

/* How many runs got no cgroup though there is a home for cgroups. */
uint64_t keeper_runs_without_cgroup(const struct keeper_runs *rs);

/* Tell the worker what it does not know yet. Returns false if something is left because
 * the socket is full (or there is no worker). */
bool keeper_runs_tell(struct keeper_runs *rs);

#endif
