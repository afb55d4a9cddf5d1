/* SPDX-License-Identifier: MIT */
#include "core/text/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <sys/param.h>

#define SUGGEST_WORD_MAX 40

/* Lower case, `-` for `_`. Returns the length, or 0 if the word is empty or too long. */
static size_t fold(const char *word, char out[SUGGEST_WORD_MAX + 1])
{
	size_t len = strnlen(word, SUGGEST_WORD_MAX + 1);
	if (len > SUGGEST_WORD_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		char lower = (char)tolower((unsigned char)word[i]);
		out[i] = lower == '_' ? '-' : lower;
	}
	out[len] = '\0';
	return len;
}

/* Inserted, left out, wrong and swapped letters between two words. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[SUGGEST_WORD_MAX + 1][SUGGEST_WORD_MAX + 1];
	for (size_t i = 0; i <= a_len; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			size_t wrong = a[i - 1] != b[j - 1];
			size_t best = MIN(rows[i - 1][j], rows[i][j - 1]) + 1;
			best = MIN(best, rows[i - 1][j - 1] + wrong);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				best = MIN(best, rows[i - 2][j - 2] + 1);
			rows[i][j] = best;
		}
	}
	return rows[a_len][b_len];
}

/* How many mistakes a word of this length may hold. */
static size_t allowed(size_t len)
{
	return len <= 3 ? 1 : len <= 6 ? 2 : 3;
}

const char *suggest_nearest(
	const char *word, const void *table, size_t count, size_t stride)
{
	char folded[SUGGEST_WORD_MAX + 1];
	size_t len = fold(word, folded);
	if (len == 0)
		return NULL;
	const char *nearest = NULL;
	size_t limit = allowed(len) + 1;
	for (size_t i = 0; i < count; i++) {
		const char *name;
		memcpy(&name, (const char *)table + i * stride, sizeof(name));
		char candidate[SUGGEST_WORD_MAX + 1];
		size_t name_len = fold(name, candidate);
		if (name_len == 0)
			continue;
		size_t far = distance(folded, len, candidate, name_len);
		bool is_part =
			(len >= 4 && strstr(candidate, folded)) ||
			(name_len >= 3 && strncmp(folded, candidate, name_len) == 0);
		if (is_part)
			far = MIN(far, allowed(len));
		else if (far >= name_len)
			continue;
		if (far < limit) {
			limit = far;
			nearest = name;
		}
	}
	return nearest;
}
