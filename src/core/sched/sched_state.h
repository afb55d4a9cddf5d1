/* SPDX-License-Identifier: MIT */
/*
 * The insides of the scheduler: jobs, keys, lanes. Only its own files and tests include
 * this.
 *
 * Each key of a lane has a place: with a run, none; with a job that waits, in `pending` by
 * the time from which it is a candidate, then in `ready`; else in sched.idle, until the
 * breaker has nothing to remember of it. Each lane has one: by the time from which it could
 * start something in sched.wakes, then in sched.turns; or none, if only another input can
 * make that so. A change of a key or a lane ends in sched_key_place or sched_lane_place,
 * which put it where it belongs.
 */
#ifndef FSMON_CORE_SCHED_SCHED_STATE_H
#define FSMON_CORE_SCHED_SCHED_STATE_H

#include "core/sched/sched.h"

#include <sys/param.h>
#include <sys/tree.h>

/* What a job does. */
enum sched_state {
	SCHED_WAITING,
	SCHED_RUNNING,
	SCHED_EXPIRED, /* runs, being stopped for its timeout */
	SCHED_ASKED, /* runs, to be stopped for a restart */
	SCHED_RESTARTING, /* runs, being stopped for a restart */
	SCHED_OVER,
	SCHED_STATES
};

/* What happens to a job. The last eight: its run has ended; SPENT if it failed and has no
 * try left; WAITED if another job waits that could take over its events. */
enum sched_input {
	SCHED_IN_EVENT, /* an event joins it */
	SCHED_IN_SLOT, /* it may start */
	SCHED_IN_BREAK, /* it could, and the breaker says no */
	SCHED_IN_ADOPT,
	SCHED_IN_BUSY_RESTART, /* an event came for its key: on-busy = restart */
	SCHED_IN_BUSY_SIGNAL, /* likewise, signal */
	SCHED_IN_TIME, /* timeout or stop-timeout is over, or a stop was asked for */
	SCHED_IN_FINE,
	SCHED_IN_FINE_WAITED,
	SCHED_IN_FAILED,
	SCHED_IN_FAILED_WAITED,
	SCHED_IN_SPENT,
	SCHED_IN_SPENT_WAITED,
	SCHED_IN_LOST,
	SCHED_IN_LOST_WAITED,
	SCHED_INPUTS
};

/* What to do then. */
enum sched_action {
	SCHED_DO_NOTHING, /* and the state stays */
	SCHED_DO_GATHER, /* due as debounce and max-wait say */
	SCHED_DO_START,
	SCHED_DO_HOLD,
	SCHED_DO_ASK_STOP,
	SCHED_DO_ASK_SIGNAL,
	SCHED_DO_STOP,
	SCHED_DO_KILL,
	SCHED_DO_END, /* done, failed or interrupted, as the row says */
	SCHED_DO_FOLLOW,
	SCHED_DO_RETRY,
};

struct sched_transition {
	enum sched_state to;
	enum sched_action action;
	enum sched_end end; /* with END, FOLLOW, RETRY */
};

/* What an input does to a job in a state. */
struct sched_transition sched_transition(enum sched_state state, enum sched_input input);

struct sched_key;
struct sched_lane;

/* A job, and what the scheduler alone knows of it. */
struct sched_entry {
	struct sched_job job; /* first, so that the caller's pointer is ours */
	enum sched_state state;
	struct sched_key *key; /* NULL: its lane is gone */
	TAILQ_ENTRY(sched_entry) link; /* key->waiting or key->runs */
	RB_ENTRY(sched_entry) order_link; /* sched.runs; while it waits on none */
	struct sched_item *before_last; /* before the newest item; NULL: not known */
	uint64_t due_ns;
	uint64_t first_ns; /* first event since it last ran; SCHED_FOREVER: none */

	RB_ENTRY(sched_entry) alarm_link; /* sched.alarms unless alarm_ns is never */
	uint64_t alarm_ns; /* the lesser of the next two */
	uint64_t signal_ns; /* when busy_signal was asked for; SCHED_FOREVER: not */
	uint64_t stop_ns; /* when it gets SCHED_IN_TIME; SCHED_FOREVER: never */
	uint64_t stop_timeout_ns;
	int busy_signal;
	int stop_signal;
};

TAILQ_HEAD(sched_queue, sched_entry);
RB_HEAD(sched_by_order, sched_entry);
RB_HEAD(sched_alarms, sched_entry);

enum sched_place { SCHED_NOWHERE, SCHED_PENDING, SCHED_READY, SCHED_IDLE };

struct sched_key {
	RB_ENTRY(sched_key) name_link; /* lane->keys */
	struct sched_lane *lane;
	struct sched_queue waiting; /* lowest order first */
	struct sched_queue runs; /* more than one only after a reload */
	enum sched_place place;
	RB_ENTRY(sched_key) place_link; /* lane->pending, lane->ready or sched.idle */
	RB_ENTRY(sched_key) order_link; /* lane->waits, if is_in_waits */
	TAILQ_ENTRY(sched_key) held_link; /* lane->held, if is_in_held */
	bool is_in_waits;
	bool is_in_held;
	uint64_t when_ns; /* its place in pending, idle */
	uint64_t order; /* its place in ready, waits: that of the first that waits */
	uint32_t starts; /* in the breaker's window; 0: it is not open */
	uint32_t holds; /* in a row */
	uint64_t held_ns; /* the breaker holds it until then */
	uint64_t forget_ns; /* the breaker forgets all by then; 0: there is nothing */
	uint64_t hash;
	size_t name_len;
	const char *name; /* behind the struct; of a batch one NUL, else a path */
};

RB_HEAD(sched_by_name, sched_key);
RB_HEAD(sched_by_when, sched_key);
RB_HEAD(sched_by_head, sched_key);
RB_HEAD(sched_waits, sched_key);
TAILQ_HEAD(sched_held, sched_key);

/* The last starts of a lane with a throttle: a ring. */
struct sched_starts {
	uint64_t *times_ns;
	uint32_t room;
	uint32_t used;
	uint32_t oldest;
};

enum sched_turn { SCHED_OUT, SCHED_IN_WAKES, SCHED_IN_TURNS };

struct sched_lane {
	struct timing timing;
	uint32_t number;
	struct sched_by_name keys;
	struct sched_by_when pending;
	struct sched_by_head ready;
	struct sched_waits waits; /* keys for which a job waits */
	struct sched_held held; /* keys that the breaker holds, or held until lately */
	size_t waiting; /* jobs */
	size_t running;
	uint64_t paused_ns; /* until then; 0: not paused */
	struct sched_starts starts;
	uint64_t last_start; /* of sched.last_start; 0: never */
	enum sched_turn turn;
	uint64_t wake_ns; /* from when on it could start something */
	RB_ENTRY(sched_lane) link; /* sched.wakes or sched.turns */
};

RB_HEAD(sched_wakes, sched_lane);
RB_HEAD(sched_turns, sched_lane);

struct sched {
	struct sched_lane **lanes;
	size_t lane_count;
	uint32_t max_parallel;
	uint64_t last_id;
	uint64_t last_order;
	uint64_t last_start;
	uint64_t random;
	size_t waiting; /* jobs */
	size_t running;
	struct sched_by_order runs;
	struct sched_alarms alarms;
	struct sched_by_when idle;
	struct sched_wakes wakes;
	struct sched_turns turns;
};

/* a + b, or SCHED_FOREVER if that is less. */
static inline uint64_t sched_later(uint64_t a, uint64_t b)
{
	return b < SCHED_FOREVER - a ? a + b : SCHED_FOREVER;
}

static inline struct sched_entry *sched_entry_of(struct sched_job *job)
{
	return (struct sched_entry *)(void *)job;
}

/* ---- sched_job.c: one job ---- */

/* Give a job an input: it is in the new state then, and the action is the caller's. */
struct sched_transition sched_job_input(struct sched_entry *e, enum sched_input input);

/* A new job without items; NULL with ENOMEM. */
struct sched_entry *sched_job_new(struct sched *s, uint64_t id, uint64_t now_ns);

/* Add an event; returns the item that is no longer listed for it, or NULL. */
struct sched_item *sched_job_add(
	struct sched_entry *e, struct sched_item *item, uint32_t queue_max);

/* Take over the events of another job, to stand in front of its own or behind them. Of more
 * than queue_max the oldest are on the other's items then. */
void sched_job_take(struct sched_entry *e, struct sched_entry *from, bool in_front,
	uint32_t queue_max);

/* ---- sched_run.c: runs ---- */

/* Make a job that waits (and is on no key's queue) a run. */
void sched_run_begin(struct sched *s, struct sched_entry *e, uint64_t started_ns);

/* Ask for what on-busy wants of a run: stop it, or signal it. */
void sched_run_ask(struct sched *s, struct sched_entry *e, uint64_t now_ns);

/* The next signal, stop or kill that is due; false if there is none. */
bool sched_run_next(struct sched *s, uint64_t now_ns, struct sched_order *o);

/* ---- sched_key.c: keys ---- */

/* The key for a path (NULL: the batch's) in a lane, or NULL. */
struct sched_key *sched_key_find(struct sched_lane *lane, const char *path);

/* Likewise, made if need be; NULL with ENOMEM. It is to be placed then. */
struct sched_key *sched_key_get(struct sched_lane *lane, const char *path);

/* Put a key where it belongs, and its lane; frees it if nothing is to be remembered. */
void sched_key_place(struct sched *s, struct sched_key *key);

/* Take a key off all it is on, and free it. No job must wait for it, and what runs for it
 * must not look at it any more. */
void sched_key_free(struct sched *s, struct sched_key *key);

/* Free some keys of which the breaker has nothing to remember any more. */
void sched_key_sweep(struct sched *s, uint64_t now_ns);

/* The job that other events for a key (NULL: its lane is gone) can join, or NULL. */
struct sched_entry *sched_key_waiting(const struct sched_key *key);

/* Make a job wait for a key; or no longer. The key is to be placed then. */
void sched_key_push(struct sched *s, struct sched_key *key, struct sched_entry *e);
void sched_key_pull(struct sched *s, struct sched_entry *e);

/* Whether the breaker lets the key start now; this counts as a start then, else it is held
 * from now on. */
bool sched_key_try_start(struct sched_key *key, uint64_t now_ns);

/* Forget all that the breaker knows. */
void sched_key_forget(struct sched_key *key);

/* ---- sched_lane.c: lanes ---- */

/* NULL with ENOMEM. */
struct sched_lane *sched_lane_new(const struct timing *c, uint32_t number);

/* Free a lane that has no keys. NULL is allowed. */
void sched_lane_free(struct sched_lane *lane);

/* Put a lane where it belongs. */
void sched_lane_place(struct sched *s, struct sched_lane *lane);

/* Take a lane out of its place, before what that depends on changes. */
void sched_lane_unplace(struct sched *s, struct sched_lane *lane);

/* Take another form. The lane is out of its place, and is to be placed. */
void sched_lane_change(struct sched_lane *lane, const struct timing *c, uint32_t number);

/* One of its jobs starts: count that for the turns and for the throttle. */
void sched_lane_note_start(struct sched *s, struct sched_lane *lane, uint64_t now_ns);

RB_PROTOTYPE(sched_by_order, sched_entry, order_link, sched_compare)
RB_PROTOTYPE(sched_alarms, sched_entry, alarm_link, sched_compare)
RB_PROTOTYPE(sched_by_name, sched_key, name_link, sched_compare)
RB_PROTOTYPE(sched_by_when, sched_key, place_link, sched_compare)
RB_PROTOTYPE(sched_by_head, sched_key, place_link, sched_compare)
RB_PROTOTYPE(sched_waits, sched_key, order_link, sched_compare)
RB_PROTOTYPE(sched_wakes, sched_lane, link, sched_compare)
RB_PROTOTYPE(sched_turns, sched_lane, link, sched_compare)

#endif
