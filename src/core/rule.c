/* SPDX-License-Identifier: MIT */
#include "core/rule.h"

#include <stdlib.h>

static void globs_fini(struct rule_globs *globs)
{
	for (size_t i = 0; i < globs->count; i++)
		glob_free(globs->items[i]);
	free(globs->items);
}

static void condition_fini(struct rule_condition *c)
{
	globs_fini(&c->include);
	globs_fini(&c->exclude);
	free(c->include_uids);
	free(c->exclude_uids);
}

void rule_user_fini(struct rule_user *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	free(u->shell);
	*u = (struct rule_user){0};
}

void rule_free(struct rule *r)
{
	if (!r)
		return;
	free(r->name);
	free(r->file);
	globs_fini(&r->path);
	globs_fini(&r->exclude);
	condition_fini(&r->by_user);
	condition_fini(&r->by_cmd);
	condition_fini(&r->by_exe);
	condition_fini(&r->by_ancestor);
	condition_fini(&r->by_unit);
	free(r->command);
	free(r->on_failure);
	free(r->user_name);
	free(r->group_name);
	rule_user_fini(&r->user);
	free(r->directory);
	strlist_fini(&r->env);
	free(r);
}
