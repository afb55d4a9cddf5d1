/* SPDX-License-Identifier: MIT */
#include "core/conf/confsect.h"

#include "base/grow.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct confsect_default {
	const struct key *key;
	char *value; /* NULL: clear the key */
};

/* ---- messages ---- */

static void add_message(struct confsect *s, unsigned line, const char *key,
	const char *why, bool is_warning)
{
	struct buf text = {0};
	if (s->title.len > 0)
		buf_printf(&text, key ? "%s " : "%s: ", s->title.data);
	if (key)
		buf_printf(&text, "%s: ", key);
	buf_add_str(&text, why);
	if (text.failed ||
		conf_add_message(s->conf, s->file->name, line, is_warning, text.data) < 0)
		s->no_memory = true;
	buf_fini(&text);
}

void confsect_tell(struct confsect *s, unsigned line, const char *key, const char *why)
{
	add_message(s, line, key, why, false);
}

void confsect_warn(struct confsect *s, unsigned line, const char *key, const char *why)
{
	add_message(s, line, key, why, true);
}

/* Tell what is wrong with the key's value. */
static void tell_key(struct confsect *s, unsigned line, const char *why)
{
	s->seen[keys_index(s->key)].is_faulty = true;
	confsect_tell(s, line, s->key->name, why);
}

/* ---- values ---- */

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
		tell_key(s, line, s->keys.why.data);
	} else {
		s->no_memory = true;
	}
	free(value);
}

static void set_items(struct confsect *s, const char *text, size_t len, unsigned line)
{
	const char *item;
	size_t item_len;
	while (conftext_next_item(&text, &len, &item, &item_len)) {
		if (item_len == 0)
			tell_key(s, line,
				"an item of the list is empty: nothing stands before a "
				"comma");
		else
			set_key(s, item, item_len, line);
	}
}

/* The lines of a text are complete. */
static void finish_text(struct confsect *s)
{
	struct buf value = {0};
	conftext_join(&s->text, &value);
	if (value.failed)
		s->no_memory = true;
	else if (value.len == 0)
		clear_key(s);
	else
		set_key(s, value.data, value.len, s->key_line);
	buf_fini(&value);
	conftext_clear(&s->text);
}

void confsect_end(struct confsect *s)
{
	if (s->key && s->key->kind->is_text)
		finish_text(s);
	s->key = NULL;
}

/* ---- lines ---- */

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
	s->seen[keys_index(keys_find(nearest))].is_faulty = true;
	char why[100];
	snprintf(why, sizeof(why), "unknown key; did you mean %s?", nearest);
	confsect_tell(s, line->line, line->key, why);
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
		confsect_tell(s, line->line, line->key,
			key->is_daemon ? "this key belongs in [daemon]"
				       : "this key belongs in a rule or in [defaults]");
		return NULL;
	}
	struct confsect_seen *seen = &s->seen[keys_index(key)];
	if (seen->line && !key->kind->is_list) {
		char why[80];
		snprintf(why, sizeof(why), "given twice; it stands on line %u already",
			seen->line);
		confsect_tell(s, line->line, line->key, why);
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
		if (conftext_add(&s->text, line->text, line->len, 0) < 0)
			s->no_memory = true;
	} else if (line->len == 0) {
		clear_key(s);
	} else if (s->key->kind->is_list) {
		set_items(s, line->text, line->len, line->line);
	} else {
		set_key(s, line->text, line->len, line->line);
	}
}

/* The key of a line without its indent, if it is `key = value` with a key that there is.
 */
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
	conftext_trim(&text, &len);
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
	if (why.failed)
		s->no_memory = true;
	else
		tell_key(s, line, why.data);
	buf_fini(&why);
	return true;
}

static void take_continuation(struct confsect *s, const struct confline *line)
{
	if (!s->key)
		return;
	if (s->key->kind->is_text) {
		if (conftext_add(&s->text, line->text, line->len, line->blanks) < 0)
			s->no_memory = true;
		return;
	}
	const char *text = line->text;
	size_t len = line->len;
	conftext_trim(&text, &len);
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
	if (why.failed)
		s->no_memory = true;
	else
		confsect_tell(s, line->line, NULL, why.data);
	buf_fini(&why);
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

/* ---- sections ---- */

void confsect_begin(struct confsect *s, enum confsect_kind kind, const char *name,
	size_t len, unsigned line, void *target)
{
	s->kind = kind;
	s->line = line;
	s->is_faulty = false;
	s->target = target;
	s->key = NULL;
	memset(s->seen, 0, keys_count() * sizeof(*s->seen));
	buf_clear(&s->title);
	if (kind == CONFSECT_NONE)
		return;
	size_t shown = len < RULE_NAME_MAX ? len : RULE_NAME_MAX;
	buf_add_str(&s->title, "[");
	buf_add_vis(&s->title, name, shown);
	buf_add_str(&s->title, shown < len ? "...]" : "]");
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
	conftext_fini(&s->text);
}
