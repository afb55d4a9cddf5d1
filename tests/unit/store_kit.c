/* SPDX-License-Identifier: MIT */
#include "store_kit.h"

#include "os/clock.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS (20 * SECOND_NS)

int kit_setup(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));
	snprintf(k->dir, sizeof(k->dir), "/tmp/fsmon-store.XXXXXX");
	if (!mkdtemp(k->dir))
		return -1;
	k->poller = poller_new();
	*state = k;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int kit_teardown(void **state)
{
	struct kit *k = *state;
	kit_close(k);
	json_decref(k->runs);
	free(k->committed);
	poller_free(k->poller);
	umount2(k->dir, MNT_DETACH); /* where the test had mounted something */
	nftw(k->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(k);
	return 0;
}

static void on_committed(void *ctx, const uint64_t *ids, size_t count)
{
	struct kit *k = ctx;
	k->committed = reallocarray(
		k->committed, k->committed_count + count, sizeof(*k->committed));
	memcpy(k->committed + k->committed_count, ids, count * sizeof(*ids));
	k->committed_count += count;
}

static void on_lost(void *ctx)
{
	struct kit *k = ctx;
	k->lost++;
	if (k->restore)
		k->restore(k);
}

void kit_open(struct kit *k)
{
	const struct store_config config = {
		.poller = k->poller,
		.dir = k->dir,
		.keep_ns = k->keep_ns,
		.keep_count = k->keep_count,
		.committed = on_committed,
		.lost = on_lost,
		.ctx = k,
	};
	k->store = store_open(&config);
	assert_non_null(k->store);
}

bool kit_close(struct kit *k)
{
	bool is_whole = store_close(k->store, PATIENCE_NS);
	k->store = NULL;
	return is_whole;
}

const char *kit_path(const struct kit *k, const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", k->dir, name);
	return path;
}

/* Turn the poller once; fails where it takes too long. */
static void turn(struct kit *k, uint64_t until_ns)
{
	poller_turn(k->poller, 2000000);
	if (clock_monotonic_ns() > until_ns)
		fail_msg("waited for too long");
}

static void on_runs(void *ctx, char *runs, size_t count)
{
	struct kit *k = ctx;
	json_decref(k->runs);
	k->runs = runs ? json_loads(runs, JSON_ALLOW_NUL, NULL) : NULL;
	assert_int_equal(json_array_size(k->runs), count);
	free(runs);
	k->is_answered = true;
}

json_t *kit_runs(struct kit *k, const struct store_query *query)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	k->is_answered = false;
	store_ask_runs(k->store, query, on_runs, k);
	while (!k->is_answered)
		turn(k, until_ns);
	json_t *runs = k->runs;
	k->runs = NULL;
	return runs;
}

void kit_settle(struct kit *k)
{
	const struct store_query none = {.run_id = UINT64_C(1) << 62};
	json_decref(kit_runs(k, &none));
}

void kit_wait_committed(struct kit *k, size_t count)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (k->committed_count < count)
		turn(k, until_ns);
}

void kit_wait_memory(struct kit *k, bool is_memory)
{
	struct store_health h;
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (store_health(k->store, &h), h.is_memory != is_memory)
		turn(k, until_ns);
}

struct change *kit_change(const char *path, const char *old_path)
{
	struct change *c = change_new(path, old_path);
	c->event.kinds = old_path ? EVENT_RENAME : EVENT_CLOSE_WRITE | EVENT_CREATE;
	c->event.covers_below = true;
	c->event.type = EVENT_TYPE_FILE;
	c->event.type_known = true;
	c->event.nlink = 2;
	c->event.size_bytes = UINT64_C(5) << 40;
	c->event.time_ns = UINT64_C(1700000000123456789);
	c->actor = (struct actor){
		.attribution = ACTOR_EXACT,
		.pid = 4194303,
		.ppid = 1,
		.program.comm = "cp",
		.uid = 1000,
		.euid = 0,
		.program.login_uid = ACTOR_ID_UNKNOWN,
		.program.exe = strdup("/usr/bin/cp"),
		.program.cmdline = strdup("cp a b"),
		.program.unit = strdup("user.slice"),
		.ancestors = memcpy(malloc(10), "bash\0sshd", 10),
		.ancestors_len = 10,
		.tag = UINT64_MAX - 1,
		.depth = 3,
	};
	c->fsid = UINT64_C(0xfedcba9876543210);
	c->target_type = -2;
	c->target_len = 4;
	memcpy(c->target, "\0\xff\x01z", 4);
	return c;
}

static void put_event(struct kit *k, uint64_t id, const char *path, struct store_event *e)
{
	*e = (struct store_event){
		.seq = id * 10,
		.view = view_of(kit_change(path, NULL), EVENT_CLOSE_WRITE, NULL),
	};
	store_add_event(k->store, id, e);
}

static struct store_job job_of(uint64_t id, const char *rule, const char *path)
{
	return (struct store_job){
		.id = id, .rule = rule, .key = path, .count = 1, .added_ns = 5};
}

void kit_put_waiting(struct kit *k, uint64_t id, const char *path)
{
	struct store_event e;
	struct store_job job = job_of(id, "wait", path);
	store_put_job(k->store, &job);
	put_event(k, id, path, &e);
	change_unref(e.view.change);
}

void kit_put_done(struct kit *k, uint64_t id, const char *rule, enum outcome_kind outcome,
	uint64_t started_ns)
{
	char path[32];
	struct store_event e;
	snprintf(path, sizeof(path), "/done/%llu", (unsigned long long)id);
	struct store_job job = job_of(id, rule, path);
	store_put_job(k->store, &job);
	put_event(k, id, path, &e);
	struct store_run run = {
		.id = id + 1000000,
		.job_id = id,
		.rule = rule,
		.event = &e,
		.count = 1,
		.attempt = 1,
		.queued_ns = 7,
		.started_ns = started_ns,
	};
	job.run_id = run.id;
	job.attempt = 1;
	store_put_job(k->store, &job);
	store_put_run(k->store, &run);
	run.outcome = (struct outcome){
		.kind = outcome,
		.status = outcome == OUTCOME_OK ? 0 : 3,
		.duration_ns = 1000,
		.output = "said\n",
		.output_len = 5,
	};
	if (outcome != OUTCOME_RUNNING) {
		store_put_run(k->store, &run);
		store_end_job(k->store, id);
	}
	change_unref(e.view.change);
}

struct ids {
	uint64_t *ids;
	size_t count;
};

static bool take_id(void *ctx, const struct store_saved *left)
{
	struct ids *t = ctx;
	assert_true(t->count < 64);
	t->ids[t->count++] = left->job.id;
	for (size_t i = 0; i < left->event_count; i++)
		change_unref(left->events[i].view.change);
	return true;
}

size_t kit_take_ids(struct kit *k, uint64_t *ids)
{
	struct ids t = {.ids = ids};
	assert_int_equal(store_take_jobs(k->store, take_id, &t), 0);
	return t.count;
}

static void take_pause(void *ctx, const char *rule, uint64_t until_ns)
{
	struct kit_pause *p = ctx;
	p->count++;
	p->until_ns = until_ns;
	snprintf(p->rule, sizeof(p->rule), "%s", rule);
}

struct kit_pause kit_take_pause(struct kit *k)
{
	struct kit_pause p = {0};
	store_take_pauses(k->store, take_pause, &p);
	return p;
}

void kit_run_killed(struct kit *k)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		kit_open(k);
		kit_put_waiting(k, 1, "/a");
		kit_put_done(k, 2, "r", OUTCOME_RUNNING, 100);
		kit_settle(k);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void kit_make(struct kit *k, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(kit_path(k, "fsmon.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

void kit_lock(struct kit *k)
{
	char byte;
	int held[2], released[2];
	assert_int_equal(pipe(held) | pipe(released), 0);
	k->lock_pid = fork();
	if (k->lock_pid == 0) {
		close(released[1]);
		sqlite3 *db;
		if (sqlite3_open(kit_path(k, "fsmon.db"), &db) != SQLITE_OK ||
			sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
				SQLITE_OK)
			_exit(1);
		if (write(held[1], "", 1) == 1 && read(released[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(released[0]);
	close(held[1]);
	assert_int_equal(read(held[0], &byte, 1), 1);
	close(held[0]);
	k->lock_fd = released[1];
}

void kit_unlock(struct kit *k)
{
	int status;
	close(k->lock_fd);
	assert_int_equal(waitpid(k->lock_pid, &status, 0), k->lock_pid);
	assert_int_equal(status, 0);
}

long long kit_number(struct kit *k, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	long long n = -1;
	if (sqlite3_open_v2(kit_path(k, "fsmon.db"), &db, SQLITE_OPEN_READWRITE, NULL) ==
			SQLITE_OK &&
		sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
		if (sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
	}
	sqlite3_close(db);
	return n;
}
