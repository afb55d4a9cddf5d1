/* SPDX-License-Identifier: MIT */
#include "app/talk/control.h"

#include "base/countof.h"
#include "os/poller.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define REQUESTS_MAX 100

/* A control socket, and what it has been asked. */
struct world {
	struct poller *poller;
	struct control *control;
	struct sockaddr_un address;
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
	/* an address of its own in the abstract name space */
	w->address.sun_family = AF_UNIX;
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(w->listen_fd, (struct sockaddr *)&w->address, sizeof(sa_family_t)),
		0);
	socklen_t len = sizeof(w->address);
	assert_int_equal(
		getsockname(w->listen_fd, (struct sockaddr *)&w->address, &len), 0);
	assert_int_equal(listen(w->listen_fd, 100), 0);
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

/* Turn the poller until nothing is left to do. */
static void settle(struct world *w)
{
	for (int i = 0; i < 20; i++)
		poller_turn(w->poller, 0);
}

static int join(struct world *w, const char *bytes, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&w->address,
				 (socklen_t)(sizeof(sa_family_t) + 6)),
		0);
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	settle(w);
	return fd;
}

/* Connect and send a text. */
static int ask(struct world *w, const char *text)
{
	return join(w, text, strlen(text));
}

/* What the client has been answered; "" where the connection was closed; NULL where it is
 * still open. */
static const char *answer_of(int fd)
{
	static char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return NULL;
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void takes_words_and_objects(void **state)
{
	struct world *w = *state;
	int fds[3] = {ask(w, "status\n"), ask(w, "{\"do\": \"runs\", \"rule\": \"a\"}\n"),
		ask(w, "sy")};
	assert_int_equal(w->count, 2);
	assert_string_equal(w->requests[0].what, "status");
	assert_null(w->requests[0].args);
	assert_string_equal(w->requests[1].what, "runs");
	assert_string_equal(w->requests[1].args, "{\"do\": \"runs\", \"rule\": \"a\"}");
	assert_int_not_equal(w->requests[0].client, w->requests[1].client);
	/* a request in pieces */
	assert_int_equal(send(fds[2], "nc\n", 3, 0), 3);
	settle(w);
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
		int fd = join(w, cases[i].bytes, cases[i].len);
		const char *answer = answer_of(fd);
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
	int fd = join(w, bytes, sizeof(bytes) - 1);
	assert_null(answer_of(fd));
	assert_int_equal(send(fd, "x", 1, 0), 1);
	settle(w);
	assert_string_equal(
		answer_of(fd), "{\"ok\":false,\"error\":\"the request is too long\"}");
	assert_int_equal(w->count, 0);
	close(fd);
}

static void answers_when_the_owner_does(void **state)
{
	struct world *w = *state;
	int first = ask(w, "a\n"), second = ask(w, "b\n");
	json_t *o = json_pack("{s:b}", "ok", 1);
	assert_null(answer_of(first));
	control_answer(w->control, w->requests[1].client, o);
	settle(w);
	assert_string_equal(answer_of(second), "{\"ok\":true}");
	assert_string_equal(answer_of(second), "");
	assert_null(answer_of(first));
	/* it is done: no second answer, and none for a number that never was */
	control_answer(w->control, w->requests[1].client, o);
	control_answer(w->control, 12345, o);
	control_refuse(w->control, w->requests[0].client, "no");
	settle(w);
	assert_string_equal(answer_of(first), "{\"ok\":false,\"error\":\"no\"}");
	json_decref(o);
	close(first);
	close(second);
}

static void answers_within_the_request(void **state)
{
	struct world *w = *state;
	w->answers_at_once = true;
	int fd = ask(w, "a\n");
	assert_string_equal(answer_of(fd), "{\"ok\":false,\"error\":\"not now\"}");
	close(fd);
}

static void an_answer_for_a_client_that_is_gone_harms_nobody(void **state)
{
	struct world *w = *state;
	int gone = ask(w, "a\n"), stays = ask(w, "a\n");
	json_t *o = json_pack("{s:b}", "ok", 1);
	close(gone);
	/* before it is noticed, and after */
	control_answer(w->control, w->requests[0].client, o);
	settle(w);
	control_answer(w->control, w->requests[0].client, o);
	control_answer(w->control, w->requests[1].client, NULL);
	settle(w);
	assert_string_equal(answer_of(stays), "");
	json_decref(o);
	close(stays);
}

static void answers_all_who_have_asked_for_the_same(void **state)
{
	struct world *w = *state;
	int fds[] = {ask(w, "reload\n"), ask(w, "sync\n"),
		ask(w, "{\"do\":\"reload\"}\n"), ask(w, "reload")};
	json_t *o = json_pack("{s:b}", "ok", 1);
	control_answer_all(w->control, "reload", o);
	settle(w);
	assert_string_equal(answer_of(fds[0]), "{\"ok\":true}");
	assert_null(answer_of(fds[1]));
	assert_string_equal(answer_of(fds[2]), "{\"ok\":true}");
	assert_null(answer_of(fds[3])); /* has not asked yet */
	json_decref(o);
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
}

static void answers_a_sync_when_it_is_done(void **state)
{
	struct world *w = *state;
	int fd = ask(w, "sync\n"), other = ask(w, "other\n");
	struct control_sync s = {.records = 7};
	control_wait(w->control, w->requests[0].client, &s);
	control_check(w->control);
	settle(w);
	assert_int_equal(w->last_records, 7);
	assert_null(answer_of(fd));
	w->is_done = true;
	control_check(w->control);
	settle(w);
	assert_string_equal(answer_of(fd), "{\"ok\":true}");
	assert_null(answer_of(other));
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
	int fd = ask(w, "runs\n");
	json_t *o = json_pack("{s:s}", "text", text);
	control_answer(w->control, w->requests[0].client, o);
	json_decref(o);
	/* another one does not take its place */
	control_refuse(w->control, w->requests[0].client, "no");
	ssize_t n;
	while ((n = recv(fd, piece, 65536, 0)) > 0) {
		got += (size_t)n;
		settle(w);
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
		fds[i] = ask(w, i < 64 ? "a\n" : "");
	assert_int_equal(w->count, 64);
	assert_null(answer_of(fds[63]));
	assert_string_equal(answer_of(fds[64]), "");
	/* and there is room again when one goes */
	close(fds[0]);
	settle(w);
	close(fds[64]);
	fds[64] = ask(w, "a\n");
	assert_int_equal(w->count, 65);
	for (size_t i = 1; i < countof(fds); i++)
		close(fds[i]);
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
		TEST(turns_away_whoever_comes_when_64_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
