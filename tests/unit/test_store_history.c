/* SPDX-License-Identifier: MIT */
/* What the store remembers of runs, for how long, and what it costs. */
#include "store_kit.h"

#include "app/store/store.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Five runs: 1 ok, 2 failed, 3 ok of another rule, 4 runs, 5 was stopped. */
static void put_five(struct kit *k)
{
	kit_open(k);
	kit_put_done(k, 1, "r", OUTCOME_OK, 100);
	kit_put_done(k, 2, "r", OUTCOME_EXIT, 200);
	kit_put_done(k, 3, "other", OUTCOME_OK, 300);
	kit_put_done(k, 4, "r", OUTCOME_RUNNING, 400);
	kit_put_done(k, 5, "r", OUTCOME_RESTARTED, 500);
}

/* The jobs of the runs that a query gives, in their order, as digits. */
static const char *found(struct kit *k, const struct store_query *query)
{
	static char text[64];
	json_t *runs = kit_runs(k, query), *run;
	size_t i;
	assert_non_null(runs);
	text[0] = '\0';
	json_array_foreach (runs, i, run)
		sprintf(text + strlen(text), "%lld",
			(long long)json_integer_value(json_object_get(run, "job")));
	json_decref(runs);
	return text;
}

static void gives_the_runs_that_are_asked_for(void **state)
{
	struct kit *k = *state;
	static const struct {
		struct store_query query;
		const char *jobs;
	} rows[] = {
		{{0}, "12345"},
		{{.run_id = 1000003}, "3"},
		{{.run_id = 77}, ""},
		{{.rule = "r"}, "1245"},
		{{.rule = "none"}, ""},
		{{.only_failed = true}, "25"},
		{{.since_ns = 300}, "345"},
		{{.since_ns = 501}, ""},
		{{.limit = 2}, "45"},
		{{.limit = 9}, "12345"},
		{{.rule = "r", .limit = 2}, "45"},
		{{.rule = "r", .only_failed = true, .since_ns = 201, .limit = 5}, "5"},
		{{.run_id = 1000003, .rule = "r"}, ""},
	};
	put_five(k);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(found(k, &rows[i].query), rows[i].jobs);
}

static void says_all_of_a_run(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	struct change *c = kit_change("/new", "/old\n\xff");
	struct store_event e = {.seq = 1, .view = view_of(c, EVENT_MOVED_FROM, NULL)};
	const struct store_job job = {.id = 7, .rule = "r", .key = "/old"};
	store_put_job(k->store, &job);
	const struct store_run run = {
		.id = 9,
		.job_id = 7,
		.rule = "r",
		.is_on_failure = true,
		.event = &e,
		.count = 5,
		.attempt = 2,
		.queued_ns = 3,
		.started_ns = UINT64_C(1700000000000000042),
		.outcome = {.kind = OUTCOME_SIGNAL,
			.status = 15,
			.duration_ns = 4,
			.usage = {.user_us = 10, .system_us = 11, .max_rss_kib = 12},
			.output = "a\0\x1b\n",
			.output_len = 4},
	};
	store_put_run(k->store, &run);
	change_unref(c);
	const struct store_query query = {.with_output = true};
	json_t *runs = kit_runs(k, &query);
	char *text = json_dumps(runs, JSON_COMPACT);
	assert_string_equal(text,
		"[{\"run\":9,\"job\":7,\"rule\":\"r\",\"on_failure\":true,\"attempt\":2,"
		"\"count\":5,\"event\":\"moved-from\",\"path\":\"/"
		"old\\n\xf4\x8f\xbf\xbf\","
		"\"cmd\":\"cp\",\"user\":\"1000\",\"pid\":4194303,\"queued_ns\":3,"
		"\"started\":\"2023-11-14T22:13:20.000000042Z\","
		"\"started_ns\":1700000000000000042,\"duration_ns\":4,"
		"\"outcome\":\"signal\",\"status\":15,\"user_us\":10,\"system_us\":11,"
		"\"max_rss_kib\":12,\"output\":\"a\\u0000\\u001B\\n\"}]");
	free(text);
	json_decref(runs);
	const struct store_query without = {.run_id = 9};
	runs = kit_runs(k, &without);
	assert_null(json_object_get(json_array_get(runs, 0), "output"));
	json_decref(runs);
}

static void says_what_is_not_known(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	const struct store_job job = {.id = 7, .rule = "r", .key = ""};
	const struct store_run run = {.id = 9, .job_id = 7, .rule = "r"};
	store_put_job(k->store, &job);
	store_put_run(k->store, &run);
	const struct store_query query = {.with_output = true};
	json_t *runs = kit_runs(k, &query), *one = json_array_get(runs, 0);
	static const char *const empty[] = {"event", "path", "cmd", "user", "output"};
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(
			json_string_value(json_object_get(one, empty[i])), "");
	assert_string_equal(
		json_string_value(json_object_get(one, "outcome")), "running");
	json_decref(runs);
}

static void reads_runs_without_a_daemon(void **state)
{
	struct kit *k = *state;
	const char *why;
	const struct store_query failed = {.only_failed = true};
	assert_null(store_read_runs(k->dir, &failed, &why));
	assert_int_equal(errno, ENOENT);
	put_five(k);
	for (int i = 0; i < 2; i++) {
		/* Beside a daemon, and when it has ended. */
		if (i == 0)
			kit_settle(k);
		else
			kit_close(k);
		json_t *runs = store_read_runs(k->dir, &failed, &why);
		assert_non_null(runs);
		assert_int_equal(json_array_size(runs), 2);
		json_decref(runs);
	}
	kit_run_killed(k); /* the second run is put anew, and goes on */
	json_t *runs = store_read_runs(k->dir, &failed, &why);
	assert_int_equal(json_array_size(runs), 1);
	json_decref(runs);
	unlink(kit_path(k, "fsmon.db-wal"));
	FILE *f = fopen(kit_path(k, "fsmon.db"), "w");
	fprintf(f, "%0999d", 1);
	fclose(f);
	assert_null(store_read_runs(k->dir, &failed, &why));
	assert_int_equal(errno, EINVAL);
	assert_non_null(why);
}

/* As a new version finds what an older one has made: first read, then opened for writing. */
static void gives_an_older_database_the_columns_that_it_lacks(void **state)
{
	struct kit *k = *state;
	const char *why;
	const struct store_query all = {.with_output = true};
	kit_open(k);
	kit_put_done(k, 1, "r", OUTCOME_OK, 100);
	kit_put_waiting(k, 2, "/a");
	kit_close(k);
	kit_make(k, "ALTER TABLE run DROP COLUMN output;"
		    "ALTER TABLE event DROP COLUMN unit");
	json_t *runs = store_read_runs(k->dir, &all, &why);
	assert_int_equal(json_array_size(runs), 1);
	json_decref(runs);
	kit_open(k);
	kit_put_done(k, 3, "r", OUTCOME_OK, 200);
	assert_string_equal(found(k, &all), "13");
	kit_close(k);
	assert_int_equal(
		kit_number(k, "SELECT count(*) FROM run WHERE output NOTNULL"), 1);
	assert_int_equal(
		kit_number(k, "SELECT count(*) FROM event WHERE unit NOTNULL"), 1);
}

/* ---- The job of a run ---- */

struct answer {
	bool is_there, is_done;
	uint64_t job_id, seqs[8];
	size_t events;
};

static void on_job(void *ctx, const struct store_saved *left)
{
	struct answer *a = ctx;
	a->is_done = true;
	a->is_there = left != NULL;
	for (size_t i = 0; left && i < left->event_count; i++) {
		if (i < 8)
			a->seqs[i] = left->events[i].seq;
		change_unref(left->events[i].view.change);
	}
	a->job_id = left ? left->job.id : 0;
	a->events = left ? left->event_count : 0;
}

static struct answer job_of(struct kit *k, uint64_t run_id)
{
	struct answer a = {0};
	store_ask_job(k->store, run_id, on_job, &a);
	kit_settle(k);
	assert_true(a.is_done);
	return a;
}

static void gives_the_job_of_a_run(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	kit_put_done(k, 1, "r", OUTCOME_EXIT, 100);
	struct answer a = job_of(k, 1000001);
	assert_true(a.is_there);
	assert_int_equal(a.job_id, 1);
	assert_int_equal(a.events, 1);
	assert_false(job_of(k, 77).is_there);
}

static void gives_the_job_that_followed(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	for (int settles = 0; settles < 2; settles++) {
		uint64_t id = settles ? 11 : 1;
		kit_put_done(k, id, "r", OUTCOME_RUNNING, 100);
		kit_put_done(k, id + 1, "r", OUTCOME_RUNNING, 200);
		kit_put_done(k, id + 2, "r", OUTCOME_RUNNING, 300);
		if (settles)
			kit_settle(k);
		store_follow(k->store, id, id + 1);
		store_follow(k->store, id + 1, id + 2);
		store_end_job(k->store, id + 2);
		struct answer a = job_of(k, 1000000 + id);
		assert_int_equal(a.job_id, id + 2);
		assert_int_equal(a.events, 3);
		assert_int_equal(a.seqs[0], id * 10);
		assert_int_equal(a.seqs[2], id * 10 + 20);
	}
}

/* ---- What is kept ---- */

static void forgets_a_job_that_never_ran(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	for (int settles = 0; settles < 2; settles++) {
		kit_put_waiting(k, 1, "/a");
		if (settles)
			kit_settle(k);
		store_end_job(k->store, 1);
		kit_settle(k);
		assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 0);
		assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 0);
	}
}

static void drops_events(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2, "/b");
	store_drop_event(k->store, 1, 10);
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 1);
	store_drop_event(k->store, 2, 20);
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 0);
}

static void keeps_the_newest_runs(void **state)
{
	struct kit *k = *state;
	k->keep_count = 50;
	kit_open(k);
	kit_put_done(k, 500, "r", OUTCOME_RUNNING, 1); /* it runs: it stays */
	kit_put_waiting(k, 501, "/w");
	for (uint64_t id = 1; id <= 400; id++)
		kit_put_done(k, id, "r", OUTCOME_OK, id + 10);
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 51);
	assert_int_equal(
		kit_number(k, "SELECT min(id) FROM run WHERE id < 1000500"), 1000351);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 52);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 52);
	assert_int_equal(store_last_job_id(k->store), 0);
	/* A few more are not worth the trouble. */
	for (uint64_t id = 601; id <= 640; id++)
		kit_put_done(k, id, "r", OUTCOME_OK, id + 10);
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 91);
}

static void forgets_what_is_too_old(void **state)
{
	struct kit *k = *state;
	uint64_t now_ns = clock_realtime_ns();
	k->keep_ns = 100 * SECOND_NS;
	kit_open(k);
	kit_put_done(k, 1, "r", OUTCOME_OK, now_ns - 200 * SECOND_NS);
	kit_put_done(k, 2, "r", OUTCOME_OK, now_ns);
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 1);
	assert_int_equal(kit_number(k, "SELECT id FROM job"), 2);
	/* Less is kept from now on. */
	store_set_keep(k->store, 1, 0);
	kit_put_waiting(k, 3, "/a");
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 0);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 1);
	/* Numbers go on. */
	kit_close(k);
	kit_open(k);
	assert_int_equal(store_last_run_id(k->store), 1000002);
	assert_int_equal(store_last_event_seq(k->store), 30);
}

/* Put `count` events of one job, and a run of it. */
static void put_large(struct kit *k, uint64_t id, uint64_t count, bool is_done)
{
	struct change *c = kit_change("/a", NULL);
	const struct store_job job = {.id = id, .rule = "r", .key = "", .count = count};
	const struct store_run run = {.id = id, .job_id = id, .rule = "r"};
	store_put_job(k->store, &job);
	store_put_run(k->store, &run);
	for (uint64_t i = 0; i < count; i++) {
		const struct store_event e = {.seq = id * 10000 + i,
			.view = view_of(c, EVENT_CLOSE_WRITE, NULL)};
		store_add_event(k->store, id, &e);
	}
	change_unref(c);
	if (is_done)
		store_end_job(k->store, id);
}

/* However many runs are kept: the events are what takes room. */
static void bounds_the_events_of_what_is_over(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	put_large(k, 1, 1000, false); /* waits: it stays, as 200 does */
	for (uint64_t id = 2; id < 140; id++)
		put_large(k, id, 1000, true);
	kit_settle(k);
	store_set_keep(k->store, 0, 0);
	kit_put_waiting(k, 200, "/b");
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 101001);
	assert_int_equal(
		kit_number(k, "SELECT count(*) FROM event WHERE job_id = 1"), 1000);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event WHERE job_id = 2"), 0);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 139);
}

static void writes_the_last_state_once(void **state)
{
	struct kit *k = *state;
	struct store_health h;
	kit_open(k);
	for (int i = 0; i < 1000; i++) {
		const struct store_job job = {
			.id = 1, .rule = "r", .key = "/a", .count = (uint64_t)i};
		store_put_job(k->store, &job);
	}
	store_health(k->store, &h);
	assert_true(h.waiting <= 2);
	kit_settle(k);
	store_health(k->store, &h);
	assert_int_equal(h.waiting, 0);
	assert_int_equal(kit_number(k, "SELECT count FROM job"), 999);
}

static void remembers_pauses(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	store_put_pause(k->store, "a", 5);
	store_put_pause(k->store, "b", 6);
	store_put_pause(k->store, "b", UINT64_MAX);
	store_put_pause(k->store, "c", 7);
	store_drop_pause(k->store, "a");
	kit_settle(k);
	store_drop_pause(k->store, "c");
	kit_close(k);
	kit_open(k);
	struct kit_pause p = kit_take_pause(k);
	assert_int_equal(p.count, 1);
	assert_string_equal(p.rule, "b");
	assert_true(p.until_ns == UINT64_MAX);
}

/* ---- What it costs ---- */

static uint64_t ms_since(uint64_t start_ns)
{
	return (clock_monotonic_ns() - start_ns) / 1000000;
}

static void takes_many_events_in_one_job(void **state)
{
	struct kit *k = *state;
	const uint64_t count = 100000;
	kit_open(k);
	struct change *c = kit_change("/srv/some/path/of/usual/length.txt", NULL);
	struct store_job job = {.id = 1, .rule = "r", .key = "", .count = count};
	uint64_t start_ns = clock_monotonic_ns();
	store_put_job(k->store, &job);
	for (uint64_t i = 1; i <= count; i++) {
		struct store_event e = {
			.seq = i, .view = view_of(c, EVENT_CLOSE_WRITE, NULL)};
		store_add_event(k->store, 1, &e);
	}
	uint64_t put_ms = ms_since(start_ns);
	kit_settle(k);
	uint64_t written_ms = ms_since(start_ns);
	change_unref(c);
	const struct store_run run = {.id = 1, .job_id = 1, .rule = "r"};
	store_put_run(k->store, &run);
	start_ns = clock_monotonic_ns();
	store_end_job(k->store, 1);
	kit_settle(k);
	uint64_t done_ms = ms_since(start_ns);
	printf("# %llu events: put in %llu ms, written after %llu ms, shortened in %llu "
	       "ms\n",
		(unsigned long long)count, (unsigned long long)put_ms,
		(unsigned long long)written_ms, (unsigned long long)done_ms);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM event"), 1000);
	assert_int_equal(kit_number(k, "SELECT min(seq) FROM event"), 99001);
	assert_int_equal(kit_number(k, "SELECT truncated FROM job"), 1);
}

static void answers_from_a_long_history(void **state)
{
	struct kit *k = *state;
	struct stat st;
	k->keep_count = 10000;
	kit_open(k);
	uint64_t start_ns = clock_monotonic_ns();
	for (uint64_t id = 1; id <= 10000; id++)
		kit_put_done(k, id, id % 100 ? "r" : "rare", OUTCOME_OK, id);
	kit_wait_committed(k, 10000);
	uint64_t put_ms = ms_since(start_ns);
	const struct store_query rare = {.rule = "rare", .limit = 20}, all = {0};
	start_ns = clock_monotonic_ns();
	json_t *runs = kit_runs(k, &rare);
	uint64_t rare_ms = ms_since(start_ns);
	assert_int_equal(json_array_size(runs), 20);
	json_decref(runs);
	start_ns = clock_monotonic_ns();
	runs = kit_runs(k, &all);
	uint64_t all_ms = ms_since(start_ns);
	assert_int_equal(json_array_size(runs), 10000);
	json_decref(runs);
	kit_close(k);
	stat(kit_path(k, "fsmon.db"), &st);
	start_ns = clock_monotonic_ns();
	kit_open(k);
	printf("# 10000 runs: written after %llu ms, %lld KiB; 20 of a rule %llu ms, all "
	       "%llu ms; opened in %llu ms\n",
		(unsigned long long)put_ms, (long long)st.st_size / 1024,
		(unsigned long long)rare_ms, (unsigned long long)all_ms,
		(unsigned long long)ms_since(start_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
		TEST(gives_the_runs_that_are_asked_for),
		TEST(says_all_of_a_run),
		TEST(says_what_is_not_known),
		TEST(reads_runs_without_a_daemon),
		TEST(gives_an_older_database_the_columns_that_it_lacks),
		TEST(gives_the_job_of_a_run),
		TEST(gives_the_job_that_followed),
		TEST(forgets_a_job_that_never_ran),
		TEST(drops_events),
		TEST(keeps_the_newest_runs),
		TEST(forgets_what_is_too_old),
		TEST(bounds_the_events_of_what_is_over),
		TEST(writes_the_last_state_once),
		TEST(remembers_pauses),
		TEST(takes_many_events_in_one_job),
		TEST(answers_from_a_long_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
