/* SPDX-License-Identifier: MIT */
/* Runs as they come out of a database. */
#ifndef FSMON_APP_STORE_STORE_RUNS_H
#define FSMON_APP_STORE_STORE_RUNS_H

#include "app/store/store.h"
#include "app/store/store_db.h"

/* What is asked for, as store_ask_runs gives it; the caller drops the reference. Returns an
 * SQLite result; *runs is NULL where that is an error. */
int store_runs_read(struct store_db *db, const struct store_query *query, json_t **runs);

#endif
