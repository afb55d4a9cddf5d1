/* SPDX-License-Identifier: MIT */
/* The process that caused a file event. */
#ifndef FSMON_CORE_ACTOR_H
#define FSMON_CORE_ACTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ACTOR_CMD_SIZE 16 /* TASK_COMM_LEN of the kernel: 15 bytes and a NUL */
#define ACTOR_ID_UNKNOWN UINT32_MAX
#define ACTOR_NUMBER_SIZE 11 /* of a user's number in digits, with its NUL */

enum actor_attribution {
	ACTOR_UNKNOWN = 0, /* nothing but the pid is known */
	ACTOR_PARTIAL, /* a field had to be left empty */
	ACTOR_EXACT,
};

/* A value: one process as it was when it caused an event. Strings are owned by the actor.
 */
struct actor {
	enum actor_attribution attribution;
	pid_t pid; /* 0: outside of our pid namespace */
	pid_t ppid; /* 0: unknown or none */
	char cmd[ACTOR_CMD_SIZE]; /* comm; "" when unknown */
	uint32_t uid; /* real user; ACTOR_ID_UNKNOWN when unknown */
	uint32_t euid; /* effective user, likewise */
	uint32_t login_uid; /* loginuid; ACTOR_ID_UNKNOWN when unset or unknown */
	char *user; /* name of `uid`; NULL: by number. Filled in after the ids */
	char *login_user; /* name of `login_uid`; likewise */
	char *exe; /* executable path; NULL when unknown or a kernel thread */
	char *cmdline; /* arguments joined by blanks; NULL when unknown */
	char *unit; /* systemd unit or cgroup path; NULL when unknown */
	char *ancestors; /* names of the ancestors, nearest first, each NUL-terminated */
	size_t ancestors_len; /* bytes of `ancestors` with all NULs */
	uint64_t tag; /* run id of the hook that it descends from; 0: none */
	uint32_t depth; /* how many hooks deep; 0: not caused by a hook */
};

/* "exact", "partial", "unknown". Static. */
const char *actor_attribution_name(enum actor_attribution a);

/* A user's name, or where it is NULL the number, which is written into room; "" where both are
 * unknown. */
const char *actor_user_text(const char *name, uint32_t uid, char room[ACTOR_NUMBER_SIZE]);

/* Free the strings; the actor is all zero afterwards. */
void actor_fini(struct actor *a);

#endif
