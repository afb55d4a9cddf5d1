/* SPDX-License-Identifier: MIT */
/*
 * What the parts of app/jobs share: jobs.c (rules in force, life), jobs_add.c (events become
 * jobs), runs.c (jobs become runs and end), retag.c (what an earlier worker's runs have
 * left), jobs_keep.c (what the store remembers of them), runs_say.c (what the log says of
 * them).
 */
#ifndef FSMON_APP_JOBS_STATE_H
#define FSMON_APP_JOBS_STATE_H

#include "app/change.h"
#include "app/jobs.h"
#include "app/runner.h"
#include "app/store.h"
#include "core/sched.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A process is tagged with what it descends from: a rule, by the id of its name, and a run. */
#define JOBS_TAG_RUN_BITS 40

/* What is remembered of a rule by its name, over reloads. Never freed before the end. */
struct named {
	UT_hash_handle hh;
	uint64_t id; /* from 1 */
	struct jobs_counters counters;
	bool is_full; /* events are being dropped, and that has been said */
	uint64_t paused_until_ns; /* CLOCK_REALTIME; 0: it is not paused */
	char name[RULE_NAME_MAX + 1];
};

/* One event of a job. */
struct job_event {
	struct sched_item item; /* first, so that the scheduler's pointer is ours */
	struct change *change;
	uint64_t seq; /* as the store knows it */
	uint32_t kind; /* what the change is for the rule */
	const char *path; /* as the rule sees it; the change's */
	const char *old_path;
};

/* What a job for on-failure tells its command. */
struct job_failure {
	enum store_outcome reason;
	int status;
	uint64_t run_id;
	size_t output_len;
	char output[]; /* and a NUL */
};

/* How a run is, or how it ended. */
struct keep_end {
	enum store_outcome outcome;
	int status; /* exit code, signal or errno */
	int shell_status; /* as a shell would have it; -1: there was no run */
	uint64_t duration_ns;
	struct wire_usage usage;
	const char *output;
	size_t output_len;
};

/* An end that is not told yet. */
struct late_end {
	struct keep_end end;
	char output[];
};

/* What is known of a job besides what the scheduler does: its `data`. */
struct job {
	UT_hash_handle hh; /* jobs.runs, while it runs */
	struct sched_job *sched;
	struct named *named;
	struct job_failure *failure; /* NULL: it is not for on-failure */
	uint64_t run_id; /* of its run; 0: it waits */
	uint64_t added_ns; /* CLOCK_REALTIME */
	uint64_t run_started_ns; /* likewise */
	struct late_end
		*late; /* its end, put off until its descendants are gone; or NULL */
	bool is_killed; /* all of its run is to be killed, also what comes yet */
	bool is_left; /* an earlier worker's run, of which the keeper has not spoken yet */
};

STAILQ_HEAD(change_queue, change);

struct jobs {
	struct jobs_config config;
	struct runner *runner;
	struct store *store; /* NULL with a dry run */
	struct names *names;
	struct poller_source *names_source;
	const struct table *rules;
	struct named **by_rule; /* for each rule of the table */
	struct named *by_name;
	uint64_t last_named_id;
	struct sched *sched; /* lanes: jobs_lane */
	struct job *spare; /* so that a job that was taken has its data */
	struct change_queue unnamed; /* changes that wait for the names of users */
	struct job *runs; /* by run id */
	size_t late_count; /* runs with a late end */
	uint64_t late_look_ns; /* when to look for their descendants again */
	uint64_t last_run_id;
	uint64_t last_seq;
	struct rule_user daemon_user;
	char *own_dirs[2]; /* changes below them are fsmon's own: state, runtime */
	bool is_told; /* the keeper has told all of earlier workers' runs */
	bool is_stopping;
};

/* Each rule has two lanes: for its command, and for its on-failure. */
static inline uint32_t jobs_lane(uint32_t rule, bool is_failure)
{
	return 2 * rule + is_failure;
}

/* The number of a job's rule in the table in force, or -1 if it is gone. */
static inline int64_t job_rule(const struct sched_job *s)
{
	return s->lane == SCHED_NO_LANE ? -1 : (int64_t)(s->lane / 2);
}

/* The newest event of a job; every job has one. */
struct job_event *job_newest(const struct sched_job *s);

static inline uint64_t jobs_tag(const struct named *named, uint64_t run_id)
{
	uint64_t run_bits = (UINT64_C(1) << JOBS_TAG_RUN_BITS) - 1;
	return named->id << JOBS_TAG_RUN_BITS | (run_id & run_bits);
}

/* ---- jobs.c ---- */

struct named *jobs_named(struct jobs *j, const char *name);

/* ---- jobs_add.c ---- */

/* An event of a job-to-be: takes a reference. NULL with ENOMEM. */
struct job_event *job_event_new(struct jobs *j, struct change *c, uint32_t kind,
	const char *path, const char *old_path);

struct job_failure *job_failure_new(const struct store_failure *why);

/* The key of an event: the path that the hook will get. */
const char *job_event_key(const struct job_event *e);

void jobs_free_items(struct sched_items *items);

/* Have data ready for a job that the scheduler may make. False: no memory. */
bool jobs_has_spare(struct jobs *j);

/* Give a new job its data: the spare. */
struct job *jobs_dress(struct jobs *j, struct sched_job *s, struct named *named);

/* Take what the scheduler has given back: items, data, and the job. */
void jobs_drop(struct jobs *j, struct sched_job *s);

/* Names have come: for the poller, with the jobs. */
void jobs_on_names(void *ctx, uint32_t events);

/*
 * Have the rule's on-failure command run for events: copies of the items of `of`, whose
 * count, truncated and order are the new job's too; nothing else of it is used. Nothing
 * happens if the rule has no such command, or there is no memory.
 */
void jobs_fail(struct jobs *j, struct named *named, uint32_t rule,
	const struct sched_given *of, const struct store_failure *why);

/* ---- runs.c ---- */

/* What the runner calls for runs, and for what the keeper wants; its ctx is the jobs. */
extern const struct runner_handlers runs_handlers;

/* Do what the scheduler wants done now. */
void runs_pump(struct jobs *j);

/* An earlier worker's run that nobody knows the end of: its job waits again. */
void runs_lose(struct jobs *j, struct job *job);

/* ---- retag.c ---- */

/* Tag a process of an earlier worker's run by the label of that run. */
void retag_process(struct jobs *j, pid_t pid, const char *label);

/* ---- jobs_keep.c ---- */

/* Tell the store of a job that is new or has changed, with one more event or NULL. */
void keep_job(struct jobs *j, const struct sched_job *s, const struct job_event *added);

/* An event is no longer listed in its job. */
void keep_cut(struct jobs *j, const struct sched_job *s, const struct job_event *cut);

/* A job is over; its events are another's now, but for those on its items still: they are
 * no longer listed. */
void keep_done(struct jobs *j, const struct sched_job *s);
void keep_follow(
	struct jobs *j, const struct sched_job *s, const struct sched_job *follower);

/* A run has begun, or ended. `end` NULL: it goes on. */
void keep_run(struct jobs *j, const struct sched_job *s, const struct keep_end *end);

/* Tell the store of all that waits, runs and is paused. */
void keep_all(void *ctx);

/* Take in what an earlier worker left, once there are rules. */
void keep_restore(struct jobs *j);

/* The keeper has told all: what else an earlier worker had running is lost, and runs again. */
void keep_settle_left(struct jobs *j);

/* ---- runs_say.c ---- */

void say_start(const struct jobs *j, const struct job *job, const char *what);
void say_could_not_start(
	const struct jobs *j, const struct job *job, int error, const char *stage);
void say_end(const struct job *job, enum store_outcome outcome, int status,
	uint64_t duration_ns);
void say_retry(const struct job *job, uint64_t in_ns, uint32_t retry);
void say_held(const struct jobs *j, const struct job *job, uint64_t for_ns);

#endif
