/* SPDX-License-Identifier: MIT */
#include "core/conf/conftext.h"

#include "base/grow.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct conftext_line {
	const char *text;
	size_t len;
	unsigned blanks; /* blank lines before it */
};

int conftext_add(struct conftext *t, const char *line, size_t len, unsigned blanks)
{
	if (grow(t->lines, t->count) < 0)
		return -1;
	t->lines[t->count++] = (struct conftext_line){line, len, blanks};
	return 0;
}

/* How many bytes all lines but the first begin with alike, blanks and tabs. */
static size_t common_indent(const struct conftext *t)
{
	if (t->count < 2)
		return 0;
	const struct conftext_line *model = &t->lines[1];
	size_t common = 0;
	while (common < model->len && isblank((unsigned char)model->text[common]))
		common++;
	for (size_t i = 2; i < t->count; i++) {
		const struct conftext_line *l = &t->lines[i];
		size_t same = 0;
		while (same < common && same < l->len &&
			l->text[same] == model->text[same])
			same++;
		common = same;
	}
	return common;
}

void conftext_join(const struct conftext *t, struct buf *out)
{
	size_t indent = common_indent(t);
	bool has_begun = false;
	for (size_t i = 0; i < t->count; i++) {
		const struct conftext_line *l = &t->lines[i];
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

void conftext_clear(struct conftext *t)
{
	t->count = 0;
}

void conftext_fini(struct conftext *t)
{
	free(t->lines);
	*t = (struct conftext){0};
}

void conftext_trim(const char **text, size_t *len)
{
	while (*len > 0 && isblank((unsigned char)**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && isblank((unsigned char)(*text)[*len - 1]))
		(*len)--;
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

bool conftext_next_item(
	const char **rest, size_t *len, const char **item, size_t *item_len)
{
	conftext_trim(rest, len);
	if (*len == 0)
		return false;
	size_t end = item_end(*rest, *len);
	*item = *rest;
	*item_len = end;
	conftext_trim(item, item_len);
	size_t used = end < *len ? end + 1 : end;
	*rest += used;
	*len -= used;
	return true;
}
