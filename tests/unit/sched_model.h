/* SPDX-License-Identifier: MIT */
/*
 * The plainest model of core/sched/sched.h: arrays, linear scans, everything worked out anew at each
 * question, no thought of cost. It answers the same calls, for test_sched_model.c to compare.
 * Events are numbers, paths are numbers, and of what the header leaves open (numbers of jobs,
 * the random factor) it is told what was chosen.
 */
#ifndef TESTS_UNIT_SCHED_MODEL_H
#define TESTS_UNIT_SCHED_MODEL_H

#include "core/sched/sched.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_LANES 8
#define MODEL_JOBS 1024
#define MODEL_EVENTS 2048 /* that a job can list */
#define MODEL_STARTS 4096 /* of a lane */
#define MODEL_KEYS 256
#define MODEL_WHOLE_LANE (-1) /* the key of a batch lane's jobs */

struct model_job {
	uint64_t id; /* the caller writes it, and order, for a new job */
	uint64_t order;
	uint32_t lane;
	int key;
	unsigned events[MODEL_EVENTS]; /* oldest first */
	size_t listed;
	uint64_t count;
	bool truncated;
	uint32_t attempt;
	uint32_t failures;
	uint64_t queued_ns;
	uint64_t due_ns; /* the caller writes it after SCHED_RETRY */
	uint64_t first_added_ns; /* since it last ran; 0: none */

	/* Of its run */
	bool is_running;
	bool is_adopted; /* this run, or an earlier one, was */
	uint64_t started_ns;
	enum sched_stop stop;
	bool is_stop_told, is_kill_told, is_signalled;
	uint64_t stop_ns; /* when it is to be told to stop; SCHED_FOREVER: never */
	uint64_t kill_ns; /* when all of it is to be killed; likewise */
	uint64_t signal_ns; /* since when it is to be signalled */
	int busy_signal; /* with what */
	int stop_signal;
	uint64_t stop_timeout_ns;

	struct model_job *joined; /* model_reload: which one has its events now */
	void *real; /* the caller's */
};

struct model_lane {
	struct timing config;
	uint64_t paused_until_ns; /* 0: not paused */
	uint64_t last_start; /* number of its last start; 0: never */
	uint64_t starts_ns[MODEL_STARTS];
	size_t start_count;
};

/* What the breaker knows of a key. */
struct model_key {
	uint32_t lane;
	int key;
	bool is_open; /* a window was opened and no hold has closed it */
	uint64_t opened_ns;
	uint64_t per_ns; /* of the breaker when that, or the last hold, began */
	uint32_t starts; /* in the window */
	uint64_t held_until_ns;
	unsigned holds; /* in a row */
};

struct model {
	struct model_lane lanes[MODEL_LANES];
	size_t lane_count;
	uint32_t max_parallel;
	struct model_job
		*jobs[MODEL_JOBS]; /* those of a key in the order in which they wait */
	size_t job_count;
	struct model_key keys[MODEL_KEYS];
	size_t key_count;
	uint64_t starts; /* in all lanes */
};

struct model_order {
	enum sched_what what;
	struct model_job *job;
	int signal;
	uint64_t until_ns;
};

struct model_verdict {
	enum sched_end end;
	struct model_job *follower;
	uint64_t least_due_ns; /* with SCHED_RETRY */
	uint64_t most_due_ns;
};

/* Begin with these lanes, none of which has anything to do. */
void model_init(struct model *m, const struct timing *lanes, size_t lane_count,
	uint32_t max_parallel);

/* Free its jobs. */
void model_fini(struct model *m);

/* sched_add. *job is NULL if the event was not taken; *cut is the event that went out with
 * SCHED_CUT. The caller gives a new job its id and order. */
enum sched_added model_add(struct model *m, uint32_t lane, int path, unsigned event,
	uint64_t now_ns, struct model_job **job, unsigned *cut);

/* sched_insert, of the events, counts and attempts of `given`, which lists afterwards what is
 * no longer listed. *is_new: the job is a new one, and the caller gives it its id and order. */
struct model_job *model_give(struct model *m, uint32_t lane, int path,
	struct model_job *given, uint64_t now_ns, bool *is_new);

/* Whether the job's key has no run. */
bool model_is_key_free(const struct model *m, const struct model_job *job);

/* sched_adopt */
void model_adopt(
	struct model *m, struct model_job *job, uint64_t started_ns, bool is_attempt);

/* sched_next */
bool model_next(struct model *m, uint64_t now_ns, struct model_order *o);

/* The very moment from which model_next has something to do. */
uint64_t model_due_ns(const struct model *m);

/* sched_ended, sched_lost; unless the verdict is SCHED_RETRY the job is the caller's to free. */
struct model_verdict model_ended(
	struct model *m, struct model_job *job, bool is_ok, uint64_t now_ns);
struct model_verdict model_lost(struct model *m, struct model_job *job, uint64_t now_ns);

/* sched_pause */
void model_pause(struct model *m, uint32_t lane, uint64_t until_ns);

/* sched_reload. What waits no longer is in `gone` (room for MODEL_JOBS), in its order, and the
 * caller's to free. Returns how many there are. */
size_t model_reload(struct model *m, const struct timing *lanes, size_t lane_count,
	const int64_t *map, uint32_t max_parallel, struct model_job **gone);

/* sched_counts, sched_waiting_all, sched_is_done */
struct sched_counts model_counts(const struct model *m, uint32_t lane, uint64_t now_ns);
size_t model_running_all(const struct model *m);
bool model_is_done(const struct model *m, uint64_t order, uint64_t now_ns);

/* Between its two files: the first of those that wait for a key, or NULL; how many jobs of a
 * lane wait, or run; until when the breaker holds a job's key; take a job from the list; let
 * `to`, a job of a lane, have the events of `first`, then those of `last`: one of these is `to`,
 * and the other lists afterwards what is no longer listed. */
struct model_job *model_waiting_for(const struct model *m, uint32_t lane, int key);
size_t model_count_of(const struct model *m, uint32_t lane, bool is_running);
uint64_t model_held_until_ns(const struct model *m, const struct model_job *job);
void model_take(struct model *m, const struct model_job *job);
void model_join(const struct model *m, struct model_job *to, struct model_job *first,
	struct model_job *last);

#endif
