/* SPDX-License-Identifier: MIT */
#include "app/store_db.h"

#include "base/countof.h"
#include "os/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS 2000
#define CHECK_NS UINT64_C(30000000) /* what an unclean end may cost at the start */
#define CHECK_STEPS 1000 /* of SQLite's machine between two looks at the clock */

/* How the columns of STORE_DB_CHANGE_COLUMNS are declared, by their forms. */
#define SQL_U32 "INTEGER NOT NULL"
#define SQL_U64 "INTEGER NOT NULL"
#define SQL_BOOL "INTEGER NOT NULL"
#define SQL_UID "INTEGER"
#define SQL_TEXT "TEXT"
#define SQL_COMM "TEXT NOT NULL"
#define SQL_ANCESTORS "BLOB"
#define SQL_TARGET "BLOB"
#define DECLARED(name, form, field) ", " #name " " SQL_##form
#define CHANGE_DECLARED STORE_DB_CHANGE_COLUMNS(DECLARED)
#define VALUE(name, form, field) ", ?"
#define CHANGE_VALUES STORE_DB_CHANGE_COLUMNS(VALUE)

/*
 * The tables. Times are CLOCK_REALTIME in ns, or spans in ns where the name says duration
 * or queued. Text holds the bytes as they are. UINT64_MAX is -1.
 *
 *  state  one row: the highest numbers that were ever used, and whether the daemon had
 *         written all when it ended
 *  job    done = 0: waits, or runs as run_id; done = 1: kept as long as one of its runs is.
 *         followed_by: all its events went to that job. failure…: of jobs for on-failure
 *  event  one event of a job: what happened (kind: what it is for the rule; kinds: all that
 *         the kernel merged; masks of core/event.h), who did it, and which file it was
 *  run    one execution: what it was about, how long it waited and ran, how it ended
 *         (outcome 'running': it has not)
 *  pause  rules that were paused by hand, until when
 */
static const char schema[] =
	"CREATE TABLE state ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" clean INTEGER NOT NULL,"
	" last_job_id INTEGER NOT NULL,"
	" last_run_id INTEGER NOT NULL,"
	" last_event_seq INTEGER NOT NULL);"
	"INSERT INTO state VALUES (1, 1, 0, 0, 0);"
	"CREATE TABLE job ("
	" id INTEGER PRIMARY KEY,"
	" rule TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" attempt INTEGER NOT NULL,"
	" failures INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" truncated INTEGER NOT NULL,"
	" run_id INTEGER NOT NULL,"
	" added_ns INTEGER NOT NULL,"
	" done INTEGER NOT NULL,"
	" followed_by INTEGER,"
	" failure TEXT,"
	" failure_status INTEGER,"
	" failure_run_id INTEGER,"
	" failure_output BLOB);"
	"CREATE INDEX job_open ON job (id) WHERE done = 0;"
	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY,"
	" job_id INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" path TEXT,"
	" old_path TEXT" CHANGE_DECLARED ");"
	"CREATE INDEX event_of_job ON event (job_id);"
	"CREATE TABLE run ("
	" id INTEGER PRIMARY KEY,"
	" job_id INTEGER NOT NULL,"
	" rule TEXT NOT NULL,"
	" on_failure INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" event TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" cmd TEXT NOT NULL,"
	" user TEXT NOT NULL,"
	" pid INTEGER NOT NULL,"
	" queued_ns INTEGER NOT NULL,"
	" started_ns INTEGER NOT NULL,"
	" duration_ns INTEGER NOT NULL,"
	" outcome TEXT NOT NULL,"
	" status INTEGER NOT NULL,"
	" user_us INTEGER NOT NULL,"
	" system_us INTEGER NOT NULL,"
	" max_rss_kib INTEGER NOT NULL,"
	" output BLOB);"
	"CREATE INDEX run_started ON run (started_ns);"
	"CREATE INDEX run_of_job ON run (job_id);"
	"CREATE TABLE pause (rule TEXT PRIMARY KEY, until_ns INTEGER NOT NULL)"
	" WITHOUT ROWID;";

static const char *const sqls[] = {
	[STORE_DB_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_DB_COMMIT] = "COMMIT",
	[STORE_DB_ROLLBACK] = "ROLLBACK",
	[STORE_DB_PUT_JOB] =
		"INSERT INTO job (" STORE_DB_JOB_COLUMNS ") VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
		" ON CONFLICT (id) DO UPDATE SET rule = ?2, key = ?3, attempt = ?4,"
		" failures = ?5, count = ?6, truncated = ?7, run_id = ?8, added_ns = ?9,"
		" done = max(done, ?10), followed_by = ifnull(?11, followed_by),"
		" failure = ?12, failure_status = ?13, failure_run_id = ?14,"
		" failure_output = ?15",
	[STORE_DB_END_JOB] =
		"UPDATE job SET done = 1, followed_by = ifnull(?2, followed_by),"
		" run_id = 0 WHERE id = ?1",
	[STORE_DB_TRIM_JOB] =
		"DELETE FROM event WHERE job_id = ?1 AND seq <= (SELECT seq FROM event"
		" WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	[STORE_DB_CUT_JOB] = "UPDATE job SET truncated = 1 WHERE id = ?1",
	[STORE_DB_DELETE_JOB] = "DELETE FROM job WHERE id = ?1"
				" AND NOT EXISTS (SELECT 1 FROM run WHERE job_id = ?1)",
	[STORE_DB_DELETE_EVENTS] = "DELETE FROM event WHERE job_id = ?1",
	[STORE_DB_ADD_EVENT] =
		"INSERT OR REPLACE INTO event (" STORE_DB_EVENT_COLUMNS ") VALUES"
		" (?, ?, ?, ?, ?" CHANGE_VALUES ")",
	[STORE_DB_DROP_EVENT] = "DELETE FROM event WHERE seq = ?",
	[STORE_DB_MOVE_EVENTS] = "UPDATE event SET job_id = ?2 WHERE job_id = ?1",
	[STORE_DB_PUT_RUN] =
		"INSERT OR REPLACE INTO run (" STORE_DB_RUN_COLUMNS ") VALUES"
		" (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

sqlite3_stmt *store_db_stmt(struct store_db *db, enum store_db_stmt which, int *rc)
{
	*rc = SQLITE_OK;
	if (!db->stmts[which])
		*rc = sqlite3_prepare_v3(db->handle, sqls[which], -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmts[which], NULL);
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

void store_db_bind_null(struct store_db_binder *b)
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
	char version[48];
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", STORE_DB_SCHEMA);
	int rc = store_db_exec(db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK)
		rc = store_db_exec(db, schema);
	if (rc == SQLITE_OK)
		rc = store_db_exec(db, version);
	if (rc == SQLITE_OK)
		rc = store_db_exec(db, "COMMIT");
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

/*
 * See whose tables these are, and make them in a database that is empty. Older schemas
 * would be brought up to date here, step by step.
 */
static int take_over(struct store_db *db, const char **reason)
{
	struct store_db_state state;
	int64_t version = store_db_number(db, "PRAGMA user_version", -1);
	int64_t tables = store_db_number(db, "SELECT count(*) FROM sqlite_schema", -1);
	if (version < 0 || tables < 0)
		return sqlite3_errcode(db->handle);
	if (version > STORE_DB_SCHEMA) {
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
	return rc;
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
	static const char *const settings[] = {
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = NORMAL",
		"PRAGMA journal_size_limit = 4194304",
		"PRAGMA temp_store = MEMORY",
	};
	for (size_t i = 0; rc == SQLITE_OK && i < countof(settings); i++)
		rc = store_db_exec(db, settings[i]);
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
		if (rc == SQLITE_OK &&
			store_db_number(db, "PRAGMA user_version", 0) > STORE_DB_SCHEMA)
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
