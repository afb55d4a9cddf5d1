/* SPDX-License-Identifier: MIT */
/* What clients ask of the worker, over a real control socket. */
#include "app/talk/requests.h"

#include "base/countof.h"
#include "control_kit.h"
#include "fake_worker.h"
#include "printed.h"
#include "core/sched/sched.h"
#include "rules_of.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	struct poller *poller;
	struct requests *requests;
	struct filesystems filesystems;
	struct load load;
	int listen_fd;
	int queue[2]; /* a pipe, whose bytes are counted as the group's are */
	size_t reloads, looks; /* times */
	bool is_behind;
	uint64_t tag; /* of whoever asks */
} world;

static void on_reload(void *ctx)
{
	(void)ctx;
	world.reloads++;
}

static void on_look(void *ctx)
{
	(void)ctx;
	world.looks++;
}

static uint64_t tag_of(void *ctx, pid_t pid)
{
	(void)ctx;
	assert_int_equal(pid, getpid());
	return world.tag;
}

static bool is_behind(void *ctx)
{
	(void)ctx;
	return world.is_behind;
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(pipe(world.queue), 0);
	world.poller = poller_new();
	world.listen_fd = control_kit_listen();
	world.load.table = rules_of("[site]\npath = /srv/**\ncommand = true\n"
				    "[other]\npath = /home/**\ncommand = true\n");
	const struct requests_parts parts = {
		.poller = world.poller,
		.listen_fd = world.listen_fd,
		.load = &world.load,
		.report = {.filesystems = &world.filesystems,
			.jobs = (struct jobs *)&fake_jobs,
			.conf = &world.load.conf,
			.group = world.queue[0]},
		.reload = on_reload,
		.read_queue = on_look,
		.tag_of = tag_of,
		.is_behind = is_behind,
	};
	world.requests = requests_new(&parts);
	return world.requests ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	requests_free(world.requests);
	poller_free(world.poller);
	table_free(world.load.table);
	close(world.listen_fd);
	close(world.queue[0]);
	close(world.queue[1]);
	return 0;
}

/* Ask; returns the descriptor. */
static int ask(const char *text)
{
	return control_kit_ask(world.poller, text);
}

/* What was answered must be so; NULL: nothing yet. Then the descriptor is closed. */
static void expect(int fd, const char *wanted)
{
	control_kit_turn(world.poller);
	const char *answer = control_kit_answer(fd);
	if (!wanted) {
		assert_null(answer);
		return;
	}
	assert_non_null(answer);
	assert_contains(answer, wanted);
	assert_int_equal(answer[strlen(answer) - 1], '}');
	close(fd);
}

static void what_nobody_serves_is_refused(void **state)
{
	(void)state;
	expect(ask("dance\n"),
		"{\"ok\":false,\"error\":\"unknown request: this daemon is of another "
		"version\"}");
}

static void status_is_a_report_of_the_rules_in_force(void **state)
{
	(void)state;
	expect(ask("status\n"),
		"{\"version\":...\"name\":\"site\",...\"name\":\"other\",");
	struct table *before = world.load.table;
	world.load.table = rules_of("[new]\npath = /a\ncommand = true\n");
	expect(ask("status\n"), "\"rules\":[{\"name\":\"new\",");
	table_free(before);
}

static void a_reload_answers_all_who_wait_for_it(void **state)
{
	(void)state;
	int fds[] = {ask("reload\n"), ask("reload\n")};
	assert_int_equal(world.reloads, 2);
	expect(fds[0], NULL);
	json_t *answer = json_pack("{s:b, s:i}", "ok", 1, "rules", 7);
	requests_reloaded(world.requests, answer);
	json_decref(answer);
	expect(fds[0], "{\"ok\":true,\"rules\":7}");
	expect(fds[1], "{\"ok\":true,\"rules\":7}");
}

/* ---- sync ---- */

static void sync_waits_for_all_that_was_before_it(void **state)
{
	static const char records[24 * 3];
	(void)state;
	fake.pipeline.read = 10;
	fake.pipeline.settled = 8;
	assert_int_equal(
		write(world.queue[1], records, sizeof(records)), sizeof(records));
	world.is_behind = true;
	int fd = ask("sync\n");
	assert_int_equal(world.looks, 1);
	/* each of these in turn is what it waits for */
	static const struct {
		const char *what;
		uint64_t settled, done_until, flushed;
		bool is_behind, has_no_mark;
	} steps[] = {
		{"what comes before the queue", 13, 9, 9, true, false},
		{"records", 12, 9, 9, false, false},
		{"names", 13, 9, 9, false, true},
		{"jobs", 13, 0, 9, false, false},
		{"the disk", 13, 9, 0, false, false},
	};
	for (size_t i = 0; i < countof(steps); i++) {
		world.is_behind = steps[i].is_behind;
		fake.pipeline.settled = steps[i].settled;
		fake.has_no_mark = steps[i].has_no_mark;
		fake.done_until = steps[i].done_until;
		fake.flushed = steps[i].flushed;
		requests_check(world.requests);
		control_kit_turn(world.poller);
		if (control_kit_answer(fd))
			fail_msg("it does not wait for %s", steps[i].what);
	}
	/* It has one mark, and asks for the disk once. */
	assert_int_equal(fake.marks, 1);
	assert_int_equal(fake.flushes, 1);
	fake.flushed = 1;
	requests_check(world.requests);
	expect(fd, "{\"ok\":true}");
}

static void an_empty_queue_ends_a_sync_too(void **state)
{
	(void)state;
	fake.pipeline.read = 10;
	fake.pipeline.emptied = 5;
	fake.is_dry = true; /* and there is no disk to wait for */
	fake.done_until = 9;
	int fd = ask("sync\n");
	requests_check(world.requests);
	expect(fd, NULL);
	fake.pipeline.emptied = 6;
	requests_check(world.requests);
	expect(fd, "{\"ok\":true}");
	assert_int_equal(fake.flushes, 0);
}

static void a_hook_waits_neither_for_itself_nor_for_others_that_wait(void **state)
{
	(void)state;
	fake.is_dry = true;
	world.tag = 4;
	int first = ask("sync\n");
	world.tag = 0;
	int outside = ask("sync\n");
	requests_check(world.requests);
	assert_int_equal(fake.waiting_tags, 0); /* of the one from outside, asked last */
	close(outside);
	control_kit_turn(world.poller);
	requests_check(world.requests);
	assert_int_equal(fake.waiting_tags, 4);
	world.tag = 8;
	int second = ask("sync\n");
	requests_check(world.requests);
	assert_int_equal(fake.waiting_tags, 4 + 8);
	close(second);
	control_kit_turn(world.poller);
	fake.done_until = 9;
	requests_check(world.requests);
	assert_int_equal(fake.waiting_tags, 4);
	expect(first, "{\"ok\":true}");
}

static void who_stops_handles_nothing_more(void **state)
{
	static const char *const refusal =
		"{\"ok\":false,\"error\":\"the daemon is stopping\"}";
	(void)state;
	int before = ask("sync\n");
	requests_stop(world.requests);
	expect(before, refusal);
	expect(ask("sync\n"), refusal);
	expect(ask("status\n"), "{\"version\":");
}

/* ---- runs ---- */

/* The store answers what it was asked last; NULL: it cannot be read. */
static void answer_runs(const char *runs, size_t count)
{
	fake.on_runs(fake.runs_ctx, runs ? strdup(runs) : NULL, count);
}

static void runs_are_asked_of_the_store(void **state)
{
	(void)state;
	int fd = ask(
		"{\"do\": \"runs\", \"run\": 17, \"rule\": \"site\", \"failed\": true, "
		"\"since_ns\": 5, \"output\": true}\n");
	assert_int_equal(fake.query.run_id, 17);
	assert_string_equal(fake.query_rule, "site");
	assert_true(fake.query.only_failed);
	assert_int_equal(fake.query.since_ns, 5);
	assert_true(fake.query.with_output);
	assert_int_equal(fake.query.limit, 0);
	expect(fd, NULL);
	answer_runs("[{\"run\": 17}]", 1);
	expect(fd, "{\"ok\": true, \"runs\": [{\"run\": 17}]}");

	fd = ask("{\"do\": \"runs\", \"run\": -1}\n");
	assert_int_equal(fake.query.run_id, 0);
	assert_null(fake.query.rule);
	assert_false(fake.query.only_failed);
	assert_false(fake.query.with_output);
	answer_runs("[]", 0);
	expect(fd, "{\"ok\": true, \"runs\": []}");
}

static void runs_that_cannot_be_read_are_refused(void **state)
{
	(void)state;
	int fd = ask("runs\n");
	answer_runs(NULL, 0);
	expect(fd, "{\"ok\":false,\"error\":\"the history cannot be read; ");
	fake.is_dry = true;
	expect(ask("runs\n"), "\"error\":\"this is a dry run: there is no history\"}");
}

static void a_rule_that_is_gone_may_be_in_the_history(void **state)
{
	(void)state;
	int fd = ask("{\"do\": \"runs\", \"rule\": \"old\", \"failed\": true}\n");
	/* First it is asked whether there is anything of it. */
	assert_string_equal(fake.query_rule, "old");
	assert_int_equal(fake.query.limit, 1);
	assert_false(fake.query.only_failed);
	answer_runs("[{}]", 1);
	assert_string_equal(fake.query_rule, "old");
	assert_int_equal(fake.query.limit, 0);
	assert_true(fake.query.only_failed);
	answer_runs("[]", 0);
	expect(fd, "{\"ok\": true, \"runs\": []}");
}

static void a_rule_that_never_was_is_refused(void **state)
{
	(void)state;
	int fd = ask("{\"do\": \"runs\", \"rule\": \"siet\"}\n");
	answer_runs("[]", 0);
	expect(fd, "\"error\":\"there is no rule \\\"siet\\\"; did you mean site?\"}");
	/* A name that is longer than any rule's is not asked for. */
	char text[512], name[300];
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"do\": \"runs\", \"rule\": \"%s\"}\n", name);
	fake.on_runs = NULL;
	expect(ask(text), "\"error\":\"there is no rule \\\"xxx");
	assert_null(fake.on_runs);
}

static void a_client_that_is_gone_is_not_answered(void **state)
{
	(void)state;
	close(ask("runs\n"));
	control_kit_turn(world.poller);
	answer_runs("[]", 0);
	/* What is still asked for at the end is dropped. */
	expect(ask("{\"do\": \"runs\", \"rule\": \"old\"}\n"), NULL);
}

/* ---- rerun, pause and resume ---- */

/* There is no answer before the store has written what it is for. */
static void expect_written(int fd, const char *wanted)
{
	requests_check(world.requests);
	expect(fd, NULL);
	fake.flushed = fake.flushes;
	requests_check(world.requests);
	expect(fd, wanted);
}

static void a_rerun_is_the_jobs_to_answer(void **state)
{
	(void)state;
	int fd = ask("{\"do\": \"rerun\", \"run\": 17}\n");
	assert_int_equal(fake.rerun_id, 17);
	expect(fd, NULL);
	fake.on_rerun(fake.rerun_ctx, 40, NULL);
	expect_written(fd, "{\"ok\":true,\"run\":17,\"job\":40}");
	fd = ask("{\"do\": \"rerun\", \"run\": 18}\n");
	fake.on_rerun(fake.rerun_ctx, 0, "there is no such run");
	expect(fd, "{\"ok\":false,\"error\":\"there is no such run\"}");
}

static void a_rule_is_paused_and_resumed(void **state)
{
	(void)state;
	fake.rules[1].waiting = 3;
	expect_written(ask("{\"do\": \"pause\", \"rule\": \"other\", \"for_ns\": 50}\n"),
		"{\"ok\":true,\"waiting\":3,\"paused_until_ns\":1050}");
	assert_int_equal(fake.paused_for_ns, 50);
	expect_written(ask("{\"do\": \"pause\", \"rule\": \"other\"}\n"),
		"{\"ok\":true,\"waiting\":3}");
	assert_int_equal(fake.paused_for_ns, SCHED_FOREVER);
	expect_written(ask("{\"do\": \"resume\", \"rule\": \"other\"}\n"),
		"{\"ok\":true,\"was_paused\":true,\"waiting\":3}");
	/* One that the client does not wait for any more. */
	int gone = ask("{\"do\": \"resume\", \"rule\": \"other\"}\n");
	close(gone);
	control_kit_turn(world.poller);
	/* With a dry run nothing is written. */
	fake.is_dry = true;
	expect(ask("{\"do\": \"resume\", \"rule\": \"other\"}\n"),
		"{\"ok\":true,\"was_paused\":false,\"waiting\":3}");
	assert_int_equal(fake.rules[0].paused_until_ns, 0);
}

static void no_other_rule_is_paused(void **state)
{
	static const struct {
		const char *request;
		const char *said;
	} cases[] = {
		{"{\"do\": \"pause\", \"rule\": \"otter\"}\n",
			"there is no rule \\\"otter\\\"; did you mean other?\"}"},
		{"{\"do\": \"resume\", \"rule\": \"zzzzzzz\"}\n",
			"there is no rule \\\"zzzzzzz\\\"\"}"},
		{"{\"do\": \"pause\"}\n", "there is no rule \\\"\\\"\"}"},
		{"pause\n", "there is no rule \\\"\\\"\"}"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		expect(ask(cases[i].request), cases[i].said);
	assert_int_equal(fake.paused_for_ns, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_serves_is_refused),
		TEST(status_is_a_report_of_the_rules_in_force),
		TEST(a_reload_answers_all_who_wait_for_it),
		TEST(sync_waits_for_all_that_was_before_it),
		TEST(an_empty_queue_ends_a_sync_too),
		TEST(a_hook_waits_neither_for_itself_nor_for_others_that_wait),
		TEST(who_stops_handles_nothing_more),
		TEST(runs_are_asked_of_the_store),
		TEST(runs_that_cannot_be_read_are_refused),
		TEST(a_rule_that_is_gone_may_be_in_the_history),
		TEST(a_rule_that_never_was_is_refused),
		TEST(a_client_that_is_gone_is_not_answered),
		TEST(a_rerun_is_the_jobs_to_answer),
		TEST(a_rule_is_paused_and_resumed),
		TEST(no_other_rule_is_paused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
