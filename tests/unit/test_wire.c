/* SPDX-License-Identifier: MIT */
#include "core/hook/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))

static char *words[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "",
	(char *)(uintptr_t) "a b\n", NULL};
static char *variables[] = {(char *)(uintptr_t) "A=1", NULL};
static char *nothing[] = {NULL};
static uint64_t run_ids[] = {1, 0, UINT64_MAX};
static gid_t groups[] = {7, 0, 4294967294u};

/* One of each type. */
static const struct wire_message messages[] = {
	{.type = WIRE_RUN,
		.run_id = UINT64_MAX,
		.run = {.argv = words,
			.envp = variables,
			.directory = "/tmp",
			.label = "rule 1 1",
			.umask = 022,
			.nice = -5,
			.has_ids = true,
			.uid = 1,
			.gid = 2,
			.groups = groups,
			.group_count = 3,
			.has_stdin = true,
			.has_file = true}},
	{.type = WIRE_RUN,
		.run_id = 1,
		.run = {.argv = words, .envp = nothing, .directory = "", .label = ""}},
	{.type = WIRE_SIGNAL, .run_id = 3, .signal = 10},
	{.type = WIRE_STOP, .run_id = 3, .signal = 15},
	{.type = WIRE_KILL, .run_id = 3},
	{.type = WIRE_DONE},
	{.type = WIRE_DONE, .done = {.ids = run_ids, .count = 3}},
	{.type = WIRE_READY},
	{.type = WIRE_READY, .logs_json = true},
	{.type = WIRE_STATUS, .text = "3 rules"},
	{.type = WIRE_CONF},
	{.type = WIRE_STARTED, .run_id = 4, .started = {.pid = 77, .has_output = true}},
	{.type = WIRE_RUNNING, .run_id = 4, .started = {.pid = 0, .label = "rule 4 2"}},
	{.type = WIRE_FAILED, .run_id = 5, .failed = {.error = ENOENT, .stage = "exec"}},
	{.type = WIRE_ENDED,
		.run_id = 6,
		.ended = {.status = 256, .usage = {1, 2, UINT64_MAX}}},
	{.type = WIRE_HELLO, .hello = {.degraded = "", .hooks_dir = ""}},
	{.type = WIRE_HELLO,
		.hello = {.places = 0x3f,
			.subscribed_ns = UINT64_MAX,
			.last_run_id = UINT64_MAX - 1,
			.degraded = "no connector",
			.hooks_dir = "/sys/fs/cgroup/fsmon.hooks.1"}},
	{.type = WIRE_CAUGHT_UP},
	{.type = WIRE_RELOAD},
	{.type = WIRE_SHUTDOWN, .now = true},
};

static void assert_strings_equal(char *const *a, char *const *b)
{
	size_t i = 0;
	for (; a[i] && b[i]; i++)
		assert_string_equal(a[i], b[i]);
	assert_null(a[i]);
	assert_null(b[i]);
}

static void assert_runs_equal(const struct wire_run *a, const struct wire_run *b)
{
	assert_strings_equal(a->argv, b->argv);
	assert_strings_equal(a->envp, b->envp);
	assert_string_equal(a->directory, b->directory);
	assert_string_equal(a->label, b->label);
	assert_int_equal(a->umask, b->umask);
	assert_int_equal(a->nice, b->nice);
	assert_int_equal(a->has_ids, b->has_ids);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->group_count, b->group_count);
	if (a->group_count > 0)
		assert_memory_equal(a->groups, b->groups, a->group_count * sizeof(gid_t));
	assert_int_equal(a->has_stdin, b->has_stdin);
	assert_int_equal(a->has_file, b->has_file);
}

static void assert_messages_equal(
	const struct wire_message *a, const struct wire_message *b)
{
	assert_int_equal(a->type, b->type);
	assert_true(a->run_id == b->run_id);
	switch (a->type) {
	case WIRE_RUN:
		assert_runs_equal(&a->run, &b->run);
		break;
	case WIRE_SIGNAL:
	case WIRE_STOP:
		assert_int_equal(a->signal, b->signal);
		break;
	case WIRE_DONE:
		assert_int_equal(a->done.count, b->done.count);
		if (b->done.count > 0)
			assert_memory_equal(a->done.ids, b->done.ids,
				b->done.count * sizeof(uint64_t));
		break;
	case WIRE_HELLO:
		assert_int_equal(a->hello.places, b->hello.places);
		assert_true(a->hello.subscribed_ns == b->hello.subscribed_ns);
		assert_true(a->hello.last_run_id == b->hello.last_run_id);
		assert_string_equal(a->hello.degraded, b->hello.degraded);
		assert_string_equal(a->hello.hooks_dir, b->hello.hooks_dir);
		break;
	case WIRE_STATUS:
		assert_string_equal(a->text, b->text);
		break;
	case WIRE_STARTED:
	case WIRE_RUNNING:
		assert_int_equal(a->started.pid, b->started.pid);
		assert_int_equal(a->started.has_output, b->started.has_output);
		if (a->type == WIRE_RUNNING)
			assert_string_equal(a->started.label, b->started.label);
		break;
	case WIRE_FAILED:
		assert_int_equal(a->failed.error, b->failed.error);
		assert_string_equal(a->failed.stage, b->failed.stage);
		break;
	case WIRE_ENDED:
		assert_int_equal(a->ended.status, b->ended.status);
		assert_memory_equal(
			&a->ended.usage, &b->ended.usage, sizeof(struct outcome_usage));
		break;
	case WIRE_READY:
		assert_int_equal(a->logs_json, b->logs_json);
		break;
	case WIRE_SHUTDOWN:
		assert_int_equal(a->now, b->now);
		break;
	default:
		break;
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(messages); i++) {
		struct buf b = {0};
		struct wire_message m;
		assert_int_equal(wire_encode(&b, &messages[i]), 0);
		assert_int_equal(wire_decode(&m, b.data, b.len), 0);
		assert_messages_equal(&m, &messages[i]);
		wire_fini(&m);
		buf_fini(&b);
	}
}

/* Every shorter message, and a longer one, is faulty; copies on the heap let ASan see
 * more. */
static void test_wrong_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(messages); i++) {
		struct buf b = {0};
		struct wire_message m;
		assert_int_equal(wire_encode(&b, &messages[i]), 0);
		for (size_t len = 0; len < b.len; len++) {
			char *copy = malloc(len + 1);
			memcpy(copy, b.data, len);
			errno = 0;
			assert_int_equal(wire_decode(&m, copy, len), -1);
			assert_int_equal(errno, EBADMSG);
			free(copy);
		}
		assert_int_equal(wire_decode(&m, b.data, b.len + 1), -1);
		wire_fini(&m); /* there is nothing left to free */
		buf_fini(&b);
	}
}

static void test_foreign_messages(void **state)
{
	(void)state;
	struct buf b = {0};
	struct wire_message m;
	assert_int_equal(wire_encode(&b, &messages[3]), 0);
	b.data[2]++; /* version */
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	b.data[2]--;
	b.data[0] = WIRE_SHUTDOWN + 1;
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	b.data[0] = 0;
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	buf_fini(&b);
	m = (struct wire_message){.type = WIRE_SHUTDOWN + 1};
	assert_int_equal(wire_encode(&b, &m), -1);
	assert_int_equal(errno, EINVAL);
}

static void test_no_arguments(void **state)
{
	(void)state;
	struct buf b = {0};
	struct wire_message m = {.type = WIRE_RUN,
		.run = {.argv = nothing, .envp = nothing, .directory = "/", .label = ""}};
	assert_int_equal(wire_encode(&b, &m), 0);
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	buf_fini(&b);
}

static void test_a_hello_of_nothing(void **state)
{
	(void)state;
	struct buf b = {0};
	struct wire_message m = {.type = WIRE_HELLO, .hello = {.places = 1}};
	assert_int_equal(wire_encode(&b, &m), 0);
	assert_int_equal(wire_decode(&m, b.data, b.len), 0);
	assert_string_equal(m.hello.degraded, "");
	assert_string_equal(m.hello.hooks_dir, "");
	buf_fini(&b);
}

static void test_too_long(void **state)
{
	(void)state;
	char *word = malloc(WIRE_MAX_BYTES + 1);
	memset(word, 'x', WIRE_MAX_BYTES);
	word[WIRE_MAX_BYTES] = '\0';
	char *argv[] = {word, NULL};
	struct wire_message m = {.type = WIRE_RUN,
		.run = {.argv = argv, .envp = nothing, .directory = "/", .label = ""}};
	struct buf b = {0};
	assert_int_equal(wire_encode(&b, &m), -1);
	assert_int_equal(errno, E2BIG);
	buf_fini(&b);
	free(word);
}

static void test_set_pid(void **state)
{
	(void)state;
	struct buf b = {0};
	struct wire_message m = {.type = WIRE_STARTED, .run_id = 9};
	m.started.has_output = true;
	assert_int_equal(wire_encode(&b, &m), 0);
	wire_set_pid(b.data, 4711);
	assert_int_equal(wire_decode(&m, b.data, b.len), 0);
	assert_int_equal(m.started.pid, 4711);
	assert_true(m.started.has_output);
	assert_true(m.run_id == 9);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_foreign_messages),
		cmocka_unit_test(test_no_arguments),
		cmocka_unit_test(test_a_hello_of_nothing),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_set_pid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
