/* SPDX-License-Identifier: MIT */
/* Jobs with their events as they come out of a database. */
#ifndef FSMON_APP_STORE_STORE_LEFT_H
#define FSMON_APP_STORE_STORE_LEFT_H

#include "app/store/store.h"
#include "app/store/store_db.h"

/*
 * Bind the columns of an event (store_schema_event). Everything is borrowed until the
 * statement has run.
 */
void store_left_bind_event(
	struct store_db_binder *b, uint64_t job_id, const struct store_event *e);

/*
 * Read the jobs that are not done, of those up to last_id, oldest first, and call `take` for
 * each, which owns the event's changes; `left` lives as long as the call. Returns an SQLite
 * result; SQLITE_NOMEM also where a job could not be read for want of memory, after the
 * others.
 */
int store_left_each(struct store_db *db, uint64_t last_id,
	void (*take)(void *ctx, const struct store_left *left), void *ctx);

/* The job of a run, or what it became, with its events. *left is the caller's, who frees it
 * with store_left_free; NULL where there is no such run, or it has no events any more. Returns
 * an SQLite result. */
int store_left_of_run(struct store_db *db, uint64_t run_id, struct store_left **left);

/* Free it; the references to changes only if `with_changes`. NULL is allowed. */
void store_left_free(struct store_left *left, bool with_changes);

#endif
