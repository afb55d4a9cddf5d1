/* SPDX-License-Identifier: MIT */
/*
 * The tables of the database. Each column of an event and of a run is described in one place,
 * a row of a table, which says how it is made, bound, read and shown.
 */
#ifndef FSMON_APP_STORE_STORE_SCHEMA_H
#define FSMON_APP_STORE_STORE_SCHEMA_H

#include "app/store/store.h"
#include "base/buf.h"

/* Larger where an older fsmon could not use the database. A column more is no such change:
 * databases get it when they are opened for writing. */
#define STORE_SCHEMA_VERSION 1

/* What the field of a column is; numbers come first. */
enum store_form {
	STORE_U32,
	STORE_U64,
	STORE_TIME, /* U64, CLOCK_REALTIME in ns */
	STORE_BOOL,
	STORE_UID, /* U32, NULL where it is ACTOR_ID_UNKNOWN */
	STORE_TEXT, /* a pointer to text, or NULL */
	STORE_CHARS, /* an array that holds text */
	STORE_OTHER, /* not a field of that kind: who binds and reads it knows */
};

struct store_column {
	const char *name;
	const char *type; /* in SQL. What is NOT NULL and came after the first version
			     has a DEFAULT, for the rows that were there before */
	enum store_form form;
	size_t at; /* offset of the field */
	const char *key; /* in fsmon runs --json; NULL: the name */
};

struct store_table {
	const char *name;
	const struct store_column *columns;
	size_t count;
};

/* What a row of the table of runs holds: fields are of this. */
struct store_schema_row {
	struct store_run run;
	const char *event; /* "" where nothing is known, like all of these */
	const char *path;
	const char *cmd;
	const char *user;
	const char *outcome;
	uint32_t pid;
};

/* Fields are of struct store_schema_row; the one that is OTHER is the output. */
extern const struct store_table store_schema_run;

/* Fields are of struct change; the columns before STORE_SCHEMA_CHANGE, and what is OTHER, are
 * not. */
extern const struct store_table store_schema_event;
#define STORE_SCHEMA_CHANGE 5

/* Append SQL that makes all tables in an empty database. */
void store_schema_add_tables(struct buf *b);

/* Append the names of a table's columns, for a SELECT. */
void store_schema_add_names(struct buf *b, const struct store_table *table);

/* Append an INSERT OR REPLACE of a row, with a parameter for each column. */
void store_schema_add_insert(struct buf *b, const struct store_table *table);

#endif
