/* SPDX-License-Identifier: MIT */
/* Users and groups that tests know, without a system's. */
#ifndef FSMON_TESTS_UNIT_FAKE_LOOKUP_H
#define FSMON_TESTS_UNIT_FAKE_LOOKUP_H

#include "core/conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned id; /* of the user and of the group */
} fake_accounts[] = {
	{"root", 0},
	{"www-data", 33},
	{"backup", 34},
	{"deploy", 1001},
	{"nobody", 65534},
	{"minus-one", 4294967295},
};

/* The id of a name or number. "broken" fails as a name service does. */
static int fake_id(const char *name, unsigned *id)
{
	for (size_t i = 0; i < sizeof(fake_accounts) / sizeof(fake_accounts[0]); i++) {
		if (strcmp(fake_accounts[i].name, name) == 0) {
			*id = fake_accounts[i].id;
			return 0;
		}
	}
	errno = strcmp(name, "broken") == 0 ? EIO : ENOENT;
	if (!*name || strspn(name, "0123456789") != strlen(name))
		return -1;
	*id = (unsigned)strtoul(name, NULL, 10);
	return 0;
}

static int fake_user(void *ctx, const char *name, struct rule_user *out)
{
	unsigned id;
	if (ctx)
		++*(int *)ctx;
	if (fake_id(name, &id) < 0)
		return -1;
	*out = (struct rule_user){.uid = id, .gid = id, .set = true};
	out->groups = calloc(2, sizeof(gid_t));
	out->name = strdup(name);
	out->home = strdup("/home");
	out->shell = strdup("/bin/sh");
	if (!out->groups || !out->name || !out->home || !out->shell) {
		rule_user_fini(out);
		errno = ENOMEM;
		return -1;
	}
	out->groups[0] = id;
	out->groups[1] = 100;
	out->group_count = 2;
	return 0;
}

static int fake_group(void *ctx, const char *name, gid_t *out)
{
	(void)ctx;
	unsigned id;
	if (fake_id(name, &id) < 0)
		return -1;
	*out = id;
	return 0;
}

/* ctx, if any, counts the look-ups of users. */
static inline struct accounts_lookup fake_lookup(int *count)
{
	return (struct accounts_lookup){
		.ctx = count, .user = fake_user, .group = fake_group};
}

#endif
