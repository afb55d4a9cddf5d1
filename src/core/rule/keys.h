/* SPDX-License-Identifier: MIT */
/* The keys of rule files, as a table: name, kind and place of each. */
#ifndef FSMON_CORE_RULE_KEYS_H
#define FSMON_CORE_RULE_KEYS_H

#include "core/rule/daemon.h"
#include "core/rule/key.h"
#include "core/rule/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_MAX 40
#define KEYS_UNSET_NS UINT64_MAX /* max_wait_ns until keys_finish */

/* The place of a key in the table, which has KEYS_MAX at most. */
size_t keys_index(const struct key *key);

/* The key of that name, or NULL. */
const struct key *keys_find(const char *name);

/* The name nearest to a misspelt one among the keys of [daemon] or of rules, or NULL. */
const char *keys_nearest(const char *name, bool is_daemon);

/* A rule, or a [daemon] section, with the built-in defaults. keys_new_rule returns NULL
 * with ENOMEM. */
struct rule *keys_new_rule(void);
void keys_init_daemon(struct daemon *d);

/* Free a rule and all that it owns (NULL is allowed), or an array of them. */
void keys_free_rule(struct rule *r);
void keys_free_rules(struct rule **rules, size_t count);

/*
 * Set a key from a text without blanks around it; one item of it, if it is a list.
 * `target` is a struct rule, or a struct daemon for a key of [daemon]. Returns 0, or
 * -1 with EINVAL and the reason in ctx->why, or with ENOMEM.
 */
int keys_set(
	const struct key *key, void *target, const char *value, struct key_context *ctx);

/* Put a key back to its built-in default. */
void keys_clear(const struct key *key, void *target);

/* Fill in what depends on other keys: events, max-wait, directory, the user. Returns 0,
 * or -1 with ENOMEM, or with the errno of a look-up that had succeeded before. */
int keys_finish(struct rule *r, struct accounts *users);

#endif
