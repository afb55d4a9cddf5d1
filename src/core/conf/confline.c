/* SPDX-License-Identifier: MIT */
#include "core/conf/confline.h"

#include "core/conf/conf.h"
#include "core/conf/conftext.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

/* inih cuts names at 49 bytes and has lines of at most 199. */
#define CONFLINE_KEY_MAX RULE_NAME_MAX

/* The name of the key that stands for the section header itself; no real key can have it.
 */
#define CONFLINE_HEADER_KEY "@"

/* Whether an indented line has a value to continue. */
enum value_state { VALUE_NONE, VALUE_OPEN, VALUE_FAULTY };

struct splitter {
	const char *next; /* rest of the file */
	const char *end;
	struct confline line; /* the line that inih is parsing a stand-in for */
	enum value_state value;
	bool in_section;
	bool has_stray; /* a key before the first section; told once */
	bool is_header_due; /* the stand-in for the header's key comes next */
	bool is_stopped; /* on_line said so */
	unsigned blanks;
	int (*on_line)(void *ctx, const struct confline *line);
	void *ctx;
};

static void tell(struct splitter *s)
{
	if (!s->is_stopped && s->on_line(s->ctx, &s->line) < 0)
		s->is_stopped = true;
}

/* Tell of a fault; inih gets a blank line. */
static void tell_fault(
	struct splitter *s, const char *why, const char *found, size_t len, char *out)
{
	s->line.kind = CONFLINE_ERROR;
	s->line.why = why;
	s->line.text = found;
	s->line.len = len;
	s->value = VALUE_FAULTY;
	tell(s);
	strcpy(out, "\n");
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

static bool is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_name_byte(name[i]))
			return false;
	}
	return len > 0;
}

static const char *name_fault(const char *name, size_t len)
{
	if (len == 0)
		return "the section has no name";
	if (!is_name(name, len))
		return "a rule's name can hold letters, digits, '.', '_' and '-' only";
	if (len > RULE_NAME_MAX)
		return "a rule's name can have 48 bytes at most";
	return NULL;
}

/* Tell of a fault in a header that is taken for one nevertheless. */
static void tell_bad_header(
	struct splitter *s, const char *why, const char *found, size_t len)
{
	s->line.kind = CONFLINE_BAD_HEADER;
	s->line.why = why;
	s->line.text = found;
	s->line.len = len;
	tell(s);
}

static void split_header(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *close = memchr(text, ']', len);
	if (!close)
		tell_bad_header(
			s, "there is no ] at the end of the section header", text, len);
	else if (close + 1 < text + len)
		tell_bad_header(s,
			"something follows the ] of the section header; a comment needs "
			"a "
			"line of its own:",
			text, len);
	const char *name = text + 1;
	size_t name_len = (size_t)((close ? close : text + len) - name);
	conftext_trim(&name, &name_len);
	const char *fault = close ? name_fault(name, name_len) : NULL;
	s->line.text = name;
	s->line.len = name_len;
	if (fault) {
		s->line.kind = CONFLINE_BAD_NAME;
		s->line.why = fault;
		tell(s);
	}
	s->line.kind = CONFLINE_SECTION;
	s->value = VALUE_NONE;
	s->in_section = true;
	s->is_header_due = true;
	bool is_usable = is_name(name, name_len) && name_len <= RULE_NAME_MAX;
	snprintf(out, size, "[%.*s]\n", is_usable ? (int)name_len : 1,
		is_usable ? name : "?");
}

static void split_value(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *equals = memchr(text, '=', len);
	if (!equals) {
		const char *why =
			memchr(text, ':', len)
				? "expected key = value, with = and not :, found"
				: "expected key = value or [section], found";
		tell_fault(s, why, text, len, out);
		return;
	}
	const char *key = text;
	size_t key_len = (size_t)(equals - text);
	conftext_trim(&key, &key_len);
	if (key_len == 0) {
		tell_fault(s, "there is no key before the = in", text, len, out);
		return;
	}
	if (!is_name(key, key_len) || key_len > CONFLINE_KEY_MAX) {
		tell_fault(s, "this is no key:", key, key_len, out);
		return;
	}
	if (!s->in_section && s->has_stray) {
		s->value = VALUE_FAULTY;
		strcpy(out, "\n");
		return;
	}
	if (!s->in_section) {
		s->has_stray = true;
		tell_fault(s,
			"a key stands before the first section; begin the rule with its "
			"name, such as [my-rule], above",
			key, key_len, out);
		return;
	}
	s->line.kind = CONFLINE_VALUE;
	s->line.text = equals + 1;
	s->line.len = len - (size_t)(equals + 1 - text);
	conftext_trim(&s->line.text, &s->line.len);
	s->value = VALUE_OPEN;
	snprintf(out, size, "%.*s = %u\n", (int)key_len, key, s->line.line);
}

static void split_continuation(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *first = text + strspn(text, " \t");
	if (s->value == VALUE_OPEN) {
		s->line.kind = CONFLINE_CONTINUE;
		s->line.text = text;
		s->line.len = len;
		s->line.blanks = s->blanks;
		snprintf(out, size, "  %u\n", s->line.line);
	} else if (s->value == VALUE_NONE && *first != '#' && *first != ';') {
		tell_fault(s,
			"an indented line continues a value, and there is none above it; "
			"keys begin at the left margin:",
			first, len - (size_t)(first - text), out);
	} else {
		strcpy(out, "\n");
	}
}

/* Take one line off the file, without its end. Returns false where there is none. */
static bool next_line(struct splitter *s, const char **text, size_t *len)
{
	if (s->next == s->end)
		return false;
	size_t left = (size_t)(s->end - s->next);
	const char *newline = memchr(s->next, '\n', left);
	*text = s->next;
	*len = newline ? (size_t)(newline - s->next) : left;
	s->next = newline ? newline + 1 : s->end;
	if (*len > 0 && (*text)[*len - 1] == '\r')
		(*len)--;
	unsigned number = s->line.line + 1;
	s->line = (struct confline){.line = number};
	return true;
}

static bool is_blank_line(const char *text, size_t len)
{
	conftext_trim(&text, &len);
	return len == 0;
}

/* Judge one line and write inih's stand-in for it. */
static void split_line(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	unsigned blanks = s->blanks;
	s->blanks = 0;
	if (memchr(text, '\0', len)) {
		tell_fault(s, "the line holds a NUL byte; a rule file is plain text",
			NULL, 0, out);
	} else if (len > CONF_LINE_MAX_BYTES) {
		tell_fault(s, "the line is longer than 65536 bytes", NULL, 0, out);
	} else if (is_blank_line(text, len)) {
		s->blanks = blanks + 1;
		strcpy(out, "\n");
	} else if (*text == '#' || *text == ';') {
		s->blanks = blanks;
		strcpy(out, "\n");
	} else if (isblank((unsigned char)*text)) {
		s->blanks = blanks;
		split_continuation(s, text, len, out, size);
		s->blanks = 0;
	} else {
		conftext_trim(&text, &len);
		if (*text == '[')
			split_header(s, text, len, out, size);
		else
			split_value(s, text, len, out, size);
	}
}

/* ini_reader: as fgets(3), the next line for inih. */
static char *read_line(char *out, int size, void *stream)
{
	struct splitter *s = stream;
	if (s->is_stopped)
		return NULL;
	if (s->is_header_due) {
		s->is_header_due = false;
		snprintf(out, (size_t)size, CONFLINE_HEADER_KEY " = %u\n", s->line.line);
		return out;
	}
	const char *text;
	size_t len;
	if (!next_line(s, &text, &len))
		return NULL;
	split_line(s, text, len, out, (size_t)size);
	return out;
}

/* ini_handler: a key and the number of its line. */
static int take_value(
	void *user, const char *section, const char *name, const char *value)
{
	(void)section;
	struct splitter *s = user;
	if (strtoul(value, NULL, 10) != s->line.line) {
		s->line.kind = CONFLINE_ERROR;
		s->line.why = "the INI library misread this line";
		s->line.len = 0;
	}
	s->line.key = name;
	tell(s);
	return 1;
}

int confline_split(const char *bytes, size_t len,
	int (*on_line)(void *ctx, const struct confline *line), void *ctx)
{
	static const char mark[3] = "\xef\xbb\xbf";
	struct splitter s = {
		.next = bytes, .end = bytes + len, .on_line = on_line, .ctx = ctx};
	if (len >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0)
		s.next += sizeof(mark);
	/* What each line is was said already, so the line of inih's first error adds
	 * nothing. */
	if (ini_parse_stream(read_line, &s, take_value, &s) == -2) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}
