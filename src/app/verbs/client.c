/* SPDX-License-Identifier: MIT */
#include "app/verbs/client.h"

#include "base/buf.h"
#include "core/text/value.h"
#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Longer than the name of any rule, and short enough for a request. */
#define NAME_MAX_BYTES 200
#define PIECE_BYTES ((size_t)65536)

static char *socket_path(const struct options *o)
{
	char *path;
	return asprintf(&path, "%s/fsmon.sock", o->runtime_dir) < 0 ? NULL : path;
}

int client_connect(const struct options *o)
{
	char *path = socket_path(o);
	int fd = path ? sock_connect(path, SOCK_STREAM) : -1;
	free(path);
	return fd;
}

void client_say_unreachable(const struct options *o)
{
	int error = errno;
	char *path = socket_path(o);
	const char *shown = path ? path : o->runtime_dir;
	if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr,
			"fsmon: no daemon runs here (%s: %s)\n"
			"Is it started (fsmon run), with this runtime directory "
			"(--runtime-dir %s)?\n",
			shown, strerror(error), o->runtime_dir);
	else if (error == EACCES)
		fprintf(stderr,
			"fsmon: %s: only the user who runs the daemon may ask it; try "
			"sudo\n",
			shown);
	else
		fprintf(stderr, "fsmon: %s: %s\n", shown, strerror(error));
	free(path);
}

/* Read to the end, in large pieces: json_loadfd makes a system call for each byte. */
static int read_all(int fd, struct buf *b)
{
	char *piece = malloc(PIECE_BYTES);
	ssize_t n = -1;
	while (piece && (n = sock_read(fd, piece, PIECE_BYTES)) != 0) {
		if (n < 0 || buf_add(b, piece, (size_t)n) < 0)
			break;
	}
	free(piece);
	return n == 0 ? 0 : -1;
}

/* Wait for an answer and read it. Returns NULL after a message. */
static json_t *read_answer(const struct options *o, int fd, int timeout_ms)
{
	if (!fd_wait(fd, POLLIN, timeout_ms)) {
		fprintf(stderr, "fsmon: gave up after %s: the daemon is not done yet\n",
			o->timeout);
		return NULL;
	}
	struct buf text = {0};
	json_t *answer = NULL;
	if (read_all(fd, &text) == 0 && text.len > 0)
		answer = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
	if (!answer)
		fprintf(stderr, "fsmon: the daemon ended without an answer\n");
	buf_fini(&text);
	return answer;
}

/* Send a line without its newline and read the answer; NULL after a message. */
static json_t *exchange(const struct options *o, int fd, const char *line, int timeout_ms)
{
	size_t len = strlen(line);
	if (sock_write(fd, line, len) == (ssize_t)len && sock_write(fd, "\n", 1) == 1)
		return read_answer(o, fd, timeout_ms);
	fprintf(stderr, "fsmon: the daemon cannot be asked: %s\n", strerror(errno));
	return NULL;
}

json_t *client_ask(const struct options *o, const char *request, int timeout_ms)
{
	int fd = client_connect(o);
	if (fd < 0) {
		client_say_unreachable(o);
		return NULL;
	}
	json_t *answer = exchange(o, fd, request, timeout_ms);
	fd_close(fd);
	return answer;
}

json_t *client_ask_over(const struct options *o, int fd, json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;
	if (line)
		answer = exchange(o, fd, line, -1);
	else
		fprintf(stderr, "fsmon: %s\n", strerror(ENOMEM));
	if (answer && !json_is_true(json_object_get(answer, "ok"))) {
		const char *why = json_string_value(json_object_get(answer, "error"));
		fprintf(stderr, "fsmon: %s\n", why ? why : "the daemon refuses");
		json_decref(answer);
		answer = NULL;
	}
	free(line);
	json_decref(request);
	fd_close(fd);
	return answer;
}

json_t *client_ask_object(const struct options *o, json_t *request)
{
	int fd = client_connect(o);
	if (fd >= 0)
		return client_ask_over(o, fd, request);
	client_say_unreachable(o);
	json_decref(request);
	return NULL;
}

int client_run_number(const char *text, uint64_t *run)
{
	struct buf why = {0};
	int rc = value_number(text, 1, INT64_MAX, run, &why);
	buf_fini(&why);
	return rc;
}

json_t *client_rule_name(const char *text)
{
	struct buf name = {0};
	buf_add_vis(&name, text, strnlen(text, NAME_MAX_BYTES));
	json_t *string = json_string(name.data);
	buf_fini(&name);
	return string;
}
