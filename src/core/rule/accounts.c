/* SPDX-License-Identifier: MIT */
#include "core/rule/accounts.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct account {
	bool is_group;
	int error; /* 0, or why it was not found */
	struct rule_user user; /* of a group only gid counts */
	char name[];
};

static int compare(const void *left, const void *right)
{
	const struct account *a = left;
	const struct account *b = right;
	return a->is_group != b->is_group ? a->is_group - b->is_group
					  : strcmp(a->name, b->name);
}

static void account_free(void *account)
{
	struct account *a = account;
	rule_user_fini(&a->user);
	free(a);
}

static void look_up(const struct accounts_lookup *lookup, struct account *a)
{
	int rc = a->is_group ? lookup->group(lookup->ctx, a->name, &a->user.gid)
			     : lookup->user(lookup->ctx, a->name, &a->user);
	if (rc < 0)
		a->error = errno;
	else if (a->user.uid == (uid_t)-1 || a->user.gid == (gid_t)-1)
		a->error = ERANGE;
}

/* The account of a name, looked up if it is new. NULL with the errno of the look-up. */
static const struct account *find(struct accounts *c, bool is_group, const char *name)
{
	size_t size = strlen(name) + 1;
	struct account *a = calloc(1, sizeof(*a) + size);
	if (!a)
		return NULL;
	a->is_group = is_group;
	memcpy(a->name, name, size);
	struct account **found = tsearch(a, &c->tree, compare);
	if (!found || *found != a)
		free(a);
	else
		look_up(c->lookup, a);
	errno = found ? (*found)->error : ENOMEM;
	return found && !(*found)->error ? *found : NULL;
}

const struct rule_user *accounts_find_user(struct accounts *c, const char *name)
{
	const struct account *a = find(c, false, name);
	return a ? &a->user : NULL;
}

int accounts_find_group(struct accounts *c, const char *name, gid_t *out)
{
	const struct account *a = find(c, true, name);
	if (!a)
		return -1;
	*out = a->user.gid;
	return 0;
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

void accounts_fini(struct accounts *c)
{
	tdestroy(c->tree, account_free);
	c->tree = NULL;
}
