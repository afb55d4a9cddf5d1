/* SPDX-License-Identifier: MIT */
/* What app/jobs.c (which jobs there are) and app/runs.c (what runs of them) share. */
#ifndef FSMON_APP_JOBS_STATE_H
#define FSMON_APP_JOBS_STATE_H

#include "app/change.h"
#include "app/jobs.h"
#include "app/runner.h"
#include "core/turns.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What is remembered of a rule by its name, over reloads. Never freed before the end. */
struct named {
	UT_hash_handle hh;
	uint64_t id; /* from 1 */
	struct jobs_counters counters;
	char name[RULE_NAME_MAX + 1];
};

/* One job, from its change to the end of its run. */
struct job {
	struct turns_job turns; /* first, so that the scheduler's pointer is ours */
	UT_hash_handle hh; /* jobs.runs, while it runs */
	TAILQ_ENTRY(job) open; /* jobs.open */
	uint64_t serial;
	struct change *change;
	struct named *named;
	uint32_t
		rule; /* number in the table in force; of a run, only while it is there */
	bool has_rule;
	uint32_t kind; /* what the change is for the rule */
	const char *path; /* as the rule sees it; the change's */
	const char *old_path;
	uint64_t run_id;
	uint64_t started_ns;
};

STAILQ_HEAD(change_queue, change);

struct jobs {
	struct jobs_config config;
	struct runner *runner;
	struct names *names;
	struct poller_source *names_source;
	const struct table *rules;
	struct named **by_rule; /* for each rule of the table */
	struct named *by_name;
	uint64_t last_named_id;
	struct turns *turns;
	struct change_queue unnamed; /* changes that wait for the names of users */
	TAILQ_HEAD(, job) open; /* every job that has not ended, oldest first */
	uint64_t last_serial;
	struct job *runs; /* by run id */
	uint64_t last_run_id;
	struct rule_user daemon_user;
	bool is_stopping;
};

/* What the runner calls for runs, and for what the keeper wants; its ctx is the jobs. */
extern const struct runner_handlers runs_handlers;

/* Begin the run of a job that the scheduler has given out. */
void runs_begin(struct jobs *j, struct job *job);

/* Take a job that has ended, or is given up, off the list and free it. */
void jobs_drop(struct jobs *j, struct job *job);

#endif
