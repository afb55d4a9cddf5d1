/* SPDX-License-Identifier: MIT */
/* Users and groups that rule files name, each looked up once. */
#ifndef FSMON_CORE_RULE_ACCOUNTS_H
#define FSMON_CORE_RULE_ACCOUNTS_H

#include "core/rule/rule.h"

/* Users and groups, as functions so that reading stays pure. Each returns 0, or -1 with
 * ENOENT if there is none of that name, or another errno. */
struct accounts_lookup {
	void *ctx;
	/* By name or number: fills uid, gid, groups, name, home, shell (allocated). */
	int (*user)(void *ctx, const char *name, struct rule_user *out);
	/* By name or number. */
	int (*group)(void *ctx, const char *name, gid_t *out);
};

/* Set `lookup`, leave the rest zero. */
struct accounts {
	const struct accounts_lookup *lookup; /* borrowed */
	void *tree; /* of what was looked up: tsearch(3) */
};

/* The user of that name or number, owned by c; or NULL with ENOENT if there is none, with
 * ERANGE if its id is (uid_t)-1, which setuid(2) takes for "no change", or with the errno
 * of the look-up. */
const struct rule_user *accounts_find_user(struct accounts *c, const char *name);

/* The group of that name or number in *out. Returns 0, or -1 with errno as above. */
int accounts_find_group(struct accounts *c, const char *name, gid_t *out);

/*
 * Fill r->user from r->user_name and r->group_name, which must have been found before.
 * The group takes the place of the user's own; alone it leaves `set` false. Returns 0, or
 * -1 with errno as above or ENOMEM.
 */
int accounts_resolve(struct accounts *c, struct rule *r);

/* Free what was looked up. */
void accounts_fini(struct accounts *c);

#endif
