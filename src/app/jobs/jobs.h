/* SPDX-License-Identifier: MIT */
/* Jobs and runs: what is to be run for changes, what runs, and how it ended. */
#ifndef FSMON_APP_JOBS_JOBS_H
#define FSMON_APP_JOBS_JOBS_H

#include "app/jobs/jobs_values.h"
#include "app/store/store.h"
#include "core/rule/change.h"
#include "core/rule/daemon.h"
#include "core/rule/table.h"
#include "os/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct jobs; /* opaque */

/* Make the jobs of a worker, with no rules yet. Borrows what the configuration points to
 * until jobs_free. Returns NULL with errno. */
struct jobs *jobs_new(const struct jobs_config *config, const struct daemon *daemon);

/* Forget all jobs; what waits is stored. */
void jobs_free(struct jobs *j);

/*
 * Put rules in force. Jobs that wait for a rule whose name is still there go on with its
 * new form; those of a rule that is gone, or disabled now, are dropped, which is logged. The
 * first time, jobs that an earlier worker left are taken in, and the processes of its hooks
 * tagged; and with config.lacks_files what waits for a rule that is not there waits on, until
 * the next call. The table is borrowed until the next call has returned. Returns 0, or -1 with
 * ENOMEM: then all is as it was.
 */
int jobs_set_rules(
	struct jobs *j, const struct table *rules, const struct daemon *daemon);

/* A change that concerns rules: judge it for each, and queue jobs. Takes a reference if
 * need be. */
void jobs_found(struct jobs *j, struct change *c, struct clock_now now);

/* Start what may start, and stop what must stop. */
void jobs_pump(struct jobs *j, struct clock_now now);

/* When jobs_pump may have something to do again: CLOCK_MONOTONIC, UINT64_MAX if never. */
uint64_t jobs_next_ns(const struct jobs *j);

/* Start nothing more. What waits stays in the store; where there is no store it is
 * dropped, which is logged. */
void jobs_stop(struct jobs *j);

/* Start no run of a rule for so long (SCHED_FOREVER: until it is resumed). */
void jobs_pause(struct jobs *j, uint32_t rule, uint64_t for_ns);

/* End the pause of a rule. Returns how many of its jobs have waited. */
size_t jobs_resume(struct jobs *j, uint32_t rule);

/* Run the job of a run again, as a new job. `done` gets its number, or 0 and the reason;
 * perhaps before this returns. */
void jobs_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx);

/* The store, which the jobs own; NULL with a dry run. */
struct store *jobs_store(struct jobs *j);

/*
 * A mark after everything that was found so far. Returns false while changes wait for the
 * names of users, because they would come after the mark: ask again.
 */
bool jobs_mark(const struct jobs *j, uint64_t *mark);

/*
 * Whether all that was found before a mark has ended, or was put aside (its rule is paused,
 * or the breaker holds it). The runs with these tags wait to hear that themselves: they do not
 * count, nor does what cannot start before they have ended. Tags of other runs do not matter.
 */
bool jobs_is_done(const struct jobs *j, uint64_t mark, const uint64_t *waiting_tags,
	size_t tag_count);

/* After jobs_stop: whether no job runs, and no change waits for a name, at least not any longer
 * than the end has patience for; jobs_next_ns knows. jobs_free stores it with the number of the
 * user then. */
bool jobs_have_ended(const struct jobs *j);

/* How many jobs run, and how many wait. */
size_t jobs_running(const struct jobs *j);
size_t jobs_waiting(const struct jobs *j);

/* The rules for which jobs wait though they are not there, because a file with an error was left
 * out: the name of number i, from 0, and how many wait; NULL behind the last. */
const char *jobs_absent_rule(const struct jobs *j, size_t i, size_t *waiting);

/* The counters of a rule (its number in the table in force). */
struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule);

#endif
