/* SPDX-License-Identifier: MIT */
/*
 * The variables that say what happened and who did it: the one table of them, for a hook's
 * environment (core/hook) and for its standard input (core/hook/payload).
 */
#ifndef FSMON_CORE_HOOK_HOOKVARS_H
#define FSMON_CORE_HOOK_HOOKVARS_H

#include "core/rule/view.h"

#include <stddef.h>
#include <stdint.h>

#define HOOKVARS_CMDLINE_MAX_BYTES ((size_t)32 * 1024) /* of FSMON_CMDLINE */

enum hookvars_type {
	HOOKVARS_UNKNOWN, /* in the environment the empty string */
	HOOKVARS_TEXT, /* any bytes but NUL */
	HOOKVARS_NUMBER,
	HOOKVARS_NAMES, /* names of events, separated by commas */
};

/* A value. The text belongs to the event or is in `room`: it lives as long as both. */
struct hookvars_value {
	enum hookvars_type type;
	const char *text; /* of TEXT and NAMES */
	uint64_t number;
	char room[192];
};

struct hookvars_variable {
	const char *name; /* in the environment */
	const char *key; /* in JSON */
	/* Fills in a value that is all zero but for `room`; NULL: it is a field of the actor. */
	void (*get)(const struct view *e, struct hookvars_value *v);
	size_t text_at; /* offset of a text, or 0: */
	size_t number_at; /* offset of a number */
	uint64_t unknown; /* what the number is where it is not known */
	size_t env_max_bytes; /* what is longer is cut in the environment; 0: no limit */
};

/* The i-th variable, and what it is for an event; NULL behind the last. Static. */
const struct hookvars_variable *hookvars_get(
	size_t i, const struct view *e, struct hookvars_value *v);

#endif
