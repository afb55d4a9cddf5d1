/* SPDX-License-Identifier: MIT */
#include "app/store/store_thread.h"

#include "app/store/store_heal.h"
#include "app/store/store_read.h"
#include "base/grow.h"
#include "os/clock.h"
#include "os/thread.h"

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
#define LINGER_NS UINT64_C(50000000)

int store_thread_wait(struct store *s, pthread_cond_t *condition, uint64_t until_ns)
{
	struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S)};
	return pthread_cond_timedwait(condition, &s->lock, &until);
}

static bool is_empty(const struct store_batch *b)
{
	return b->count == 0 && STAILQ_EMPTY(&b->asks);
}

/* Wait for something to do; with `lock` held. heal_ns: when to try the file again; 0: never. */
static void wait_for_work(struct store *s, uint64_t heal_ns)
{
	while (is_empty(s->batch) && !s->is_stopping && !s->is_urgent) {
		if (!heal_ns)
			pthread_cond_wait(&s->wake, &s->lock);
		else if (clock_monotonic_ns() < heal_ns)
			store_thread_wait(s, &s->wake, heal_ns);
		else
			return;
	}
	uint64_t until_ns = s->first_ns + LINGER_NS;
	while (!s->is_urgent && !s->is_stopping && clock_monotonic_ns() < until_ns)
		store_thread_wait(s, &s->wake, until_ns);
}

/* Write a batch wherever it can be written. Returns whether that was done. */
static bool write_batch(
	struct store *s, struct store_batch *b, const struct store_write_keep *keep)
{
	int rc;
	do {
		rc = s->db.handle ? store_write_batch(&s->db, b, keep) : SQLITE_NOMEM;
	} while (rc != SQLITE_OK && store_heal_fault(s, rc));
	store_db_note_file(&s->db);
	return rc == SQLITE_OK;
}

static int read_runs(struct store *s, struct store_batch_ask *a)
{
	json_t *runs = NULL;
	int rc = store_read_runs_of(&s->db, &a->query, &runs);
	if (runs)
		a->runs = json_dumps(runs, JSON_COMPACT);
	a->run_count = json_array_size(runs);
	json_decref(runs);
	return rc;
}

static void answer(struct store *s, struct store_batch_asks *asks)
{
	struct store_batch_ask *a;
	STAILQ_FOREACH (a, asks, next) {
		int rc = a->runs_done ? read_runs(s, a)
				      : store_read_job(&s->db, a->query.run_id, &a->job);
		if (store_db_fault(rc) == STORE_DB_BROKEN)
			store_heal_fault(s, rc);
	}
}

/* Add the runs of a batch that have ended, as far as there is memory. */
static void add_ended(const struct store_batch *b, uint64_t **ids, size_t *count)
{
	for (const struct store_batch_run *r = b->runs; r; r = r->hh.next) {
		if (r->run.outcome.kind != OUTCOME_RUNNING && grow(*ids, *count) == 0)
			(*ids)[(*count)++] = r->run.id;
	}
}

/* Hand the results over; with `lock` held. */
static void publish(struct store *s, struct store_batch *b, bool is_written)
{
	if (is_written && b->runs)
		add_ended(b, &s->ended_ids, &s->ended_count);
	else if (!is_written)
		s->health.lost += b->count;
	STAILQ_CONCAT(&s->answers, &b->asks);
	s->health.is_memory = s->is_memory;
	strlcpy(s->health.reason, s->reason, sizeof(s->health.reason));
	s->new_refills += s->has_lost;
	s->refills_asked += s->has_lost;
	s->has_lost = false;
	s->being_written = 0;
	if (s->new_refills || s->ended_count || !STAILQ_EMPTY(&s->answers))
		thread_wake(s->fd);
}

/* Take what has come, write it, and hand over the results; with `lock` held. Returns when to
 * try the file again, 0: never. */
static uint64_t turn(struct store *s, bool is_last)
{
	struct store_batch *b = s->batch;
	struct store_write_keep keep = s->keep;
	s->batch = &s->batches[b == s->batches];
	s->batch->last = b->last;
	s->being_written = b->count;
	uint64_t flush = s->flush_asked;
	bool is_keep_new = s->is_keep_new;
	s->is_urgent = s->is_awake = s->is_keep_new = false;
	pthread_mutex_unlock(&s->lock);

	pthread_mutex_lock(&s->db_lock);
	store_heal_check(s, false);
	if (is_keep_new)
		s->db.pruned_ns = 0;
	bool is_written = b->count == 0 || write_batch(s, b, &keep);
	s->refills_done += b->refills;
	if (is_last && s->is_memory)
		store_heal_check(s, true);
	answer(s, &b->asks);
	uint64_t heal_ns = s->is_memory ? s->heal_ns : 0;
	pthread_mutex_lock(&s->lock);
	bool is_flushed = s->flush_done != flush;
	s->flush_done = flush;
	publish(s, b, is_written);
	if (is_flushed)
		thread_wake(s->fd);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->db_lock);
	store_batch_fini(b);

	pthread_mutex_lock(&s->lock);
	return heal_ns;
}

/* Leave the file so that the next start need not check it. Returns whether all is there. */
static bool finish(struct store *s)
{
	bool is_whole = !s->is_memory && s->refills_asked == s->refills_done &&
			s->health.lost == 0;
	if (!s->is_memory && store_write_clean(&s->db, s->used_run_id) != SQLITE_OK)
		is_whole = false;
	store_db_close(&s->db, true);
	return is_whole;
}

void *store_thread_run(void *ctx)
{
	struct store *s = ctx;
	uint64_t heal_ns = 0;
	bool is_last = false;
	pthread_mutex_lock(&s->lock);
	while (!is_last) {
		wait_for_work(s, heal_ns);
		is_last = s->is_stopping;
		heal_ns = turn(s, is_last);
	}
	pthread_mutex_unlock(&s->lock);
	bool is_whole = finish(s);
	pthread_mutex_lock(&s->lock);
	s->is_file_whole = is_whole;
	s->has_ended = true;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}
