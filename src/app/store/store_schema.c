/* SPDX-License-Identifier: MIT */
#include "app/store/store_schema.h"

#include "base/countof.h"

#include <assert.h>
#include <stddef.h>

/*
 * The tables. Times are CLOCK_REALTIME in ns, or spans in ns where the name says duration
 * or queued. Text holds the bytes as they are. UINT64_MAX is -1.
 *
 *  state  one row: the highest numbers that were ever used, and whether the daemon had
 *         written all when it ended
 *  job    done = 0: waits, or runs as run_id; done = 1: kept as long as one of its runs is.
 *         followed_by: all its events went to that job. failure…: of jobs for on-failure
 *  event  one event of a job: what happened (kind: what it is for the rule; kinds: all that
 *         the kernel merged; masks of core/record/event.h), who did it, and which file it was
 *  run    one execution: what it was about, how long it waited and ran, how it ended
 *         (outcome 'running': it has not)
 *  pause  rules that were paused by hand, until when
 */
static const char state_and_job[] =
	"CREATE TABLE state ("
	" one INTEGER PRIMARY KEY CHECK (one = 1), clean INTEGER NOT NULL,"
	" last_job_id INTEGER NOT NULL, last_run_id INTEGER NOT NULL,"
	" last_event_seq INTEGER NOT NULL);"
	"INSERT INTO state VALUES (1, 1, 0, 0, 0);"
	"CREATE TABLE job ("
	" id INTEGER PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL,"
	" attempt INTEGER NOT NULL, failures INTEGER NOT NULL, count INTEGER NOT NULL,"
	" truncated INTEGER NOT NULL, run_id INTEGER NOT NULL, added_ns INTEGER NOT NULL,"
	" done INTEGER NOT NULL, followed_by INTEGER, failure TEXT,"
	" failure_status INTEGER, failure_run_id INTEGER, failure_output BLOB);"
	"CREATE INDEX job_open ON job (id) WHERE done = 0;";
#define KEY "INTEGER PRIMARY KEY"
#define NUMBER "INTEGER NOT NULL"
#define TEXT "TEXT NOT NULL"

#define AT(field) offsetof(struct change, field)
#define EVENT_AT(field) offsetof(struct store_schema_event_row, field)
static const struct store_column event_columns[] = {
	{"seq", KEY, STORE_U64, EVENT_AT(event.seq), NULL},
	{"job_id", NUMBER, STORE_U64, EVENT_AT(job_id), NULL},
	{"kind", NUMBER, STORE_U32, EVENT_AT(event.view.kind), NULL},
	{"path", "TEXT", STORE_TEXT, EVENT_AT(event.view.path), NULL},
	{"old_path", "TEXT", STORE_TEXT, EVENT_AT(event.view.old_path), NULL},
	{"user", "TEXT", STORE_TEXT, AT(actor.user), NULL},
	{"login", "TEXT", STORE_TEXT, AT(actor.login_user), NULL},
	{"time_ns", NUMBER, STORE_U64, AT(event.time_ns), NULL},
	{"kinds", NUMBER, STORE_U32, AT(event.kinds), NULL},
	{"is_dir", NUMBER, STORE_BOOL, AT(event.is_dir), NULL},
	{"type", NUMBER, STORE_U32, AT(event.type), NULL},
	{"type_known", NUMBER, STORE_BOOL, AT(event.type_known), NULL},
	{"nlink", NUMBER, STORE_U32, AT(event.nlink), NULL},
	{"size_bytes", NUMBER, STORE_U64, AT(event.size_bytes), NULL},
	{"attribution", NUMBER, STORE_U32, AT(actor.attribution), NULL},
	{"pid", NUMBER, STORE_U32, AT(actor.pid), NULL},
	{"ppid", NUMBER, STORE_U32, AT(actor.ppid), NULL},
	{"cmd", TEXT, STORE_CHARS, AT(actor.program.comm), NULL},
	{"uid", "INTEGER", STORE_UID, AT(actor.uid), NULL},
	{"euid", "INTEGER", STORE_UID, AT(actor.euid), NULL},
	{"login_uid", "INTEGER", STORE_UID, AT(actor.program.login_uid), NULL},
	{"exe", "TEXT", STORE_TEXT, AT(actor.program.exe), NULL},
	{"cmdline", "TEXT", STORE_TEXT, AT(actor.program.cmdline), NULL},
	{"unit", "TEXT", STORE_TEXT, AT(actor.program.unit), NULL},
	{"ancestors", "BLOB", STORE_BLOB, AT(actor.ancestors), NULL},
	{"tag", NUMBER, STORE_U64, AT(actor.tag), NULL},
	{"depth", NUMBER, STORE_U32, AT(actor.depth), NULL},
	{"fsid", NUMBER, STORE_U64, AT(fsid), NULL},
	{"target_type", NUMBER, STORE_U32, AT(target_type), NULL},
	{"target", "BLOB", STORE_TARGET, 0, NULL},
	{"user_maybe", "TEXT", STORE_TEXT, AT(actor.user_maybe), NULL},
	{"covers_below", NUMBER " DEFAULT 0", STORE_BOOL, AT(event.covers_below), NULL},
};
#undef AT
#undef EVENT_AT
#define LENGTH_IS_BEHIND(type, field, len)                                           \
	static_assert(offsetof(type, len) == offsetof(type, field) + sizeof(char *), \
		"the length of a blob stands behind its pointer")
LENGTH_IS_BEHIND(struct actor, ancestors, ancestors_len);
LENGTH_IS_BEHIND(struct outcome, output, output_len);

#define AT(field) offsetof(struct store_schema_run_row, field)
static const struct store_column run_columns[] = {
	{"id", KEY, STORE_U64, AT(run.id), "run"},
	{"job_id", NUMBER, STORE_U64, AT(run.job_id), "job"},
	{"rule", TEXT, STORE_TEXT, AT(run.rule), NULL},
	{"on_failure", NUMBER, STORE_BOOL, AT(run.is_on_failure), NULL},
	{"attempt", NUMBER, STORE_U32, AT(run.attempt), NULL},
	{"count", NUMBER, STORE_U64, AT(run.count), NULL},
	{"event", TEXT, STORE_TEXT, AT(event), NULL},
	{"path", TEXT, STORE_TEXT, AT(path), NULL},
	{"cmd", TEXT, STORE_TEXT, AT(cmd), NULL},
	{"user", TEXT, STORE_TEXT, AT(user), NULL},
	{"pid", NUMBER, STORE_U32, AT(pid), NULL},
	{"queued_ns", NUMBER, STORE_U64, AT(run.queued_ns), NULL},
	{"started_ns", NUMBER, STORE_TIME, AT(run.started_ns), "started"},
	{"duration_ns", NUMBER, STORE_U64, AT(run.outcome.duration_ns), NULL},
	{"outcome", TEXT, STORE_TEXT, AT(outcome), NULL},
	{"status", NUMBER, STORE_U32, AT(run.outcome.status), NULL},
	{"user_us", NUMBER, STORE_U64, AT(run.outcome.usage.user_us), NULL},
	{"system_us", NUMBER, STORE_U64, AT(run.outcome.usage.system_us), NULL},
	{"max_rss_kib", NUMBER, STORE_U64, AT(run.outcome.usage.max_rss_kib), NULL},
	{"output", "BLOB", STORE_BLOB, AT(run.outcome.output), NULL},
};
#undef AT

const struct store_table store_schema_event = {
	"event", event_columns, countof(event_columns)};
const struct store_table store_schema_run = {"run", run_columns, countof(run_columns)};

static void add_table(struct buf *b, const struct store_table *table)
{
	buf_printf(b, "CREATE TABLE %s", table->name);
	for (size_t i = 0; i < table->count; i++)
		buf_printf(b, "%s %s %s", i ? "," : " (", table->columns[i].name,
			table->columns[i].type);
	buf_add_str(b, ");");
}

void store_schema_add_tables(struct buf *b)
{
	buf_add_str(b, state_and_job);
	add_table(b, &store_schema_event);
	buf_add_str(b, "CREATE INDEX event_of_job ON event (job_id);");
	add_table(b, &store_schema_run);
	buf_add_str(b,
		"CREATE INDEX run_started ON run (started_ns);"
		"CREATE INDEX run_of_job ON run (job_id);"
		"CREATE TABLE pause (rule TEXT PRIMARY KEY, until_ns INTEGER NOT NULL)"
		" WITHOUT ROWID;");
}

void store_schema_add_names(struct buf *b, const struct store_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		buf_printf(b, "%s%s", i ? ", " : "", table->columns[i].name);
}

void store_schema_add_select(struct buf *b, const struct store_table *table)
{
	buf_add_str(b, "SELECT ");
	store_schema_add_names(b, table);
	buf_printf(b, " FROM %s", table->name);
}

void store_schema_add_insert(struct buf *b, const struct store_table *table)
{
	buf_printf(b, "INSERT OR REPLACE INTO %s (", table->name);
	store_schema_add_names(b, table);
	for (size_t i = 0; i < table->count; i++)
		buf_add_str(b, i ? ", ?" : ") VALUES (?");
	buf_add_str(b, ")");
}
