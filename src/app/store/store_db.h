/* SPDX-License-Identifier: MIT */
/*
 * One connection of the store to a database: the tables, its statements, and what its
 * errors mean.
 */
#ifndef FSMON_APP_STORE_STORE_DB_H
#define FSMON_APP_STORE_STORE_DB_H

#include "app/store/store_schema.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define STORE_DB_NAME "fsmon.db"

enum store_db_stmt {
	STORE_DB_PUT_JOB,
	STORE_DB_END_JOB, /* id, id of the one that follows it or 0 */
	STORE_DB_TRIM_JOB, /* id, number of events that it keeps */
	STORE_DB_CUT_JOB, /* id */
	STORE_DB_DELETE_JOB, /* id */
	STORE_DB_DELETE_EVENTS, /* id of their job */
	STORE_DB_ADD_EVENT,
	STORE_DB_DROP_EVENT, /* seq */
	STORE_DB_MOVE_EVENTS, /* from one job, to another */
	STORE_DB_PUT_RUN,
	STORE_DB_PUT_PAUSE, /* rule, until_ns */
	STORE_DB_DROP_PAUSE, /* rule */
	STORE_DB_PUT_STATE,
	STORE_DB_GET_STATE,
	STORE_DB_GET_JOBS, /* the highest id: those that are not done */
	STORE_DB_GET_JOB, /* id of a run: its job, or the last that this has become */
	STORE_DB_GET_EVENTS, /* id of their job */
	STORE_DB_GET_PAUSES,
	STORE_DB_GET_RULES, /* of jobs that are not done */
	STORE_DB_STMTS,
};

struct store_db {
	sqlite3 *handle; /* NULL: closed */
	sqlite3_stmt *stmts[STORE_DB_STMTS]; /* made when first used */
	char path[PATH_MAX]; /* "" in memory */
	/* The file as this process left it. */
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	uint64_t runs; /* that have ended, roughly */
	uint64_t new_events; /* since the last pruning */
	uint64_t pruned_ns; /* CLOCK_REALTIME of the last pruning */
};

/* What is to be done about an error. */
enum store_db_fault {
	STORE_DB_FINE,
	STORE_DB_NO_MEMORY,
	STORE_DB_UNUSABLE, /* the disk is full, read-only, locked …: may come back */
	STORE_DB_BROKEN, /* what is in the file is no database of ours */
};

enum store_db_fault store_db_fault(int rc);

/* The numbers that were used last, and whether the end was clean. */
struct store_db_state {
	bool is_clean;
	uint64_t job_id, run_id, seq;
};

/*
 * Open or make the database at `path`, see that it is sound as far as that is quick, and
 * that it is ours. Returns an SQLite result; all but SQLITE_OK leave it closed, and *reason
 * (static) says more than sqlite3_errstr where it is not NULL.
 */
int store_db_open(struct store_db *db, const char *path, const char **reason);

/* Make the file with its mode, if there is none. No connection of this process may be open to
 * it: to close any descriptor of a file gives up all locks on it. Returns 0, or -1 with
 * errno. */
int store_db_make_file(const char *path);

/* Open an empty database in memory. Returns an SQLite result. */
int store_db_open_memory(struct store_db *db);

/*
 * Open a database to be read only, in one of the ways that work where it cannot be written:
 * the directory may be read-only, the disk full. Returns an SQLite result.
 */
int store_db_open_salvage(struct store_db *db, const char *path);

/* Close it; what its path names by now may be another file: where `is_ours` is false
 * nothing there is touched. Closed is allowed. */
void store_db_close(struct store_db *db, bool is_ours);

/* Whether every page of the file is sound, as a fresh reader sees it. Takes long. Returns an
 * SQLite result. */
int store_db_check(const char *path);

/* Read the numbers used last. Returns an SQLite result. */
int store_db_read_state(struct store_db *db, struct store_db_state *state);

/* Remember the file as it is now, with what this process wrote. */
void store_db_note_file(struct store_db *db);

/* Run SQL without results, made as by sqlite3_mprintf (%Q: a text in quotes). Returns an SQLite
 * result. */
int store_db_exec(struct store_db *db, const char *fmt, ...);

/* The first column of the first row of a query, made likewise, or `otherwise`. */
int64_t store_db_number(struct store_db *db, int64_t otherwise, const char *fmt, ...);

/* Whether the table has that column: one that an older version made may lack some. */
bool store_db_has_column(struct store_db *db, const char *table, const char *column);

/* Give the tables of events and runs the columns that they lack. store_db_open does this.
 * Returns an SQLite result. */
int store_db_add_columns(struct store_db *db);

/*
 * A statement on its way: begun, its parameters bound one after the other, then finished, or
 * read row by row. All that is bound is borrowed until then. An error stays in rc, and nothing
 * is done after it; whoever reads may set one to end it.
 */
struct store_db_cursor {
	sqlite3_stmt *st; /* of the connection */
	int at; /* parameters bound */
	int rc; /* SQLITE_OK, or the first error */
};

struct store_db_cursor store_db_begin(struct store_db *db, enum store_db_stmt which);

void store_db_bind_u64(struct store_db_cursor *c, uint64_t v);
/* NULL is allowed. */
void store_db_bind_text(struct store_db_cursor *c, const char *s);
void store_db_bind_blob(struct store_db_cursor *c, const void *bytes, size_t len);
/* The field that a column is of. */
void store_db_bind_field(
	struct store_db_cursor *c, const void *of, const struct store_column *column);

/* Whether there is another row. To be called until there is none: the statement is ready for the
 * next time then. */
bool store_db_next(struct store_db_cursor *c);

/* Run it to its end. Returns SQLITE_OK or an error. */
int store_db_finish(struct store_db_cursor *c);

/* Columns of the row, from 0. Text lives until the next row. */
static inline uint64_t store_db_u64(const struct store_db_cursor *c, int column)
{
	return (uint64_t)sqlite3_column_int64(c->st, column);
}

static inline const char *store_db_text(const struct store_db_cursor *c, int column)
{
	return (const char *)sqlite3_column_text(c->st, column);
}

#endif
