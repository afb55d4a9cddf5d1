/* SPDX-License-Identifier: MIT */
/*
 * The log of both processes: one line a message on standard error. Whoever logs never waits:
 * the worker's lines go through a bounded queue to a thread that writes them; what does not
 * fit is counted and the count is shown.
 */
#ifndef FSMON_APP_LOG_H
#define FSMON_APP_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* As in syslog(3). */
enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6 };

/* What a message is about; every field may be NULL or 0. Bytes are escaped by the log. */
struct log_about {
	const char *rule;
	uint64_t run_id;
	const char *event;
	const char *path;
	const char *cmd;
	const char *user;
};

/*
 * Choose the form of the lines: with `json` each is a JSON object; else text, which begins with
 * a priority where standard error is the journal's stream (JOURNAL_STREAM of systemd.exec(5)),
 * with the local time elsewhere. Called once, before the first line.
 */
void log_open(bool json);

/*
 * Start the writing thread. Until then, and where it could not be started, lines are written at
 * once, and lost where nobody reads: that is how a process logs that may have no thread.
 */
void log_start(void);

/* Whether the lines are JSON from now on. */
void log_set_json(bool json);

/* Write what is queued, waiting at most two seconds for a reader, and end the thread. */
void log_close(void);

/* Log a message. Text and arguments may hold any bytes: the line is escaped as
 * buf_add_vis does, or as jsonbytes_add. */
__attribute__((format(printf, 3, 4))) void log_about(
	enum log_level level, const struct log_about *about, const char *fmt, ...);

/* Log a message about no rule, run or event. */
#define log_err(...) log_about(LOG_LEVEL_ERR, &(struct log_about){0}, __VA_ARGS__)
#define log_warn(...) log_about(LOG_LEVEL_WARN, &(struct log_about){0}, __VA_ARGS__)
#define log_info(...) log_about(LOG_LEVEL_INFO, &(struct log_about){0}, __VA_ARGS__)

/* How many lines were lost because nobody read the log, or because there was no room for
 * it (a full disk). */
uint64_t log_dropped(void);

#endif
