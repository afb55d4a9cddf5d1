/* SPDX-License-Identifier: MIT */
#include "app/talk/control.h"

#include "base/countof.h"
#include "control_kit.h"

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

#define REQUESTS_MAX 100

/* A control socket, and what it has been asked. */
struct world {
	struct poller *poller;
	struct control *control;
	int listen_fd;
	struct {
		char what[32];
		char *args; /* NULL: none */
		uint64_t client;
	} requests[REQUESTS_MAX];
	size_t count;
	bool is_done; /* what sync_is_done says */
	uint64_t last_records; /* of the sync that was asked for last */
	bool answers_at_once;
};

static void on_request(void *ctx, const char *what, json_t *args, uint64_t client)
{
	struct world *w = ctx;
	assert_true(w->count < REQUESTS_MAX);
	strlcpy(w->requests[w->count].what, what, sizeof(w->requests[0].what));
	w->requests[w->count].args = args ? json_dumps(args, JSON_SORT_KEYS) : NULL;
	w->requests[w->count++].client = client;
	if (w->answers_at_once)
		control_refuse(w->control, client, "not now");
}

static bool sync_is_done(void *ctx, struct control_sync *s)
{
	struct world *w = ctx;
	w->last_records = s->records;
	return w->is_done;
}

static int set_up(void **state)
{
	static const struct control_handlers handlers = {on_request, sync_is_done};
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->listen_fd = control_kit_listen();
	w->poller = poller_new();
	w->control = control_new(w->poller, w->listen_fd, &handlers, w);
	assert_non_null(w->control);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	control_free(w->control);
	poller_free(w->poller);
	close(w->listen_fd);
	for (size_t i = 0; i < w->count; i++)
		free(w->requests[i].args);
	free(w);
	return 0;
}

static void takes_words_and_objects(void **state)
{
	struct world *w = *state;
	int fds[3] = {control_kit_ask(w->poller, "status\n"),
		control_kit_ask(w->poller, "{\"do\": \"runs\", \"rule\": \"a\"}\n"),
		control_kit_ask(w->poller, "sy")};
	assert_int_equal(w->count, 2);
	assert_string_equal(w->requests[0].what, "status");
	assert_null(w->requests[0].args);
	assert_string_equal(w->requests[1].what, "runs");
	assert_string_equal(w->requests[1].args, "{\"do\": \"runs\", \"rule\": \"a\"}");
	assert_int_not_equal(w->requests[0].client, w->requests[1].client);
	/* a request in pieces */
	assert_int_equal(send(fds[2], "nc\n", 3, 0), 3);
	control_kit_turn(w->poller);
	assert_int_equal(w->count, 3);
	assert_string_equal(w->requests[2].what, "sync");
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
}

static void refuses_what_is_no_request(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"{broken\n", 8},
		{"{\"do\": 3}\n", 10},
		{"{\"what\": \"runs\"}\n", 17},
		{"{\"do\": \"runs\"}\0\n", 16}, /* fine: up to the NUL */
		{"a-word-that-is-longer-than-any-verb\n", 36},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		int fd = control_kit_send(w->poller, cases[i].bytes, cases[i].len);
		const char *answer = control_kit_answer(fd);
		if (i == 3)
			assert_null(answer);
		else
			assert_string_equal(answer,
				"{\"ok\":false,\"error\":\"the request "
				"cannot be understood\"}");
		close(fd);
	}
	assert_int_equal(w->count, 1);
}

static void refuses_a_request_that_does_not_end(void **state)
{
	struct world *w = *state;
	char bytes[4095];
	memset(bytes, 'x', sizeof(bytes));
	int fd = control_kit_send(w->poller, bytes, sizeof(bytes) - 1);
	assert_null(control_kit_answer(fd));
	assert_int_equal(send(fd, "x", 1, 0), 1);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fd),
		"{\"ok\":false,\"error\":\"the request is too long\"}");
	assert_int_equal(w->count, 0);
	close(fd);
}

static void answers_when_the_owner_does(void **state)
{
	struct world *w = *state;
	int first = control_kit_ask(w->poller, "a\n"),
	    second = control_kit_ask(w->poller, "b\n");
	json_t *o = json_pack("{s:b}", "ok", 1);
	assert_null(control_kit_answer(first));
	control_answer(w->control, w->requests[1].client, o);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(second), "{\"ok\":true}");
	assert_string_equal(control_kit_answer(second), "");
	assert_null(control_kit_answer(first));
	/* it is done: no second answer, and none for a number that never was */
	control_answer(w->control, w->requests[1].client, o);
	control_answer(w->control, 12345, o);
	control_refuse(w->control, w->requests[0].client, "no");
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(first), "{\"ok\":false,\"error\":\"no\"}");
	json_decref(o);
	close(first);
	close(second);
}

static void answers_within_the_request(void **state)
{
	struct world *w = *state;
	w->answers_at_once = true;
	int fd = control_kit_ask(w->poller, "a\n");
	assert_string_equal(
		control_kit_answer(fd), "{\"ok\":false,\"error\":\"not now\"}");
	close(fd);
}

static void an_answer_for_a_client_that_is_gone_harms_nobody(void **state)
{
	struct world *w = *state;
	int gone = control_kit_ask(w->poller, "a\n"),
	    stays = control_kit_ask(w->poller, "a\n");
	json_t *o = json_pack("{s:b}", "ok", 1);
	close(gone);
	/* before it is noticed, and after */
	control_answer(w->control, w->requests[0].client, o);
	control_kit_turn(w->poller);
	control_answer(w->control, w->requests[0].client, o);
	control_answer(w->control, w->requests[1].client, NULL);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(stays), "");
	json_decref(o);
	close(stays);
}

static void answers_all_who_have_asked_for_the_same(void **state)
{
	struct world *w = *state;
	int fds[] = {control_kit_ask(w->poller, "reload\n"),
		control_kit_ask(w->poller, "sync\n"),
		control_kit_ask(w->poller, "{\"do\":\"reload\"}\n"),
		control_kit_ask(w->poller, "reload")};
	json_t *o = json_pack("{s:b}", "ok", 1);
	control_answer_all(w->control, "reload", o);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fds[0]), "{\"ok\":true}");
	assert_null(control_kit_answer(fds[1]));
	assert_string_equal(control_kit_answer(fds[2]), "{\"ok\":true}");
	assert_null(control_kit_answer(fds[3])); /* has not asked yet */
	json_decref(o);
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
}

static void answers_a_sync_when_it_is_done(void **state)
{
	struct world *w = *state;
	int fd = control_kit_ask(w->poller, "sync\n"),
	    other = control_kit_ask(w->poller, "other\n");
	struct control_sync s = {.records = 7};
	control_wait(w->control, w->requests[0].client, &s);
	control_check(w->control);
	control_kit_turn(w->poller);
	assert_int_equal(w->last_records, 7);
	assert_null(control_kit_answer(fd));
	w->is_done = true;
	control_check(w->control);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fd), "{\"ok\":true}");
	assert_null(control_kit_answer(other));
	close(fd);
	close(other);
}

static void a_slow_reader_gets_all_of_a_long_answer(void **state)
{
	struct world *w = *state;
	size_t len = 4 << 20, got = 0;
	char *text = malloc(len + 1), *piece = malloc(65536);
	assert_true(text && piece);
	memset(text, 'x', len);
	text[len] = '\0';
	int fd = control_kit_ask(w->poller, "runs\n");
	json_t *o = json_pack("{s:s}", "text", text);
	control_answer(w->control, w->requests[0].client, o);
	json_decref(o);
	/* another one does not take its place */
	control_refuse(w->control, w->requests[0].client, "no");
	ssize_t n;
	while ((n = recv(fd, piece, 65536, 0)) > 0) {
		got += (size_t)n;
		control_kit_turn(w->poller);
	}
	assert_int_equal(got, len + strlen("{\"text\":\"\"}"));
	free(piece);
	free(text);
	close(fd);
}

static void turns_away_whoever_comes_when_64_are_there(void **state)
{
	struct world *w = *state;
	int fds[65];
	for (size_t i = 0; i < countof(fds); i++)
		fds[i] = control_kit_ask(w->poller, i < 64 ? "a\n" : "");
	assert_int_equal(w->count, 64);
	assert_null(control_kit_answer(fds[63]));
	assert_string_equal(control_kit_answer(fds[64]), "");
	/* and there is room again when one goes */
	close(fds[0]);
	control_kit_turn(w->poller);
	close(fds[64]);
	fds[64] = control_kit_ask(w->poller, "a\n");
	assert_int_equal(w->count, 65);
	for (size_t i = 1; i < countof(fds); i++)
		close(fds[i]);
}

static void a_client_that_goes_while_it_waits_is_forgotten(void **state)
{
	struct world *w = *state;
	struct control_sync s = {.records = 7};
	int fd = control_kit_ask(w->poller, "sync\n");
	control_wait(w->control, w->requests[0].client, &s);
	/* It has nothing more to say, and does not wait for the answer. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fd), "");
	control_check(w->control);
	assert_int_equal(w->last_records, 0);
	close(fd);
	/* So does one that says nothing at all. */
	fd = control_kit_ask(w->poller, "");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fd), "");
	close(fd);
}

static void an_answer_may_be_text(void **state)
{
	struct world *w = *state;
	int fds[] = {
		control_kit_ask(w->poller, "a\n"), control_kit_ask(w->poller, "a\n")};
	control_answer_text(w->control, w->requests[0].client, strdup("[1]"));
	control_answer_text(w->control, w->requests[1].client, NULL);
	control_answer_text(w->control, 12345, strdup("of nobody"));
	control_kit_turn(w->poller);
	assert_string_equal(control_kit_answer(fds[0]), "[1]");
	assert_string_equal(control_kit_answer(fds[1]), "");
	close(fds[0]);
	close(fds[1]);
}

static void a_closed_socket_closes_its_clients(void **state)
{
	struct world *w = *state;
	int fd = control_kit_ask(w->poller, "a\n");
	control_free(w->control);
	w->control = NULL;
	assert_string_equal(control_kit_answer(fd), "");
	close(fd);
}

static void what_cannot_be_listened_to_is_no_control(void **state)
{
	static const struct control_handlers handlers = {on_request, sync_is_done};
	struct world *w = *state;
	assert_null(control_new(w->poller, -1, &handlers, w));
	assert_int_equal(errno, EBADF);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_words_and_objects),
		TEST(refuses_what_is_no_request),
		TEST(refuses_a_request_that_does_not_end),
		TEST(answers_when_the_owner_does),
		TEST(answers_within_the_request),
		TEST(an_answer_for_a_client_that_is_gone_harms_nobody),
		TEST(answers_all_who_have_asked_for_the_same),
		TEST(answers_a_sync_when_it_is_done),
		TEST(a_slow_reader_gets_all_of_a_long_answer),
		TEST(a_client_that_goes_while_it_waits_is_forgotten),
		TEST(an_answer_may_be_text),
		TEST(a_closed_socket_closes_its_clients),
		TEST(what_cannot_be_listened_to_is_no_control),
		TEST(turns_away_whoever_comes_when_64_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
