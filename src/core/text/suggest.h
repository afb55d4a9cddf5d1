/* SPDX-License-Identifier: MIT */
/* "Did you mean": the known word nearest to a misspelt one. */
#ifndef FSMON_CORE_TEXT_SUGGEST_H
#define FSMON_CORE_TEXT_SUGGEST_H

#include <stddef.h>

/*
 * The name nearest to a word, or NULL if none is near enough to be meant. The table is an
 * array of `count` structs of `stride` bytes that each begin with a `const char *` name.
 * Case does not count, `_` is `-`, two neighbours swapped are one mistake; a word of four
 * letters or more that is part of a name is near it, and so is one that begins with a
 * name. The result is the table's own string.
 */
const char *suggest_nearest(
	const char *word, const void *table, size_t count, size_t stride);

#endif
