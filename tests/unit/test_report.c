/* SPDX-License-Identifier: MIT */
/* What fsmon status says, as JSON and as text. */
#include "app/talk/report.h"

#include "app/jsontext.h"
#include "app/watch/watch_way.h"
#include "base/countof.h"
#include "fake_worker.h"
#include "printed.h"
#include "rules_of.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

static struct {
	struct table *rules;
	struct filesystems filesystems;
	struct conf conf;
	struct report_parts parts;
	int queue[2]; /* a pipe, whose bytes are counted as the group's are */
	json_t *report;
} world;

/* Two filesystems that take marks, and one that takes none. */
#define MOUNTS                                \
	"1 0 8:1 / / rw - ext4 /dev/a rw\n"   \
	"2 1 8:2 / /srv rw - xfs /dev/b rw\n" \
	"3 1 0:3 / /proc rw - proc proc rw\n"

static void set_rules_and_mounts(const char *text, const char *mounts)
{
	world.rules = rules_of(text);
	assert_int_equal(filesystems_update(&world.filesystems, mounts, strlen(mounts),
				 world.rules, -1, NULL),
		0);
	/* The kernel takes them. */
	for (size_t i = 0; i < world.filesystems.count; i++) {
		struct filesystem *fs = &world.filesystems.items[i];
		fs->mask = !fs->refusal && fs->kinds ? 1 : 0;
		fs->way = &watch_mark;
	}
	world.parts.rules = world.rules;
}

static void set_rules(const char *text)
{
	set_rules_and_mounts(text, MOUNTS);
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(pipe(world.queue), 0);
	world.parts = (struct report_parts){
		.filesystems = &world.filesystems,
		.jobs = (struct jobs *)&fake_jobs,
		.conf = &world.conf,
		.group = world.queue[0],
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(world.report);
	filesystems_fini(&world.filesystems);
	table_free(world.rules);
	conf_fini(&world.conf);
	close(world.queue[0]);
	close(world.queue[1]);
	return 0;
}

/* A part of the report, made when it is first asked for, as compact JSON. */
static const char *part(const char *key)
{
	static char text[8192];
	if (!world.report)
		world.report = report_make(&world.parts);
	json_t *value = json_object_get(world.report, key);
	if (!value)
		fail_msg("there is no %s", key);
	char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(text, sizeof(text), "%s", dumped);
	free(dumped);
	return text;
}

/* What report_print makes of the report. */
static const char *print(void)
{
	static char text[8192];
	if (!world.report)
		world.report = report_make(&world.parts);
	text[0] = '\0';
	FILE *out = fmemopen(text, sizeof(text), "w");
	report_print(world.report, out);
	fclose(out);
	return text;
}

static const char four_rules[] = "[a]\npath = /srv/**\nevents = delete\ncommand = true\n"
				 "[b]\npath = /srv/**\ncommand = true\nenabled = no\n"
				 "[c]\npath = /proc/self/**\ncommand = true\n"
				 "[d]\npath = /home/*\ncommand = true\n";

static void each_rule_has_its_state(void **state)
{
	static const char *const said[] = {
		"{\"name\":\"a\",\"file\":\"test.conf\",\"line\":1,\"state\":\"active\","
		"\"watched\":[\"/srv\"],\"watched_count\":1,"
		"\"not_watched\":[],\"not_watched_count\":0,\"paused\":false,",
		"{\"name\":\"b\",\"file\":\"test.conf\",\"line\":5,"
		"\"state\":\"disabled\",",
		"{\"name\":\"c\",...\"state\":\"refused\",\"watched\":[],"
		"\"watched_count\":0,"
		"\"not_watched\":[\"/proc (proc): the kernel keeps it in memory...\"],"
		"\"not_watched_count\":1,\"paused\":false,",
		"{\"name\":\"d\",...\"state\":\"paused\",\"watched\":[\"/\"],...,"
		"\"paused\":true,\"paused_until_ns\":7,",
	};
	(void)state;
	set_rules(four_rules);
	fake.rules[3].paused_until_ns = 7;
	for (size_t i = 0; i < countof(said); i++)
		assert_contains(part("rules"), said[i]);
	assert_string_equal(part("state"), "\"degraded\"");
	assert_contains(part("reasons"), "[\"[c] is not watched: /proc (proc): ...\"]");
}

static void a_rule_lists_twenty_mount_points_and_counts_all(void **state)
{
	struct buf mounts = {0};
	(void)state;
	buf_add_str(&mounts, "1 0 8:1 / / rw - ext4 /dev/a rw\n");
	for (int i = 0; i < 30; i++) {
		buf_printf(
			&mounts, "%d 1 9:%d / /m/a%d rw - tmpfs t rw\n", 100 + i, i, i);
		buf_printf(&mounts, "%d 1 0:%d / /m/p%d rw - proc p rw\n", 200 + i,
			99 + i, i);
	}
	set_rules_and_mounts("[a]\npath = /m/a*/x\ncommand = true\n"
			     "[p]\npath = /m/p*/x\ncommand = true\n",
		mounts.data);
	buf_fini(&mounts);
	json_t *rules =
		json_object_get(world.report = report_make(&world.parts), "rules");
	json_t *a = json_array_get(rules, 0), *p = json_array_get(rules, 1);
	assert_int_equal(json_array_size(json_object_get(a, "watched")), 20);
	assert_int_equal(jsontext_number(a, "watched_count"), 31);
	assert_int_equal(json_array_size(json_object_get(p, "not_watched")), 20);
	assert_int_equal(jsontext_number(p, "not_watched_count"), 30);
	assert_contains(print(), "    not watched: 10 more\n");
}

static void a_pause_without_an_end_has_no_time(void **state)
{
	(void)state;
	set_rules(four_rules);
	fake.rules[0].paused_until_ns = UINT64_MAX;
	assert_contains(part("rules"), "\"state\":\"paused\",...\"paused\":true,");
	assert_null(strstr(part("rules"), "paused_until_ns"));
}

static void every_counter_of_a_rule_is_told(void **state)
{
	(void)state;
	set_rules(four_rules);
	fake.rules[0] = (struct jobs_counters){.matched = 1,
		.started = 2,
		.ok = 3,
		.failed = 4,
		.on_failure = 5,
		.retried = 6,
		.restarted = 7,
		.timed_out = 8,
		.dropped = 9,
		.unlisted = 10,
		.self = 11,
		.waiting = 12,
		.running = 13,
		.held = 14};
	assert_contains(part("rules"),
		",\"matched\":1,\"started\":2,\"ok\":3,\"failed\":4,\"on_failure\":5,"
		"\"retried\":6,\"restarted\":7,\"timed_out\":8,\"dropped\":9,"
		"\"unlisted\":10,\"self\":11,\"waiting\":12,\"running\":13,\"held\":14}");
}

static void every_counter_of_the_worker_is_told(void **state)
{
	static const char records[24 * 5];
	(void)state;
	set_rules(four_rules);
	fake.pipeline = (struct pipeline_counters){.read = 1,
		.resolved = 2,
		.unresolved = 3,
		.malformed = 4,
		.overflows = 6,
		.dropped = 7,
		.exact = 8,
		.partial = 9,
		.unknown = 10};
	fake.actors = (struct actors_counters){.records = 11,
		.lost = 12,
		.spoofed = 13,
		.taskstats_lost = 14,
		.rescans = 15,
		.is_realtime = true};
	fake.waiting = 16;
	fake.running = 17;
	fake.lost_lines = 18;
	assert_int_equal(
		write(world.queue[1], records, sizeof(records)), sizeof(records));
	assert_string_equal(part("counters"),
		"{\"records_read\":1,\"records_resolved\":2,\"records_unresolved\":3,"
		"\"records_malformed\":4,\"queue_depth\":5,\"queue_overflows\":6,"
		"\"events_dropped\":7,\"actors_exact\":8,\"actors_partial\":9,"
		"\"actors_unknown\":10,\"process_records\":11,\"connector_lost\":12,"
		"\"connector_spoofed\":13,\"taskstats_lost\":14,\"process_rescans\":15,"
		"\"jobs_waiting\":16,\"jobs_running\":17,\"log_lines_dropped\":18}");
	assert_string_equal(part("realtime"), "true");
}

static void a_queue_that_cannot_be_counted_is_empty(void **state)
{
	(void)state;
	set_rules("");
	world.parts.group = -1;
	assert_contains(part("counters"), "\"queue_depth\":0,");
}

static void says_who_it_is(void **state)
{
	char pid[32];
	(void)state;
	set_rules("");
	world.parts.is_dry = true;
	assert_string_equal(part("version"), "\"" FSMON_VERSION "\"");
	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	assert_string_equal(part("pid"), pid);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_string_equal(part("worker_pid"), pid);
	assert_string_equal(part("dry_run"), "true");
	assert_string_equal(part("realtime"), "false");
	assert_string_equal(part("state"), "\"running\"");
	assert_string_equal(part("reasons"), "[]");
	assert_string_equal(part("rules"), "[]");
}

static void each_filesystem_says_how_it_is_watched(void **state)
{
	(void)state;
	set_rules(four_rules);
	assert_contains(part("filesystems"),
		"{\"point\":\"/\",\"type\":\"ext4\",\"how\":\"filesystem mark\","
		"\"has_rules\":true},"
		"{\"point\":\"/srv\",\"type\":\"xfs\",\"how\":\"filesystem mark\","
		"\"has_rules\":true},"
		"{\"point\":\"/proc\",\"type\":\"proc\",\"how\":\"not watched\","
		"\"has_rules\":true,\"reason\":\"the kernel keeps it in memory...\"}]");
}

static void a_refusal_matters_only_where_rules_are(void **state)
{
	(void)state;
	set_rules("");
	assert_contains(
		part("filesystems"), "\"point\":\"/proc\",...\"has_rules\":false}");
	assert_null(strstr(part("filesystems"), "reason"));
}

static void says_where_history_is_kept(void **state)
{
	static const struct {
		bool is_dry;
		struct store_health health;
		const char *said;
		bool is_degraded;
	} cases[] = {
		{false, {0}, "{\"where\":\"disk\",\"unwritten\":0,\"lost\":0}", false},
		{true, {.is_memory = true},
			"{\"where\":\"nowhere\",\"unwritten\":0,\"lost\":0}", false},
		{false,
			{.is_memory = true,
				.reason = "disk full",
				.lost = 2,
				.waiting = 3},
			"{\"where\":\"memory\",\"unwritten\":3,\"lost\":2,"
			"\"reason\":\"disk full\"}",
			true},
	};
	(void)state;
	set_rules("");
	for (size_t i = 0; i < countof(cases); i++) {
		fake.is_dry = cases[i].is_dry;
		fake.health = cases[i].health;
		json_decref(world.report);
		world.report = NULL;
		assert_string_equal(part("store"), cases[i].said);
		assert_string_equal(part("state"),
			cases[i].is_degraded ? "\"degraded\"" : "\"running\"");
	}
	assert_contains(part("reasons"),
		"[\"waiting jobs and the history are kept in memory only, and lost when "
		"the daemon ends: disk full\"]");
}

static void says_why_not_all_is_well(void **state)
{
	(void)state;
	set_rules("");
	fake.actors.reason = "there is no connector";
	conf_add_message(&world.conf, "a.conf", 0, false, "cannot be read");
	conf_add_message(&world.conf, "b.conf", 3, false, "[b] is wrong");
	conf_add_message(&world.conf, "c.conf", 4, true, "is only a warning");
	assert_string_equal(part("reasons"),
		"[\"who did it may be unknown: there is no connector\","
		"\"a.conf: cannot be read\",\"b.conf:3: [b] is wrong\"]");
	assert_string_equal(part("state"), "\"degraded\"");
	assert_string_equal(part("absent"), "[]");
}

static void says_which_rules_are_missing(void **state)
{
	(void)state;
	set_rules("");
	fake.absent_rule = "b";
	assert_string_equal(part("absent"), "[{\"name\":\"b\",\"waiting\":3}]");
	assert_string_equal(part("reasons"),
		"[\"[b] is missing, because a file with an error was left out; jobs that "
		"wait for it: 3\"]");
}

/* ---- As text ---- */

static void the_text_has_a_line_for_each_rule(void **state)
{
	(void)state;
	set_rules(four_rules);
	fake.rules[0] = (struct jobs_counters){.matched = 1,
		.started = 2,
		.ok = 3,
		.failed = 4,
		.dropped = 5,
		.waiting = 6,
		.running = 7,
		.held = 8,
		.paused_until_ns = UINT64_MAX};
	fake.rules[3].paused_until_ns = 14400 * SECOND_NS;
	assert_contains(print(),
		"RULE                     STATE      MATCHED  STARTED       OK   FAILED  "
		"DROPPED  WAITING  RUNNING     HELD\n"
		"a                        paused           1        2        3        4  "
		"      5        6        7        8\n"
		"    paused until fsmon resume a\n"
		"b                        disabled         0...\n"
		"c                        refused          0...\n"
		"    not watched: /proc (proc): the kernel...\n"
		"d                        paused           0...\n"
		"    paused until 1970-01-01 04:00:00\n");
}

static void the_text_begins_with_what_is_not_well(void **state)
{
	(void)state;
	set_rules(four_rules);
	fake.actors.reason = "there is no connector";
	world.parts.is_dry = true;
	assert_contains(print(),
		"fsmon " FSMON_VERSION ", pid ...: degraded (dry run: no "
		"hook is started)\n"
		"  ! who did it may be unknown: there is no connector\n"
		"  ! [c] is not watched: /proc (proc): ...\n");
}

static void the_text_has_the_filesystems_that_rules_concern(void **state)
{
	(void)state;
	set_rules("[c]\npath = /proc/self/**\ncommand = true\n"
		  "[d]\npath = /srv/x\ncommand = true\n");
	const char *text = print();
	assert_contains(text,
		"\nFILESYSTEM                       TYPE       WATCHED BY\n"
		"/srv                             xfs        filesystem mark\n"
		"/proc                            proc       not watched: the "
		"kernel keeps it in memory");
	assert_null(strstr(text, "ext4"));
	assert_contains(text, "\njobs_and_history_in      disk\nrecords_read ...0\n");
}

static void a_long_name_makes_the_column_wide(void **state)
{
	(void)state;
	set_rules("[a]\npath = /a\ncommand = true\n"
		  "[a-name-that-is-rather-a-long-one]\npath = /b\ncommand = true\n");
	assert_contains(print(), "\nRULE                             STATE ...\n"
				 "a                                active ...\n"
				 "a-name-that-is-rather-a-long-one active ");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		TEST(each_rule_has_its_state),
		TEST(a_rule_lists_twenty_mount_points_and_counts_all),
		TEST(a_pause_without_an_end_has_no_time),
		TEST(every_counter_of_a_rule_is_told),
		TEST(every_counter_of_the_worker_is_told),
		TEST(a_queue_that_cannot_be_counted_is_empty),
		TEST(says_who_it_is),
		TEST(each_filesystem_says_how_it_is_watched),
		TEST(a_refusal_matters_only_where_rules_are),
		TEST(says_where_history_is_kept),
		TEST(says_why_not_all_is_well),
		TEST(says_which_rules_are_missing),
		TEST(the_text_has_a_line_for_each_rule),
		TEST(the_text_begins_with_what_is_not_well),
		TEST(the_text_has_the_filesystems_that_rules_concern),
		TEST(a_long_name_makes_the_column_wide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
