/* SPDX-License-Identifier: MIT */
#include "app/store/store_heal.h"

#include "app/log.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAL_MIN_NS UINT64_C(1000000000)
#define HEAL_MAX_NS UINT64_C(60000000000)
#define MEMORY_RUNS 1000 /* of the history, as many are kept in memory */

/* ---- Files ---- */

static void rename_part(const char *from, const char *to, const char *suffix)
{
	char old[PATH_MAX + 16], new[PATH_MAX + 16];
	snprintf(old, sizeof(old), "%s%s", from, suffix);
	snprintf(new, sizeof(new), "%s%s", to, suffix);
	if (rename(old, new) < 0)
		unlink(new); /* of an earlier one */
}

/* Rename a database that is of no use, with its log. Returns 0, or -1 with errno. */
static int set_aside(const char *path)
{
	char broken[PATH_MAX + 16];
	snprintf(broken, sizeof(broken), "%s.broken", path);
	if (rename(path, broken) < 0 && errno != ENOENT)
		return -1;
	rename_part(path, broken, "-wal");
	rename_part(path, broken, "-shm");
	return 0;
}

/* Open the file, and a new one where that is broken (then is_file_new). Returns an SQLite
 * result; *reason as store_db_open gives it. */
static int open_file(struct store *s, struct store_db *db, const char **reason)
{
	int rc = store_db_open(db, s->path, reason);
	if (store_db_fault(rc) != STORE_DB_BROKEN)
		return rc;
	const char *why = *reason ? *reason : sqlite3_errstr(rc);
	if (set_aside(s->path) < 0) {
		*reason = why;
		return SQLITE_CANTOPEN;
	}
	log_err("%s is broken (%s): it is %s.broken now, and a new one is made; what it "
		"held is not known any more",
		s->path, why, s->path);
	s->is_file_new = true;
	return store_db_open(db, s->path, reason);
}

/* ---- Memory ---- */

static void say_reason(struct store *s, int rc, const char *reason)
{
	snprintf(s->reason, sizeof(s->reason), "%.120s: %.70s", s->path,
		reason ? reason : sqlite3_errstr(rc));
}

static void say_memory(struct store *s, int rc, const char *reason)
{
	say_reason(s, rc, reason);
	log_err("%s; waiting jobs and history are kept in memory only, until it can be "
		"written",
		s->reason);
}

/* Try the file again so much later. */
static void try_later(struct store *s, uint64_t delay_ns)
{
	s->heal_delay_ns = delay_ns < HEAL_MAX_NS ? delay_ns : HEAL_MAX_NS;
	s->heal_ns = clock_monotonic_ns() + s->heal_delay_ns;
}

/* How long ago the file came back the last time: a disk that is full again at once is not
 * to be reported every second. */
static uint64_t healed_for_ns(const struct store *s)
{
	return s->healed_ns ? clock_monotonic_ns() - s->healed_ns : HEAL_MAX_NS;
}

/* A copy of all that another database holds, but for the oldest history. */
static int copy_into_memory(struct store_db *memory, struct store_db *from)
{
	const struct store_write_keep keep = {.count = MEMORY_RUNS};
	sqlite3_backup *b =
		sqlite3_backup_init(memory->handle, "main", from->handle, "main");
	if (!b)
		return sqlite3_errcode(memory->handle);
	sqlite3_backup_step(b, -1);
	int rc = sqlite3_backup_finish(b);
	if (rc == SQLITE_OK)
		rc = store_db_add_columns(memory);
	if (rc == SQLITE_OK)
		rc = store_write_prune(memory, &keep);
	if (rc == SQLITE_OK)
		rc = store_db_exec(memory, "PRAGMA incremental_vacuum");
	return rc;
}

/* Go on in memory, with what can still be read of `from` (which may be closed, and is
 * closed afterwards). Where nothing can be read, the owner has to put all again. */
static void use_memory(struct store *s, struct store_db *from)
{
	struct store_db memory;
	bool is_copied = false;
	int rc = store_db_open_memory(&memory);
	if (rc == SQLITE_OK && from->handle) {
		is_copied = copy_into_memory(&memory, from) == SQLITE_OK;
		if (!is_copied) {
			store_db_close(&memory, true);
			rc = store_db_open_memory(&memory);
		}
	}
	if (rc != SQLITE_OK)
		log_err("there is no memory for waiting jobs and history");
	store_db_close(from, false);
	s->db = memory;
	s->is_memory = true;
	s->has_lost = s->has_lost || !is_copied;
	try_later(s, healed_for_ns(s) < HEAL_MAX_NS ? s->heal_delay_ns * 2 : HEAL_MIN_NS);
}

static void degrade(struct store *s, int rc, const char *reason)
{
	struct store_db old = s->db;
	say_memory(s, rc, reason);
	use_memory(s, &old);
}

/* ---- Back to the file ---- */

/* What is no job in memory any more is over. */
static const char forget_steps[] =
	"UPDATE disk.job SET done = 1, run_id = 0 WHERE done = 0"
	" AND id NOT IN (SELECT id FROM main.job WHERE done = 0);"
	"DELETE FROM disk.pause;";

static const char copy_steps[] =
	"DELETE FROM disk.event WHERE job_id IN (SELECT id FROM main.job);"
	"INSERT OR REPLACE INTO disk.job SELECT * FROM main.job;"
	"INSERT OR REPLACE INTO disk.pause SELECT * FROM main.pause;";

static const char last_steps[] =
	"DELETE FROM disk.event WHERE job_id IN (SELECT id FROM disk.job WHERE done = 1"
	" AND NOT EXISTS (SELECT 1 FROM disk.run WHERE job_id = job.id));"
	"DELETE FROM disk.job WHERE done = 1"
	" AND NOT EXISTS (SELECT 1 FROM disk.run WHERE job_id = job.id);"
	"UPDATE disk.state SET clean = 0,"
	" last_job_id = max(last_job_id, (SELECT last_job_id FROM main.state)),"
	" last_run_id = max(last_run_id, (SELECT last_run_id FROM main.state)),"
	" last_event_seq = max(last_event_seq, (SELECT last_event_seq FROM main.state));"
	"COMMIT";

/* Copy a table, whose columns may stand in another order in the file. */
static void add_copy(struct buf *sql, const struct store_table *table)
{
	buf_printf(sql, "INSERT OR REPLACE INTO disk.%s (", table->name);
	store_schema_add_names(sql, table);
	buf_add_str(sql, ") SELECT ");
	store_schema_add_names(sql, table);
	buf_printf(sql, " FROM main.%s;", table->name);
}

/* Write all of memory into the file, in one transaction. Returns an SQLite result. */
static int copy_to_file(struct store *s, bool forgets)
{
	struct buf sql = {0};
	int rc = store_db_exec(&s->db, "ATTACH %Q AS disk", s->path);
	if (rc != SQLITE_OK)
		return rc;
	buf_printf(
		&sql, "BEGIN IMMEDIATE; %s %s", forgets ? forget_steps : "", copy_steps);
	add_copy(&sql, &store_schema_event);
	add_copy(&sql, &store_schema_run);
	buf_add_str(&sql, last_steps);
	rc = sql.failed ? SQLITE_NOMEM : store_db_exec(&s->db, "%s", sql.data);
	buf_fini(&sql);
	if (rc != SQLITE_OK)
		store_db_exec(&s->db, "ROLLBACK");
	store_db_exec(&s->db, "DETACH disk");
	return rc;
}

/* Try the file again. */
static void heal(struct store *s, bool forgets)
{
	struct store_db disk;
	const char *reason;
	mkdir(s->config.dir, 0700);
	int rc = open_file(s, &disk, &reason);
	if (rc == SQLITE_OK) {
		rc = copy_to_file(s, forgets);
		if (rc != SQLITE_OK)
			store_db_close(&disk, true);
	}
	if (rc != SQLITE_OK) {
		say_reason(s, rc, reason);
		try_later(s, s->heal_delay_ns * 2);
		return;
	}
	store_db_close(&s->db, true);
	s->db = disk;
	s->is_memory = false;
	s->knows_file = true;
	s->reason[0] = '\0';
	s->healed_ns = clock_monotonic_ns();
	store_db_note_file(&s->db);
	log_warn("%s can be written again: it holds all waiting jobs, and the history",
		s->path);
}

/* ---- Files that were tampered with ---- */

/* Write all of the open database, whose file has lost its name, into a file. */
static int write_copy(struct store_db *db, const char *path)
{
	unlink(path);
	if (store_db_make_file(path) < 0)
		return SQLITE_CANTOPEN;
	int rc = store_db_exec(db, "VACUUM INTO %Q", path);
	if (rc != SQLITE_OK)
		unlink(path);
	return rc;
}

/* The file's name is gone, or another file's: make the file anew of what is still
 * open. */
static void write_anew(struct store *s)
{
	char copy[PATH_MAX + 8];
	const char *reason = NULL;
	snprintf(copy, sizeof(copy), "%s.new", s->path);
	int rc = write_copy(&s->db, copy);
	if (rc != SQLITE_OK) {
		degrade(s, rc, "it was deleted, and cannot be made again");
		return;
	}
	store_db_close(&s->db, false);
	if (set_aside(s->path) < 0 || rename(copy, s->path) < 0)
		rc = SQLITE_CANTOPEN;
	else
		rc = store_db_open(&s->db, s->path, &reason);
	if (rc == SQLITE_OK)
		log_warn("%s was deleted or replaced while it was in use: it has been "
			 "made anew, with all that it held",
			s->path);
	else
		degrade(s, rc, reason);
}

/* Set the file aside and begin a new one. */
static void replace_broken(struct store *s)
{
	struct store_db old = s->db;
	const char *reason;
	store_db_close(&old, false);
	s->db = old;
	s->has_lost = true;
	int rc = SQLITE_CANTOPEN;
	if (set_aside(s->path) == 0) {
		log_err("%s is broken: it is %s.broken now, and a new one is made; "
			"waiting jobs are kept, the history is not",
			s->path, s->path);
		rc = open_file(s, &s->db, &reason);
	} else {
		reason = "it is broken, and cannot be renamed";
	}
	if (rc != SQLITE_OK)
		degrade(s, rc, reason);
}

static void check_file(struct store *s)
{
	struct stat st;
	struct store_db *db = &s->db;
	bool is_there = stat(s->path, &st) == 0;
	if (!is_there && errno != ENOENT && errno != ENOTDIR)
		return; /* who writes will see */
	if (!is_there || st.st_dev != db->dev || st.st_ino != db->ino) {
		write_anew(s);
		return;
	}
	if (st.st_mtim.tv_sec == db->mtime.tv_sec &&
		st.st_mtim.tv_nsec == db->mtime.tv_nsec)
		return;
	/* Somebody else has written into the file; its log would hide that. */
	store_db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	if (store_db_fault(store_db_check(s->path)) == STORE_DB_BROKEN)
		replace_broken(s);
	else
		store_db_note_file(db);
}

/* ---- For the thread ---- */

void store_heal_check(struct store *s, bool is_last)
{
	bool is_refilled = !s->has_lost && s->refills_asked == s->refills_done;
	if (!s->is_memory)
		check_file(s);
	else if (!s->db.handle)
		use_memory(s, &s->db);
	else if (is_last || (is_refilled && clock_monotonic_ns() >= s->heal_ns))
		heal(s, s->knows_file && is_refilled);
}

bool store_heal_fault(struct store *s, int rc)
{
	enum store_db_fault fault = store_db_fault(rc);
	if (s->is_memory || fault == STORE_DB_NO_MEMORY)
		return false;
	if (fault == STORE_DB_BROKEN)
		replace_broken(s);
	else
		degrade(s, rc, NULL);
	return true;
}

/* Read what can be read of a file that cannot be used. */
static void open_degraded(struct store *s, int rc, const char *reason)
{
	struct store_db old = {0};
	bool is_salvaged = store_db_open_salvage(&old, s->path) == SQLITE_OK;
	say_memory(s, rc, reason);
	use_memory(s, &old);
	s->knows_file = is_salvaged && !s->has_lost;
	s->has_lost = false; /* there is nothing yet */
}

int store_heal_open(struct store *s)
{
	const char *reason;
	int rc = open_file(s, &s->db, &reason);
	if (rc == SQLITE_OK)
		s->knows_file = true;
	else
		open_degraded(s, rc, reason);
	if (s->db.handle)
		store_db_read_state(&s->db, &s->first);
	if (s->is_file_new || !s->knows_file) {
		/* Numbers that nobody can have used, whatever was used. */
		uint64_t ms = clock_realtime_ns() / 1000000;
		s->first = (struct store_db_state){.job_id = ms, .run_id = ms, .seq = ms};
	}
	if (s->db.handle)
		return 0;
	errno = ENOMEM;
	return -1;
}
