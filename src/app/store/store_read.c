/* SPDX-License-Identifier: MIT */
#include "app/store/store_read.h"

#include "app/jsontext.h"
#include "base/grow.h"
#include "core/text/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Events ---- */

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

static void read_field(struct change *c, int column, sqlite3_stmt *st, bool *failed)
{
	const struct store_column *from = &store_schema_event.columns[column];
	void *field = (char *)c + from->at;
	sqlite3_int64 number = sqlite3_column_int64(st, column);
	switch (from->form) {
	case STORE_UID:
		if (sqlite3_column_type(st, column) == SQLITE_NULL)
			number = ACTOR_ID_UNKNOWN;
		*(uint32_t *)field = (uint32_t)number;
		break;
	case STORE_U32:
		*(uint32_t *)field = (uint32_t)number;
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
	case STORE_BLOB:
		*(char **)field =
			copy_blob(st, column, (size_t *)((char **)field + 1), failed);
		break;
	case STORE_TARGET:
		read_target(c, st, column);
		break;
	}
}

/* Make values of what is none of its kind: somebody may have written into the table. */
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
static int read_event(const struct store_db_cursor *row, struct store_event *e)
{
	bool failed = false;
	struct change *c = change_new(store_db_text(row, 3), store_db_text(row, 4));
	if (!c)
		return SQLITE_NOMEM;
	for (size_t i = STORE_SCHEMA_CHANGE; i < store_schema_event.count; i++)
		read_field(c, (int)i, row->st, &failed);
	make_sane(c);
	*e = (struct store_event){
		.seq = store_db_u64(row, 0),
		.view = view_of(c, (uint32_t)store_db_u64(row, 2), NULL),
	};
	return failed ? SQLITE_NOMEM : SQLITE_OK;
}

static int read_events(struct store_db *db, struct store_saved *saved)
{
	struct store_db_cursor c = store_db_begin(db, STORE_DB_GET_EVENTS);
	store_db_bind_u64(&c, saved->job.id);
	while (store_db_next(&c)) {
		if (grow(saved->events, saved->event_count) < 0) {
			c.rc = SQLITE_NOMEM;
			continue;
		}
		struct store_event *e = &saved->events[saved->event_count];
		*e = (struct store_event){0};
		c.rc = read_event(&c, e);
		saved->event_count += e->view.change != NULL;
	}
	return c.rc;
}

/* ---- Jobs ---- */

void store_read_free(struct store_saved *saved, bool with_changes)
{
	if (!saved)
		return;
	for (size_t i = 0; with_changes && i < saved->event_count; i++)
		change_unref(saved->events[i].view.change);
	free((struct outcome *)saved->job.failure);
	free((char *)saved->job.rule);
	free((char *)saved->job.key);
	free(saved->events);
	free(saved);
}

static struct outcome *read_failure(const struct store_db_cursor *row, bool *failed)
{
	const struct outcome o = {
		.kind = outcome_kind_of(store_db_text(row, 11)),
		.shell_status = (int)store_db_u64(row, 12),
		.output = sqlite3_column_blob(row->st, 14),
		.output_len = (size_t)sqlite3_column_bytes(row->st, 14),
	};
	struct outcome *copy = outcome_copy(&o);
	*failed = *failed || !copy;
	return copy;
}

/* The job of a row, with its events. */
static int read_job(struct store_db *db, const struct store_db_cursor *row,
	struct store_saved **saved)
{
	bool failed = false;
	struct store_saved *s = calloc(1, sizeof(*s));
	if (!s)
		return SQLITE_NOMEM;
	s->job = (struct store_job){
		.id = store_db_u64(row, 0),
		.rule = copy_text(row->st, 1, &failed),
		.key = copy_text(row->st, 2, &failed),
		.attempt = (uint32_t)store_db_u64(row, 3),
		.failures = (uint32_t)store_db_u64(row, 4),
		.count = store_db_u64(row, 5),
		.truncated = store_db_u64(row, 6) != 0,
		.run_id = store_db_u64(row, 7),
		.added_ns = store_db_u64(row, 8),
		.failure_run_id = store_db_u64(row, 13),
		.run_started_ns = store_db_u64(row, 15),
	};
	if (store_db_text(row, 11))
		s->job.failure = read_failure(row, &failed);
	int rc =
		failed || !s->job.rule || !s->job.key ? SQLITE_NOMEM : read_events(db, s);
	if (s->job.count > s->event_count)
		s->job.truncated = true;
	if (rc == SQLITE_OK)
		*saved = s;
	else
		store_read_free(s, true);
	return rc;
}

int store_read_jobs(struct store_db *db, uint64_t last_id,
	void (*take)(void *ctx, const struct store_saved *saved), void *ctx)
{
	int problem = SQLITE_OK;
	struct store_db_cursor c = store_db_begin(db, STORE_DB_GET_JOBS);
	store_db_bind_u64(&c, last_id);
	while (store_db_next(&c)) {
		struct store_saved *saved;
		int rc = read_job(db, &c, &saved);
		if (rc == SQLITE_OK) {
			take(ctx, saved);
			store_read_free(saved, false);
		} else if (rc == SQLITE_NOMEM) {
			problem = rc;
		} else {
			c.rc = rc;
		}
	}
	return c.rc == SQLITE_OK ? problem : c.rc;
}

int store_read_job(struct store_db *db, uint64_t run_id, struct store_saved **saved)
{
	struct store_db_cursor c = store_db_begin(db, STORE_DB_GET_JOB);
	*saved = NULL;
	store_db_bind_u64(&c, run_id);
	while (store_db_next(&c))
		c.rc = read_job(db, &c, saved);
	if (*saved && (*saved)->event_count == 0) {
		store_read_free(*saved, true);
		*saved = NULL;
	}
	return c.rc;
}

/* ---- One run ---- */

static json_t *value(sqlite3_stmt *st, int column, enum store_form form)
{
	if (form == STORE_BOOL)
		return json_boolean(sqlite3_column_int(st, column) != 0);
	if (form < STORE_TEXT)
		return json_integer(sqlite3_column_int64(st, column));
	const void *bytes = sqlite3_column_blob(st, column);
	return jsontext_bytes(
		bytes ? bytes : "", (size_t)sqlite3_column_bytes(st, column));
}

/* Add what a column says: a time as text and as a number. */
static int add_column(json_t *o, sqlite3_stmt *st, int i)
{
	const struct store_column *c = &store_schema_run.columns[i];
	const char *key = c->key ? c->key : c->name;
	if (c->form == STORE_TIME) {
		char time[WHEN_UTC_SIZE];
		when_utc(time, (uint64_t)sqlite3_column_int64(st, i));
		if (json_object_set_new(o, key, json_string(time)) < 0)
			return -1;
		key = c->name;
	}
	return json_object_set_new(o, key, value(st, i, c->form));
}

/* Whether a column is left out: only the output may be. */
static bool is_left_out(const struct store_column *c, const struct store_query *q)
{
	return c->form == STORE_BLOB && !q->with_output;
}

/* The run of a row. NULL with ENOMEM. */
static json_t *run_object(sqlite3_stmt *st, const struct store_query *q)
{
	json_t *o = json_object();
	for (size_t i = 0; o && i < store_schema_run.count; i++) {
		if (!is_left_out(&store_schema_run.columns[i], q) &&
			add_column(o, st, (int)i) < 0) {
			json_decref(o);
			o = NULL;
		}
	}
	return o;
}

/* ---- Queries ---- */

/* The query as SQL; the parameters are ?1 run, ?2 rule, ?3 since, ?4 limit. */
static char *sql_of(struct store_db *db, const struct store_query *q)
{
	struct buf b = {0};
	buf_add_str(&b, "SELECT ");
	for (size_t i = 0; i < store_schema_run.count; i++) {
		const struct store_column *c = &store_schema_run.columns[i];
		bool is_null =
			is_left_out(c, q) || !store_db_has_column(db, "run", c->name);
		buf_printf(&b, "%s%s", i ? ", " : "", is_null ? "NULL" : c->name);
	}
	buf_add_str(&b, " FROM run WHERE id IN (SELECT id FROM run WHERE 1");
	if (q->run_id)
		buf_add_str(&b, " AND id = ?1");
	if (q->rule)
		buf_add_str(&b, " AND rule = ?2");
	if (q->only_failed)
		buf_add_str(&b, " AND outcome NOT IN ('ok', 'running')");
	if (q->since_ns)
		buf_add_str(&b, " AND started_ns >= ?3");
	buf_add_str(&b, " ORDER BY started_ns DESC, id DESC LIMIT ?4)"
			" ORDER BY started_ns, id");
	return buf_take(&b);
}

/* The query, which the caller finalizes. */
static struct store_db_cursor begin(struct store_db *db, const struct store_query *q)
{
	struct store_db_cursor c = {0};
	char *sql = db->handle ? sql_of(db, q) : NULL;
	c.rc = sql ? sqlite3_prepare_v2(db->handle, sql, -1, &c.st, NULL) : SQLITE_NOMEM;
	free(sql);
	store_db_bind_u64(&c, q->run_id);
	store_db_bind_text(&c, q->rule);
	store_db_bind_u64(&c, q->since_ns);
	store_db_bind_u64(&c, q->limit ? q->limit : UINT64_MAX);
	return c;
}

int store_read_runs_of(
	struct store_db *db, const struct store_query *query, json_t **runs)
{
	struct store_db_cursor c = begin(db, query);
	*runs = json_array();
	if (!*runs)
		c.rc = SQLITE_NOMEM;
	while (store_db_next(&c)) {
		if (json_array_append_new(*runs, run_object(c.st, query)) < 0)
			c.rc = SQLITE_NOMEM;
	}
	sqlite3_finalize(c.st);
	if (c.rc != SQLITE_OK) {
		json_decref(*runs);
		*runs = NULL;
	}
	return c.rc;
}

json_t *store_read_runs(
	const char *dir, const struct store_query *query, const char **why)
{
	char path[PATH_MAX];
	struct stat sb;
	struct store_db db;
	json_t *runs = NULL;
	*why = NULL;
	if (snprintf(path, sizeof(path), "%s/%s", dir, STORE_DB_NAME) >=
		(int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (stat(path, &sb) < 0)
		return NULL;
	errno = 0;
	int rc = store_db_open_salvage(&db, path);
	if (rc == SQLITE_OK) {
		rc = store_read_runs_of(&db, query, &runs);
		store_db_close(&db, false);
	}
	if (runs)
		return runs;
	*why = sqlite3_errstr(rc);
	errno = store_db_fault(rc) == STORE_DB_NO_MEMORY ? ENOMEM
		: store_db_fault(rc) == STORE_DB_BROKEN  ? EINVAL
		: errno == EACCES                        ? EACCES
							 : EIO;
	return NULL;
}
