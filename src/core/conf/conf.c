/* SPDX-License-Identifier: MIT */
#include "core/conf/conf.h"

#include "base/grow.h"
#include "core/rule/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a message belongs: behind the last of its file that is not about a later line, or
 * at the end. */
static size_t message_place(const struct conf *c, const char *file, unsigned line)
{
	size_t i = c->message_count;
	while (i > 0 && strcmp(c->messages[i - 1].file, file) != 0)
		i--;
	if (i == 0)
		return c->message_count;
	while (i > 0 && c->messages[i - 1].line > line &&
		strcmp(c->messages[i - 1].file, file) == 0)
		i--;
	return i;
}

int conf_add_message(struct conf *c, const char *file, unsigned line, bool is_warning,
	const char *text)
{
	if (grow(c->messages, c->message_count) < 0)
		return -1;
	struct conf_message m = {.file = strdup(file),
		.line = line,
		.text = strdup(text),
		.is_warning = is_warning};
	if (!m.file || !m.text) {
		free(m.file);
		free(m.text);
		errno = ENOMEM;
		return -1;
	}
	size_t place = message_place(c, file, line);
	memmove(&c->messages[place + 1], &c->messages[place],
		(c->message_count - place) * sizeof(m));
	c->messages[place] = m;
	c->message_count++;
	c->error_count += !is_warning;
	return 0;
}

int conf_format_message(struct buf *b, const struct conf_message *m, bool with_kind)
{
	buf_add_str(b, m->file);
	if (m->line)
		buf_printf(b, ":%u", m->line);
	buf_add_str(b, with_kind && m->is_warning ? ": warning: " : ": ");
	return buf_add_str(b, m->text);
}

void conf_fini(struct conf *c)
{
	keys_free_rules(c->rules, c->rule_count);
	for (size_t i = 0; i < c->message_count; i++) {
		free(c->messages[i].file);
		free(c->messages[i].text);
	}
	free(c->messages);
	*c = (struct conf){0};
}
