/* SPDX-License-Identifier: MIT */
/* Jobs and runs: what is to be run for changes, what runs, and how it ended. */
#ifndef FSMON_APP_JOBS_H
#define FSMON_APP_JOBS_H

#include "app/filesystems.h"
#include "app/link.h"
#include "app/names.h"
#include "app/store.h"
#include "core/change.h"
#include "core/conf.h"
#include "core/table.h"
#include "os/poller.h"

#include <stdbool.h>
#include <stdint.h>

struct jobs; /* opaque */

/* All is borrowed. */
struct jobs_config {
	struct poller *poller;
	struct filesystems *filesystems;
	struct link_port link; /* by which hooks are run */
	bool is_dry; /* only say what would run; nothing is stored */
	const char *state_dir;
	const char *runtime_dir;
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

/* NULL with errno. */
struct jobs *jobs_new(const struct jobs_config *config, const struct conf_daemon *daemon);

/* Forget all jobs; what waits stays in the store. */
void jobs_free(struct jobs *j);

/*
 * Put rules in force. Jobs that wait for a rule whose name is still there go on with its
 * new form; those of a rule that is gone, or disabled now, are dropped, which is logged. The
 * first time, jobs that an earlier worker left are taken in. The table is borrowed until the
 * next call; `map` says for each rule of the table before which number it has now, or -1
 * (NULL the first time). Returns 0, or -1 with ENOMEM: then all is as it was.
 */
int jobs_set_rules(struct jobs *j, const struct table *rules, const int64_t *map,
	const struct conf_daemon *daemon);

/* Tag what the hooks of an earlier worker have left, by the labels of their cgroups in the
 * keeper's directory (NULL: there is none). After the first jobs_set_rules, before the first
 * jobs_found. */
void jobs_retag(struct jobs *j, const char *hooks_dir);

/* A change that concerns rules: judge it for each, and queue jobs. Takes a reference if
 * need be. */
void jobs_found(struct jobs *j, struct change *c);

/* Start what may start, and stop what must stop. */
void jobs_pump(struct jobs *j);

/* When jobs_pump may have something to do again: CLOCK_MONOTONIC, UINT64_MAX if never. */
uint64_t jobs_next_ns(const struct jobs *j);

/* Start nothing more. What waits stays in the store; where there is none it is dropped, which
 * is logged. */
void jobs_stop(struct jobs *j);

/* Start no run of a rule for so long (SCHED_FOREVER: until it is resumed). */
void jobs_pause(struct jobs *j, uint32_t rule, uint64_t for_ns);

/* Go on; returns how many jobs waited. */
size_t jobs_unpause(struct jobs *j, uint32_t rule);

/* Run the job of a run again, as a new job. `done` gets its number, or 0 and the reason;
 * perhaps before this returns. */
void jobs_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx);

/* NULL with a dry run. */
struct store *jobs_store(struct jobs *j);

/*
 * A mark after everything that was found so far; jobs_is_done says whether all of that
 * has ended, or was put aside (its rule is paused, or the breaker holds it). Returns false
 * while changes wait for users' names, which would come after it: ask again.
 */
bool jobs_mark(const struct jobs *j, uint64_t *mark);
bool jobs_is_done(const struct jobs *j, uint64_t mark);

size_t jobs_running(const struct jobs *j);
size_t jobs_waiting(const struct jobs *j);

/* The counters of a rule (its number in the table in force). */
struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule);

#endif
