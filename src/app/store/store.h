/* SPDX-License-Identifier: MIT */
/*
 * The store: waiting jobs and the history of runs, in an SQLite database in the state
 * directory; see fsmon(8), FILES. Whoever writes never waits: what is to be remembered
 * goes to a thread, which writes whatever has come in one transaction, a moment later, so
 * that much of what is over soon is written once. Where the disk is full, read-only or
 * broken it goes on in memory, says so once, and comes back when it can.
 */
#ifndef FSMON_APP_STORE_STORE_H
#define FSMON_APP_STORE_STORE_H

#include "core/hook/outcome.h"
#include "core/rule/view.h"
#include "os/poller.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store; /* opaque */

struct store_config {
	struct poller *poller; /* borrowed */
	const char *dir; /* state directory; copied */
	uint64_t keep_ns; /* history-keep: age (0: any) ... */
	uint32_t keep_count; /* ... and number of ended runs (0: any) */
	/* These runs have been written with their ends (in memory, where nothing else can be
	 * written): nobody else need remember them. Called from poller_turn. */
	void (*committed)(void *ctx, const uint64_t *run_ids, size_t count);
	/* The database was lost (deleted, broken): all jobs that wait or run, and pauses,
	 * are to be put again. Called from poller_turn; the store works meanwhile. */
	void (*lost)(void *ctx);
	void *ctx;
};

/* A job that waits or runs. Borrowed for the call. */
struct store_job {
	uint64_t id;
	const char *rule;
	const char *key; /* path, or "" */
	uint32_t attempt;
	uint32_t failures;
	uint64_t count;
	bool truncated;
	uint64_t run_id; /* of its run; 0: it waits */
	uint64_t run_started_ns; /* CLOCK_REALTIME; read back only; 0: not known */
	uint64_t added_ns; /* CLOCK_REALTIME of its first event */
	const struct outcome *failure; /* what it tells on-failure: kind, shell_status and
					  output are kept; NULL: not for on-failure */
	uint64_t failure_run_id; /* the run that failed last; 0: none */
};

/* One event of a job. */
struct store_event {
	uint64_t seq; /* of no other event; grows in the order of arrival */
	struct view view; /* a reference to its change is taken; nobody may write to it */
};

/* How a run was and ended. */
struct store_run {
	uint64_t id;
	uint64_t job_id;
	const char *rule;
	bool is_on_failure; /* of the rule's on-failure command */
	const struct store_event *event; /* the newest of its job, which it was about */
	uint64_t count; /* events in the job */
	uint32_t attempt;
	uint64_t queued_ns; /* how long the job waited */
	uint64_t started_ns; /* CLOCK_REALTIME */
	struct outcome outcome; /* OUTCOME_RUNNING: it has not ended */
};

/*
 * Open or make the database and check it; read the numbers used last; start the thread. A
 * database that cannot be used is set aside (name.broken) or left, and memory takes its
 * place: that is not an error. Returns NULL with ENOMEM or an errno of the thread or the
 * poller.
 */
__attribute__((warn_unused_result)) struct store *store_open(
	const struct store_config *config);

/* Write all that has come, waiting at most `patience_ns`, and end. Callbacks are not called
 * any more. NULL is allowed. Returns whether all has reached the disk. */
bool store_close(struct store *s, uint64_t patience_ns);

/* Another history-keep, after a reload. */
void store_set_keep(struct store *s, uint64_t keep_ns, uint32_t keep_count);

/* The highest numbers that had ever been used when the store was opened; where nobody knows,
 * ms since 1970, which are higher. */
uint64_t store_last_job_id(const struct store *s);
uint64_t store_last_run_id(const struct store *s);
uint64_t store_last_event_seq(const struct store *s);

/* A job as it comes back. The change of each event has one reference, which is the
 * receiver's whatever the receiver answers; it has no hits, and path and old_path are the
 * event's own. All else lives as long as the call. */
struct store_saved {
	struct store_job job;
	struct store_event *events; /* oldest first */
	size_t event_count;
};

/* Hand out all jobs that waited or ran when the daemon ended, oldest first; once, after
 * store_open. Those for which `take` returns false are marked done. A run of a job whose
 * end nobody knows is the caller's to end (OUTCOME_LOST). `take` may put, and must not
 * take or close. Returns 0, or -1 with ENOMEM or EIO (some were not handed out, and stay
 * stored). */
int store_take_jobs(struct store *s,
	bool (*take)(void *ctx, const struct store_saved *saved), void *ctx);

/* Hand out the names of the rules that those jobs wait for, or ran for, before store_take_jobs. */
void store_take_rules(
	struct store *s, void (*take)(void *ctx, const char *rule), void *ctx);

/* Rules that were paused when the daemon ended: until CLOCK_REALTIME ns, UINT64_MAX for
 * ever. Once. */
void store_take_pauses(struct store *s,
	void (*take)(void *ctx, const char *rule, uint64_t until_ns), void *ctx);

/*
 * What follows never fails and never waits: without memory it is counted as lost (see
 * store_health). Everything is borrowed for the call.
 */

/* A job that is new, or of which something has changed. */
void store_put_job(struct store *s, const struct store_job *job);
/* One more event of it. */
void store_add_event(struct store *s, uint64_t job_id, const struct store_event *event);
/* An event of it is no longer listed. */
void store_drop_event(struct store *s, uint64_t job_id, uint64_t seq);
/* All events of one job are another's from now on; the first is over, and to run it again
 * is to run the other. */
void store_follow(struct store *s, uint64_t from_id, uint64_t to_id);
/* It is over: from now on it is history, with its newest 1,000 events, as long as one of its
 * runs is; one that never ran is forgotten. */
void store_end_job(struct store *s, uint64_t job_id);

/*
 * Numbers of runs up to `last` may be used from the moment on that this is written: whoever opens
 * the store later begins behind them, whatever has become of the runs.
 */
void store_reserve_runs(struct store *s, uint64_t last);
/* Before the end: no number above `last` was used. */
void store_release_runs(struct store *s, uint64_t last);

/* A run has started, or it has ended: each time with all that is known of it. */
void store_put_run(struct store *s, const struct store_run *run);

void store_put_pause(struct store *s, const char *rule, uint64_t until_ns);
void store_drop_pause(struct store *s, const char *rule);

/*
 * Have all that was put so far written at once. Returns a number; store_is_flushed says
 * whether that is done, be it in memory, and the poller is woken when it is.
 */
uint64_t store_flush(struct store *s);
bool store_is_flushed(struct store *s, uint64_t number);

struct store_health {
	bool is_memory; /* nothing reaches the disk */
	char reason[200]; /* why; "" where all is well */
	uint64_t lost; /* records that could not be kept anywhere */
	uint64_t waiting; /* not written yet */
};

void store_health(struct store *s, struct store_health *h);

/* Which runs: fields that are NULL, 0 or false do not matter. */
struct store_query {
	uint64_t run_id;
	const char *rule;
	bool only_failed; /* all that have ended otherwise than well */
	uint64_t since_ns; /* started then or later, CLOCK_REALTIME */
	bool with_output;
	uint32_t limit; /* the newest so many; 0: all */
};

/*
 * Ask for runs, after all that was put before; they come oldest first, as the text of a JSON
 * array of the objects that fsmon(8) describes under "runs --json": the store's thread makes
 * it, for it can be long. `done` is called from poller_turn; `runs`, `count` of them, is then
 * the callee's to free, NULL where it could not be had.
 */
void store_ask_runs(struct store *s, const struct store_query *query,
	void (*done)(void *ctx, char *runs, size_t count), void *ctx);

/* Ask for the job of a run, with its events as store_take_jobs gives them (NULL: no such run,
 * or its events are not known any more). */
void store_ask_job(struct store *s, uint64_t run_id,
	void (*done)(void *ctx, const struct store_saved *saved), void *ctx);

/* Without a daemon: read the database in a directory. Returns the array as store_ask_runs
 * gives it, or NULL with errno (ENOENT: there is none) and, where SQLite has more to say,
 * *why (static or NULL). */
__attribute__((warn_unused_result)) json_t *store_read_runs(
	const char *dir, const struct store_query *query, const char **why);

#endif
