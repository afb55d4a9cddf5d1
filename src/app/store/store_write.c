/* SPDX-License-Identifier: MIT */
#include "app/store/store_write.h"

#include "app/store/store_left.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DONE_EVENTS_MAX 1000 /* kept of a job that is over */
#define EVENTS_MAX 100000 /* kept of all jobs that are over */
#define PRUNE_EVENTS 20000 /* so many have come since the last look */
#define PRUNE_NS \
	UINT64_C(60000000000) /* at least between two looks for what is too old */
#define PRUNE_SLACK 100 /* so many more runs than are kept, or 1 % */
#define VACUUM_PAGES 1000 /* given back at once, at most */

/* ---- Jobs and events ---- */

static int put_job(struct store_db *db, const struct store_batch_job *j)
{
	const struct store_job *job = &j->state->job;
	const struct outcome *f = job->failure;
	struct store_db_binder b = {0};
	b.st = store_db_stmt(db, STORE_DB_PUT_JOB, &b.rc);
	store_db_bind_u64(&b, job->id);
	store_db_bind_text(&b, job->rule);
	store_db_bind_text(&b, job->key ? job->key : "");
	store_db_bind_u64(&b, job->attempt);
	store_db_bind_u64(&b, job->failures);
	store_db_bind_u64(&b, job->count);
	store_db_bind_u64(&b, job->truncated);
	store_db_bind_u64(&b, j->is_done ? 0 : job->run_id);
	store_db_bind_u64(&b, job->added_ns);
	store_db_bind_u64(&b, j->is_done);
	store_db_bind_u64(&b, j->followed_by);
	store_db_bind_text(&b, f ? outcome_kind_name(f->kind) : NULL);
	store_db_bind_u64(&b, f ? (uint64_t)f->shell_status : 0);
	store_db_bind_u64(&b, job->failure_run_id);
	store_db_bind_blob(&b, f ? f->output : NULL, f ? f->output_len : 0);
	return b.rc == SQLITE_OK ? store_db_run(b.st) : b.rc;
}

/* Run a statement with one or two numbers. */
static int run_with(
	struct store_db *db, enum store_db_stmt which, uint64_t first, uint64_t second)
{
	struct store_db_binder b = {0};
	b.st = store_db_stmt(db, which, &b.rc);
	if (b.rc != SQLITE_OK)
		return b.rc;
	store_db_bind_u64(&b, first);
	if (sqlite3_bind_parameter_count(b.st) > 1)
		store_db_bind_u64(&b, second);
	return b.rc == SQLITE_OK ? store_db_run(b.st) : b.rc;
}

static int put_jobs(struct store_db *db, const struct store_batch *b)
{
	int rc = SQLITE_OK;
	for (const struct store_batch_job *j = b->jobs; j && rc == SQLITE_OK;
		j = j->hh.next) {
		if (j->state)
			rc = put_job(db, j);
		else if (j->is_done)
			rc = run_with(db, STORE_DB_END_JOB, j->id, j->followed_by);
	}
	return rc;
}

static int add_events(struct store_db *db, const struct store_batch *batch)
{
	const struct store_batch_event *e;
	struct store_db_binder b = {0};
	b.st = store_db_stmt(db, STORE_DB_ADD_EVENT, &b.rc);
	TAILQ_FOREACH (e, &batch->events, next) {
		b.at = 0;
		if (b.rc == SQLITE_OK)
			store_left_bind_event(&b, e->job_id, &e->event);
		if (b.rc == SQLITE_OK)
			b.rc = store_db_run(b.st);
		if (b.rc != SQLITE_OK)
			break;
		db->new_events++;
	}
	return b.rc;
}

static int put_pause(struct store_db *db, const struct store_batch_op *op)
{
	struct store_db_binder b = {0};
	bool is_pause = op->what == STORE_BATCH_PAUSE;
	b.st = store_db_stmt(
		db, is_pause ? STORE_DB_PUT_PAUSE : STORE_DB_DROP_PAUSE, &b.rc);
	store_db_bind_text(&b, op->rule);
	if (is_pause)
		store_db_bind_u64(&b, op->b);
	return b.rc == SQLITE_OK ? store_db_run(b.st) : b.rc;
}

static int do_ops(struct store_db *db, const struct store_batch *b)
{
	const struct store_batch_op *op;
	int rc = SQLITE_OK;
	STAILQ_FOREACH (op, &b->ops, next) {
		switch (op->what) {
		case STORE_BATCH_DROP_EVENT:
			rc = run_with(db, STORE_DB_DROP_EVENT, op->a, 0);
			break;
		case STORE_BATCH_FOLLOW:
			rc = run_with(db, STORE_DB_MOVE_EVENTS, op->a, op->b);
			break;
		case STORE_BATCH_PAUSE:
		case STORE_BATCH_UNPAUSE:
			rc = put_pause(db, op);
			break;
		case STORE_BATCH_RESTORED:
			break;
		}
		if (rc != SQLITE_OK)
			return rc;
	}
	return rc;
}

/* ---- Runs ---- */

/* What stands in the row of a run; room is for a user's number. */
static struct store_schema_row row_of(
	const struct store_run *run, char room[ACTOR_NUMBER_SIZE])
{
	const struct store_event *e = run->event;
	const struct actor *a = e ? &e->view.change->actor : NULL;
	const char *kind = e ? event_kind_name(event_kind_newest(e->view.kind)) : NULL;
	return (struct store_schema_row){
		.run = *run,
		.event = kind ? kind : "",
		.path = e ? view_path(&e->view) : "",
		.cmd = a ? a->program.comm : "",
		.user = a ? actor_user_text(a->user, a->uid, room) : "",
		.outcome = outcome_kind_name(run->outcome.kind),
		.pid = a ? (uint32_t)a->pid : 0,
	};
}

static int put_run(struct store_db *db, const struct store_run *run)
{
	char room[ACTOR_NUMBER_SIZE];
	const struct store_schema_row row = row_of(run, room);
	struct store_db_binder b = {0};
	b.st = store_db_stmt(db, STORE_DB_PUT_RUN, &b.rc);
	for (size_t i = 0; i < store_schema_run.count; i++) {
		const struct store_column *column = &store_schema_run.columns[i];
		if (column->form == STORE_OTHER)
			store_db_bind_blob(
				&b, run->outcome.output, run->outcome.output_len);
		else
			store_db_bind_field(&b, &row, column);
	}
	return b.rc == SQLITE_OK ? store_db_run(b.st) : b.rc;
}

static int put_runs(struct store_db *db, const struct store_batch *b)
{
	int rc = SQLITE_OK;
	for (const struct store_batch_run *r = b->runs; r && rc == SQLITE_OK;
		r = r->hh.next)
		rc = put_run(db, r->run);
	return rc;
}

/* ---- What is kept ---- */

/* A job that is over keeps its newest events, and nothing if it never ran. */
static int shorten_job(struct store_db *db, const struct store_batch_job *j)
{
	int rc = run_with(db, STORE_DB_DELETE_JOB, j->id, 0);
	if (rc == SQLITE_OK && sqlite3_changes(db->handle) > 0)
		return run_with(db, STORE_DB_DELETE_EVENTS, j->id, 0);
	bool is_short = j->state && j->state->job.count <= DONE_EVENTS_MAX;
	if (rc == SQLITE_OK && !is_short)
		rc = run_with(db, STORE_DB_TRIM_JOB, j->id, DONE_EVENTS_MAX);
	if (rc == SQLITE_OK && !is_short && sqlite3_changes(db->handle) > 0)
		rc = run_with(db, STORE_DB_CUT_JOB, j->id, 0);
	return rc;
}

static int shorten_jobs(struct store_db *db, const struct store_batch *b)
{
	int rc = SQLITE_OK;
	for (const struct store_batch_job *j = b->jobs; j && rc == SQLITE_OK;
		j = j->hh.next) {
		if (j->is_done)
			rc = shorten_job(db, j);
	}
	return rc;
}

/* Runs to be forgotten are noted first, so that their jobs can go after them. */
static int forget(struct store_db *db, const char *which)
{
	static const char steps[] =
		"DELETE FROM run WHERE id IN (SELECT id FROM temp.old);"
		"DELETE FROM event WHERE job_id IN (SELECT job_id FROM temp.old)"
		" AND NOT EXISTS (SELECT 1 FROM run WHERE run.job_id = event.job_id)"
		" AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = event.job_id"
		"  AND job.done = 0);"
		"DELETE FROM job WHERE id IN (SELECT job_id FROM temp.old) AND done = 1"
		" AND NOT EXISTS (SELECT 1 FROM run WHERE run.job_id = job.id);"
		"DELETE FROM temp.old";
	char sql[320];
	snprintf(sql, sizeof(sql),
		"CREATE TEMP TABLE IF NOT EXISTS old (id, job_id);"
		"INSERT INTO temp.old SELECT id, job_id FROM run"
		" WHERE outcome <> 'running' AND %s",
		which);
	int rc = store_db_exec(db, sql);
	return rc == SQLITE_OK ? store_db_exec(db, steps) : rc;
}

/* Of the oldest jobs that are over forget the events. */
static int forget_events(struct store_db *db)
{
	char sql[320];
	snprintf(sql, sizeof(sql),
		"DELETE FROM event WHERE seq <= (SELECT seq FROM event ORDER BY seq DESC"
		" LIMIT 1 OFFSET %d) AND NOT EXISTS (SELECT 1 FROM job"
		" WHERE job.id = event.job_id AND job.done = 0)",
		EVENTS_MAX);
	return store_db_exec(db, sql);
}

/* Give room back to the filesystem, if much of the file is free. */
static void shrink(struct store_db *db)
{
	int64_t pages = store_db_number(db, "PRAGMA page_count", 0);
	int64_t unused = store_db_number(db, "PRAGMA freelist_count", 0);
	char sql[64];
	if (unused < VACUUM_PAGES || unused < pages / 4)
		return;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	store_db_exec(db, sql);
}

int store_write_prune(struct store_db *db, const struct store_write_keep *keep)
{
	char which[160];
	int rc = SQLITE_OK;
	uint64_t now_ns = clock_realtime_ns();
	db->pruned_ns = now_ns;
	if (keep->ns && keep->ns < now_ns) {
		snprintf(
			which, sizeof(which), "started_ns < %" PRIu64, now_ns - keep->ns);
		rc = forget(db, which);
	}
	if (rc == SQLITE_OK && keep->count) {
		snprintf(which, sizeof(which),
			"id IN (SELECT id FROM run ORDER BY started_ns DESC, id DESC"
			" LIMIT -1 OFFSET %" PRIu32 ")",
			keep->count);
		rc = forget(db, which);
	}
	if (rc == SQLITE_OK)
		rc = forget_events(db);
	db->runs = (uint64_t)store_db_number(db, "SELECT count(*) FROM run", 0);
	db->new_events = 0;
	return rc;
}

static bool is_time_to_prune(
	const struct store_db *db, const struct store_write_keep *keep)
{
	uint64_t slack =
		keep->count / 100 > PRUNE_SLACK ? keep->count / 100 : PRUNE_SLACK;
	if ((keep->count && db->runs > keep->count + slack) ||
		db->new_events > PRUNE_EVENTS)
		return true;
	uint64_t now_ns = clock_realtime_ns();
	return now_ns < db->pruned_ns || now_ns - db->pruned_ns > PRUNE_NS;
}

/* ---- All of it ---- */

static int put_state(struct store_db *db, const struct store_batch *b, bool is_clean)
{
	struct store_db_binder p = {0};
	p.st = store_db_stmt(db, STORE_DB_PUT_STATE, &p.rc);
	store_db_bind_u64(&p, is_clean);
	store_db_bind_u64(&p, b ? b->last_job_id : 0);
	store_db_bind_u64(&p, b ? b->last_run_id : 0);
	store_db_bind_u64(&p, b ? b->last_seq : 0);
	return p.rc == SQLITE_OK ? store_db_run(p.st) : p.rc;
}

static uint64_t count_ended(const struct store_batch *b)
{
	uint64_t count = 0;
	for (const struct store_batch_run *r = b->runs; r; r = r->hh.next)
		count += r->run->outcome.kind != OUTCOME_RUNNING;
	return count;
}

static int write_all(
	struct store_db *db, struct store_batch *b, const struct store_write_keep *keep)
{
	int rc = put_state(db, b, false);
	if (rc == SQLITE_OK)
		rc = put_jobs(db, b);
	if (rc == SQLITE_OK)
		rc = add_events(db, b);
	if (rc == SQLITE_OK)
		rc = do_ops(db, b);
	if (rc == SQLITE_OK)
		rc = put_runs(db, b);
	if (rc == SQLITE_OK)
		rc = shorten_jobs(db, b);
	if (rc != SQLITE_OK)
		return rc;
	db->runs += count_ended(b);
	return is_time_to_prune(db, keep) ? store_write_prune(db, keep) : SQLITE_OK;
}

int store_write_batch(
	struct store_db *db, struct store_batch *b, const struct store_write_keep *keep)
{
	uint64_t pruned_ns = db->pruned_ns;
	int rc = store_db_do(db, STORE_DB_BEGIN);
	if (rc != SQLITE_OK)
		return rc;
	rc = write_all(db, b, keep);
	if (rc == SQLITE_OK)
		rc = store_db_do(db, STORE_DB_COMMIT);
	if (rc != SQLITE_OK)
		store_db_do(db, STORE_DB_ROLLBACK);
	else if (db->pruned_ns != pruned_ns)
		shrink(db);
	return rc;
}

int store_write_clean(struct store_db *db)
{
	return put_state(db, NULL, true);
}
