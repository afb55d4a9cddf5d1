/* SPDX-License-Identifier: MIT */
#include "base/strlist.h"

#include "base/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int strlist_add_bytes(struct strlist *l, const char *bytes, size_t len)
{
	/* There is a NULL behind them. */
	if (grow(l->items, l->count + 1) < 0)
		return -1;
	l->items[l->count] = NULL;
	char *copy = strndup(bytes, len);
	if (!copy)
		return -1;
	l->items[l->count++] = copy;
	l->items[l->count] = NULL;
	return 0;
}

int strlist_add(struct strlist *l, const char *s)
{
	return strlist_add_bytes(l, s, strlen(s));
}

int strlist_copy(struct strlist *dst, const struct strlist *src)
{
	assert(dst->count == 0);
	for (size_t i = 0; i < src->count; i++) {
		if (strlist_add(dst, src->items[i]) < 0) {
			strlist_fini(dst);
			return -1;
		}
	}
	return 0;
}

void strlist_fini(struct strlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct strlist){0};
}
