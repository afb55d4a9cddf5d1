/* SPDX-License-Identifier: MIT */
#include "app/verbs/client.h"

#include "base/buf.h"
#include "core/text/value.h"
#include "os/fd.h"
#include "os/sock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Longer than the name of any rule, and short enough for a request. */
#define NAME_MAX_BYTES 200

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

/* Wait for an answer and read it. Returns NULL after a message. */
static json_t *read_answer(const struct options *o, FILE *in, int timeout_ms)
{
	if (!fd_wait(fileno(in), POLLIN, timeout_ms)) {
		fprintf(stderr, "fsmon: gave up after %s: the daemon is not done yet\n",
			o->timeout);
		return NULL;
	}
	/* Not json_loadfd, which makes a system call for each byte. */
	json_t *answer = json_loadf(in, JSON_ALLOW_NUL, NULL);
	if (!answer)
		fprintf(stderr, "fsmon: the daemon ended without an answer\n");
	return answer;
}

/* Send a line without its newline, read the answer, and close the descriptor. NULL after a
 * message. */
static json_t *exchange(const struct options *o, int fd, const char *line, int timeout_ms)
{
	ssize_t len = (ssize_t)strlen(line);
	json_t *answer = NULL;
	FILE *in = fdopen(fd, "r");
	if (in && sock_write(fd, line, (size_t)len) == len &&
		sock_write(fd, "\n", 1) == 1)
		answer = read_answer(o, in, timeout_ms);
	else
		fprintf(stderr, "fsmon: the daemon cannot be asked: %s\n",
			strerror(errno));
	if (in)
		fclose(in);
	else
		fd_close(fd);
	return answer;
}

static int connect_or_say(const struct options *o)
{
	int fd = client_connect(o);
	if (fd < 0)
		client_say_unreachable(o);
	return fd;
}

json_t *client_ask(const struct options *o, const char *request, int timeout_ms)
{
	assert(!strchr(request, '\n'));
	int fd = connect_or_say(o);
	return fd < 0 ? NULL : exchange(o, fd, request, timeout_ms);
}

bool client_is_refused(const json_t *answer)
{
	if (json_is_true(json_object_get(answer, "ok")))
		return false;
	const char *why = json_string_value(json_object_get(answer, "error"));
	fprintf(stderr, "fsmon: %s\n", why ? why : "the daemon refuses");
	return true;
}

json_t *client_ask_over(const struct options *o, int fd, json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	json_t *answer = line ? exchange(o, fd, line, -1) : NULL;
	if (!line) {
		fprintf(stderr, "fsmon: %s\n", strerror(ENOMEM));
		fd_close(fd);
	}
	if (answer && client_is_refused(answer)) {
		json_decref(answer);
		answer = NULL;
	}
	free(line);
	json_decref(request);
	return answer;
}

json_t *client_ask_object(const struct options *o, json_t *request)
{
	int fd = connect_or_say(o);
	if (fd >= 0)
		return client_ask_over(o, fd, request);
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
