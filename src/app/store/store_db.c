/* SPDX-License-Identifier: MIT */
#include "app/store/store_db.h"

#include "base/buf.h"
#include "base/countof.h"
#include "os/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS 2000
#define CHECK_NS UINT64_C(30000000) /* what an unclean end may cost at the start */
#define CHECK_STEPS 1000 /* of SQLite's machine between two looks at the clock */

#define JOB_COLUMNS                                                                    \
	"id, rule, key, attempt, failures, count, truncated, run_id, added_ns, done, " \
	"followed_by, failure, failure_status, failure_run_id, failure_output"
/* The columns of a job, and when its run started: NULL where that is not known. */
#define GET_JOB               \
	"SELECT " JOB_COLUMNS \
	", (SELECT started_ns FROM run WHERE run.id = job.run_id) FROM job "
/* The last of the jobs that a run's job has become, one after the other. */
#define JOB_OF_RUN                                                                 \
	"WITH RECURSIVE heir (id, nth) AS (SELECT job_id, 0 FROM run WHERE id = ?" \
	" UNION ALL SELECT followed_by, nth + 1 FROM job JOIN heir USING (id)"     \
	" WHERE followed_by NOTNULL AND nth < 10000)"                              \
	" SELECT id FROM heir ORDER BY nth DESC LIMIT 1"

static const char *const sqls[] = {
	[STORE_DB_PUT_JOB] =
		"INSERT INTO job (" JOB_COLUMNS ") VALUES"
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
	[STORE_DB_GET_STATE] =
		"SELECT clean, last_job_id, last_run_id, last_event_seq FROM state",
	[STORE_DB_GET_JOBS] = GET_JOB "WHERE done = 0 AND id <= ? ORDER BY id",
	[STORE_DB_GET_JOB] = GET_JOB "WHERE id = (" JOB_OF_RUN ")",
	[STORE_DB_GET_PAUSES] = "SELECT rule, until_ns FROM pause",
	[STORE_DB_GET_RULES] = "SELECT DISTINCT rule FROM job WHERE done = 0",
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

int store_db_exec(struct store_db *db, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *sql = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	int rc = sql ? sqlite3_exec(db->handle, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

int64_t store_db_number(struct store_db *db, int64_t otherwise, const char *fmt, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	va_start(ap, fmt);
	char *sql = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	if (sql && sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK &&
		sqlite3_step(st) == SQLITE_ROW)
		otherwise = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_free(sql);
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
	else if (which == STORE_DB_GET_EVENTS)
		store_schema_add_select(&sql, &store_schema_event);
	else
		buf_add_str(&sql, sqls[which]);
	if (which == STORE_DB_GET_EVENTS)
		buf_add_str(&sql, " WHERE job_id = ? ORDER BY seq");
	return buf_take(&sql);
}

static int prepare(struct store_db *db, enum store_db_stmt which)
{
	char *sql = db->handle ? sql_of(which) : NULL;
	int rc = sql ? sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
			       &db->stmts[which], NULL)
		     : SQLITE_NOMEM;
	free(sql);
	return rc;
}

struct store_db_cursor store_db_begin(struct store_db *db, enum store_db_stmt which)
{
	struct store_db_cursor c = {0};
	if (!db->stmts[which])
		c.rc = prepare(db, which);
	c.st = db->stmts[which];
	return c;
}

bool store_db_next(struct store_db_cursor *c)
{
	if (c->rc == SQLITE_OK) {
		int rc = sqlite3_step(c->st);
		if (rc == SQLITE_ROW)
			return true;
		if (rc != SQLITE_DONE)
			c->rc = rc;
	}
	sqlite3_reset(c->st);
	return false;
}

int store_db_finish(struct store_db_cursor *c)
{
	while (store_db_next(c))
		;
	return c->rc;
}

static void bound(struct store_db_cursor *c, int rc)
{
	if (c->rc == SQLITE_OK)
		c->rc = rc;
}

void store_db_bind_u64(struct store_db_cursor *c, uint64_t v)
{
	bound(c, sqlite3_bind_int64(c->st, ++c->at, (sqlite3_int64)v));
}

void store_db_bind_text(struct store_db_cursor *c, const char *s)
{
	bound(c, sqlite3_bind_text(c->st, ++c->at, s, -1, SQLITE_STATIC));
}

void store_db_bind_blob(struct store_db_cursor *c, const void *bytes, size_t len)
{
	bound(c, sqlite3_bind_blob64(c->st, ++c->at, bytes, len, SQLITE_STATIC));
}

void store_db_bind_field(
	struct store_db_cursor *c, const void *of, const struct store_column *column)
{
	const void *field = (const char *)of + column->at;
	switch (column->form) {
	case STORE_UID:
		if (*(const uint32_t *)field == ACTOR_ID_UNKNOWN)
			store_db_bind_text(c, NULL);
		else
			store_db_bind_u64(c, *(const uint32_t *)field);
		break;
	case STORE_U32:
		store_db_bind_u64(c, *(const uint32_t *)field);
		break;
	case STORE_U64:
	case STORE_TIME:
		store_db_bind_u64(c, *(const uint64_t *)field);
		break;
	case STORE_BOOL:
		store_db_bind_u64(c, *(const bool *)field);
		break;
	case STORE_TEXT:
		store_db_bind_text(c, *(const char *const *)field);
		break;
	case STORE_CHARS:
		store_db_bind_text(c, field);
		break;
	case STORE_BLOB:
		store_db_bind_blob(c, *(const char *const *)field,
			*(const size_t *)((const char *const *)field + 1));
		break;
	case STORE_TARGET: {
		struct fanrec_handle target = change_target(field);
		store_db_bind_blob(c, target.bytes, target.len);
	}
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
	store_schema_add_tables(&sql);
	int rc = sql.failed
			 ? SQLITE_NOMEM
			 : store_db_exec(db,
				   "BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
				   sql.data, STORE_SCHEMA_VERSION);
	buf_fini(&sql);
	return rc;
}

int store_db_read_state(struct store_db *db, struct store_db_state *state)
{
	struct store_db_cursor c = store_db_begin(db, STORE_DB_GET_STATE);
	bool is_there = false;
	*state = (struct store_db_state){0};
	for (; store_db_next(&c); is_there = true)
		*state = (struct store_db_state){
			.is_clean = store_db_u64(&c, 0) != 0,
			.job_id = store_db_u64(&c, 1),
			.run_id = store_db_u64(&c, 2),
			.seq = store_db_u64(&c, 3),
		};
	return c.rc == SQLITE_OK && !is_there ? SQLITE_CORRUPT : c.rc;
}

bool store_db_has_column(struct store_db *db, const char *table, const char *column)
{
	return store_db_number(db, 0,
		       "SELECT count(*) FROM pragma_table_info(%Q) WHERE name = %Q",
		       table, column) > 0;
}

/* Give a table the columns that it did not have when an older version made it. */
static int add_columns(struct store_db *db, const struct store_table *table)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < table->count; i++) {
		const struct store_column *c = &table->columns[i];
		if (!store_db_has_column(db, table->name, c->name))
			rc = store_db_exec(db, "ALTER TABLE %s ADD COLUMN %s %s",
				table->name, c->name, c->type);
	}
	return rc;
}

int store_db_add_columns(struct store_db *db)
{
	int rc = add_columns(db, &store_schema_event);
	return rc == SQLITE_OK ? add_columns(db, &store_schema_run) : rc;
}

/* See whose tables the database has, and make ours in one that is empty. */
static int take_over(struct store_db *db, const char **reason)
{
	struct store_db_state state;
	int64_t version = store_db_number(db, -1, "PRAGMA user_version");
	int64_t tables = store_db_number(db, -1, "SELECT count(*) FROM sqlite_schema");
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
	db->runs = (uint64_t)store_db_number(db, 0, "SELECT count(*) FROM run");
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
		if (rc == SQLITE_OK && store_db_number(db, 0, "PRAGMA user_version") >
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
