/* SPDX-License-Identifier: MIT */
#include "core/proc/actor.h"

#include "base/countof.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *actor_attribution_name(enum actor_attribution a)
{
	static const char *const names[] = {
		[ACTOR_UNKNOWN] = "unknown",
		[ACTOR_PARTIAL] = "partial",
		[ACTOR_EXACT] = "exact",
	};
	assert((size_t)a < countof(names));
	return names[a];
}

const char *actor_user_text(const char *name, uint32_t uid, char room[ACTOR_NUMBER_SIZE])
{
	if (name)
		return name;
	room[0] = '\0';
	if (uid != ACTOR_ID_UNKNOWN)
		snprintf(room, ACTOR_NUMBER_SIZE, "%" PRIu32, uid);
	return room;
}

int actor_copy(struct actor *to, const struct actor *from)
{
	size_t len = from->ancestors_len;
	*to = *from;
	to->user = from->user ? strdup(from->user) : NULL;
	to->login_user = from->login_user ? strdup(from->login_user) : NULL;
	to->ancestors = len ? malloc(len) : NULL;
	int rc = program_copy(&to->program, &from->program);
	if (to->ancestors)
		memcpy(to->ancestors, from->ancestors, len);
	if (rc < 0 || (from->user && !to->user) ||
		(from->login_user && !to->login_user) || (len && !to->ancestors)) {
		actor_fini(to);
		return -1;
	}
	return 0;
}

void actor_fini(struct actor *a)
{
	free(a->user);
	free(a->user_maybe);
	free(a->login_user);
	program_fini(&a->program);
	free(a->ancestors);
	*a = (struct actor){0};
}
