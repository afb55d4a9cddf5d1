/* SPDX-License-Identifier: MIT */
#include "app/store/store_db.h"

#include "base/buf.h"
#include "base/countof.h"
#include "os/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS 2000
#define CHECK_NS UINT64_C(30000000) /* what an unclean end may cost at the start */
#define CHECK_STEPS 1000 /* of SQLite's machine between two looks at the clock */

static const char *const sqls[] = {
	[STORE_DB_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_DB_COMMIT] = "COMMIT",
	[STORE_DB_ROLLBACK] = "ROLLBACK",
	[STORE_DB_PUT_JOB] =
		"INSERT INTO job (" STORE_DB_JOB_COLUMNS ") VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, nullif(?11, 0), ?12, ?13, "
		"?14, ?15)"
		" ON CONFLICT (id) DO UPDATE SET rule = ?2, key = ?3, attempt = ?4,"
		" failures = ?5, count = ?6, truncated = ?7, run_id = ?8, added_ns = ?9,"
		" done = max(done, ?10), followed_by = ifnull(nullif(?11, 0), "
		"followed_by),"
		" failure = ?12, failure_status = ?13, failure_run_id = ?14,"
		" failure_output = ?15",
	[STORE_DB_END_JOB] = "UPDATE job SET done = 1, followed_by = ifnull(nullif(?2, "
			     "0), followed_by),"
			     " run_id = 0 WHERE id = ?1",
	[STORE_DB_TRIM_JOB] =
		"DELETE FROM event WHERE job_id = ?1 AND seq <= (SELECT seq FROM event"
		" WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	[STORE_DB_CUT_JOB] = "UPDATE job SET truncated = 1 WHERE id = ?1",
	[STORE_DB_DELETE_JOB] = "DELETE FROM job WHERE id = ?1"
				" AND NOT EXISTS (SELECT 1 FROM run WHERE job_id = ?1)",
	[STORE_DB_DELETE_EVENTS] = "DELETE FROM event WHERE job_id = ?1",
	[STORE_DB_DROP_EVENT] = "DELETE FROM event WHERE seq = ?",
	[STORE_DB_MOVE_EVENTS] = "UPDATE event SET job_id = ?2 WHERE job_id = ?1",
	[STORE_DB_PUT_PAUSE] = "INSERT OR REPLACE INTO pause VALUES (?, ?)",
	[STORE_DB_DROP_PAUSE] = "DELETE FROM pause WHERE rule = ?",
	[STORE_DB_PUT_STATE] =
		"UPDATE state SET clean = ?, last_job_id = max(last_job_id, ?),"
		" last_run_id = max(last_run_id, ?),"
		" last_event_seq = max(last_event_seq, ?)",
};
static_assert(countof(sqls) == STORE_DB_STMTS, "a statement each");

enum store_db_fault store_db_fault(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_DB_FINE;
	case SQLITE_NOMEM:
		return STORE_DB_NO_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* such as "no such table" */
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return STORE_DB_BROKEN;
	default:
		return STORE_DB_UNUSABLE;
	}
}

/* ---- Statements ---- */

int store_db_exec(struct store_db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

int64_t store_db_number(struct store_db *db, const char *sql, int64_t otherwise)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) != SQLITE_OK)
		return otherwise;
	if (sqlite3_step(st) == SQLITE_ROW)
		otherwise = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return otherwise;
}

/* The text of a statement; NULL: no memory. */
static char *sql_of(enum store_db_stmt which)
{
	struct buf sql = {0};
	if (which == STORE_DB_ADD_EVENT)
		store_schema_add_insert(&sql, &store_schema_event);
	else if (which == STORE_DB_PUT_RUN)
		store_schema_add_insert(&sql, &store_schema_run);
	else
		buf_add_str(&sql, sqls[which]);
	return buf_take(&sql);
}

sqlite3_stmt *store_db_stmt(struct store_db *db, enum store_db_stmt which, int *rc)
{
	*rc = SQLITE_OK;
	if (db->stmts[which])
		return db->stmts[which];
	char *sql = sql_of(which);
	*rc = sql ? sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
			    &db->stmts[which], NULL)
		  : SQLITE_NOMEM;
	free(sql);
	return db->stmts[which];
}

int store_db_run(sqlite3_stmt *st)
{
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		;
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_db_do(struct store_db *db, enum store_db_stmt which)
{
	int rc;
	sqlite3_stmt *st = store_db_stmt(db, which, &rc);
	return st ? store_db_run(st) : rc;
}

static void bound(struct store_db_binder *b, int rc)
{
	if (rc != SQLITE_OK)
		b->rc = rc;
}

void store_db_bind_u64(struct store_db_binder *b, uint64_t v)
{
	bound(b, sqlite3_bind_int64(b->st, ++b->at, (sqlite3_int64)v));
}

static void bind_null(struct store_db_binder *b)
{
	bound(b, sqlite3_bind_null(b->st, ++b->at));
}

void store_db_bind_text(struct store_db_binder *b, const char *s)
{
	bound(b, sqlite3_bind_text(b->st, ++b->at, s, -1, SQLITE_STATIC));
}

void store_db_bind_blob(struct store_db_binder *b, const void *bytes, size_t len)
{
	bound(b, sqlite3_bind_blob64(b->st, ++b->at, bytes, len, SQLITE_STATIC));
}

void store_db_bind_field(
	struct store_db_binder *b, const void *of, const struct store_column *column)
{
	const void *field = (const char *)of + column->at;
	switch (column->form) {
	case STORE_U32:
		store_db_bind_u64(b, *(const uint32_t *)field);
		break;
	case STORE_U64:
	case STORE_TIME:
		store_db_bind_u64(b, *(const uint64_t *)field);
		break;
	case STORE_BOOL:
		store_db_bind_u64(b, *(const bool *)field);
		break;
	case STORE_UID:
		if (*(const uint32_t *)field == ACTOR_ID_UNKNOWN)
			bind_null(b);
		else
			store_db_bind_u64(b, *(const uint32_t *)field);
		break;
	case STORE_TEXT:
		store_db_bind_text(b, *(const char *const *)field);
		break;
	case STORE_CHARS:
		store_db_bind_text(b, field);
		break;
	case STORE_OTHER:
		assert(!"a column that its owner binds");
	}
}

/* ---- Opening and closing ---- */

int store_db_make_file(const char *path)
{
	return mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST ? 0 : -1;
}

static int stop_check(void *ctx)
{
	const uint64_t *until_ns = ctx;
	return clock_monotonic_ns() > *until_ns;
}

/* Every page, or as many as there is time for (0: all). */
static int check_pages(struct store_db *db, uint64_t limit_ns)
{
	uint64_t until_ns = clock_monotonic_ns() + limit_ns;
	sqlite3_stmt *st;
	if (limit_ns)
		sqlite3_progress_handler(db->handle, CHECK_STEPS, stop_check, &until_ns);
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		const char *said = rc == SQLITE_ROW
					   ? (const char *)sqlite3_column_text(st, 0)
					   : NULL;
		if (said)
			rc = strcmp(said, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
		sqlite3_finalize(st);
	}
	sqlite3_progress_handler(db->handle, 0, NULL, NULL);
	return rc == SQLITE_INTERRUPT || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int make_tables(struct store_db *db)
{
	struct buf sql = {0};
	buf_add_str(&sql, "BEGIN IMMEDIATE;");
	store_schema_add_tables(&sql);
	buf_printf(&sql, "PRAGMA user_version = %d; COMMIT", STORE_SCHEMA_VERSION);
	int rc = sql.failed ? SQLITE_NOMEM : store_db_exec(db, sql.data);
	buf_fini(&sql);
	return rc;
}

int store_db_read_state(struct store_db *db, struct store_db_state *state)
{
	sqlite3_stmt *st;
	*state = (struct store_db_state){0};
	int rc = sqlite3_prepare_v2(db->handle,
		"SELECT clean, last_job_id, last_run_id, last_event_seq FROM state", -1,
		&st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		state->is_clean = sqlite3_column_int(st, 0) != 0;
		state->job_id = (uint64_t)sqlite3_column_int64(st, 1);
		state->run_id = (uint64_t)sqlite3_column_int64(st, 2);
		state->seq = (uint64_t)sqlite3_column_int64(st, 3);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

bool store_db_has_column(struct store_db *db, const char *table, const char *column)
{
	char sql[128];
	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'", table,
		column);
	return store_db_number(db, sql, 0) > 0;
}

/* Give a table the columns that it did not have when an older version made it. */
static int add_columns(struct store_db *db, const struct store_table *table)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < table->count; i++) {
		const struct store_column *c = &table->columns[i];
		char sql[128];
		if (store_db_has_column(db, table->name, c->name))
			continue;
		snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s %s", table->name,
			c->name, c->type);
		rc = store_db_exec(db, sql);
	}
	return rc;
}

int store_db_add_columns(struct store_db *db)
{
	int rc = add_columns(db, &store_schema_event);
	return rc == SQLITE_OK ? add_columns(db, &store_schema_run) : rc;
}

/* See whose tables these are, and make them in a database that is empty. */
static int take_over(struct store_db *db, const char **reason)
{
	struct store_db_state state;
	int64_t version = store_db_number(db, "PRAGMA user_version", -1);
	int64_t tables = store_db_number(db, "SELECT count(*) FROM sqlite_schema", -1);
	if (version < 0 || tables < 0)
		return sqlite3_errcode(db->handle);
	if (version > STORE_SCHEMA_VERSION) {
		*reason = "it was made by a newer version of fsmon";
		return SQLITE_CANTOPEN;
	}
	if (version == 0 && tables == 0)
		return make_tables(db);
	if (version == 0) {
		*reason = "it is not a database of fsmon";
		return SQLITE_NOTADB;
	}
	int rc = store_db_read_state(db, &state);
	if (rc == SQLITE_OK && !state.is_clean)
		rc = check_pages(db, CHECK_NS);
	return rc == SQLITE_OK ? store_db_add_columns(db) : rc;
}

static int connect_to(struct store_db *db, const char *path, int flags)
{
	int rc = sqlite3_open_v2(path, &db->handle,
		flags | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_FULLMUTEX, NULL);
	if (rc == SQLITE_OK)
		sqlite3_busy_timeout(db->handle, BUSY_MS);
	return rc;
}

/* Give up: the result. Where the system has said why, that is the reason. */
static int refuse(struct store_db *db, int rc, const char **reason)
{
	int error = db->handle ? sqlite3_system_errno(db->handle) : 0;
	if (!*reason && error && store_db_fault(rc) == STORE_DB_UNUSABLE)
		*reason = strerrordesc_np(error);
	store_db_close(db, false);
	return rc == SQLITE_OK ? SQLITE_CANTOPEN : rc;
}

int store_db_open(struct store_db *db, const char *path, const char **reason)
{
	*db = (struct store_db){0};
	*reason = NULL;
	if (strlcpy(db->path, path, sizeof(db->path)) >= sizeof(db->path))
		return SQLITE_CANTOPEN;
	if (store_db_make_file(path) < 0) {
		*reason = strerrordesc_np(errno);
		return SQLITE_CANTOPEN;
	}
	int rc = connect_to(db, path, SQLITE_OPEN_READWRITE);
	if (rc == SQLITE_OK && sqlite3_db_readonly(db->handle, "main") == 1) {
		*reason = "it cannot be opened for writing";
		rc = SQLITE_READONLY;
	}
	/* auto_vacuum is asked of an empty file before anything is in it. */
	if (rc == SQLITE_OK)
		rc = store_db_exec(db,
			"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
			"PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = "
			"4194304;"
			"PRAGMA temp_store = MEMORY");
	if (rc == SQLITE_OK)
		rc = take_over(db, reason);
	if (rc != SQLITE_OK)
		return refuse(db, rc, reason);
	store_db_note_file(db);
	db->runs = (uint64_t)store_db_number(db, "SELECT count(*) FROM run", 0);
	return SQLITE_OK;
}

int store_db_open_memory(struct store_db *db)
{
	const char *reason = NULL;
	*db = (struct store_db){0};
	/* What is attached to it later is opened with the same flags. */
	int rc = connect_to(db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (rc == SQLITE_OK)
		rc = store_db_exec(db,
			"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA temp_store = MEMORY");
	if (rc == SQLITE_OK)
		rc = make_tables(db);
	return rc == SQLITE_OK ? rc : refuse(db, rc, &reason);
}

/* An immutable database is read without its log, so there must be nothing in that. */
static bool has_log(const char *path)
{
	char log[PATH_MAX + 8];
	struct stat st;
	snprintf(log, sizeof(log), "%s-wal", path);
	return stat(log, &st) == 0 && st.st_size > 0;
}

/* A file's name as a URI. */
static void uri_of(const char *path, char *uri, size_t size, const char *query)
{
	size_t len = strlcpy(uri, "file:", size);
	for (; *path && len + 4 < size; path++)
		len += (size_t)snprintf(uri + len, size - len,
			strchr("?#%", *path) ? "%%%02X" : "%c", (unsigned char)*path);
	strlcat(uri, query, size);
}

int store_db_open_salvage(struct store_db *db, const char *path)
{
	static const struct {
		int flags;
		const char *query;
		const char *setting;
	} ways[] = {
		{SQLITE_OPEN_READONLY, "", ""},
		/* The index of the log is in memory of its own, not in a file. */
		{SQLITE_OPEN_READWRITE, "", "PRAGMA locking_mode = EXCLUSIVE"},
		{SQLITE_OPEN_READONLY, "?immutable=1", ""},
	};
	char uri[3 * PATH_MAX + 32];
	int rc = SQLITE_CANTOPEN;
	for (size_t i = 0; i < countof(ways); i++) {
		if (*ways[i].query && has_log(path))
			continue;
		*db = (struct store_db){0};
		uri_of(path, uri, sizeof(uri), ways[i].query);
		rc = connect_to(db, uri, ways[i].flags | SQLITE_OPEN_URI);
		if (rc == SQLITE_OK)
			rc = store_db_exec(db, ways[i].setting);
		struct store_db_state state;
		if (rc == SQLITE_OK && store_db_number(db, "PRAGMA user_version", 0) >
					       STORE_SCHEMA_VERSION)
			rc = SQLITE_CANTOPEN;
		if (rc == SQLITE_OK)
			rc = store_db_read_state(db, &state);
		if (rc == SQLITE_OK)
			return rc;
		store_db_close(db, false);
	}
	return rc;
}

void store_db_close(struct store_db *db, bool is_ours)
{
	if (!db->handle)
		return;
	for (size_t i = 0; i < STORE_DB_STMTS; i++)
		sqlite3_finalize(db->stmts[i]);
	/* The last to close takes the log away, by its name. */
	if (!is_ours)
		sqlite3_db_config(
			db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_close_v2(db->handle);
	*db = (struct store_db){0};
}

int store_db_check(const char *path)
{
	struct store_db db = {0};
	int rc = connect_to(&db, path, SQLITE_OPEN_READWRITE);
	if (rc == SQLITE_OK)
		rc = check_pages(&db, 0);
	store_db_close(&db, false);
	return rc;
}

void store_db_note_file(struct store_db *db)
{
	struct stat st;
	if (!db->path[0] || stat(db->path, &st) < 0)
		return;
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	db->mtime = st.st_mtim;
}
