/* SPDX-License-Identifier: MIT */
/* Values of rule files: several lines joined into one text, and lists split into items.
 */
#ifndef FSMON_CORE_CONF_CONFTEXT_H
#define FSMON_CORE_CONF_CONFTEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct conftext_line;

/* The lines of one value, borrowed from the file's bytes. All zero is none. */
struct conftext {
	struct conftext_line *lines;
	size_t count;
};

/* Add a line that stands behind so many blank ones. Returns 0, or -1 with ENOMEM. */
int conftext_add(struct conftext *t, const char *line, size_t len, unsigned blanks);

/*
 * Append the value to `out`. The first line, the one with the key, stands as it is; from
 * the others the blanks that all of them begin with are taken, and nothing else, so a
 * here-document or a Python script keeps its shape. Blank lines between are empty lines.
 * Line ends are newlines. Blanks and newlines around the whole are cut off.
 */
void conftext_join(const struct conftext *t, struct buf *out);

/* Forget the lines, keep the memory. */
void conftext_clear(struct conftext *t);

void conftext_fini(struct conftext *t);

/*
 * Take the next item of a list off *rest, which is *len bytes and is moved on. Items are
 * separated by commas outside of braces, brackets and escapes; blanks around them are cut
 * off. A comma at the very end adds no item. Returns false where there is none left; an
 * item can have no bytes.
 */
bool conftext_next_item(
	const char **rest, size_t *len, const char **item, size_t *item_len);

/* Cut blanks off both ends. */
void conftext_trim(const char **text, size_t *len);

#endif
