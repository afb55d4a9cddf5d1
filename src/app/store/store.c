/* SPDX-License-Identifier: MIT */
#include "app/store/store.h"

#include "app/store/store_heal.h"
#include "app/store/store_read.h"
#include "app/store/store_thread.h"
#include "base/countof.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define LINGER_COUNT 4096 /* so much is written without lingering */

/* ---- What comes ---- */

/* Begin to add to what is to be written. */
static struct store_batch *begin(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	return s->batch;
}

/* End what begin began; rc is what came of the adding. */
static void end(struct store *s, int rc)
{
	bool is_urgent =
		s->batch->count >= LINGER_COUNT || !STAILQ_EMPTY(&s->batch->asks);
	if (rc < 0)
		s->health.lost++;
	if (!s->is_awake)
		s->first_ns = clock_monotonic_ns();
	if (!s->is_awake || (is_urgent && !s->is_urgent))
		pthread_cond_signal(&s->wake);
	s->is_awake = true;
	s->is_urgent = s->is_urgent || is_urgent;
	pthread_mutex_unlock(&s->lock);
}

void store_put_job(struct store *s, const struct store_job *job)
{
	end(s, store_batch_put_job(begin(s), job));
}

void store_add_event(struct store *s, uint64_t job_id, const struct store_event *event)
{
	end(s, store_batch_add_event(begin(s), job_id, event));
}

void store_drop_event(struct store *s, uint64_t job_id, uint64_t seq)
{
	(void)job_id;
	end(s, store_batch_drop_event(begin(s), seq));
}

void store_follow(struct store *s, uint64_t from_id, uint64_t to_id)
{
	assert(from_id != to_id);
	struct store_batch *b = begin(s);
	int rc = store_batch_end_job(b, from_id, to_id);
	if (rc == 0)
		rc = store_batch_add_op(b, STORE_DB_MOVE_EVENTS, NULL, from_id, to_id);
	end(s, rc);
}

void store_end_job(struct store *s, uint64_t job_id)
{
	end(s, store_batch_end_job(begin(s), job_id, 0));
}

void store_reserve_runs(struct store *s, uint64_t last)
{
	struct store_batch *b = begin(s);
	if (last > b->last.run_id)
		b->last.run_id = last;
	b->count++;
	end(s, 0);
}

void store_release_runs(struct store *s, uint64_t last)
{
	pthread_mutex_lock(&s->lock);
	s->used_run_id = last;
	pthread_mutex_unlock(&s->lock);
}

void store_put_run(struct store *s, const struct store_run *run)
{
	end(s, store_batch_put_run(begin(s), run));
}

/* Let the thread have a turn although nothing has come. */
static void wake_thread(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_urgent = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

uint64_t store_flush(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t number = ++s->flush_asked;
	pthread_mutex_unlock(&s->lock);
	wake_thread(s);
	return number;
}

bool store_is_flushed(struct store *s, uint64_t number)
{
	pthread_mutex_lock(&s->lock);
	bool is_flushed = s->flush_done >= number;
	pthread_mutex_unlock(&s->lock);
	return is_flushed;
}

void store_put_pause(struct store *s, const char *rule, uint64_t until_ns)
{
	end(s, store_batch_add_op(begin(s), STORE_DB_PUT_PAUSE, rule, until_ns, 0));
}

void store_drop_pause(struct store *s, const char *rule)
{
	end(s, store_batch_add_op(begin(s), STORE_DB_DROP_PAUSE, rule, 0, 0));
}

void store_health(struct store *s, struct store_health *h)
{
	pthread_mutex_lock(&s->lock);
	*h = s->health;
	h->waiting = s->batch->count + s->being_written;
	pthread_mutex_unlock(&s->lock);
}

/* ---- Questions ---- */

/* Returns whether there was memory for it. */
static bool ask(struct store *s, const struct store_batch_ask *a)
{
	bool is_asked = store_batch_add_ask(begin(s), a) == 0;
	end(s, 0);
	return is_asked;
}

void store_ask_runs(struct store *s, const struct store_query *query,
	void (*done)(void *ctx, char *runs, size_t count), void *ctx)
{
	const struct store_batch_ask a = {.query = *query, .runs_done = done, .ctx = ctx};
	if (!ask(s, &a))
		done(ctx, NULL, 0);
}

void store_ask_job(struct store *s, uint64_t run_id,
	void (*done)(void *ctx, const struct store_saved *saved), void *ctx)
{
	const struct store_batch_ask a = {
		.query.run_id = run_id, .job_done = done, .ctx = ctx};
	if (!ask(s, &a))
		done(ctx, NULL);
}

/* ---- Results, in the main thread ---- */

static void give_answers(struct store_batch_asks *answers)
{
	struct store_batch_ask *a;
	STAILQ_FOREACH (a, answers, next) {
		if (a->runs_done) {
			a->runs_done(a->ctx, a->runs, a->run_count);
			a->runs = NULL;
		} else {
			a->job_done(a->ctx, a->job);
			store_read_free(a->job, false);
			a->job = NULL;
		}
	}
	store_batch_free_asks(answers);
}

/* Let the owner put everything again, and tell the thread when that is done. */
static void refill(struct store *s, uint64_t times)
{
	if (s->config.lost)
		s->config.lost(s->config.ctx);
	struct store_batch *b = begin(s);
	b->refills += times;
	b->count++;
	end(s, 0);
}

static void on_results(void *ctx, uint32_t events)
{
	struct store *s = ctx;
	struct store_batch_asks answers = STAILQ_HEAD_INITIALIZER(answers);
	(void)events;
	thread_take_wakeups(s->fd);
	pthread_mutex_lock(&s->lock);
	uint64_t *ids = s->ended_ids;
	size_t id_count = s->ended_count;
	uint64_t new_refills = s->new_refills;
	STAILQ_CONCAT(&answers, &s->answers);
	s->ended_ids = NULL;
	s->ended_count = 0;
	s->new_refills = 0;
	pthread_mutex_unlock(&s->lock);
	if (id_count && s->config.committed)
		s->config.committed(s->config.ctx, ids, id_count);
	free(ids);
	if (new_refills)
		refill(s, new_refills);
	give_answers(&answers);
}

/* ---- Life ---- */

static void init_locks(struct store *s)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->db_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
}

/* Free all but the thread. Keeps errno. */
static void free_store(struct store *s)
{
	int saved = errno;
	poller_remove(s->config.poller, s->source);
	fd_close(s->fd);
	store_db_close(&s->db, true);
	for (size_t i = 0; i < countof(s->batches); i++)
		store_batch_fini(&s->batches[i]);
	store_batch_free_asks(&s->answers);
	free(s->ended_ids);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->db_lock);
	pthread_mutex_destroy(&s->lock);
	free((char *)s->config.dir);
	free(s);
	errno = saved;
}

struct store *store_open(const struct store_config *config)
{
	assert(config->poller && config->dir);
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->config = *config;
	s->fd = -1;
	s->batch = s->batches;
	for (size_t i = 0; i < countof(s->batches); i++)
		store_batch_init(&s->batches[i]);
	STAILQ_INIT(&s->answers);
	init_locks(s);
	s->keep = (struct store_write_keep){
		.ns = config->keep_ns, .count = config->keep_count};
	s->config.dir = strdup(config->dir);
	if (!s->config.dir)
		goto fail;
	/* A name that does not fit is one that cannot be opened. */
	snprintf(s->path, sizeof(s->path), "%s/%s", config->dir, STORE_DB_NAME);
	s->fd = thread_wakeup_open();
	if (s->fd < 0)
		goto fail;
	s->source = poller_add(config->poller, s->fd, EPOLLIN, on_results, s);
	if (!s->source || store_heal_open(s) < 0)
		goto fail;
	s->batch->last = s->first;
	s->health.is_memory = s->is_memory;
	strlcpy(s->health.reason, s->reason, sizeof(s->health.reason));
	if (thread_start(&s->thread, store_thread_run, s) == 0)
		return s;
fail:
	free_store(s);
	return NULL;
}

bool store_close(struct store *s, uint64_t patience_ns)
{
	if (!s)
		return true;
	uint64_t until_ns = clock_monotonic_ns() + patience_ns;
	int rc = 0;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_signal(&s->wake);
	while (!s->has_ended && rc == 0)
		rc = store_thread_wait(s, &s->ended, until_ns);
	bool has_ended = s->has_ended, is_whole = s->is_file_whole;
	pthread_mutex_unlock(&s->lock);
	if (!has_ended) {
		/* The thread hangs in the disk, and uses all this up to the end. */
		poller_remove(s->config.poller, s->source);
		pthread_detach(s->thread);
		return false;
	}
	pthread_join(s->thread, NULL);
	free_store(s);
	return is_whole;
}

void store_set_keep(struct store *s, uint64_t keep_ns, uint32_t keep_count)
{
	pthread_mutex_lock(&s->lock);
	s->keep = (struct store_write_keep){.ns = keep_ns, .count = keep_count};
	s->is_keep_new = true;
	pthread_mutex_unlock(&s->lock);
}

/* ---- What was there when it was opened ---- */

uint64_t store_last_job_id(const struct store *s)
{
	return s->first.job_id;
}

uint64_t store_last_run_id(const struct store *s)
{
	return s->first.run_id;
}

uint64_t store_last_event_seq(const struct store *s)
{
	return s->first.seq;
}

struct taker {
	struct store *store;
	bool (*take)(void *ctx, const struct store_saved *saved);
	void *ctx;
};

static void take_one(void *ctx, const struct store_saved *saved)
{
	struct taker *t = ctx;
	if (!t->take(t->ctx, saved))
		store_end_job(t->store, saved->job.id);
}

int store_take_jobs(struct store *s,
	bool (*take)(void *ctx, const struct store_saved *saved), void *ctx)
{
	struct taker t = {.store = s, .take = take, .ctx = ctx};
	pthread_mutex_lock(&s->db_lock);
	int rc = store_read_jobs(&s->db, s->first.job_id, take_one, &t);
	if (store_db_fault(rc) == STORE_DB_BROKEN && store_heal_fault(s, rc))
		rc = SQLITE_OK;
	bool has_lost = s->has_lost;
	pthread_mutex_unlock(&s->db_lock);
	if (has_lost)
		wake_thread(s);
	if (rc == SQLITE_OK)
		return 0;
	errno = store_db_fault(rc) == STORE_DB_NO_MEMORY ? ENOMEM : EIO;
	return -1;
}

void store_take_rules(
	struct store *s, void (*take)(void *ctx, const char *rule), void *ctx)
{
	pthread_mutex_lock(&s->db_lock);
	struct store_db_cursor c = store_db_begin(&s->db, STORE_DB_GET_RULES);
	while (store_db_next(&c)) {
		const char *rule = store_db_text(&c, 0);
		if (rule)
			take(ctx, rule);
	}
	pthread_mutex_unlock(&s->db_lock);
}

void store_take_pauses(struct store *s,
	void (*take)(void *ctx, const char *rule, uint64_t until_ns), void *ctx)
{
	pthread_mutex_lock(&s->db_lock);
	struct store_db_cursor c = store_db_begin(&s->db, STORE_DB_GET_PAUSES);
	while (store_db_next(&c)) {
		const char *rule = store_db_text(&c, 0);
		if (rule)
			take(ctx, rule, store_db_u64(&c, 1));
	}
	pthread_mutex_unlock(&s->db_lock);
}
