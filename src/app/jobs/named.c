/* SPDX-License-Identifier: MIT */
#include "app/jobs/named.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rest of a tag is the rule's. */
#define RUN_BITS 40

struct named *named_get(struct named_table *t, const char *name)
{
	struct named *n;
	HASH_FIND_STR(t->by_name, name, n);
	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = ++t->last_id;
	strlcpy(n->name, name, sizeof(n->name));
	HASH_ADD_STR(t->by_name, name, n);
	if (!n->hh.tbl) {
		free(n);
		errno = ENOMEM;
		return NULL;
	}
	return n;
}

void named_fini(struct named_table *t)
{
	struct named *n, *next;
	HASH_ITER (hh, t->by_name, n, next) {
		HASH_DEL(t->by_name, n);
		free(n);
	}
}

uint64_t named_tag(const struct named *n, uint64_t run_id)
{
	assert(n->id > 0);
	return n->id << RUN_BITS | (run_id & ((UINT64_C(1) << RUN_BITS) - 1));
}

bool named_is_tag(const struct named *n, uint64_t tag)
{
	return tag >> RUN_BITS == n->id;
}
