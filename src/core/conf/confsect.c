/* SPDX-License-Identifier: MIT */
#include "core/conf/confsect.h"

#include "base/grow.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct confsect_default {
	const struct key *key;
	char *value; /* NULL: clear the key */
};

/* ---- Messages ---- */

void confsect_tell_text(
	struct confsect *s, unsigned line, const char *key, bool is_warning, char *why)
{
	struct buf text = {0};
	if (s->title.len > 0)
		buf_printf(&text, key ? "%s " : "%s: ", s->title.data);
	if (key)
		buf_printf(&text, "%s: ", key);
	if (!why || buf_add_str(&text, why) < 0 ||
		conf_add_message(s->conf, s->file->name, line, is_warning, text.data) < 0)
		s->no_memory = true;
	buf_fini(&text);
	free(why);
}

void confsect_tell(
	struct confsect *s, unsigned line, const char *key, const char *fmt, ...)
{
	char *why;
	va_list ap;
	va_start(ap, fmt);
	int len = vasprintf(&why, fmt, ap);
	va_end(ap);
	confsect_tell_text(s, line, key, false, len < 0 ? NULL : why);
}

/* Tell what is wrong with the key's value, and free the text. */
static void tell_key(struct confsect *s, unsigned line, char *why)
{
	s->seen[keys_index(s->key)].is_faulty = true;
	confsect_tell_text(s, line, s->key->name, false, why);
}

struct confsect_seen *confsect_find_seen(struct confsect *s, const char *name)
{
	return &s->seen[keys_index(keys_find(name))];
}

/* ---- Values ---- */

static int keep_default(
	struct confsect_defaults *d, const struct key *key, const char *value)
{
	if (grow(d->items, d->count) < 0)
		return -1;
	char *copy = value ? strdup(value) : NULL;
	if (value && !copy)
		return -1;
	d->items[d->count++] = (struct confsect_default){key, copy};
	return 0;
}

static void clear_key(struct confsect *s)
{
	keys_clear(s->key, s->target);
	if (s->kind == CONFSECT_DEFAULTS && keep_default(s->defaults, s->key, NULL) < 0)
		s->no_memory = true;
}

/* Set the key from a text, or one item of it. */
static void set_key(struct confsect *s, const char *text, size_t len, unsigned line)
{
	char *value = strndup(text, len);
	if (!value) {
		s->no_memory = true;
		return;
	}
	buf_clear(&s->keys.why);
	if (keys_set(s->key, s->target, value, &s->keys) == 0) {
		if (s->kind == CONFSECT_DEFAULTS &&
			keep_default(s->defaults, s->key, value) < 0)
			s->no_memory = true;
	} else if (errno == EINVAL && !s->keys.why.failed) {
		tell_key(s, line, buf_take(&s->keys.why));
	} else {
		s->no_memory = true;
	}
	free(value);
}

/* Behind the bracket that begins at i, or the end. */
static size_t skip_bracket(const char *text, size_t len, size_t i)
{
	i++;
	if (i < len && (text[i] == '!' || text[i] == '^'))
		i++;
	for (size_t first = i; i < len && (i == first || text[i] != ']'); i++)
		i += text[i] == '\\';
	return i < len ? i + 1 : len;
}

/* Up to the comma that ends the first item, or the end. */
static size_t item_end(const char *text, size_t len)
{
	size_t depth = 0;
	for (size_t i = 0; i < len;) {
		if (text[i] == ',' && depth == 0)
			return i;
		if (text[i] == '[') {
			i = skip_bracket(text, len, i);
			continue;
		}
		if (text[i] == '{')
			depth++;
		if (text[i] == '}' && depth > 0)
			depth--;
		i += text[i] == '\\' ? 2 : 1;
	}
	return len;
}

/*
 * Take the next item of a list off *rest, which is *len bytes and is moved on. Items are
 * separated by commas outside of braces, brackets and escapes; blanks around them are cut
 * off. A comma at the very end adds no item. Returns false where there is none left; an
 * item can have no bytes.
 */
static bool next_item(const char **rest, size_t *len, const char **item, size_t *item_len)
{
	confline_trim(rest, len);
	if (*len == 0)
		return false;
	size_t end = item_end(*rest, *len);
	*item = *rest;
	*item_len = end;
	confline_trim(item, item_len);
	size_t used = end < *len ? end + 1 : end;
	*rest += used;
	*len -= used;
	return true;
}

static void set_items(struct confsect *s, const char *text, size_t len, unsigned line)
{
	const char *item;
	size_t item_len;
	while (next_item(&text, &len, &item, &item_len)) {
		if (item_len == 0)
			tell_key(s, line,
				strdup("an item of the list is empty: nothing stands "
				       "before a comma"));
		else
			set_key(s, item, item_len, line);
	}
}

/* ---- Texts ---- */

static void add_line(struct confsect *s, const struct confline *line)
{
	if (grow(s->lines, s->line_count) < 0)
		s->no_memory = true;
	else
		s->lines[s->line_count++] = *line;
}

/* How many bytes all lines but the first begin with alike, blanks and tabs. */
static size_t common_indent(const struct confsect *s)
{
	if (s->line_count < 2)
		return 0;
	const struct confline *model = &s->lines[1];
	size_t common = 0;
	while (common < model->len && isblank((unsigned char)model->text[common]))
		common++;
	for (size_t i = 2; i < s->line_count; i++) {
		const struct confline *l = &s->lines[i];
		size_t same = 0;
		while (same < common && same < l->len &&
			l->text[same] == model->text[same])
			same++;
		common = same;
	}
	return common;
}

/*
 * Append the text. Its first line, the one with the key, stands as it is; from the others the
 * blanks that all of them begin with are taken, and nothing else, so a here-document or a Python
 * script keeps its shape. Blank lines between are empty lines. Blanks and newlines around the
 * whole are cut off.
 */
static void join_lines(const struct confsect *s, struct buf *out)
{
	size_t indent = common_indent(s);
	bool has_begun = false;
	for (size_t i = 0; i < s->line_count; i++) {
		const struct confline *l = &s->lines[i];
		size_t skip = i > 0 ? indent : 0;
		if (has_begun) {
			for (unsigned n = 0; n <= l->blanks; n++)
				buf_add(out, "\n", 1);
		}
		buf_add(out, l->text + skip, l->len - skip);
		has_begun = has_begun || l->len > skip;
	}
	while (out->len > 0 && isspace((unsigned char)out->data[out->len - 1]))
		out->data[--out->len] = '\0';
}

/* The lines of a text are complete. */
static void finish_text(struct confsect *s)
{
	struct buf value = {0};
	join_lines(s, &value);
	if (value.failed)
		s->no_memory = true;
	else if (value.len == 0)
		clear_key(s);
	else
		set_key(s, value.data, value.len, s->key_line);
	buf_fini(&value);
	s->line_count = 0;
}

void confsect_end(struct confsect *s)
{
	if (s->key && s->key->kind->is_text)
		finish_text(s);
	s->key = NULL;
}

/* ---- Lines ---- */

static void tell_unknown_key(struct confsect *s, const struct confline *line)
{
	bool in_daemon = s->kind == CONFSECT_DAEMON;
	const char *nearest = keys_nearest(line->key, in_daemon);
	if (!nearest) {
		confsect_tell(s, line->line, line->key,
			"unknown key; fsmon.conf(5) lists those that there are");
		return;
	}
	/* So that the one that was meant is not told to be missing. */
	confsect_find_seen(s, nearest)->is_faulty = true;
	confsect_tell(s, line->line, line->key, "unknown key; did you mean %s?", nearest);
}

/* The key of a line if the section can have it, and has it not yet; else NULL, and it was
 * told. */
static const struct key *find_key(struct confsect *s, const struct confline *line)
{
	const struct key *key = keys_find(line->key);
	if (!key) {
		tell_unknown_key(s, line);
		return NULL;
	}
	if (key->is_daemon != (s->kind == CONFSECT_DAEMON)) {
		confsect_tell(s, line->line, line->key, "this key belongs in %s",
			key->is_daemon ? "[daemon]" : "a rule or in [defaults]");
		return NULL;
	}
	struct confsect_seen *seen = &s->seen[keys_index(key)];
	if (seen->line && !key->kind->is_list) {
		confsect_tell(s, line->line, line->key,
			"given twice; it stands on line %u already", seen->line);
		return NULL;
	}
	if (!seen->line)
		seen->line = line->line;
	return key;
}

static void take_value(struct confsect *s, const struct confline *line)
{
	confsect_end(s);
	s->key = find_key(s, line);
	s->key_line = line->line;
	if (!s->key)
		return;
	if (s->key->kind->is_text) {
		add_line(s, line);
	} else if (line->len == 0) {
		clear_key(s);
	} else if (s->key->kind->is_list) {
		set_items(s, line->text, line->len, line->line);
	} else {
		set_key(s, line->text, line->len, line->line);
	}
}

/* The key of a line without its indent, if it is `key = value` and the key is known. */
static const struct key *key_of_line(const char *text, size_t len)
{
	size_t name_len = 0;
	while (name_len < len && !isblank((unsigned char)text[name_len]) &&
		text[name_len] != '=')
		name_len++;
	char name[RULE_NAME_MAX + 1];
	if (name_len == len || name_len > RULE_NAME_MAX || text[name_len] == '=')
		return NULL;
	memcpy(name, text, name_len);
	name[name_len] = '\0';
	text += name_len;
	len -= name_len;
	confline_trim(&text, &len);
	return len > 0 && text[0] == '=' ? keys_find(name) : NULL;
}

/* An indented line that cannot be meant to go on with the value above it. */
static bool refuse_continuation(
	struct confsect *s, const char *text, size_t len, unsigned line)
{
	const struct key *key = key_of_line(text, len);
	if (!key && s->key->kind->is_list)
		return false;
	if (key)
		s->seen[keys_index(key)].is_faulty = true;
	struct buf why = {0};
	buf_add_str(&why, key ? "the indented line " : "this key takes one line, but ");
	value_quote(&why, text, len);
	buf_add_str(&why, key ? " continues this value; to set that key, begin it at the "
				"left margin"
			      : " is indented and so continues it");
	tell_key(s, line, buf_take(&why));
	return true;
}

static void take_continuation(struct confsect *s, const struct confline *line)
{
	if (!s->key)
		return;
	if (s->key->kind->is_text) {
		add_line(s, line);
		return;
	}
	const char *text = line->text;
	size_t len = line->len;
	confline_trim(&text, &len);
	if (*text == '#' || *text == ';')
		return;
	if (!refuse_continuation(s, text, len, line->line))
		set_items(s, text, len, line->line);
	else if (!s->key->kind->is_list)
		s->key = NULL; /* once is enough */
}

/* A line that could not be read; it ends the value above it. */
static void take_fault(struct confsect *s, const struct confline *line)
{
	confsect_end(s);
	s->is_faulty = true;
	struct buf why = {0};
	buf_add_str(&why, line->why);
	if (line->len > 0) {
		buf_add_str(&why, " ");
		value_quote(&why, line->text, line->len);
	}
	confsect_tell_text(s, line->line, NULL, false, buf_take(&why));
}

void confsect_take(struct confsect *s, const struct confline *line)
{
	switch (line->kind) {
	case CONFLINE_VALUE:
		take_value(s, line);
		break;
	case CONFLINE_CONTINUE:
		take_continuation(s, line);
		break;
	case CONFLINE_ERROR:
	case CONFLINE_BAD_HEADER:
		take_fault(s, line);
		break;
	default:
		break;
	}
}

/* ---- Sections ---- */

void confsect_begin(struct confsect *s, enum confsect_kind kind,
	const struct confline *header, void *target)
{
	s->kind = kind;
	s->is_faulty = false;
	s->target = target;
	s->key = NULL;
	memset(s->seen, 0, sizeof(s->seen));
	buf_clear(&s->title);
	if (!header)
		return;
	size_t shown = header->len < RULE_NAME_MAX ? header->len : RULE_NAME_MAX;
	buf_add_str(&s->title, "[");
	buf_add_vis(&s->title, header->text, shown);
	buf_add_str(&s->title, shown < header->len ? "...]" : "]");
	if (s->title.failed)
		s->no_memory = true;
}

int confsect_apply_defaults(
	struct confsect *s, const struct confsect_defaults *defaults, struct rule *rule)
{
	for (size_t i = 0; i < defaults->count; i++) {
		const struct confsect_default *d = &defaults->items[i];
		if (!d->value)
			keys_clear(d->key, rule);
		else if (keys_set(d->key, rule, d->value, &s->keys) < 0)
			return -1;
	}
	return 0;
}

void confsect_defaults_fini(struct confsect_defaults *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->items[i].value);
	free(d->items);
	*d = (struct confsect_defaults){0};
}

void confsect_fini(struct confsect *s)
{
	buf_fini(&s->title);
	buf_fini(&s->keys.why);
	free(s->lines);
}
