/* SPDX-License-Identifier: MIT */
#include "app/talk/control.h"

#include "os/fd.h"
#include "os/sock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#define REQUEST_MAX_BYTES 4096
#define WORD_MAX_BYTES 31

enum client_state { READING, WAITING, ANSWERING };

/* One connection. */
struct client {
	TAILQ_ENTRY(client) next;
	struct control *control;
	uint64_t number;
	int fd;
	struct poller_source *source;
	enum client_state state;
	char request[REQUEST_MAX_BYTES];
	size_t request_len;
	char what[WORD_MAX_BYTES + 1]; /* the word of the request */
	char *answer; /* what is to be sent */
	size_t answer_len, answer_sent;
	bool has_sync; /* it waits for control_check */
	struct control_sync sync;
};

struct control {
	struct poller *poller;
	struct poller_source *source;
	int fd;
	struct control_handlers handlers;
	void *ctx;
	TAILQ_HEAD(, client) clients;
	size_t count;
	uint64_t last_number;
};

static void drop(struct client *c)
{
	struct control *control = c->control;
	TAILQ_REMOVE(&control->clients, c, next);
	control->count--;
	poller_remove(control->poller, c->source);
	fd_close(c->fd);
	free(c->answer);
	free(c);
}

/* Send what is left of the answer, as far as it goes; then the client is gone. */
static void send_answer(struct client *c)
{
	while (c->answer_sent < c->answer_len) {
		ssize_t n = sock_write(c->fd, c->answer + c->answer_sent,
			c->answer_len - c->answer_sent);
		if (n < 0 && errno == EAGAIN &&
			poller_change(c->control->poller, c->source, EPOLLOUT) == 0)
			return;
		if (n < 0)
			break;
		c->answer_sent += (size_t)n;
	}
	drop(c);
}

/* Takes the text over, which may be NULL; may free the client. */
static void answer_text(struct client *c, char *text)
{
	c->state = ANSWERING;
	c->answer = text;
	c->answer_len = text ? strlen(text) : 0;
	send_answer(c);
}

static void answer(struct client *c, const json_t *object)
{
	answer_text(c, object ? json_dumps(object, JSON_COMPACT) : NULL);
}

static void refuse(struct client *c, const char *text)
{
	json_t *o = json_pack("{s:b, s:s}", "ok", 0, "error", text);
	answer(c, o);
	json_decref(o);
}

/* Have the owner do what the client asks; may free the client. */
static void serve(struct client *c)
{
	struct control *control = c->control;
	bool is_object = c->request[0] == '{';
	json_t *args = is_object ? json_loads(c->request, 0, NULL) : NULL;
	const char *what =
		is_object ? json_string_value(json_object_get(args, "do")) : c->request;
	if (what && strlcpy(c->what, what, sizeof(c->what)) < sizeof(c->what)) {
		c->state = WAITING;
		control->handlers.request(control->ctx, c->what, args, c->number);
	} else {
		refuse(c, "the request cannot be understood");
	}
	json_decref(args);
}

static void read_request(struct client *c)
{
	size_t room = sizeof(c->request) - 1 - c->request_len;
	ssize_t n = sock_read(c->fd, c->request + c->request_len, room);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->request_len += (size_t)n;
	char *end = memchr(c->request, '\n', c->request_len);
	if (end) {
		*end = '\0';
		serve(c);
	} else if (c->request_len == sizeof(c->request) - 1) {
		refuse(c, "the request is too long");
	}
}

static void on_client(void *ctx, uint32_t events)
{
	struct client *c = ctx;
	char byte;
	if (c->state == ANSWERING)
		send_answer(c);
	else if (c->state == READING)
		read_request(c);
	else if (events & (EPOLLHUP | EPOLLERR) || sock_read(c->fd, &byte, 1) == 0)
		drop(c); /* it does not want to wait any longer */
}

static void on_connection(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	(void)events;
	int fd = sock_accept(control->fd);
	if (fd < 0)
		return;
	struct client *c =
		control->count < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (c) {
		c->control = control;
		c->number = ++control->last_number;
		c->fd = fd;
		c->source = poller_add(control->poller, fd, EPOLLIN, on_client, c);
	}
	if (!c || !c->source) {
		free(c);
		fd_close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&control->clients, c, next);
	control->count++;
}

struct control *control_new(struct poller *poller, int listen_fd,
	const struct control_handlers *handlers, void *ctx)
{
	assert(handlers->request && handlers->sync_is_done);
	struct control *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->poller = poller;
	c->fd = listen_fd;
	c->handlers = *handlers;
	c->ctx = ctx;
	TAILQ_INIT(&c->clients);
	c->source = poller_add(poller, listen_fd, EPOLLIN, on_connection, c);
	if (!c->source) {
		free(c);
		return NULL;
	}
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	struct client *client;
	while ((client = TAILQ_FIRST(&c->clients)))
		drop(client);
	poller_remove(c->poller, c->source);
	free(c);
}

/* The client that waits for an answer and has this number, or NULL. */
static struct client *find(struct control *control, uint64_t number)
{
	struct client *c;
	TAILQ_FOREACH (c, &control->clients, next) {
		if (c->number == number)
			return c->state == WAITING ? c : NULL;
	}
	return NULL;
}

void control_answer(struct control *control, uint64_t client, json_t *object)
{
	struct client *c = find(control, client);
	if (c)
		answer(c, object);
}

void control_answer_text(struct control *control, uint64_t client, char *text)
{
	struct client *c = find(control, client);
	if (c)
		answer_text(c, text);
	else
		free(text);
}

void control_refuse(struct control *control, uint64_t client, const char *text)
{
	struct client *c = find(control, client);
	if (c)
		refuse(c, text);
}

void control_answer_all(struct control *control, const char *what, json_t *object)
{
	struct client *c, *next;
	TAILQ_FOREACH_SAFE (c, &control->clients, next, next) {
		if (c->state == WAITING && strcmp(c->what, what) == 0)
			answer(c, object);
	}
}

pid_t control_peer(struct control *control, uint64_t client)
{
	const struct client *c = find(control, client);
	return c ? sock_peer(c->fd) : 0;
}

size_t control_sync_tags(
	const struct control *control, uint64_t tags[CONTROL_CLIENTS_MAX])
{
	const struct client *c;
	size_t count = 0;
	TAILQ_FOREACH (c, &control->clients, next) {
		if (c->state == WAITING && c->has_sync && c->sync.tag)
			tags[count++] = c->sync.tag;
	}
	return count;
}

void control_wait(struct control *control, uint64_t client, const struct control_sync *s)
{
	struct client *c = find(control, client);
	if (!c)
		return;
	c->sync = *s;
	c->has_sync = true;
}

void control_check(struct control *control)
{
	struct client *c, *next;
	TAILQ_FOREACH_SAFE (c, &control->clients, next, next) {
		if (c->state != WAITING || !c->has_sync ||
			!control->handlers.sync_is_done(control->ctx, &c->sync))
			continue;
		json_t *o = json_pack("{s:b}", "ok", 1);
		answer(c, o);
		json_decref(o);
	}
}
