/* SPDX-License-Identifier: MIT */
/* What rule files hold: rules, settings of the daemon, and messages about mistakes.
 * fsmon.conf(5) explains the format. */
#ifndef FSMON_CORE_CONF_CONF_H
#define FSMON_CORE_CONF_CONF_H

#include "base/buf.h"
#include "core/rule/accounts.h"
#include "core/rule/daemon.h"

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
	bool is_main; /* fsmon.conf: may have [daemon], [defaults] hold for all files */
};

/* An error or a warning about a place in a file. */
struct conf_message {
	char *file;
	unsigned line; /* 0: the file as a whole */
	char *text; /* complete: "[rule] key: what is wrong; did you mean X?" */
	bool is_warning; /* a warning leaves its file in use */
};

struct conf {
	struct daemon daemon;
	struct rule **rules; /* of the files without an error, in order of reading */
	size_t rule_count;
	struct conf_message *messages; /* in order of file and line */
	size_t message_count;
	size_t error_count;
};

/*
 * Read all files, in order; the main file comes first. Every error of every file is
 * collected in c->messages; a file with an error contributes no rules, and its [daemon]
 * and [defaults] are not used. If the main file has an error and [defaults], all other
 * files are left out, each with an error that says so: their hooks must not run without,
 * say, the `user` meant for them. c must be all zero but for messages; conf_fini frees
 * it whatever this returns. Returns 0, also with errors, or -1 with ENOMEM.
 */
int confread_files(struct conf *c, const struct conf_file *files, size_t count,
	const struct accounts_lookup *lookup);

/*
 * Append what was read from the disk: the files, and the messages so far, each an error of a file
 * as a whole. Returns 0, or -1 with ENOMEM.
 */
int confpack_write(
	struct buf *b, const struct conf *c, const struct conf_file *files, size_t count);

/*
 * Take that apart: adds the messages to *c, and makes an array of the files, which the caller
 * frees; their names and bytes lie in `bytes`, with a NUL behind each. Returns 0, or -1 with
 * EBADMSG (confpack_write has not made it) or ENOMEM.
 */
__attribute__((warn_unused_result)) int confpack_read(struct conf *c, const void *bytes,
	size_t len, struct conf_file **files, size_t *count);

/* Add a message behind those of its file and of the lines before; `file` and `text` are
 * copied. Returns 0, or -1 with ENOMEM. */
int conf_add_message(struct conf *c, const char *file, unsigned line, bool is_warning,
	const char *text);

/* Append `file:line: text`, unescaped; with_kind: `file:line: warning: text` where it is one.
 * Returns 0, or -1 with ENOMEM. */
int conf_format_message(struct buf *b, const struct conf_message *m, bool with_kind);

/* Free everything; c is all zero afterwards. */
void conf_fini(struct conf *c);

#endif
