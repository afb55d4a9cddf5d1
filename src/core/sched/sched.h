/* SPDX-License-Identifier: MIT */
/*
 * When jobs run: gathers events into jobs, says which may start and which runs must be
 * stopped, and what becomes of a job whose run has ended. Pure: the caller starts, signals and
 * reaps; time is an argument and never goes backwards (CLOCK_MONOTONIC, ns).
 *
 * Words. A lane is one rule's queue. A key is what runs never overlap for: the path, or with
 * `run-per = batch` the lane as a whole. A job waits or has a run, nothing else.
 *
 * Adding an event to lane L, key K, in this order:
 *  1. K has a run and on-busy is drop: the event is not taken (SCHED_BUSY).
 *  2. run-per is path or batch, and a job waits for K: the event joins it. A delay before a
 *     retry ends: the job is due when it has been quiet for `debounce`, at the latest
 *     `max-wait` after its first event. (The first that was added to it since it last ran:
 *     what it was given, and what it took over from other jobs, does not count.)
 *  3. As many jobs wait for L as queue-max says: the event is not taken (SCHED_FULL).
 *  4. Else it makes a new job, due after the lesser of debounce and max-wait.
 *  Where it was taken and K has a run that is not being stopped: `restart` has that run
 *  stopped (it is being stopped from now on), `signal` has it signalled (once until
 *  sched_next has returned that, which it does not of a run that is being stopped by then).
 * An event that is added to a job that lists queue-max events or more takes the place of the
 * newest listed, is counted, and the job is marked truncated (SCHED_CUT).
 *
 * A job is a candidate if it has the lowest `order` of those that wait for its key (so one
 * that is to be retried is in front of later ones), the key has no run, its due time has
 * come (now >= due), and the breaker does not hold the key. It starts if also the lane is not
 * paused, has fewer runs than `parallel`, and has started fewer than throttle.count runs in
 * the last throttle.per_ns (a start at time t counts while now - t < per_ns), and fewer than
 * max-parallel run in all (those without a lane too). (A key with several jobs is possible
 * with run-per = event alone.) Of several lanes that could, the one goes first whose last
 * start is longest ago, by the sequence of starts (never is longest; then the lower number);
 * within it the candidate with the lowest `order`.
 *
 * The breaker, for each key: a window of breaker.per_ns opens with a start that finds none
 * open; a start in an open window counts (the window is open while now - opening < per_ns).
 * A start that would be number count + 1 is not done: the key is held for 10 s, 20 s, 40 s …
 * at most 10 min (SCHED_HELD), and the window closes. The time is 10 s again when a window
 * has run out with no hold, or nothing has started for per_ns after a hold's end. Attempts of
 * retries count, for the throttle too.
 *
 * A run is stopped when its `timeout` is over (it is being stopped once sched_next has
 * returned that) or because of `restart`: SCHED_STOP with the stop signal, and SCHED_KILL, once,
 * when stop-timeout has passed since then (at once where it is 0). It still runs, for all
 * purposes, until sched_ended. A run keeps the timeout, stop-signal and stop-timeout that its
 * lane had when it started (or was adopted).
 *
 * When a run has ended (sched_ended):
 *  - It was being stopped for a restart: its events go in front of those of the job that
 *    waits for K (SCHED_FOLLOWED); with run-per = event, or if none waits, the job is over
 *    (SCHED_INTERRUPTED).
 *  - It was fine, and not stopped: the job is over (SCHED_DONE).
 *  - It failed, or was stopped for its timeout, with `retry` failures or more before: over
 *    (SCHED_FAILED), also where another job waits for K, which goes on by itself.
 *  - It failed otherwise: with run-per path or batch and a job waiting for K, its events go
 *    in front of that job's (SCHED_FOLLOWED). Else it waits again with its `order`, due after
 *    retry-delay × 2^failures-before (at most 1 h, or retry-delay if that is more), times a
 *    random factor from 0.75 to 1.25 (SCHED_RETRY).
 * A job that another follows gives it its `order` and `queued_ns` where they are lower, its
 * `failures` and `attempt` where they are more, and its count and truncated; the follower's
 * due time stays, and so does the time at which it is due however many events still come.
 *
 * Jobs that wait and join because of sched_insert or sched_reload become the one with the
 * lowest `order`: the others' events go behind its own, in the order of `order`, with their
 * count and truncated; queued_ns is the lowest, `failures` and `attempt` are the most; it is
 * due when the first of them was.
 *
 * So `failures` counts the failed runs in a row for the same events. What comes after a job
 * that is over (SCHED_DONE, SCHED_FAILED, SCHED_INTERRUPTED) begins at 0.
 *
 * Where a job that takes over another's events would list more than queue-max (after
 * sched_reload: the new one), the first of both lists, the oldest, are no longer listed: it
 * is marked truncated, and they are on the `items` of the job that is over, or on those that
 * were given.
 */
#ifndef FSMON_CORE_SCHED_SCHED_H
#define FSMON_CORE_SCHED_SCHED_H

#include "core/sched/timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define SCHED_FOREVER UINT64_MAX
#define SCHED_NO_LANE UINT32_MAX

/* One event of a job; the caller embeds it in what it knows of the event. */
struct sched_item {
	STAILQ_ENTRY(sched_item) next; /* on its job's items */
};

STAILQ_HEAD(sched_items, sched_item);

enum sched_stop { SCHED_GOES_ON, SCHED_STOPS_TIMEOUT, SCHED_STOPS_RESTART };

/* One job. The caller reads it, and writes `data` alone. */
struct sched_job {
	uint64_t id; /* from 1, never used twice */
	uint64_t order; /* place in line: grows with each job; taken over by followers */
	uint32_t lane; /* SCHED_NO_LANE: its lane is gone, and it still has a run */
	struct sched_items items; /* oldest first */
	uint32_t listed; /* items */
	uint64_t count; /* events, listed or not */
	bool truncated; /* count is more than what could be listed */
	uint32_t attempt; /* runs started, this one included, for some of its events */
	uint32_t failures; /* failed runs (or timed out) in a row, for these events */
	uint64_t queued_ns; /* when its first event came */
	uint64_t started_ns; /* of its run; 0 while it waits */
	enum sched_stop stop; /* of its run; SCHED_GOES_ON while it waits */
	struct sched_job *follower; /* sched_reload: which one it joined; else NULL */
	void *data; /* the caller's own, NULL at first */
};

struct sched; /* opaque */

/*
 * A scheduler. `lanes` says how each lane works and is copied; a lane is called by its number
 * there, less than lane_count. last_job_id: jobs get numbers from the next one on; seed: for
 * the random factor. NULL with ENOMEM.
 */
struct sched *sched_new(const struct timing *lanes, size_t lane_count,
	uint32_t max_parallel, uint64_t last_job_id, uint64_t seed);

/* Free it and its jobs, but not what they hold: for that see sched_each. NULL is allowed. */
void sched_free(struct sched *s);

enum sched_added {
	SCHED_QUEUED, /* a new job */
	SCHED_MERGED, /* into a job that waits */
	SCHED_CUT, /* likewise, and an older item is no longer listed */
	SCHED_BUSY, /* not taken: on-busy = drop */
	SCHED_FULL, /* not taken: queue-max */
	SCHED_NO_MEMORY, /* not taken */
};

/*
 * Add an event. `key` is its path, which is copied; a batch lane does not look at it. Where
 * it is taken the item belongs to the scheduler until its job is over, and *job is that job.
 * With SCHED_CUT *cut is the item that is the caller's again, else NULL.
 */
enum sched_added sched_add(struct sched *s, uint32_t lane, const char *key,
	struct sched_item *item, uint64_t now_ns, struct sched_job **job,
	struct sched_item **cut);

/* A job that is put in as it is: from the store, to be run again, or for a failure. */
struct sched_insertion {
	uint64_t id; /* 0: a new number */
	uint64_t order; /* of a job that is over; 0: behind all others */
	struct sched_items *items; /* taken over on success */
	uint32_t listed;
	uint64_t count;
	bool truncated;
	uint32_t attempt;
	uint32_t failures;
};

/*
 * Put in a job that waits for `key`, due at once, in the place that it is given; debounce,
 * on-busy and queue-max are not asked. With run-per path or batch, where a job waits for the
 * key, it joins that one (so that is due at once too), and the return value is that one; the
 * id is then not used, and what is listed no longer is on `items` afterwards, the caller's
 * again; else nothing is. Returns the job, or NULL with ENOMEM: nothing was taken. An id must
 * not be in use, nor be greater than last_job_id of sched_new.
 */
struct sched_job *sched_insert(struct sched *s, uint32_t lane, const char *key,
	const struct sched_insertion *in, uint64_t now_ns);

/* Count a job that waits as running since started_ns, whatever the limits say, as another
 * attempt only if `is_attempt`. It is no start for throttle, breaker and turns. Returns 0, or
 * -1 with EBUSY if its key has a run. */
int sched_adopt(
	struct sched *s, struct sched_job *job, uint64_t started_ns, bool is_attempt);

enum sched_what {
	SCHED_START, /* start a run; it counts as running already */
	SCHED_SIGNAL, /* send its run `signal` (on-busy) */
	SCHED_STOP, /* begin to stop its run, with `signal`; job->stop says why */
	SCHED_KILL, /* kill all of its run */
	SCHED_HELD, /* the breaker holds its key until `until_ns` */
};

struct sched_order {
	enum sched_what what;
	struct sched_job *job;
	int signal;
	uint64_t until_ns;
};

/*
 * The next thing to do; false if there is none now. Signals, stops and kills come first, in
 * the order of their times (when it was asked for, or when the timeout or stop-timeout was
 * over), then of the jobs' ids, then signals first.
 */
bool sched_next(struct sched *s, uint64_t now_ns, struct sched_order *o);

/* When sched_next may have something to do again if nothing else happens: a time, perhaps in
 * the past; SCHED_FOREVER if never. */
uint64_t sched_due_ns(const struct sched *s);

enum sched_end {
	SCHED_DONE,
	SCHED_FAILED,
	SCHED_INTERRUPTED,
	SCHED_FOLLOWED, /* its events are another job's now; it is over itself */
	SCHED_RETRY, /* it waits again */
};

struct sched_verdict {
	enum sched_end end;
	struct sched_job *follower; /* with SCHED_FOLLOWED */
	uint64_t due_ns; /* with SCHED_RETRY */
};

/*
 * The run of a job has ended and all of it is gone. Unless the verdict is SCHED_RETRY the
 * job is no longer the scheduler's: its items are the caller's (with SCHED_FOLLOWED only
 * what is listed no longer), and it is freed with sched_job_free; started_ns and stop still
 * tell of the run. A job whose lane is gone is never retried or followed.
 */
struct sched_verdict sched_ended(
	struct sched *s, struct sched_job *job, bool is_ok, uint64_t now_ns);

/*
 * It is not known how the run of a job ended, or whether: it counts as neither, and the job
 * waits again, due at once, in front of all of its key (SCHED_RETRY), or joins the one that
 * waits, as after a failure (SCHED_FOLLOWED). Its lane must not be gone.
 */
struct sched_verdict sched_lost(struct sched *s, struct sched_job *job, uint64_t now_ns);

/* Call `each` for every job, waiting and running; it must not change any, but before sched_free
 * it may free its items and its data. */
void sched_each(
	const struct sched *s, void (*each)(void *ctx, struct sched_job *job), void *ctx);

/* The newest item of a job, or NULL if it has none. */
struct sched_item *sched_newest(const struct sched_job *job);

/* Free a job that is no longer a scheduler's; not its items. NULL is allowed. */
void sched_job_free(struct sched_job *job);

/* Start nothing of a lane before until_ns (0: it is paused no longer). Events are taken on and
 * gather. Runs go on. */
void sched_pause(struct sched *s, uint32_t lane, uint64_t until_ns);

/*
 * Go on with other lanes. `map` says for each lane of now which one it becomes, each another
 * one, or -1. Pauses, holds of breakers and windows (as long as they were when they opened),
 * throttles, turns and what was asked for go on; due times stay. A throttle remembers its
 * last `count` starts; a lane without throttle, or breaker, remembers nothing for it and
 * holds nothing.
 * Where run-per becomes path, jobs that wait for one path join. Where it becomes batch all
 * that wait join, and all runs are runs of the one key (it then has a run until the last has
 * ended; its breaker is new). From batch, what waited or runs stays a key of its own that no
 * path has. Runs of a lane that is gone go on without one.
 * What waits no longer is put on *gone, an array of *gone_count jobs in the order of `order`,
 * that are the caller's (free the array too; NULL if there are none): with lane SCHED_NO_LANE
 * what waited in lanes that are gone; and what joined its `follower`, with only those items
 * that are listed no longer. Returns 0, or -1 with ENOMEM: all is as it was.
 */
int sched_reload(struct sched *s, const struct timing *lanes, size_t lane_count,
	const int64_t *map, uint32_t max_parallel, struct sched_job ***gone,
	size_t *gone_count);

/* How a lane fares. */
struct sched_counts {
	size_t waiting; /* jobs */
	size_t running;
	size_t held; /* keys for which jobs wait and that the breaker holds at now_ns */
	uint64_t paused_until_ns; /* 0: it is not paused at now_ns */
};

struct sched_counts sched_counts(const struct sched *s, uint32_t lane, uint64_t now_ns);
size_t sched_waiting_all(const struct sched *s);

/* The `order` of the newest job. */
uint64_t sched_last_order(const struct sched *s);

/* Whether no job with an order up to `order` is left, but for those that wait in a paused
 * lane or for a held key: those have been put aside. */
bool sched_is_done(const struct sched *s, uint64_t order, uint64_t now_ns);

/* Likewise where these runs end only after that was said of them, as when their own hooks wait
 * to hear it: they do not count, nor do jobs that cannot start before one of them has ended. */
bool sched_is_done_beside(const struct sched *s, uint64_t order, uint64_t now_ns,
	struct sched_job *const *waiters, size_t waiter_count);

#endif
