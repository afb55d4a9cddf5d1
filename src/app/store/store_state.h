/* SPDX-License-Identifier: MIT */
/* What the parts of app/store share. */
#ifndef FSMON_APP_STORE_STORE_STATE_H
#define FSMON_APP_STORE_STORE_STATE_H

#include "app/store/store.h"
#include "app/store/store_batch.h"
#include "app/store/store_db.h"
#include "app/store/store_write.h"

#include <pthread.h>

struct store {
	struct store_config config; /* dir is a copy; fields of the main thread's */
	char path[PATH_MAX]; /* of the database */
	int fd; /* wake-up: there are results */
	struct poller_source *source;
	pthread_t thread;

	pthread_mutex_t db_lock; /* guards what follows, up to `lock` */
	struct store_db db; /* without a handle only where there is no memory */
	bool is_memory;
	bool knows_file; /* what waits in the file the owner has been told of */
	bool is_file_new; /* one that was broken has been set aside */
	bool has_lost; /* the owner is to put all again, and not asked yet */
	uint64_t refills_asked, refills_done; /* times that the owner put all again */
	uint64_t heal_ns; /* CLOCK_MONOTONIC; in memory: when to try again */
	uint64_t heal_delay_ns;
	uint64_t healed_ns; /* likewise, when it last came back; 0: never */
	char reason[200]; /* why in memory */
	struct store_db_state first; /* when the store was opened; constant */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake; /* for the thread */
	pthread_cond_t ended; /* from the thread */
	struct store_batch
		*batch; /* to be written; the other is empty, or the thread's */
	struct store_batch batches[2];
	uint64_t first_ns; /* CLOCK_MONOTONIC of the first that is in it */
	bool is_awake; /* the thread knows of it */
	bool is_urgent; /* and is not to linger */
	uint64_t flush_asked; /* by store_flush */
	uint64_t flush_done; /* all that came before this one is written */
	uint64_t used_run_id; /* the highest, at the end; 0: not known */
	bool is_stopping;
	bool has_ended;
	struct store_write_keep keep;
	bool is_keep_new; /* history is to be looked through */
	uint64_t being_written; /* by the thread; records */
	struct store_health health; /* without `waiting` */
	bool is_file_whole; /* at the end: all is in the file */
	/* Results. */
	struct store_batch_asks answers;
	uint64_t *ended_ids;
	size_t ended_count;
	uint64_t new_refills; /* that the owner is to be asked for */
};

#endif
