/* SPDX-License-Identifier: MIT */
/* What rule files hold: rules, settings of the daemon, and messages about mistakes. */
#ifndef FSMON_CORE_CONF_CONF_H
#define FSMON_CORE_CONF_CONF_H

#include "base/buf.h"
#include "core/rule/daemon.h"
#include "core/rule/rule.h"

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

/* Add a message behind those of its file and of the lines before; `file` and `text` are
 * copied. Returns 0, or -1 with ENOMEM. */
int conf_add_message(struct conf *c, const char *file, unsigned line, bool is_warning,
	const char *text);

/* Append `file:line: text`, unescaped; with_kind: `file:line: warning: text` where it is one.
 * Returns 0, or -1 with ENOMEM. */
int conf_message_text(struct buf *b, const struct conf_message *m, bool with_kind);

/* Free everything; c is all zero afterwards. */
void conf_fini(struct conf *c);

#endif
