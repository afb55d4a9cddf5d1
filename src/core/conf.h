/* SPDX-License-Identifier: MIT */
/* Reads rule files: bytes in, rules and messages out (DESIGN 4). */
#ifndef FSMON_CORE_CONF_H
#define FSMON_CORE_CONF_H

#include "base/buf.h"
#include "core/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_FILE_MAX_BYTES 16777216u /* 16 MiB */
#define CONF_LINE_MAX_BYTES 65536u

/* One file's contents. */
struct conf_file {
	const char *name; /* for messages */
	const char *bytes;
	size_t len;
	bool is_main; /* fsmon.conf: may have [daemon], and its [defaults] hold for all
			 files */
};

enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

/* The [daemon] section. */
struct conf_daemon {
	bool strict;
	uint32_t max_parallel; /* default 64 */
	enum conf_log_format log_format;
	uint64_t history_keep_ns; /* history-keep = AGE, COUNT; default 7d, 10000 */
	uint32_t history_keep_count;
};

/* An error or a warning about a place in a file. */
struct conf_message {
	char *file;
	unsigned line; /* 0: the file as a whole */
	char *text; /* complete: "[rule] key: what is wrong; did you mean X?" */
	bool is_warning; /* a warning leaves its file in use */
};

struct conf {
	struct conf_daemon daemon;
	struct rule **rules; /* of the files without an error, in order of reading */
	size_t rule_count;
	struct conf_message *messages; /* in order of file and line */
	size_t message_count;
	size_t error_count;
};

/* Users and groups, as functions so that reading stays pure. Each returns 0, or -1 with
 * ENOENT if there is none of that name, or another errno. */
struct conf_lookup {
	void *ctx;
	/* By name or number: fills uid, gid, groups, name, home, shell (allocated). */
	int (*user)(void *ctx, const char *name, struct rule_user *out);
	/* By name or number. */
	int (*group)(void *ctx, const char *name, gid_t *out);
};

/*
 * Read all files, in order; the main file comes first. Every error of every file is
 * collected in c->messages; a file with an error contributes no rules, and its [daemon]
 * and [defaults] are not used. If the main file has an error and [defaults], all other
 * files are left out, each with an error that says so: their hooks must not run without,
 * say, the `user` meant for them. c must be all zero; conf_fini frees it whatever this
 * returns. Returns 0, also with errors, or -1 with ENOMEM.
 *
 * How values are read (core/confline.h and core/conftext.h say more):
 * - An empty value clears what [defaults] gave: the key is as if never given. A list key
 * may be given again and adds to what is there; `key =` followed by indented items
 * replaces it.
 * - A list item may be followed by a comma at the end of a line. Within a list, indented
 * lines that begin with # or ; are comments.
 * - In `command` and `on-failure` every indented line is the script's, # or not; the
 * blanks that all of them begin with are taken off, blank lines between them stay. Only
 * lines that begin at the left margin with # or ; are comments of the file.
 * - `none` stands for no `throttle`, `breaker`, `timeout` and `on-failure`.
 */
int conf_read(struct conf *c, const struct conf_file *files, size_t count,
	const struct conf_lookup *lookup);

/* Add a message of the caller's (such as a warning that `directory` does not exist);
 * `text` is copied. Returns 0, or -1 with ENOMEM. */
int conf_add_message(struct conf *c, const char *file, unsigned line, bool is_warning,
	const char *text);

/* Append `file:line: text`, unescaped; with_kind: `file:line: warning: text` where it is one.
 * Returns 0, or -1 with ENOMEM. */
int conf_message_text(struct buf *b, const struct conf_message *m, bool with_kind);

/* Free everything; c is all zero afterwards. */
void conf_fini(struct conf *c);

#endif
