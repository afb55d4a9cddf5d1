/* SPDX-License-Identifier: MIT */
#include "core/rule/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_FUNCTION HASH_FNV
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_stored = false)
#include <uthash.h>

struct accounts_entry {
	char *name;
	struct rule_user user;
	gid_t gid; /* of a group */
	int error; /* 0, or why it was not found */
	bool is_stored;
	UT_hash_handle hh;
};

static void entry_free(struct accounts_entry *e)
{
	if (!e)
		return;
	rule_user_fini(&e->user);
	free(e->name);
	free(e);
}

/* The entry of a name in one of the tables. A new one has the error -1. */
static struct accounts_entry *find_entry(struct accounts_entry **table, const char *name)
{
	struct accounts_entry *e;
	HASH_FIND_STR(*table, name, e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->error = -1;
	e->is_stored = true;
	e->name = strdup(name);
	if (e->name)
		HASH_ADD_KEYPTR(hh, *table, e->name, strlen(e->name), e);
	if (!e->name || !e->is_stored) {
		entry_free(e);
		errno = ENOMEM;
		return NULL;
	}
	return e;
}

const struct rule_user *accounts_find_user(struct accounts *c, const char *name)
{
	struct accounts_entry *e = find_entry(&c->users, name);
	if (!e)
		return NULL;
	if (e->error < 0) {
		e->error = 0;
		if (c->lookup->user(c->lookup->ctx, name, &e->user) < 0)
			e->error = errno;
		else if (e->user.uid == (uid_t)-1 || e->user.gid == (gid_t)-1)
			e->error = ERANGE;
	}
	errno = e->error;
	return e->error ? NULL : &e->user;
}

int accounts_find_group(struct accounts *c, const char *name, gid_t *out)
{
	struct accounts_entry *e = find_entry(&c->groups, name);
	if (!e)
		return -1;
	if (e->error < 0) {
		e->error = 0;
		if (c->lookup->group(c->lookup->ctx, name, &e->gid) < 0)
			e->error = errno;
		else if (e->gid == (gid_t)-1)
			e->error = ERANGE;
	}
	*out = e->gid;
	errno = e->error;
	return e->error ? -1 : 0;
}

static int copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -1 : 0;
}

static int copy_user(struct rule_user *to, const struct rule_user *from)
{
	*to = (struct rule_user){.set = true, .uid = from->uid, .gid = from->gid};
	/* One more, for a group that joins. */
	to->groups = reallocarray(NULL, from->group_count + 1, sizeof(*to->groups));
	if (!to->groups || copy_text(&to->name, from->name) < 0 ||
		copy_text(&to->home, from->home) < 0 ||
		copy_text(&to->shell, from->shell) < 0) {
		rule_user_fini(to);
		return -1;
	}
	if (from->group_count > 0)
		memcpy(to->groups, from->groups, from->group_count * sizeof(*to->groups));
	to->group_count = from->group_count;
	return 0;
}

/* Put a group in the place of the user's own. There is room for one more. */
static void replace_group(struct rule_user *u, gid_t gid)
{
	size_t kept = 0;
	for (size_t i = 0; i < u->group_count; i++) {
		if (u->groups[i] != u->gid && u->groups[i] != gid)
			u->groups[kept++] = u->groups[i];
	}
	u->groups[kept++] = gid;
	u->group_count = kept;
	u->gid = gid;
}

int accounts_resolve(struct accounts *c, struct rule *r)
{
	static const struct rule_user nobody = {0};
	const struct rule_user *user = &nobody;
	gid_t gid = 0;
	if (r->user_name && !(user = accounts_find_user(c, r->user_name)))
		return -1;
	if (r->group_name && accounts_find_group(c, r->group_name, &gid) < 0)
		return -1;
	if (!r->user_name && !r->group_name)
		return 0;
	if (copy_user(&r->user, user) < 0)
		return -1;
	r->user.set = r->user_name != NULL;
	if (r->group_name)
		replace_group(&r->user, gid);
	return 0;
}

static void table_free(struct accounts_entry **table)
{
	struct accounts_entry *e;
	struct accounts_entry *next;
	HASH_ITER (hh, *table, e, next) {
		HASH_DEL(*table, e);
		entry_free(e);
	}
}

void accounts_fini(struct accounts *c)
{
	table_free(&c->users);
	table_free(&c->groups);
}
