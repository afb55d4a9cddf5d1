/* SPDX-License-Identifier: MIT */
#include "core/conf/confline.h"

#include "core/conf/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

/* inih cuts names at 49 bytes and has lines of at most 199. */
#define CONFLINE_KEY_MAX RULE_NAME_MAX

/* Whether an indented line has a value to continue. */
enum value_state { VALUE_NONE, VALUE_OPEN, VALUE_FAULTY };

struct splitter {
	const char *next; /* rest of the file */
	const char *end;
	struct confline line; /* the line that inih is parsing a stand-in for */
	enum value_state value;
	bool in_section;
	bool has_stray; /* a key before the first section; told once */
	bool is_stopped; /* on_line said so */
	unsigned blanks;
	int (*on_line)(void *ctx, const struct confline *line);
	void *ctx;
};

void confline_trim(const char **text, size_t *len)
{
	while (*len > 0 && isblank((unsigned char)**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && isblank((unsigned char)(*text)[*len - 1]))
		(*len)--;
}

static void tell(struct splitter *s)
{
	if (!s->is_stopped && s->on_line(s->ctx, &s->line) < 0)
		s->is_stopped = true;
}

static void tell_fault(struct splitter *s, enum confline_kind kind, const char *why,
	const char *found, size_t len)
{
	s->line.kind = kind;
	s->line.why = why;
	s->line.text = found;
	s->line.len = len;
	s->value = VALUE_FAULTY;
	tell(s);
}

static bool is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
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

static void split_header(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *close = memchr(text, ']', len);
	if (!close)
		tell_fault(s, CONFLINE_BAD_HEADER,
			"there is no ] at the end of the section header", text, len);
	else if (close + 1 < text + len)
		tell_fault(s, CONFLINE_BAD_HEADER,
			"something follows the ] of the section header; a comment needs "
			"a line of its own:",
			text, len);
	const char *name = text + 1;
	size_t name_len = (size_t)((close ? close : text + len) - name);
	confline_trim(&name, &name_len);
	const char *fault = name_fault(name, name_len);
	s->line.kind = CONFLINE_SECTION;
	s->line.text = name;
	s->line.len = name_len;
	s->line.why = close ? fault : NULL;
	tell(s);
	s->value = VALUE_NONE;
	s->in_section = true;
	snprintf(out, size, "[%.*s]\n", fault ? 1 : (int)name_len, fault ? "?" : name);
}

static void split_value(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *equals = memchr(text, '=', len);
	if (!equals) {
		tell_fault(s, CONFLINE_ERROR,
			memchr(text, ':', len)
				? "expected key = value, with = and not :, found"
				: "expected key = value or [section], found",
			text, len);
		return;
	}
	const char *key = text;
	size_t key_len = (size_t)(equals - text);
	confline_trim(&key, &key_len);
	if (key_len == 0) {
		tell_fault(
			s, CONFLINE_ERROR, "there is no key before the = in", text, len);
		return;
	}
	if (!is_name(key, key_len) || key_len > CONFLINE_KEY_MAX) {
		tell_fault(s, CONFLINE_ERROR, "this is no key:", key, key_len);
		return;
	}
	if (!s->in_section) {
		if (!s->has_stray)
			tell_fault(s, CONFLINE_ERROR,
				"a key stands before the first section; begin the rule "
				"with its name, such as [my-rule], above",
				key, key_len);
		s->has_stray = true;
		s->value = VALUE_FAULTY;
		return;
	}
	s->line.kind = CONFLINE_VALUE;
	s->line.text = equals + 1;
	s->line.len = len - (size_t)(equals + 1 - text);
	confline_trim(&s->line.text, &s->line.len);
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
		tell_fault(s, CONFLINE_ERROR,
			"an indented line continues a value, and there is none above it; "
			"keys begin at the left margin:",
			first, len - (size_t)(first - text));
	}
	s->blanks = 0;
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
	s->line = (struct confline){.line = s->line.line + 1};
	return true;
}

/* Judge one line, and write the stand-in that inih gets if it is not a blank line. */
static void split_line(
	struct splitter *s, const char *text, size_t len, char *out, size_t size)
{
	const char *trimmed = text;
	size_t trimmed_len = len;
	confline_trim(&trimmed, &trimmed_len);
	bool has_nul = memchr(text, '\0', len) != NULL;
	if (has_nul || len > CONF_LINE_MAX_BYTES) {
		s->blanks = 0;
		tell_fault(s, CONFLINE_ERROR,
			has_nul ? "the line holds a NUL byte; a rule file is plain text"
				: "the line is longer than 65536 bytes",
			NULL, 0);
	} else if (trimmed_len == 0) {
		s->blanks++;
	} else if (*text == '#' || *text == ';') {
		return;
	} else if (trimmed != text) {
		split_continuation(s, text, len, out, size);
	} else {
		s->blanks = 0;
		if (*text == '[')
			split_header(s, text, trimmed_len, out, size);
		else
			split_value(s, text, trimmed_len, out, size);
	}
}

/* ini_reader: as fgets(3), the next line for inih. */
static char *read_line(char *out, int size, void *stream)
{
	struct splitter *s = stream;
	const char *text;
	size_t len;
	if (s->is_stopped || !next_line(s, &text, &len))
		return NULL;
	strcpy(out, "\n");
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
