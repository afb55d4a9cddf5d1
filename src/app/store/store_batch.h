/* SPDX-License-Identifier: MIT */
/*
 * What is to be written next: of each job and run the last state, so that what comes and
 * goes meanwhile is written once. Filled by the main thread and written by the store's;
 * never by both at once.
 */
#ifndef FSMON_APP_STORE_STORE_BATCH_H
#define FSMON_APP_STORE_STORE_BATCH_H

#include "app/store/store.h"

#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A job with its strings behind it. */
struct store_batch_state {
	struct store_job job;
	struct outcome failure;
	char text[];
};

struct store_batch_job {
	UT_hash_handle hh; /* in store_batch.jobs */
	uint64_t id;
	struct store_batch_state
		*state; /* owned; NULL: as it was, but for what follows */
	bool is_done;
	uint64_t followed_by; /* 0: by none */
};

/* An event. */
struct store_batch_event {
	TAILQ_ENTRY(store_batch_event) next; /* on store_batch.events */
	uint64_t job_id;
	struct store_event event; /* holds a reference to its change */
};

/* A run with its strings behind it. */
struct store_batch_run {
	UT_hash_handle hh; /* in store_batch.runs */
	uint64_t id;
	struct store_run *run; /* owned, with `event` */
	struct store_event event; /* holds a reference to its change; no change: none */
};

enum store_batch_what {
	STORE_BATCH_DROP_EVENT, /* a: seq */
	STORE_BATCH_FOLLOW, /* a: from; b: to */
	STORE_BATCH_PAUSE, /* b: until_ns */
	STORE_BATCH_UNPAUSE,
	STORE_BATCH_RESTORED, /* a: times that `lost` asked for it; all is put again */
};

/* What is done in the order in which it came, after jobs and events. */
struct store_batch_op {
	STAILQ_ENTRY(store_batch_op) next; /* on store_batch.ops */
	enum store_batch_what what;
	uint64_t a, b;
	char rule[];
};

/* A question; the answer is added to it. */
struct store_batch_ask {
	STAILQ_ENTRY(store_batch_ask) next; /* on store_batch.asks, then on answers */
	bool is_job; /* of run query.run_id; else for runs */
	struct store_query query;
	void (*runs_done)(void *ctx, char *runs, size_t count);
	void (*job_done)(void *ctx, const struct store_left *left);
	void *ctx;
	char *runs; /* text of a JSON array */
	size_t run_count;
	struct store_left *left;
	char rule[];
};

STAILQ_HEAD(store_batch_asks, store_batch_ask);

struct store_batch {
	struct store_batch_job *jobs; /* hash by id */
	struct store_batch_run *runs; /* hash by id */
	TAILQ_HEAD(store_batch_events, store_batch_event) events;
	STAILQ_HEAD(, store_batch_op) ops;
	struct store_batch_asks asks;
	size_t count; /* all of them but asks */
	uint64_t last_job_id, last_run_id, last_seq; /* the highest ever; 0: none */
};

/* An empty one. */
void store_batch_init(struct store_batch *b);

/* Move all of `from` into `to`, which is empty; afterwards `from` is, but for the numbers used
 * last. */
void store_batch_move(struct store_batch *to, struct store_batch *from);

/* Free all that is in it; it is empty afterwards. Answers go with their asks. */
void store_batch_fini(struct store_batch *b);

void store_batch_free_asks(struct store_batch_asks *asks);

/* Each is one function of app/store/store.h, and returns 0, or -1 with ENOMEM: nothing was added
 * then. */
int store_batch_put_job(struct store_batch *b, const struct store_job *job);
int store_batch_end_job(struct store_batch *b, uint64_t id, uint64_t followed_by);
int store_batch_add_event(
	struct store_batch *b, uint64_t job_id, const struct store_event *event);
int store_batch_drop_event(struct store_batch *b, uint64_t seq);
int store_batch_put_run(struct store_batch *b, const struct store_run *run);
int store_batch_add_op(struct store_batch *b, enum store_batch_what what, uint64_t a,
	uint64_t until_ns, const char *rule);

#endif
