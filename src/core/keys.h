/* SPDX-License-Identifier: MIT */
/* The keys of rule files, as a table: name, kind and place of each (DESIGN 4). */
#ifndef FSMON_CORE_KEYS_H
#define FSMON_CORE_KEYS_H

#include "base/buf.h"
#include "core/conf.h"
#include "core/confuser.h"
#include "core/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_UNSET_NS UINT64_MAX /* max_wait_ns until keys_finish */

struct keys_key;

/* What setting needs besides the value. */
struct keys_context {
	struct confuser *users;
	struct buf why; /* why a value was refused; the caller empties it */
};

/* How a kind of value is set and cleared. `field` is its place in the struct. Setting
 * returns 0, or -1 with EINVAL and the reason in ctx->why, or with ENOMEM. */
struct keys_kind {
	int (*set)(const struct keys_key *key, void *field, const char *value,
		struct keys_context *ctx);
	void (*clear)(const struct keys_key *key, void *field);
	bool is_list; /* values add up; the caller splits them at commas */
	bool is_text; /* a value of several lines, verbatim */
};

struct keys_key {
	const char *name;
	const struct keys_kind *kind;
	size_t offset; /* in struct rule or struct conf_daemon */
	size_t size; /* of a plain field, which a preset is copied to; else 0 */
	uint64_t min; /* of numbers */
	uint64_t max; /* of numbers */
	const struct value_name *choices; /* of an enumeration */
	size_t choice_count;
	bool is_daemon; /* belongs in [daemon], else in rules */
};

/* Number of keys, and the place of one among them. */
size_t keys_count(void);
size_t keys_index(const struct keys_key *key);

/* The key of that name, or NULL. */
const struct keys_key *keys_find(const char *name);

/* The name nearest to a misspelt one among the keys of [daemon] or of rules, or NULL. */
const char *keys_nearest(const char *name, bool is_daemon);

/* A rule, or a [daemon] section, with the built-in defaults. keys_new_rule returns NULL
 * with ENOMEM; the caller frees it with rule_free. */
struct rule *keys_new_rule(void);
void keys_init_daemon(struct conf_daemon *d);

/*
 * Set a key from a text without blanks around it; one item of it, if it is a list.
 * `target` is a struct rule, or a struct conf_daemon for a key of [daemon]. Returns 0, or
 * -1 with EINVAL and the reason in ctx->why, or with ENOMEM.
 */
int keys_set(const struct keys_key *key, void *target, const char *value,
	struct keys_context *ctx);

/* Put a key back to its built-in default. */
void keys_clear(const struct keys_key *key, void *target);

/* Fill in what depends on other keys: events, max-wait, directory, the user. Returns 0,
 * or -1 with ENOMEM, or with the errno of a look-up that had succeeded before. */
int keys_finish(struct rule *r, struct confuser *users);

#endif
