/* SPDX-License-Identifier: MIT */
#include "app/store/store_runs.h"

#include "app/jsontext.h"
#include "base/buf.h"
#include "core/text/when.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
	return c->form == STORE_OTHER && !q->with_output;
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

static int prepare(struct store_db *db, const struct store_query *q, sqlite3_stmt **st)
{
	char *sql = sql_of(db, q);
	if (!sql)
		return SQLITE_NOMEM;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, st, NULL);
	free(sql);
	if (rc != SQLITE_OK)
		return rc;
	if (q->run_id)
		sqlite3_bind_int64(*st, 1, (sqlite3_int64)q->run_id);
	if (q->rule)
		sqlite3_bind_text(*st, 2, q->rule, -1, SQLITE_STATIC);
	if (q->since_ns)
		sqlite3_bind_int64(*st, 3, (sqlite3_int64)q->since_ns);
	return sqlite3_bind_int64(*st, 4, q->limit ? (sqlite3_int64)q->limit : -1);
}

int store_runs_read(struct store_db *db, const struct store_query *query, json_t **runs)
{
	sqlite3_stmt *st = NULL;
	*runs = NULL;
	int rc = prepare(db, query, &st);
	json_t *all = rc == SQLITE_OK ? json_array() : NULL;
	while (all && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (json_array_append_new(all, run_object(st, query)) < 0) {
			json_decref(all);
			all = NULL;
		}
	}
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	else if (rc == SQLITE_OK || rc == SQLITE_ROW)
		rc = SQLITE_NOMEM;
	sqlite3_finalize(st);
	if (rc == SQLITE_OK)
		*runs = all;
	else
		json_decref(all);
	return rc;
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
		rc = store_runs_read(&db, query, &runs);
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
