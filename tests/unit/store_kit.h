/* SPDX-License-Identifier: MIT */
/* What the tests of app/store share: a store in a directory of its own, and things to put. */
#ifndef FSMON_TESTS_STORE_KIT_H
#define FSMON_TESTS_STORE_KIT_H

#include "app/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_NS UINT64_C(1000000000)

struct kit {
	char dir[64];
	struct poller *poller;
	struct store *store;
	uint64_t keep_ns;
	uint32_t keep_count;
	uint64_t *committed; /* ids in the order in which they came */
	size_t committed_count;
	int lost; /* times that the owner was asked to put all again */
	void (*restore)(struct kit *k); /* what it does then; NULL: nothing */
	json_t *runs; /* the last answer */
	bool is_answered;
	int lock_pid, lock_fd; /* of the process that holds the lock */
};

/* cmocka fixtures: a directory and a poller; whatever is open is closed. */
int kit_setup(void **state);
int kit_teardown(void **state);

void kit_open(struct kit *k);
/* Returns what store_close says. */
bool kit_close(struct kit *k);

/* A path in the directory; one at a time. */
const char *kit_path(const struct kit *k, const char *name);

/* Turn the poller until all that was put has been written. */
void kit_settle(struct kit *k);
/* Turn the poller until so many ends of runs have been committed. */
void kit_wait_committed(struct kit *k, size_t count);
/* Turn the poller until the store is (not) in memory. */
void kit_wait_memory(struct kit *k, bool is_memory);

/* The answer, as text with sorted keys or as it is; the caller's. */
json_t *kit_runs(struct kit *k, const struct store_query *query);

/* A change by "cp" of user 1000, with everything known. One reference. */
struct change *kit_change(const char *path, const char *old_path);

/* Put a job with one event that waits. */
void kit_put_waiting(struct kit *k, uint64_t id, const char *path);
/* Put a job with one event, its run with its end, and that it is done. */
void kit_put_done(struct kit *k, uint64_t id, const char *rule, enum outcome_kind outcome,
	uint64_t started_ns);

/* How many jobs are left over, taken. Ids into `ids` (room for 64). */
size_t kit_take_ids(struct kit *k, uint64_t *ids);

struct kit_pause {
	size_t count;
	char rule[64]; /* the last one's */
	uint64_t until_ns;
};

/* The pauses that are left over. */
struct kit_pause kit_take_pause(struct kit *k);

/* What is left in the database after jobs 1 and 2 were put, a run ended, and the process was
 * killed. */
void kit_run_killed(struct kit *k);

/* Run SQL in the database (made where there is none), by another connection. */
void kit_make(struct kit *k, const char *sql);

/* Hold the lock for writing, of another process; and end that. */
void kit_lock(struct kit *k);
void kit_unlock(struct kit *k);

/* One number of the database, read by another connection; -1: none. */
long long kit_number(struct kit *k, const char *sql);

#endif
