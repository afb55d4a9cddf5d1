/* SPDX-License-Identifier: MIT */
#include "core/actor.h"

#include <stdlib.h>

const char *actor_attribution_name(enum actor_attribution a)
{
	static const char *const names[] = {
		[ACTOR_UNKNOWN] = "unknown",
		[ACTOR_PARTIAL] = "partial",
		[ACTOR_EXACT] = "exact",
	};
	return names[a];
}

void actor_fini(struct actor *a)
{
	free(a->exe);
	free(a->cmdline);
	free(a->unit);
	free(a->ancestors);
	*a = (struct actor){0};
}
