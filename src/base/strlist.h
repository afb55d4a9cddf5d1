/* SPDX-License-Identifier: MIT */
/* A list of strings that owns them. */
#ifndef FSMON_BASE_STRLIST_H
#define FSMON_BASE_STRLIST_H

#include <stddef.h>

/* All zero is an empty list. */
struct strlist {
	char **items; /* `count` strings, which the list frees, and a NULL behind them */
	size_t count;
};

/* Append a copy of s. Returns 0, or -1 with ENOMEM (the list is as it was). */
int strlist_add(struct strlist *l, const char *s);

/* Append a copy of len bytes and a NUL. Returns 0, or -1 with ENOMEM. */
int strlist_add_bytes(struct strlist *l, const char *bytes, size_t len);

/* Make dst, which is empty, a copy of src. Returns 0, or -1 with ENOMEM (dst is empty). */
int strlist_copy(struct strlist *dst, const struct strlist *src);

/* Free all; the list is empty afterwards. */
void strlist_fini(struct strlist *l);

#endif
