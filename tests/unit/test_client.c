/* SPDX-License-Identifier: MIT */
#include "app/verbs/client.h"

#include "base/countof.h"
#include "fake_daemon.h"
#include "printed.h"
#include "tempdir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int tear_down(void **state)
{
	fake_daemon_stop();
	return tempdir_teardown(state);
}

static struct options here(void)
{
	return (struct options){.runtime_dir = tempdir, .timeout = "1ms"};
}

static void says_why_nobody_can_be_reached(void **state)
{
	static const struct {
		int error;
		const char *said;
	} cases[] = {
		{ENOENT,
			"fsmon: no daemon runs here (/there/fsmon.sock: No such file or "
			"directory)\nIs it started (fsmon run)...(--runtime-dir /there)"},
		{ECONNREFUSED, "no daemon runs here...Connection refused"},
		{EACCES, "fsmon: /there/fsmon.sock: only the user who runs...try sudo"},
		{ENOTSOCK, "fsmon: /there/fsmon.sock: Socket operation on non-socket"},
	};
	const struct options o = {.runtime_dir = "/there"};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		printed_begin();
		errno = cases[i].error;
		client_say_unreachable(&o);
		printed_end();
		assert_contains(printed_err, cases[i].said);
		assert_string_equal(printed_out, "");
	}
}

static void without_a_daemon_there_is_no_answer(void **state)
{
	struct options o = here();
	(void)state;
	assert_int_equal(client_connect(&o), -1);
	assert_int_equal(errno, ENOENT);
	printed_begin();
	json_t *answer = client_ask(&o, "status", -1);
	printed_end();
	assert_null(answer);
	assert_contains(printed_err, "no daemon runs here");
	printed_begin();
	answer = client_ask_object(&o, json_object());
	printed_end();
	assert_null(answer);
	assert_contains(printed_err, "no daemon runs here");
}

static void a_word_has_an_answer(void **state)
{
	struct options o = here();
	(void)state;
	fake_daemon_start(tempdir, "{\"a\": [1, 2]}");
	json_t *answer = client_ask(&o, "status", 60000);
	assert_string_equal(fake_daemon_stop(), "status\n");
	assert_int_equal(json_array_size(json_object_get(answer, "a")), 2);
	json_decref(answer);
}

static void an_answer_may_be_long(void **state)
{
	struct options o = here();
	size_t len = 300000;
	char *text = malloc(len + 1);
	(void)state;
	memset(text, ' ', len);
	text[0] = '[';
	text[len - 1] = ']';
	text[len] = '\0';
	fake_daemon_start(tempdir, text);
	json_t *answer = client_ask(&o, "status", -1);
	fake_daemon_stop();
	assert_true(json_is_array(answer));
	json_decref(answer);
	free(text);
}

static void a_daemon_that_gives_none_is_told_of(void **state)
{
	static const struct {
		const char *answer;
		const char *said;
	} cases[] = {
		{FAKE_DAEMON_CLOSES, "fsmon: the daemon ended without an answer\n"},
		{"{\"ok\": tr", "fsmon: the daemon ended without an answer\n"},
		{FAKE_DAEMON_WAITS,
			"fsmon: gave up after 1ms: the daemon is not done yet\n"},
	};
	struct options o = here();
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		fake_daemon_start(tempdir, cases[i].answer);
		printed_begin();
		json_t *answer = client_ask(&o, "sync", cases[i].answer ? -1 : 1);
		printed_end();
		fake_daemon_stop();
		assert_null(answer);
		assert_string_equal(printed_err, cases[i].said);
	}
}

static void an_object_has_an_answer_that_is_ok(void **state)
{
	static const struct {
		const char *answer;
		const char *said;
	} cases[] = {
		{"{\"ok\": true, \"job\": 3}", ""},
		{"{\"ok\": false, \"error\": \"not now\"}", "fsmon: not now\n"},
		{"{\"ok\": false}", "fsmon: the daemon refuses\n"},
		{"{}", "fsmon: the daemon refuses\n"},
	};
	struct options o = here();
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		fake_daemon_start(tempdir, cases[i].answer);
		printed_begin();
		json_t *answer = client_ask_object(&o, json_pack("{s:s}", "do", "rerun"));
		printed_end();
		assert_string_equal(fake_daemon_stop(), "{\"do\":\"rerun\"}\n");
		assert_string_equal(printed_err, cases[i].said);
		assert_int_equal(json_integer_value(json_object_get(answer, "job")),
			*cases[i].said ? 0 : 3);
		json_decref(answer);
	}
}

static void what_cannot_be_sent_is_told_of(void **state)
{
	struct options o = here();
	int pair[2];
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	printed_begin();
	json_t *answer = client_ask_over(&o, pair[0], json_object());
	printed_end();
	assert_null(answer);
	assert_string_equal(
		printed_err, "fsmon: the daemon cannot be asked: Broken pipe\n");
	/* It is closed in any case, also where there is no memory for the request. */
	assert_int_equal(close(pair[0]), -1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	printed_begin();
	answer = client_ask_over(&o, pair[0], NULL);
	printed_end();
	assert_null(answer);
	assert_string_equal(printed_err, "fsmon: Cannot allocate memory\n");
	assert_int_equal(close(pair[0]), -1);
	close(pair[1]);
}

static void the_number_of_a_run_is_a_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t run; /* 0: it is none */
	} cases[] = {
		{"1", 1},
		{"17", 17},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", 0},
		{"0", 0},
		{"-1", 0},
		{"", 0},
		{"site", 0},
		{"17a", 0},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		uint64_t run = 0;
		int rc = client_run_number(cases[i].text, &run);
		if (rc != (cases[i].run ? 0 : -1) || (rc == 0 && run != cases[i].run))
			fail_msg("%s", cases[i].text);
	}
}

static void the_name_of_a_rule_fits_a_request(void **state)
{
	char name[5000];
	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	json_t *whole = client_rule_name("site"), *cut = client_rule_name(name);
	assert_string_equal(json_string_value(whole), "site");
	assert_int_equal(json_string_length(cut), 200);
	json_decref(whole);
	json_decref(cut);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, tempdir_setup, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_why_nobody_can_be_reached),
		HERE(without_a_daemon_there_is_no_answer),
		HERE(a_word_has_an_answer),
		HERE(an_answer_may_be_long),
		HERE(a_daemon_that_gives_none_is_told_of),
		HERE(an_object_has_an_answer_that_is_ok),
		cmocka_unit_test(what_cannot_be_sent_is_told_of),
		cmocka_unit_test(the_number_of_a_run_is_a_number),
		cmocka_unit_test(the_name_of_a_rule_fits_a_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
