/* SPDX-License-Identifier: MIT */
/* The process that caused a file event. */
#ifndef FSMON_CORE_PROC_ACTOR_H
#define FSMON_CORE_PROC_ACTOR_H

#include "core/proc/program.h"

#include <stdint.h>
#include <sys/types.h>

#define ACTOR_ID_UNKNOWN UINT32_MAX
#define ACTOR_MAYBE_MAX 8 /* where more are possible, none is listed */
#define ACTOR_NUMBER_SIZE 11 /* of a user's number in digits, with its NUL */

enum actor_attribution {
	ACTOR_UNKNOWN = 0, /* nothing but the pid is known */
	ACTOR_PARTIAL, /* a field had to be left empty */
	ACTOR_EXACT,
};

/* A value: one process as it was when it caused an event. It owns its strings. */
struct actor {
	enum actor_attribution attribution;
	pid_t pid; /* 0: outside of our pid namespace */
	pid_t ppid; /* 0: unknown or none */
	struct program program; /* what it ran, and its login user */
	uint32_t uid; /* real user; ACTOR_ID_UNKNOWN when unknown */
	uint32_t euid; /* effective user, likewise */
	/* Of which real users one is meant, where that is all that is known; else none. */
	uint32_t maybe_uids[ACTOR_MAYBE_MAX];
	uint32_t maybe_count;
	char *user_maybe; /* their names, separated by commas; likewise */
	char *user; /* name of `uid`; NULL: by number. Filled in after the ids */
	char *login_user; /* name of its login user; likewise */
	char *ancestors; /* names of the ancestors, nearest first, each NUL-terminated */
	size_t ancestors_len; /* bytes of `ancestors` with all NULs */
	uint64_t tag; /* run id of the hook that it descends from; 0: none */
	uint32_t depth; /* how many hooks deep; 0: not caused by a hook */
};

/* Initialises one of whom nothing is known. */
#define ACTOR_NOBODY                                                 \
	{                                                            \
		.program = PROGRAM_UNKNOWN, .uid = ACTOR_ID_UNKNOWN, \
		.euid = ACTOR_ID_UNKNOWN                             \
	}

/* "exact", "partial" or "unknown"; static. */
const char *actor_attribution_name(enum actor_attribution a);

/* A user's name, or where it is NULL the number, which is written into room; "" where both are
 * unknown. */
const char *actor_user_text(const char *name, uint32_t uid, char room[ACTOR_NUMBER_SIZE]);

/* Copy all that is known. Returns 0, or -1 with ENOMEM: *to is all zero then. What was in *to is
 * overwritten, not freed. */
__attribute__((warn_unused_result)) int actor_copy(
	struct actor *to, const struct actor *from);

/* Free the strings; the actor is all zero afterwards. */
void actor_fini(struct actor *a);

#endif
