/* SPDX-License-Identifier: MIT */
/*
 * What a process runs and where it belongs: the facts that /proc alone knows. A snapshot of
 * /proc, an image in the process table and an actor each hold one.
 */
#ifndef FSMON_CORE_PROC_PROGRAM_H
#define FSMON_CORE_PROC_PROGRAM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_COMM_SIZE 16 /* TASK_COMM_LEN of the kernel: 15 bytes and a NUL */
#define PROGRAM_NO_LOGIN UINT32_MAX

/* The strings are owned, unless a comment says that they are borrowed. */
struct program {
	char comm[PROGRAM_COMM_SIZE]; /* name of the process; "" when unknown */
	uint32_t login_uid; /* loginuid; PROGRAM_NO_LOGIN when unset or unknown */
	/* Texts; NULL when unknown. The functions below treat all of them alike. */
	union {
		struct {
			/* An exec replaces these, */
			char *exe; /* path of the executable; a kernel thread has none */
			char *cmdline; /* arguments joined by blanks; likewise */
			/* and the unit and what is behind it outlast it. */
			char *unit; /* systemd unit or cgroup path */
		};
		char *texts[3];
	};
};

static_assert(sizeof(struct program) == offsetof(struct program, texts) +
						sizeof(((struct program *)0)->texts),
	"texts[] has as many members as there are names for them");

/* Initialises one of which nothing is known. */
#define PROGRAM_UNKNOWN                       \
	{                                     \
		.login_uid = PROGRAM_NO_LOGIN \
	}

/* Copy all that is known. Returns 0, or -1 with ENOMEM: nothing is known of *to then. What was
 * in *to is overwritten, not freed. */
__attribute__((warn_unused_result)) int program_copy(
	struct program *to, const struct program *from);

/* Likewise, but only what outlasts an exec: login user and unit. */
__attribute__((warn_unused_result)) int program_copy_lasting(
	struct program *to, const struct program *from);

/* Move what is known of `from` to where it replaces what was known; what is unknown of `from`
 * stays as it was. `from` is to be freed as before. */
void program_take(struct program *to, struct program *from);

/* Whether name and executable are the same, or of both unknown. */
bool program_is_same(const struct program *a, const struct program *b);

/* Of a program whose strings are borrowed: what `other` does not say too becomes unknown. */
void program_agree(struct program *p, const struct program *other);

/* Forget of what an exec replaces all that is not known to differ from the same of `next`;
 * NULL: all of it. */
void program_doubt(struct program *p, const struct program *next);

/* Free the strings; nothing is known afterwards. */
void program_fini(struct program *p);

#endif
