/* SPDX-License-Identifier: MIT */
/* One run of the keeper, for app/keeper_runs and app/keeper_start alone. */
#ifndef FSMON_APP_KEEPER_RUN_H
#define FSMON_APP_KEEPER_RUN_H

#include "base/idhash.h"
#include "core/wire.h"
#include "os/cgroup.h"
#include "os/poller.h"
#include "os/spawn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * A run is alive until its process has ended (all of its cgroup, where it was stopped); then
 * it is over until the worker has said that this has been dealt with; then it is left until
 * its cgroup is empty.
 */
struct keeper_run {
	UT_hash_handle hh; /* in keeper_runs.by_id unless it is left */
	TAILQ_ENTRY(keeper_run) link; /* on keeper_runs.over, then .left */
	TAILQ_ENTRY(keeper_run) news_link; /* on keeper_runs.news if has_news */
	TAILQ_ENTRY(keeper_run) pipe_link; /* on keeper_runs.pipes if over with one */
	struct keeper_runs *runs;
	uint64_t id;
	struct spawn_child child; /* pid is 0: there is no process (any more) */
	struct poller_source *exit;
	struct cgroup *cgroup; /* NULL: none, or it is empty */
	struct poller_source *emptied; /* set once the process has ended */
	int output_fd; /* the reading end; held so that the hook gets no SIGPIPE and the
			  next worker finds what this one has not read; -1: none */
	bool has_news;
	bool is_told; /* this worker knows of the process */
	bool is_told_over; /* ... and of its end */
	bool is_stopping; /* it is over when its cgroup is empty */
	bool is_over; /* ended, or not started */
	bool is_left;
	struct spawn_error err; /* why it was not started; stage NULL: it was */
	int status;
	struct wire_usage usage;
	char label[]; /* as the worker gave it */
};

struct keeper_runs {
	struct poller *poller;
	const struct spawn_defaults *defaults;
	struct cgroup_home *home; /* NULL: no cgroups */
	int worker_fd; /* -1: none */
	struct keeper_run *by_id; /* hash */
	TAILQ_HEAD(keeper_run_list, keeper_run) news, over, pipes, left;
	size_t over_count, pipe_count;
	size_t alive;
	uint64_t without_cgroup; /* started so though there is a home */
};

/*
 * Start the hook of a run that is new. Borrows its arguments; fds are what came with the
 * request. Returns 0 with child, output_fd and cgroup set, or -1 with err; output_fd and
 * cgroup may be set then too.
 */
__attribute__((warn_unused_result)) int keeper_run_start(struct keeper_run *run,
	const struct wire_run *request, const int *fds, size_t fd_count);

#endif
