/* SPDX-License-Identifier: MIT */
/* A pattern, a newline, and a text to match. The first bit of the first byte is the kind.
 */
#include "core/rule/glob.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_front(const struct glob *g)
{
	size_t rest;
	const char *front = glob_literal_front(g, &rest);
	if (rest > strlen(glob_text(g)))
		abort();
	struct glob *same = glob_with_front(g, front);
	size_t len = strlen(front);
	/* With its own front it matches what it did; a literal, its own path. */
	if (same && glob_is_literal(g) && !glob_matches(same, front, len))
		abort();
	glob_free(same);
}

/* What matches lies below each of its directories. */
static void check_below(const struct glob *g, const char *text, size_t len)
{
	for (size_t i = len; i-- > 0;) {
		if (text[i] == '/' && !glob_may_match_below(g, text, i))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum glob_kind kind = data[0] & 1 ? GLOB_PATH : GLOB_WORD;
	const char *begin = (const char *)data + 1;
	const char *newline = memchr(begin, '\n', size - 1);
	size_t pattern_len = newline ? (size_t)(newline - begin) : size - 1;
	const char *text = newline ? newline + 1 : "";
	size_t text_len = newline ? size - 2 - pattern_len : 0;
	char *pattern = strndup(begin, pattern_len);
	const char *why = NULL;
	struct glob *g = pattern ? glob_new(pattern, kind, &why) : NULL;
	if (!g && pattern && !why)
		abort();
	if (g) {
		bool matches = glob_matches(g, text, text_len);
		if (kind == GLOB_PATH && matches && text[0] == '/')
			check_below(g, text, text_len);
		if (kind == GLOB_PATH)
			try_front(g);
	}
	glob_free(g);
	free(pattern);
	return 0;
}
