/* SPDX-License-Identifier: MIT */
#include "core/hook/payload.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An event that a test changes before it adds it. */
struct fixture {
	struct change change;
	struct view view;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->change.actor = (struct actor){.attribution = ACTOR_EXACT,
		.pid = 42,
		.ppid = 41,
		.program.comm = "touch",
		.uid = 1000,
		.euid = 0,
		.program.login_uid = 1001,
		.program.exe = (char *)(uintptr_t) "/usr/bin/touch",
		.program.cmdline = (char *)(uintptr_t) "touch \"a\" b",
		.program.unit = (char *)(uintptr_t) "cron.service",
		.user = (char *)(uintptr_t) "alice",
		.login_user = (char *)(uintptr_t) "bob",
		.depth = 2};
	f->change.event = (struct event){.kinds = EVENT_CREATE | EVENT_CLOSE_WRITE,
		.path = "/not/looked/at",
		.time_ns = UINT64_C(1700000000000000042)};
	f->view = (struct view){.change = &f->change,
		.path = "/srv/a",
		.kind = EVENT_CLOSE_WRITE,
		.type = EVENT_TYPE_FILE};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	buf_fini(&f->out);
	free(f);
	return 0;
}

/* What is written for the event as it is now. */
static const char *payload(struct fixture *f, enum rule_stdin kind)
{
	buf_clear(&f->out);
	assert_int_equal(payload_add(&f->out, kind, &f->view), 0);
	return f->out.data;
}

static void test_json_of_every_variable(void **state)
{
	assert_string_equal(payload(*state, RULE_STDIN_JSON),
		"{\"path\":\"/srv/a\",\"old_path\":null,\"new_path\":null,"
		"\"event\":\"close-write\",\"events\":[\"create\",\"close-write\"],"
		"\"type\":\"file\",\"time\":\"2023-11-14T22:13:20.000000042Z\","
		"\"cmd\":\"touch\",\"user\":\"alice\",\"user_maybe\":null,\"pid\":42,"
		"\"ppid\":41,"
		"\"uid\":1000,\"euid\":0,\"exe\":\"/usr/bin/touch\","
		"\"cmdline\":\"touch \\\"a\\\" b\",\"login_user\":\"bob\","
		"\"unit\":\"cron.service\",\"attribution\":\"exact\",\"depth\":2}\n");
}

static void test_json_of_what_is_unknown(void **state)
{
	struct fixture *f = *state;
	f->change.actor = (struct actor)ACTOR_NOBODY;
	f->change.actor.user_maybe = (char *)(uintptr_t) "root,bob";
	f->view.type = EVENT_TYPE_GONE;
	assert_string_equal(payload(f, RULE_STDIN_JSON),
		"{\"path\":\"/srv/a\",\"old_path\":null,\"new_path\":null,"
		"\"event\":\"close-write\",\"events\":[\"create\",\"close-write\"],"
		"\"type\":null,\"time\":\"2023-11-14T22:13:20.000000042Z\","
		"\"cmd\":null,\"user\":null,\"user_maybe\":\"root,bob\",\"pid\":null,"
		"\"ppid\":null,"
		"\"uid\":null,\"euid\":null,\"exe\":null,\"cmdline\":null,"
		"\"login_user\":null,\"unit\":null,\"attribution\":\"unknown\","
		"\"depth\":0}\n");
}

/* Changes of the event, and a part of the JSON that they give. */
static const struct {
	uint32_t kind, kinds;
	const char *path, *old_path, *user_name;
	const char *part;
} parts[] = {
	{EVENT_RENAME, EVENT_RENAME, "/n", "/o", "a",
		"{\"path\":\"/n\",\"old_path\":\"/o\",\"new_path\":\"/n\","
		"\"event\":\"rename\",\"events\":[\"rename\"],"},
	{EVENT_MOVED_TO, EVENT_RENAME, "/n", NULL, "a",
		"{\"path\":\"/n\",\"old_path\":null,\"new_path\":\"/n\","
		"\"event\":\"moved-to\",\"events\":[\"moved-to\"],"},
	{EVENT_MOVED_FROM, EVENT_RENAME | EVENT_ATTRIB, NULL, "/o", "a",
		"{\"path\":\"/o\",\"old_path\":\"/o\",\"new_path\":null,"
		"\"event\":\"moved-from\",\"events\":[\"attrib\",\"moved-from\"],"},
	{EVENT_DELETE, EVENT_DELETE, "/n", "/o", "a",
		"{\"path\":\"/n\",\"old_path\":null,\"new_path\":null,"},
	{EVENT_OVERFLOW, EVENT_OVERFLOW, NULL, NULL, "a", "{\"path\":null,"},
	{EVENT_DELETE, EVENT_DELETE, "/n", NULL, NULL, ",\"user\":\"1000\","},
	{EVENT_DELETE, EVENT_DELETE, "/caf\xe9\n", NULL, "\"x\"",
		"{\"path\":\"/caf\\udce9\\n\","},
	{EVENT_DELETE, EVENT_DELETE, "/n", NULL, "\"x\"", ",\"user\":\"\\\"x\\\"\","},
	{EVENT_DELETE, EVENT_ALL, "/n", NULL, "a",
		"\"events\":[\"create\",\"open-exec\",\"open\",\"access\","
		"\"close-nowrite\",\"modify\",\"attrib\",\"close-write\",\"moved-to\","
		"\"moved-from\",\"rename\",\"delete\",\"fs-error\",\"overflow\"],"},
};

static void test_json_parts(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < countof(parts); i++) {
		f->view.kind = parts[i].kind;
		f->change.event.kinds = parts[i].kinds;
		f->view.path = parts[i].path;
		f->view.old_path = parts[i].old_path;
		f->change.actor.user = (char *)(uintptr_t)parts[i].user_name;
		if (!strstr(payload(f, RULE_STDIN_JSON), parts[i].part))
			fail_msg("row %zu: no %s in %s", i, parts[i].part, f->out.data);
	}
}

static void test_json_of_what_stands_for_more(void **state)
{
	struct fixture *f = *state;
	assert_null(strstr(payload(f, RULE_STDIN_JSON), "truncated"));
	f->change.event.covers_below = true;
	assert_non_null(strstr(payload(f, RULE_STDIN_JSON), ",\"truncated\":true}\n"));
}

static const struct {
	uint32_t kind;
	const char *path, *old_path;
	enum rule_stdin as;
	const char *bytes;
	size_t len;
} lists[] = {
	{EVENT_CREATE, "/a b", NULL, RULE_STDIN_PATHS, "/a b\n", 5},
	{EVENT_CREATE, "/a\n\xff", NULL, RULE_STDIN_PATHS, "/a\n\xff\n", 5},
	{EVENT_RENAME, "/n", "/o", RULE_STDIN_PATHS, "/n\n", 3},
	{EVENT_MOVED_FROM, "/n", "/old", RULE_STDIN_PATHS, "/old\n", 5},
	{EVENT_OVERFLOW, NULL, NULL, RULE_STDIN_PATHS, "\n", 1},
	{EVENT_CREATE, "/a\n\xff", NULL, RULE_STDIN_PATHS0, "/a\n\xff\0", 5},
	{EVENT_MOVED_FROM, NULL, "/old", RULE_STDIN_PATHS0, "/old\0", 5},
	{EVENT_CREATE, "/a", NULL, RULE_STDIN_NONE, "", 0},
};

static void test_paths(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < countof(lists); i++) {
		f->view.kind = lists[i].kind;
		f->view.path = lists[i].path;
		f->view.old_path = lists[i].old_path;
		payload(f, lists[i].as);
		assert_int_equal(f->out.len, lists[i].len);
		assert_memory_equal(f->out.data, lists[i].bytes, lists[i].len);
	}
}

static void test_events_follow_one_another(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		f->view.path = i == 1 ? "/b" : "/a";
		assert_int_equal(payload_add(&f->out, RULE_STDIN_PATHS0, &f->view), 0);
	}
	assert_int_equal(f->out.len, 9);
	assert_memory_equal(f->out.data, "/a\0/b\0/a\0", 9);
}

static void test_failure_is_told(void **state)
{
	struct fixture *f = *state;
	f->out.failed = true;
	for (int as = RULE_STDIN_NONE; as <= RULE_STDIN_JSON; as++)
		assert_int_equal(payload_add(&f->out, as, &f->view), -1);
	assert_int_equal(f->out.len, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_of_every_variable),
		TEST(test_json_of_what_is_unknown),
		TEST(test_json_parts),
		TEST(test_json_of_what_stands_for_more),
		TEST(test_paths),
		TEST(test_events_follow_one_another),
		TEST(test_failure_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
