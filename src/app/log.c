/* SPDX-License-Identifier: MIT */
#include "app/log.h"

#include "base/buf.h"
#include "core/text/jsonbytes.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/thread.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define CLOSE_WAIT_MS 2000

/* The only mutable global of the program. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool has_thread;
	bool is_closing;
	bool is_json;
	bool is_journal; /* the journal adds time stamps, and wants priorities */
	struct buf queue; /* whole lines */
	uint64_t dropped;
	uint64_t dropped_told;
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
};

static uint64_t count_lines(const char *bytes, size_t len)
{
	uint64_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += bytes[i] == '\n';
	return count;
}

static const char *level_name(enum log_level level)
{
	return level == LOG_LEVEL_ERR    ? "error"
	       : level == LOG_LEVEL_WARN ? "warning"
					 : "info";
}

static void add_text(struct buf *line, enum log_level level,
	const struct log_about *about, const struct buf *message)
{
	if (logger.is_journal) {
		buf_printf(line, "<%d>", level);
	} else {
		uint64_t now_ns = clock_realtime_ns();
		clock_add_local(line, now_ns);
		buf_printf(line, ".%03u ", (unsigned)(now_ns / 1000000 % 1000));
	}
	if (about->rule && about->run_id)
		buf_printf(line, "[%s#%" PRIu64 "] ", about->rule, about->run_id);
	else if (about->rule)
		buf_printf(line, "[%s] ", about->rule);
	if (level != LOG_LEVEL_INFO)
		buf_printf(line, "%s: ", level_name(level));
	buf_add_vis(line, message->data, message->len);
}

static void add_member(struct buf *line, const char *key, const char *bytes)
{
	if (!bytes)
		return;
	buf_printf(line, ",\"%s\":", key);
	jsonbytes_add(line, bytes);
}

static void add_json(struct buf *line, enum log_level level,
	const struct log_about *about, const struct buf *message)
{
	buf_printf(line, "{\"time_ns\":%" PRIu64, clock_realtime_ns());
	add_member(line, "level", level_name(level));
	add_member(line, "rule", about->rule);
	if (about->run_id)
		buf_printf(line, ",\"run\":%" PRIu64, about->run_id);
	add_member(line, "event", about->event);
	add_member(line, "path", about->path);
	add_member(line, "cmd", about->cmd);
	add_member(line, "user", about->user);
	add_member(line, "message", message->data);
	buf_add(line, "}", 1);
}

/* Append a line to a batch of them. */
static void add_line(struct buf *lines, enum log_level level,
	const struct log_about *about, const struct buf *message)
{
	if (logger.is_json)
		add_json(lines, level, about, message);
	else
		add_text(lines, level, about, message);
	buf_add(lines, "\n", 1);
}

/* Say how many lines were dropped, once there is room again. Called with the lock held. */
static void add_dropped(struct buf *lines)
{
	struct buf message = {0};
	uint64_t dropped = logger.dropped - logger.dropped_told;
	logger.dropped_told = logger.dropped;
	if (dropped &&
		buf_printf(&message,
			"%" PRIu64 " log lines were lost: they could not be written",
			dropped) == 0)
		add_line(lines, LOG_LEVEL_WARN, &(struct log_about){0}, &message);
	buf_fini(&message);
}

/* Hand a line to the thread, or write it where there is none. */
static void put(const struct buf *line)
{
	pthread_mutex_lock(&logger.lock);
	if (!logger.has_thread) {
		logger.dropped +=
			fd_write_all(STDERR_FILENO, line->data, line->len, 0) > 0;
	} else if (logger.queue.len + line->len > QUEUE_MAX_BYTES ||
		   buf_add(&logger.queue, line->data, line->len) < 0) {
		logger.dropped++;
		logger.queue.failed = false;
	} else {
		pthread_cond_signal(&logger.filled);
	}
	pthread_mutex_unlock(&logger.lock);
}

void log_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
{
	struct buf message = {0}, line = {0};
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len >= 0)
		buf_add(&message, text, (size_t)len);
	free(text);
	if (message.data)
		add_line(&line, level, about, &message);
	if (line.data && !line.failed)
		put(&line);
	buf_fini(&message);
	buf_fini(&line);
}

static void *write_lines(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&logger.lock);
	while (logger.queue.len > 0 || !logger.is_closing) {
		if (logger.queue.len == 0) {
			pthread_cond_wait(&logger.filled, &logger.lock);
			continue;
		}
		struct buf lines = logger.queue;
		logger.queue = (struct buf){0};
		add_dropped(&lines);
		int wait_ms = logger.is_closing ? CLOSE_WAIT_MS : -1;
		pthread_mutex_unlock(&logger.lock);
		size_t lost = fd_write_all(STDERR_FILENO, lines.data, lines.len, wait_ms);
		uint64_t lost_lines = count_lines(lines.data + lines.len - lost, lost);
		buf_fini(&lines);
		pthread_mutex_lock(&logger.lock);
		logger.dropped += lost_lines;
	}
	pthread_mutex_unlock(&logger.lock);
	return NULL;
}

void log_open(bool json)
{
	logger.is_json = json;
	logger.is_journal = fd_is_journal(STDERR_FILENO);
}

void log_start(void)
{
	if (!logger.has_thread)
		logger.has_thread = thread_start(&logger.thread, write_lines, NULL) == 0;
}

void log_set_json(bool json)
{
	logger.is_json = json;
}

void log_close(void)
{
	if (!logger.has_thread)
		return;
	pthread_mutex_lock(&logger.lock);
	logger.is_closing = true;
	pthread_cond_signal(&logger.filled);
	pthread_mutex_unlock(&logger.lock);
	/* A thread that is stuck in a write to somebody who does not read is left behind:
	 * the process ends in any case. */
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += CLOSE_WAIT_MS / 1000;
	if (pthread_timedjoin_np(logger.thread, NULL, &deadline) == 0)
		logger.has_thread = false;
}

uint64_t log_dropped(void)
{
	pthread_mutex_lock(&logger.lock);
	uint64_t dropped = logger.dropped;
	pthread_mutex_unlock(&logger.lock);
	return dropped;
}
