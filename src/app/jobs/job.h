/* SPDX-License-Identifier: MIT */
/* A job and its events: what is known of them besides what the scheduler (core/sched) does. */
#ifndef FSMON_APP_JOBS_JOB_H
#define FSMON_APP_JOBS_JOB_H

#include "app/jobs/jobs_values.h"
#include "app/store/store.h"
#include "core/hook/outcome.h"
#include "core/rule/rule.h"
#include "core/rule/view.h"
#include "core/sched/sched.h"

#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What is remembered of a rule by its name, over reloads. */
struct job_rule {
	UT_hash_handle hh; /* by name */
	uint64_t id; /* from 1 */
	struct jobs_counters counters; /* without what the scheduler counts */
	bool is_full; /* events are being dropped, and that has been said */
	uint64_t paused_until_ns; /* CLOCK_REALTIME; 0: it is not paused */
	uint32_t number; /* of one that is absent: see jobs.absent_count */
	bool is_absent;
	char name[RULE_NAME_MAX + 1];
};

/* What is remembered by a name, from now on where it is new; it lives as long as the table,
 * which is NULL at first. Returns NULL with ENOMEM. */
struct job_rule *job_rule_get(struct job_rule **rules, const char *name);

/* Forget all. */
void job_rule_free_all(struct job_rule **rules);

/* The tag of the processes that descend from a run of the rule; it is never 0. */
uint64_t job_rule_tag(const struct job_rule *rule, uint64_t run_id);

/* Whether a tag is that of a run of the rule. */
bool job_rule_has_tag(const struct job_rule *rule, uint64_t tag);

/* One event of a job. */
struct job_event {
	struct sched_item item; /* first, so that the scheduler's pointer is ours */
	struct store_event event; /* as the store keeps it; its change is referred to */
};

/* The `data` of a scheduler's job. */
struct job {
	UT_hash_handle hh; /* jobs.runs, while it runs */
	struct sched_job *sched;
	struct job_rule *rule;
	struct outcome *failure; /* what on-failure is told; NULL: it is not for that */
	uint64_t failure_run_id; /* of the run that failed; 0: none */
	uint64_t run_id; /* of its run; 0: it waits */
	uint64_t added_ns; /* CLOCK_REALTIME */
	uint64_t run_started_ns; /* likewise */
	/* How its run ended, put off until its descendants are gone too; or NULL. */
	struct outcome *deferred_end;
	bool is_killed; /* all of its run is to be killed, also what comes yet */
	bool is_unconfirmed; /* an earlier worker's run, not told of by the keeper yet */
};

/* Each rule has two lanes of the scheduler: for its command, and for its on-failure. */
static inline uint32_t job_lane(uint32_t rule, bool is_failure)
{
	return 2 * rule + is_failure;
}

/* An event: takes a reference to the view's change. NULL with ENOMEM. */
struct job_event *job_event_new(const struct view *view, uint64_t seq);

/* Drop the reference; NULL is allowed. */
void job_event_free(struct job_event *e);

/* Append such an event to a list. Returns whether there was memory. */
bool job_add_event(struct sched_items *to, const struct view *view, uint64_t seq);

/* Free events that are no job's any more; the list is empty afterwards. */
void job_free_events(struct sched_items *items);

/* The newest event of a job; every job has one. */
const struct job_event *job_newest(const struct sched_job *s);

/* The path that a job is about: that of its newest event. */
const char *job_path(const struct sched_job *s);

/* How many hooks deep the deepest cause of the job lies; 0: no hook caused it. */
uint32_t job_depth(const struct job *job);

/* Whether one of its events stands for others that could not be told. */
bool job_covers_below(const struct job *job);

/*
 * What is to be known of a job before the scheduler makes it: job_attach gives it to that. The
 * failure, which is copied, and its run are those of a job for on-failure; else NULL and 0.
 * Returns NULL with ENOMEM.
 */
struct job *job_new(
	struct job_rule *rule, const struct outcome *failure, uint64_t failure_run_id);
void job_attach(struct job *job, struct sched_job *s, uint64_t added_ns);

/* Free what was not attached. NULL is allowed. */
void job_free(struct job *job);

/* Free the events of a scheduler's job that is over, and all that is known of it. */
void job_detach(struct sched_job *s);

/* Likewise, and the scheduler's job itself. */
void job_drop(struct sched_job *s);

#endif
