/* SPDX-License-Identifier: MIT */
#include "app/store/store_left.h"

#include "base/grow.h"

#include <stdlib.h>
#include <string.h>

/* ---- Events ---- */

/* A column of the change that is no plain field of it. */
static void bind_other(struct store_db_binder *b, const struct change *c, size_t at)
{
	if (at == offsetof(struct change, target))
		store_db_bind_blob(b, c->target_len ? c->target : NULL, c->target_len);
	else
		store_db_bind_blob(b, c->actor.ancestors, c->actor.ancestors_len);
}

void store_left_bind_event(
	struct store_db_binder *b, uint64_t job_id, const struct store_event *e)
{
	store_db_bind_u64(b, e->seq);
	store_db_bind_u64(b, job_id);
	store_db_bind_u64(b, e->view.kind);
	store_db_bind_text(b, e->view.path);
	store_db_bind_text(b, e->view.old_path);
	for (size_t i = STORE_SCHEMA_CHANGE; i < store_schema_event.count; i++) {
		const struct store_column *column = &store_schema_event.columns[i];
		if (column->form == STORE_OTHER)
			bind_other(b, e->view.change, column->at);
		else
			store_db_bind_field(b, e->view.change, column);
	}
}

/* A copy of a column's text; NULL where it is NULL, or with *failed. */
static char *copy_text(sqlite3_stmt *st, int column, bool *failed)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	if (!text)
		return NULL;
	char *copy = strdup(text);
	*failed = *failed || !copy;
	return copy;
}

/* A copy of a column's bytes with a NUL behind them, likewise. */
static char *copy_blob(sqlite3_stmt *st, int column, size_t *len, bool *failed)
{
	const void *bytes = sqlite3_column_blob(st, column);
	*len = bytes ? (size_t)sqlite3_column_bytes(st, column) : 0;
	if (!bytes)
		return NULL;
	char *copy = malloc(*len + 1);
	if (!copy) {
		*len = 0;
		*failed = true;
		return NULL;
	}
	memcpy(copy, bytes, *len);
	copy[*len] = '\0';
	return copy;
}

static void read_target(struct change *c, sqlite3_stmt *st, int column)
{
	const void *bytes = sqlite3_column_blob(st, column);
	int len = sqlite3_column_bytes(st, column);
	if (!bytes || len <= 0 || (size_t)len > sizeof(c->target))
		return;
	memcpy(c->target, bytes, (size_t)len);
	c->target_len = (uint32_t)len;
}

static void read_other(
	struct change *c, size_t at, sqlite3_stmt *st, int column, bool *failed)
{
	if (at == offsetof(struct change, target))
		read_target(c, st, column);
	else
		c->actor.ancestors =
			copy_blob(st, column, &c->actor.ancestors_len, failed);
}

static void read_field(struct change *c, int column, sqlite3_stmt *st, bool *failed)
{
	const struct store_column *from = &store_schema_event.columns[column];
	void *field = (char *)c + from->at;
	sqlite3_int64 number = sqlite3_column_int64(st, column);
	switch (from->form) {
	case STORE_U32:
		*(uint32_t *)field = (uint32_t)number;
		break;
	case STORE_UID:
		*(uint32_t *)field = sqlite3_column_type(st, column) == SQLITE_NULL
					     ? ACTOR_ID_UNKNOWN
					     : (uint32_t)number;
		break;
	case STORE_U64:
	case STORE_TIME:
		*(uint64_t *)field = (uint64_t)number;
		break;
	case STORE_BOOL:
		*(bool *)field = number != 0;
		break;
	case STORE_TEXT:
		*(char **)field = copy_text(st, column, failed);
		break;
	case STORE_CHARS: {
		const char *text = (const char *)sqlite3_column_text(st, column);
		strlcpy(field, text ? text : "", PROGRAM_COMM_SIZE);
		break;
	}
	case STORE_OTHER:
		read_other(c, from->at, st, column, failed);
		break;
	}
}

/* What is no value of its kind is made one: somebody may have written into the table. */
static void make_sane(struct change *c)
{
	struct actor *a = &c->actor;
	if (c->event.type > EVENT_TYPE_OTHER)
		c->event.type = EVENT_TYPE_OTHER;
	if (a->attribution > ACTOR_EXACT)
		a->attribution = ACTOR_UNKNOWN;
	/* A list of strings has the last one's NUL. */
	if (a->ancestors_len && a->ancestors[a->ancestors_len - 1] != '\0')
		a->ancestors_len++;
}

/* The event of a row. Returns SQLITE_OK or SQLITE_NOMEM. */
static int read_event(sqlite3_stmt *st, struct store_event *e)
{
	bool failed = false;
	struct change *c = change_new((const char *)sqlite3_column_text(st, 3),
		(const char *)sqlite3_column_text(st, 4));
	if (!c)
		return SQLITE_NOMEM;
	for (size_t i = STORE_SCHEMA_CHANGE; i < store_schema_event.count; i++)
		read_field(c, (int)i, st, &failed);
	make_sane(c);
	*e = (struct store_event){
		.seq = (uint64_t)sqlite3_column_int64(st, 0),
		.view = view_of(c, (uint32_t)sqlite3_column_int64(st, 2), NULL),
	};
	return failed ? SQLITE_NOMEM : SQLITE_OK;
}

static int read_events(struct store_db *db, struct store_left *left)
{
	sqlite3_stmt *st;
	struct buf sql = {0};
	buf_add_str(&sql, "SELECT ");
	store_schema_add_names(&sql, &store_schema_event);
	buf_add_str(&sql, " FROM event WHERE job_id = ? ORDER BY seq");
	int rc = sql.failed ? SQLITE_NOMEM
			    : sqlite3_prepare_v2(db->handle, sql.data, -1, &st, NULL);
	buf_fini(&sql);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)left->job.id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (grow(left->events, left->event_count) < 0)
			break;
		struct store_event *e = &left->events[left->event_count];
		*e = (struct store_event){0};
		rc = read_event(st, e);
		left->event_count += e->view.change != NULL;
		if (rc != SQLITE_OK)
			break;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_ROW ? SQLITE_NOMEM : rc;
}

/* ---- Jobs ---- */

/* The columns of a job, and when its run started: NULL where that is not known. */
#define SELECT_JOB                     \
	"SELECT " STORE_DB_JOB_COLUMNS \
	", (SELECT started_ns FROM run WHERE run.id = job.run_id) FROM job "

void store_left_free(struct store_left *left, bool with_changes)
{
	if (!left)
		return;
	for (size_t i = 0; with_changes && i < left->event_count; i++)
		change_unref(left->events[i].view.change);
	free((struct outcome *)left->job.failure);
	free((char *)left->job.rule);
	free((char *)left->job.key);
	free(left->events);
	free(left);
}

static struct outcome *read_failure(sqlite3_stmt *st, bool *failed)
{
	const struct outcome o = {
		.kind = outcome_kind_of((const char *)sqlite3_column_text(st, 11)),
		.shell_status = sqlite3_column_int(st, 12),
		.output = sqlite3_column_blob(st, 14),
		.output_len = (size_t)sqlite3_column_bytes(st, 14),
	};
	struct outcome *copy = outcome_copy(&o);
	*failed = *failed || !copy;
	return copy;
}

/* The job of a row, with its events. */
static int read_job(struct store_db *db, sqlite3_stmt *st, struct store_left **left)
{
	bool failed = false;
	struct store_left *l = calloc(1, sizeof(*l));
	*left = NULL;
	if (!l)
		return SQLITE_NOMEM;
	l->job = (struct store_job){
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.rule = copy_text(st, 1, &failed),
		.key = copy_text(st, 2, &failed),
		.attempt = (uint32_t)sqlite3_column_int64(st, 3),
		.failures = (uint32_t)sqlite3_column_int64(st, 4),
		.count = (uint64_t)sqlite3_column_int64(st, 5),
		.truncated = sqlite3_column_int(st, 6) != 0,
		.run_id = (uint64_t)sqlite3_column_int64(st, 7),
		.added_ns = (uint64_t)sqlite3_column_int64(st, 8),
		.failure_run_id = (uint64_t)sqlite3_column_int64(st, 13),
		.run_started_ns = (uint64_t)sqlite3_column_int64(st, 15),
	};
	if (sqlite3_column_type(st, 11) != SQLITE_NULL)
		l->job.failure = read_failure(st, &failed);
	int rc =
		failed || !l->job.rule || !l->job.key ? SQLITE_NOMEM : read_events(db, l);
	if (l->job.count > l->event_count)
		l->job.truncated = true;
	if (rc == SQLITE_OK) {
		*left = l;
		return rc;
	}
	store_left_free(l, true);
	return rc;
}

int store_left_each(struct store_db *db, uint64_t last_id,
	void (*take)(void *ctx, const struct store_left *left), void *ctx)
{
	sqlite3_stmt *st;
	int problem = SQLITE_OK;
	int rc = sqlite3_prepare_v2(db->handle,
		SELECT_JOB "WHERE done = 0 AND id <= ? ORDER BY id", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)last_id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_left *left;
		rc = read_job(db, st, &left);
		if (left) {
			take(ctx, left);
			store_left_free(left, false);
		} else if (rc == SQLITE_NOMEM) {
			problem = rc;
		} else {
			break;
		}
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? problem : rc;
}

/* Of the jobs that a run's job has become, one after the other, the last. */
#define JOB_OF_RUN                                                                 \
	"WITH RECURSIVE heir (id, nth) AS (SELECT job_id, 0 FROM run WHERE id = ?" \
	" UNION ALL SELECT followed_by, nth + 1 FROM job JOIN heir USING (id)"     \
	" WHERE followed_by NOTNULL AND nth < 10000)"                              \
	" SELECT id FROM heir ORDER BY nth DESC LIMIT 1"

int store_left_of_run(struct store_db *db, uint64_t run_id, struct store_left **left)
{
	sqlite3_stmt *st;
	*left = NULL;
	int rc = sqlite3_prepare_v2(
		db->handle, SELECT_JOB "WHERE id = (" JOB_OF_RUN ")", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)run_id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		rc = read_job(db, st, left);
	sqlite3_finalize(st);
	if (*left && (*left)->event_count == 0) {
		store_left_free(*left, true);
		*left = NULL;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
