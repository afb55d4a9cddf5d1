/* SPDX-License-Identifier: MIT */
/* Writes what has come into a database. */
#ifndef FSMON_APP_STORE_STORE_WRITE_H
#define FSMON_APP_STORE_STORE_WRITE_H

#include "app/store/store_batch.h"
#include "app/store/store_db.h"

/* What of the history is kept; 0 is no limit. */
struct store_write_keep {
	uint64_t ns;
	uint32_t count;
};

/* Write all of a batch in one transaction, and forget old history where it is time for that.
 * Returns an SQLite result: after an error nothing was written. */
int store_write_batch(struct store_db *db, const struct store_batch *b,
	const struct store_write_keep *keep);

/* Note that everything has been written, and which number of a run was the last (0: it stays).
 * Returns an SQLite result. */
int store_write_clean(struct store_db *db, uint64_t last_run_id);

/* Forget history that is older, or more, than is to be kept, now. Returns an SQLite result. */
int store_write_prune(struct store_db *db, const struct store_write_keep *keep);

#endif
