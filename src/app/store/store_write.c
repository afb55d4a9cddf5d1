/* SPDX-License-Identifier: MIT */
#include "app/store/store_write.h"

#include "os/clock.h"

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
	const struct store_job *job = &j->job;
	const struct outcome *f = job->failure;
	struct store_db_cursor c = store_db_begin(db, STORE_DB_PUT_JOB);
	store_db_bind_u64(&c, job->id);
	store_db_bind_text(&c, job->rule);
	store_db_bind_text(&c, job->key ? job->key : "");
	store_db_bind_u64(&c, job->attempt);
	store_db_bind_u64(&c, job->failures);
	store_db_bind_u64(&c, job->count);
	store_db_bind_u64(&c, job->truncated);
	store_db_bind_u64(&c, j->is_done ? 0 : job->run_id);
	store_db_bind_u64(&c, job->added_ns);
	store_db_bind_u64(&c, j->is_done);
	store_db_bind_u64(&c, j->followed_by);
	store_db_bind_text(&c, f ? outcome_kind_name(f->kind) : NULL);
	store_db_bind_u64(&c, f ? (uint64_t)f->shell_status : 0);
	store_db_bind_u64(&c, job->failure_run_id);
	store_db_bind_blob(&c, f ? f->output : NULL, f ? f->output_len : 0);
	return store_db_finish(&c);
}

/* Run a statement with a text (NULL: none) and as many of two numbers as it has parameters. */
static int run_with(struct store_db *db, enum store_db_stmt which, const char *text,
	uint64_t first, uint64_t second)
{
	struct store_db_cursor c = store_db_begin(db, which);
	int count = sqlite3_bind_parameter_count(c.st);
	if (text)
		store_db_bind_text(&c, text);
	if (c.at < count)
		store_db_bind_u64(&c, first);
	if (c.at < count)
		store_db_bind_u64(&c, second);
	return store_db_finish(&c);
}

static int put_jobs(struct store_db *db, const struct store_batch *b)
{
	int rc = SQLITE_OK;
	for (const struct store_batch_job *j = b->jobs; j && rc == SQLITE_OK;
		j = j->hh.next)
		rc = j->is_put ? put_job(db, j)
			       : run_with(db, STORE_DB_END_JOB, NULL, j->job.id,
					 j->followed_by);
	return rc;
}

static int add_event(struct store_db *db, const struct store_schema_event_row *row)
{
	struct store_db_cursor c = store_db_begin(db, STORE_DB_ADD_EVENT);
	for (size_t i = 0; i < store_schema_event.count; i++)
		store_db_bind_field(&c,
			i < STORE_SCHEMA_CHANGE ? (const void *)row
						: row->event.view.change,
			&store_schema_event.columns[i]);
	db->new_events++;
	return store_db_finish(&c);
}

static int add_events(struct store_db *db, const struct store_batch *b)
{
	const struct store_batch_event *e;
	int rc = SQLITE_OK;
	TAILQ_FOREACH (e, &b->events, next) {
		rc = add_event(db, &e->row);
		if (rc != SQLITE_OK)
			break;
	}
	return rc;
}

static int do_ops(struct store_db *db, const struct store_batch *b)
{
	const struct store_batch_op *op;
	int rc = SQLITE_OK;
	STAILQ_FOREACH (op, &b->ops, next) {
		rc = run_with(db, op->what, op->has_rule ? op->rule : NULL, op->a, op->b);
		if (rc != SQLITE_OK)
			break;
	}
	return rc;
}

/* ---- Runs ---- */

/* What stands in the row of a run; room is for a user's number. */
static struct store_schema_run_row row_of(
	const struct store_run *run, char room[ACTOR_NUMBER_SIZE])
{
	const struct store_event *e = run->event;
	const struct actor *a = e ? &e->view.change->actor : NULL;
	const char *kind = e ? event_kind_name(event_kind_newest(e->view.kind)) : NULL;
	return (struct store_schema_run_row){
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
	const struct store_schema_run_row row = row_of(run, room);
	struct store_db_cursor c = store_db_begin(db, STORE_DB_PUT_RUN);
	for (size_t i = 0; i < store_schema_run.count; i++)
		store_db_bind_field(&c, &row, &store_schema_run.columns[i]);
	return store_db_finish(&c);
}

static int put_runs(struct store_db *db, const struct store_batch *b)
{
	int rc = SQLITE_OK;
	for (const struct store_batch_run *r = b->runs; r && rc == SQLITE_OK;
		r = r->hh.next)
		rc = put_run(db, &r->run);
	return rc;
}

/* ---- What is kept ---- */

/* A job that is over keeps its newest events, and nothing if it never ran. */
static int shorten_job(struct store_db *db, const struct store_batch_job *j)
{
	uint64_t id = j->job.id;
	bool is_short = j->is_put && j->job.count <= DONE_EVENTS_MAX;
	int rc = run_with(db, STORE_DB_DELETE_JOB, NULL, id, 0);
	if (rc == SQLITE_OK && sqlite3_changes(db->handle) > 0)
		return run_with(db, STORE_DB_DELETE_EVENTS, NULL, id, 0);
	if (rc == SQLITE_OK && !is_short)
		rc = run_with(db, STORE_DB_TRIM_JOB, NULL, id, DONE_EVENTS_MAX);
	if (rc == SQLITE_OK && !is_short && sqlite3_changes(db->handle) > 0)
		rc = run_with(db, STORE_DB_CUT_JOB, NULL, id, 0);
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

/* Forget runs. They are noted first, so that their jobs can go after them. `which` is a
 * condition that ends with the number and a bracket. */
static int forget(struct store_db *db, const char *which, unsigned long long number)
{
	static const char note[] = "CREATE TEMP TABLE IF NOT EXISTS old (id, job_id);"
				   "INSERT INTO temp.old SELECT id, job_id FROM run"
				   " WHERE outcome <> 'running' AND %s %llu)";
	static const char steps[] =
		"DELETE FROM run WHERE id IN (SELECT id FROM temp.old);"
		"DELETE FROM event WHERE job_id IN (SELECT job_id FROM temp.old)"
		" AND NOT EXISTS (SELECT 1 FROM run WHERE run.job_id = event.job_id)"
		" AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = event.job_id"
		"  AND job.done = 0);"
		"DELETE FROM job WHERE id IN (SELECT job_id FROM temp.old) AND done = 1"
		" AND NOT EXISTS (SELECT 1 FROM run WHERE run.job_id = job.id);"
		"DELETE FROM temp.old";
	int rc = store_db_exec(db, note, which, number);
	return rc == SQLITE_OK ? store_db_exec(db, steps) : rc;
}

/* Forget the events of the oldest jobs that are over. */
static int forget_events(struct store_db *db)
{
	return store_db_exec(db,
		"DELETE FROM event WHERE seq <= (SELECT seq FROM event ORDER BY seq DESC"
		" LIMIT 1 OFFSET %d) AND NOT EXISTS (SELECT 1 FROM job"
		" WHERE job.id = event.job_id AND job.done = 0)",
		EVENTS_MAX);
}

/* Give room back to the filesystem, if much of the file is free. */
static void shrink(struct store_db *db)
{
	int64_t pages = store_db_number(db, 0, "PRAGMA page_count");
	int64_t unused = store_db_number(db, 0, "PRAGMA freelist_count");
	if (unused >= VACUUM_PAGES && unused >= pages / 4)
		store_db_exec(db, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
}

int store_write_prune(struct store_db *db, const struct store_write_keep *keep)
{
	int rc = SQLITE_OK;
	uint64_t now_ns = clock_realtime_ns();
	db->pruned_ns = now_ns;
	if (keep->ns && keep->ns < now_ns)
		rc = forget(db, "(started_ns <", now_ns - keep->ns);
	if (rc == SQLITE_OK && keep->count)
		rc = forget(db,
			"id IN (SELECT id FROM run ORDER BY started_ns DESC, id DESC"
			" LIMIT -1 OFFSET",
			keep->count);
	if (rc == SQLITE_OK)
		rc = forget_events(db);
	db->runs = (uint64_t)store_db_number(db, 0, "SELECT count(*) FROM run");
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

static int put_state(
	struct store_db *db, const struct store_db_state *last, bool is_clean)
{
	struct store_db_cursor c = store_db_begin(db, STORE_DB_PUT_STATE);
	store_db_bind_u64(&c, is_clean);
	store_db_bind_u64(&c, last->job_id);
	store_db_bind_u64(&c, last->run_id);
	store_db_bind_u64(&c, last->seq);
	return store_db_finish(&c);
}

static uint64_t count_ended(const struct store_batch *b)
{
	uint64_t count = 0;
	for (const struct store_batch_run *r = b->runs; r; r = r->hh.next)
		count += r->run.outcome.kind != OUTCOME_RUNNING;
	return count;
}

static int write_all(struct store_db *db, const struct store_batch *b,
	const struct store_write_keep *keep)
{
	int rc = put_state(db, &b->last, false);
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

int store_write_batch(struct store_db *db, const struct store_batch *b,
	const struct store_write_keep *keep)
{
	uint64_t pruned_ns = db->pruned_ns;
	int rc = store_db_exec(db, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		return rc;
	rc = write_all(db, b, keep);
	if (rc == SQLITE_OK)
		rc = store_db_exec(db, "COMMIT");
	if (rc != SQLITE_OK)
		store_db_exec(db, "ROLLBACK");
	else if (db->pruned_ns != pruned_ns)
		shrink(db);
	return rc;
}

int store_write_clean(struct store_db *db, uint64_t last_run_id)
{
	int rc = SQLITE_OK;
	if (last_run_id)
		rc = store_db_exec(db, "UPDATE state SET last_run_id = %lld",
			(long long)last_run_id);
	return rc == SQLITE_OK ? put_state(db, &(struct store_db_state){0}, true) : rc;
}
