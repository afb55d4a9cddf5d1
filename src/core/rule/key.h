/* SPDX-License-Identifier: MIT */
/* A key of rule files: what the table of core/rule/keys.h has rows of. */
#ifndef FSMON_CORE_RULE_KEY_H
#define FSMON_CORE_RULE_KEY_H

#include "base/buf.h"
#include "core/rule/accounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key;

/* What setting needs besides the value. */
struct key_context {
	struct accounts *users;
	struct buf why; /* why a value was refused; the caller empties it */
};

/* How a kind of value is set and cleared. `field` is its place in the struct. Setting
 * returns 0, or -1 with EINVAL and the reason in ctx->why, or with ENOMEM. */
struct key_kind {
	int (*set)(const struct key *key, void *field, const char *value,
		struct key_context *ctx);
	void (*clear)(const struct key *key, void *field);
	bool is_list; /* values add up; the caller splits them at commas */
	bool is_text; /* a value of several lines, verbatim */
};

struct key {
	const char *name;
	const struct key_kind *kind;
	size_t offset; /* in struct rule or struct daemon */
	size_t size; /* of a plain field, which a preset is copied to; else 0 */
	uint64_t min; /* of numbers */
	uint64_t max; /* of numbers */
	const struct value_name *choices; /* of an enumeration */
	size_t choice_count;
	bool is_daemon; /* belongs in [daemon], else in rules */
};

#endif
