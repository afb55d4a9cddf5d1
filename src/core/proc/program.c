/* SPDX-License-Identifier: MIT */
#include "core/proc/program.h"

#include "base/countof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS countof(((struct program *)0)->texts)
/* The first text that outlasts an exec. */
#define LASTING                                                               \
	((offsetof(struct program, unit) - offsetof(struct program, texts)) / \
		sizeof(char *))

/* Copy the login user and the texts from a number on. */
static int copy_from(struct program *to, const struct program *from, size_t first)
{
	*to = (struct program)PROGRAM_UNKNOWN;
	for (size_t i = first; i < TEXTS; i++) {
		to->texts[i] = from->texts[i] ? strdup(from->texts[i]) : NULL;
		if (from->texts[i] && !to->texts[i]) {
			program_fini(to);
			errno = ENOMEM;
			return -1;
		}
	}
	to->login_uid = from->login_uid;
	return 0;
}

int program_copy(struct program *to, const struct program *from)
{
	if (copy_from(to, from, 0) < 0)
		return -1;
	memcpy(to->comm, from->comm, sizeof(to->comm));
	return 0;
}

int program_copy_lasting(struct program *to, const struct program *from)
{
	return copy_from(to, from, LASTING);
}

void program_take(struct program *to, struct program *from)
{
	assert(to != from);
	if (from->comm[0])
		memcpy(to->comm, from->comm, sizeof(to->comm));
	if (from->login_uid != PROGRAM_NO_LOGIN)
		to->login_uid = from->login_uid;
	for (size_t i = 0; i < TEXTS; i++) {
		if (!from->texts[i])
			continue;
		free(to->texts[i]);
		to->texts[i] = from->texts[i];
		from->texts[i] = NULL;
	}
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool program_is_same(const struct program *a, const struct program *b)
{
	return strcmp(a->comm, b->comm) == 0 && is_same_text(a->exe, b->exe);
}

void program_agree(struct program *p, const struct program *other)
{
	if (strcmp(p->comm, other->comm) != 0)
		memset(p->comm, 0, sizeof(p->comm));
	if (p->login_uid != other->login_uid)
		p->login_uid = PROGRAM_NO_LOGIN;
	for (size_t i = 0; i < TEXTS; i++) {
		if (!is_same_text(p->texts[i], other->texts[i]))
			p->texts[i] = NULL;
	}
}

void program_doubt(struct program *p, const struct program *next)
{
	if (!next || !next->comm[0] || strcmp(p->comm, next->comm) == 0)
		memset(p->comm, 0, sizeof(p->comm));
	for (size_t i = 0; i < LASTING; i++) {
		if (next && next->texts[i] && !is_same_text(p->texts[i], next->texts[i]))
			continue;
		free(p->texts[i]);
		p->texts[i] = NULL;
	}
}

void program_fini(struct program *p)
{
	for (size_t i = 0; i < TEXTS; i++)
		free(p->texts[i]);
	*p = (struct program)PROGRAM_UNKNOWN;
}
