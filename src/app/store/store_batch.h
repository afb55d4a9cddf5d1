/* SPDX-License-Identifier: MIT */
/*
 * What is to be written next: of each job and run the last state, so that what comes and
 * goes meanwhile is written once. Filled by the main thread and written by the store's;
 * never by both at once.
 */
#ifndef FSMON_APP_STORE_STORE_BATCH_H
#define FSMON_APP_STORE_STORE_BATCH_H

#include "app/store/store_db.h"

#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A job with its strings behind it. */
struct store_batch_job {
	UT_hash_handle hh; /* in store_batch.jobs, by job.id */
	struct store_job job; /* but for its id only where is_put */
	bool is_put; /* else it is as it was, but for what follows */
	bool is_done;
	uint64_t followed_by; /* 0: by none */
	struct outcome failure; /* the job's, if it has one */
	char text[];
};

struct store_batch_event {
	TAILQ_ENTRY(store_batch_event) next; /* on store_batch.events */
	struct store_schema_event_row row; /* holds a reference to its change */
};

/* A run with its strings behind it. */
struct store_batch_run {
	UT_hash_handle hh; /* in store_batch.runs, by run.id */
	struct store_run run;
	struct store_event event; /* the run's; holds a reference to its change, if any */
	char text[];
};

/* A statement that is run in the order in which it came, after jobs and events. */
struct store_batch_op {
	STAILQ_ENTRY(store_batch_op) next; /* on store_batch.ops */
	enum store_db_stmt what;
	uint64_t a, b; /* its parameters, as many as it has, behind the rule */
	bool has_rule;
	char rule[];
};

/* A question; the answer is added to it. */
struct store_batch_ask {
	STAILQ_ENTRY(store_batch_ask) next; /* on store_batch.asks, then on answers */
	struct store_query query;
	void (*runs_done)(void *ctx, char *runs, size_t count); /* NULL: for a job */
	void (*job_done)(void *ctx, const struct store_saved *saved);
	void *ctx;
	char *runs; /* text of a JSON array */
	size_t run_count;
	struct store_saved *job;
	char rule[];
};

STAILQ_HEAD(store_batch_asks, store_batch_ask);

struct store_batch {
	struct store_batch_job *jobs; /* hash by id */
	struct store_batch_run *runs; /* hash by id */
	TAILQ_HEAD(store_batch_events, store_batch_event) events;
	STAILQ_HEAD(, store_batch_op) ops;
	struct store_batch_asks asks;
	uint64_t refills; /* times that `lost` asked for all, which is put again now */
	size_t count; /* all of them but asks */
	struct store_db_state last; /* the highest numbers ever; 0: none */
};

/* An empty one. */
void store_batch_init(struct store_batch *b);

/* Free all that is in it; it is empty afterwards. Answers go with their asks. */
void store_batch_fini(struct store_batch *b);

void store_batch_free_asks(struct store_batch_asks *asks);

/* Each does what the function of its name in app/store/store.h says, and returns 0, or -1
 * with ENOMEM: then nothing was added. */
int store_batch_put_job(struct store_batch *b, const struct store_job *job);
int store_batch_end_job(struct store_batch *b, uint64_t id, uint64_t followed_by);
int store_batch_add_event(
	struct store_batch *b, uint64_t job_id, const struct store_event *event);
int store_batch_drop_event(struct store_batch *b, uint64_t seq);
int store_batch_put_run(struct store_batch *b, const struct store_run *run);
int store_batch_add_ask(struct store_batch *b, const struct store_batch_ask *ask);

/* Add a statement; rule may be NULL. Returns 0, or -1 with ENOMEM. */
int store_batch_add_op(struct store_batch *b, enum store_db_stmt what, const char *rule,
	uint64_t first, uint64_t second);

#endif
