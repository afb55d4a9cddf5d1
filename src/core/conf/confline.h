/* SPDX-License-Identifier: MIT */
/* Splits a rule file into sections, keys and values, line by line. */
#ifndef FSMON_CORE_CONF_CONFLINE_H
#define FSMON_CORE_CONF_CONFLINE_H

#include <stddef.h>

/*
 * inih parses the structure, but never sees a value: it would cut lines at 199 bytes and
 * values at " ;". Each line is checked here first, and inih gets a short one in its
 * place, with the line's number for the value.
 *
 * - A line is `[section]`, `key = value`, a comment (`#` or `;` first) or blank. CRLF
 * ends it too.
 * - A line that begins with a blank or a tab continues the value above it. Blank lines
 * and comments at the left margin do not end a value. Whether an indented line that
 * begins with `#` is a comment is for the caller to say: in a script it may be anything.
 * - Indented lines after a faulty line are passed over: they belong to it.
 */
enum confline_kind {
	CONFLINE_SECTION, /* text: the name; why: what is wrong with it, or NULL */
	CONFLINE_VALUE, /* key, and text: the value without the blanks around it */
	CONFLINE_CONTINUE, /* text: the whole line with its blanks */
	CONFLINE_ERROR, /* why, and text to quote behind it, or len 0 */
	CONFLINE_BAD_HEADER, /* likewise; a CONFLINE_SECTION follows */
};

struct confline {
	enum confline_kind kind;
	unsigned line;
	const char *key; /* VALUE: valid during the call */
	const char *text; /* part of the file's bytes; not NUL-terminated */
	size_t len;
	const char *why; /* a static sentence fragment */
	unsigned blanks; /* CONTINUE: blank lines since the one before */
};

/*
 * Split len bytes and hand each line that is not blank or a comment to `on_line`, in
 * order; it returns 0 to go on, or -1 to stop. Returns 0, or -1 with ENOMEM if inih ran
 * out of memory.
 */
int confline_split(const char *bytes, size_t len,
	int (*on_line)(void *ctx, const struct confline *line), void *ctx);

/* Cut blanks off both ends. */
void confline_trim(const char **text, size_t *len);

#endif
