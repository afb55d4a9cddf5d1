/* SPDX-License-Identifier: MIT */
/* The verbs that talk to a running daemon. */
#include "app/verbs.h"

#include "app/report.h"
#include "base/buf.h"
#include "core/value.h"
#include "os/sock.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int say_unreachable(const struct options *o, const char *path)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr,
			"fsmon: no daemon runs here (%s: %s)\n"
			"Is it started (fsmon run), with this runtime directory "
			"(--runtime-dir %s)?\n",
			path, strerror(errno), o->runtime_dir);
	else if (errno == EACCES)
		fprintf(stderr,
			"fsmon: %s: only the user who runs the daemon may ask it; try "
			"sudo\n",
			path);
	else
		fprintf(stderr, "fsmon: %s: %s\n", path, strerror(errno));
	return -1;
}

static int connect_daemon(const struct options *o)
{
	char *path;
	if (asprintf(&path, "%s/fsmon.sock", o->runtime_dir) < 0)
		return -1;
	int fd = sock_connect(path, SOCK_STREAM);
	if (fd < 0)
		say_unreachable(o, path);
	free(path);
	return fd;
}

/* Wait for an answer and read it. Returns NULL after a message. */
static json_t *read_answer(const struct options *o, int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ready;
	while ((ready = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR)
		;
	if (ready == 0) {
		fprintf(stderr, "fsmon: gave up after %s: the daemon is not done yet\n",
			o->timeout);
		return NULL;
	}
	json_error_t error;
	json_t *answer = json_loadfd(fd, 0, &error);
	if (!answer)
		fprintf(stderr, "fsmon: the daemon ended without an answer\n");
	return answer;
}

/* Send a request and get the answer; NULL after a message. */
static json_t *ask(const struct options *o, const char *request, int timeout_ms)
{
	int fd = connect_daemon(o);
	if (fd < 0)
		return NULL;
	json_t *answer = NULL;
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		answer = read_answer(o, fd, timeout_ms);
	else
		fprintf(stderr, "fsmon: the daemon cannot be asked: %s\n",
			strerror(errno));
	close(fd);
	return answer;
}

/* The --timeout, in ms; -1: none. Returns 0, or -1 after a message. */
static int timeout_of(const struct options *o, int *ms)
{
	uint64_t ns = 0;
	struct buf why = {0};
	*ms = -1;
	int rc = o->timeout ? value_duration(o->timeout, &ns, &why) : 0;
	if (rc < 0)
		fprintf(stderr, "fsmon: --timeout: %s\n", why.data ? why.data : "");
	else if (o->timeout)
		*ms = ns / 1000000 > INT32_MAX ? INT32_MAX : (int)(ns / 1000000);
	buf_fini(&why);
	return rc;
}

int verb_status(const struct options *o)
{
	json_t *report = ask(o, "status\n", -1);
	if (!report)
		return EXIT_FAILED;
	if (o->is_json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		report_print(report, stdout);
	}
	json_decref(report);
	return EXIT_FINE;
}

int verb_reload(const struct options *o)
{
	int ms;
	if (timeout_of(o, &ms) < 0)
		return EXIT_USAGE;
	json_t *answer = ask(o, "reload\n", ms), *message;
	size_t i;
	if (!answer)
		return EXIT_FAILED;
	json_array_foreach(json_object_get(answer, "messages"), i, message)
		fprintf(stderr, "%s\n", json_string_value(message));
	bool is_ok = json_is_true(json_object_get(answer, "ok"));
	long long rules = json_integer_value(json_object_get(answer, "rules"));
	if (is_ok)
		printf("reloaded: %lld rule%s\n", rules, rules == 1 ? "" : "s");
	else
		fprintf(stderr,
			"fsmon: not reloaded: what was in force before (%lld rule%s) "
			"stays\n",
			rules, rules == 1 ? "" : "s");
	json_decref(answer);
	return is_ok ? EXIT_FINE : EXIT_USAGE;
}

int verb_sync(const struct options *o)
{
	int ms;
	if (timeout_of(o, &ms) < 0)
		return EXIT_USAGE;
	json_t *answer = ask(o, "sync\n", ms);
	bool is_ok = answer && json_is_true(json_object_get(answer, "ok"));
	json_decref(answer);
	return is_ok ? EXIT_FINE : EXIT_FAILED;
}
