/* SPDX-License-Identifier: MIT */
#include "core/rule/rule.h"

#include <stdlib.h>

void rule_user_fini(struct rule_user *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	free(u->shell);
	*u = (struct rule_user){0};
}
