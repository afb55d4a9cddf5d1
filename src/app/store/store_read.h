/* SPDX-License-Identifier: MIT */
/* Jobs and runs as they come out of a database. All return an SQLite result. */
#ifndef FSMON_APP_STORE_STORE_READ_H
#define FSMON_APP_STORE_STORE_READ_H

#include "app/store/store.h"
#include "app/store/store_db.h"

/*
 * Read the jobs that are not done, of those up to last_id, oldest first, and call `take`
 * for each, which owns the changes of its events; `saved` lives as long as the call.
 * Returns SQLITE_NOMEM also where a job could not be read for want of memory, after the
 * others.
 */
int store_read_jobs(struct store_db *db, uint64_t last_id,
	void (*take)(void *ctx, const struct store_saved *saved), void *ctx);

/* The job of a run, or what it became, with its events. *saved is the caller's, who frees it
 * with store_read_free; NULL where there is no such run, or it has no events any more. */
int store_read_job(struct store_db *db, uint64_t run_id, struct store_saved **saved);

/* Free it; the references to changes only if `with_changes`. NULL is allowed. */
void store_read_free(struct store_saved *saved, bool with_changes);

/* The runs that are asked for, as store_ask_runs gives them; the caller drops the reference.
 * NULL where the result is an error. */
int store_read_runs_of(
	struct store_db *db, const struct store_query *query, json_t **runs);

#endif
