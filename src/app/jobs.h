/* SPDX-License-Identifier: MIT */
/* Jobs and runs: what is to be run for changes, what runs, and how it ended. */
#ifndef FSMON_APP_JOBS_H
#define FSMON_APP_JOBS_H

#include "app/change.h"
#include "app/filesystems.h"
#include "app/names.h"
#include "core/table.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stdint.h>

struct jobs; /* opaque */

/* All is borrowed. */
struct jobs_config {
	struct poller *poller;
	struct filesystems *filesystems;
	int keeper_fd; /* becomes the jobs' own */
	bool is_dry; /* only say what would run */
	uint32_t max_parallel;
	/* A process was started for a hook of a rule (1-based id of the rule's name,
	 * which outlives reloads), `depth` hooks deep. */
	void (*started)(void *ctx, pid_t pid, uint64_t rule_id, uint32_t depth);
	void (*stop_requested)(void *ctx, bool now);
	void (*reload_requested)(void *ctx);
	void (*keeper_gone)(void *ctx);
	void *ctx;
};

/* Of one rule, since its name first appeared. */
struct jobs_counters {
	uint64_t matched; /* events */
	uint64_t started, ok, failed; /* runs */
	uint64_t dropped; /* events for which there was no room */
	uint64_t self; /* events that its own hooks caused */
	uint64_t waiting, running;
};

/* NULL with errno. */
struct jobs *jobs_new(const struct jobs_config *config);
void jobs_free(struct jobs *j);

/*
 * Put rules in force. Jobs that wait for a rule whose name is still there go on with its
 * new form; those of a rule that is gone are dropped, which is logged. The table is
 * borrowed until the next call; `map` says for each rule of the table before which number
 * it has now, or -1 (NULL the first time). Returns 0, or -1 with ENOMEM: then all is as
 * it was.
 */
int jobs_set_rules(struct jobs *j, const struct table *rules, const int64_t *map,
	uint32_t max_parallel);

/* A change that concerns rules: judge it for each, and queue jobs. Takes a reference if
 * need be. */
void jobs_found(struct jobs *j, struct change *c);

/* Take in what the keeper has sent, without waiting. */
void jobs_drain(struct jobs *j);

/* Start what may start. */
void jobs_pump(struct jobs *j);

/* Start nothing more; drop what waits, which is logged. */
void jobs_stop(struct jobs *j);

/* Tell the keeper that the worker is at work, whether the log is JSON, and one line on how
 * it goes. */
void jobs_tell_ready(struct jobs *j, bool logs_json, const char *status);

/*
 * A mark after everything that was found so far; jobs_is_done says whether all of that
 * has ended. Returns false while changes wait for users' names, which would come after
 * it: ask again.
 */
bool jobs_mark(const struct jobs *j, uint64_t *mark);
bool jobs_is_done(const struct jobs *j, uint64_t mark);

size_t jobs_running(const struct jobs *j);
size_t jobs_waiting(const struct jobs *j);

/* The counters of a rule (its number in the table in force). */
struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule);

#endif
