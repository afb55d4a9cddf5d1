/* SPDX-License-Identifier: MIT */
/* What the modules that app/jobs is made of share. */
#ifndef FSMON_APP_JOBS_JOBS_STATE_H
#define FSMON_APP_JOBS_JOBS_STATE_H

#include "app/actors/names.h"
#include "app/jobs/job.h"
#include "app/jobs/jobs_values.h"
#include "app/store/store.h"
#include "core/rule/table.h"
#include "core/sched/sched.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

STAILQ_HEAD(jobs_changes, change);

struct jobs {
	struct jobs_config config;
	struct store *store; /* NULL with a dry run */
	struct sched *sched; /* lanes: job_lane */
	const struct table *rules;
	struct job_rule *known; /* rules by name, also those of before */
	struct job_rule *
		*by_rule; /* for each rule of the table, and then the absent ones */
	/* Rules that are missing because a file with an error was left out. They have lanes, in
	 * which what waits for them is kept and never started, behind those of the table. */
	size_t absent_count;
	struct job *runs; /* by run id */
	uint64_t last_run_id;
	uint64_t
		reserved_run_id; /* up to it the store has been told that they are used */
	uint64_t last_seq; /* of events */
	bool is_stopping; /* no new change is judged any more */
	uint64_t
		names_until_ns; /* then: CLOCK_MONOTONIC, when the end does without names */

	/* app/jobs/add's */
	struct names *names;
	struct poller_source *names_source;
	struct jobs_changes unnamed; /* changes that wait for the names of users */
	char *own_dirs[2]; /* changes below them are fsmon's own: state, runtime */

	/* app/jobs/runs' */
	struct rule_user daemon_user;
	size_t deferred_count; /* runs with a deferred end */
	uint64_t deferred_check_ns; /* when to look for their descendants again */
	bool has_caught_up; /* the keeper has told all of earlier workers' runs */
};

#endif
