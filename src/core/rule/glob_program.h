/* SPDX-License-Identifier: MIT */
/* What core/rule/glob_compile.c makes of a pattern and core/rule/glob.c runs: a small NFA
 * program. */
#ifndef FSMON_CORE_RULE_GLOB_PROGRAM_H
#define FSMON_CORE_RULE_GLOB_PROGRAM_H

#include "core/rule/glob.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLOB_PROGRAM_MAX 2048 /* instructions; a set of states is as many bits */
#define GLOB_SETS_MAX 256
#define GLOB_TEXT_MAX 16384

/*
 * Each instruction is a state of the automaton. Whatever consumes nothing leads forward
 * only, so one pass over a set of states in ascending order closes it.
 */
enum glob_op {
	GLOB_OP_BYTE, /* the byte `byte` */
	GLOB_OP_ANY, /* any byte */
	GLOB_OP_NOSLASH, /* any byte but a slash */
	GLOB_OP_SET, /* a byte of sets[arg] */
	GLOB_OP_STAR, /* any number of bytes but slashes */
	GLOB_OP_RUN, /* any number of any bytes */
	GLOB_OP_DIRS, /* any number of any bytes, a slash, on to arg */
	GLOB_OP_REST, /* whatever is left: a match */
	GLOB_OP_SPLIT, /* nothing, on to the next and to arg */
	GLOB_OP_JUMP, /* nothing, on to arg */
	GLOB_OP_MATCH, /* the end of the text */
};

struct glob_inst {
	uint8_t op;
	uint8_t byte;
	uint16_t arg;
	/* For the loops (STAR, RUN, DIRS): the first of the states before it that can be
	 * dropped while it is active, since it matches all that they would. */
	uint16_t covers;
};

struct glob_set {
	uint64_t words[4]; /* 256 bits */
};

struct glob {
	enum glob_kind kind;
	bool is_literal;
	char *text;
	char *front; /* literal front, unescaped */
	size_t front_len;
	size_t rest_offset;
	struct glob_inst *prog; /* for what follows the front; ends with MATCH */
	size_t prog_len;
	struct glob_set *sets;
	struct glob_set last; /* bytes that a text which matches can end with */
	size_t suffix_len; /* BYTE instructions before MATCH, through which all pass */
};

/*
 * Compile the text from rest_offset on into prog, sets, last and suffix_len, which the
 * caller frees also on failure. Returns 0, or -1 with EINVAL or ENOMEM and *why as for
 * glob_new.
 */
int glob_compile(struct glob *g, const char **why);

static inline bool glob_set_has(const struct glob_set *set, unsigned char byte)
{
	return set->words[byte / 64] >> (byte % 64) & 1;
}

#endif
