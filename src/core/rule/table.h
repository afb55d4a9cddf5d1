/* SPDX-License-Identifier: MIT */
/*
 * The table of rules in force: which rules a path concerns, found by the literal front of
 * their globs, so that the cost hardly depends on how many other rules there are.
 */
#ifndef FSMON_CORE_RULE_TABLE_H
#define FSMON_CORE_RULE_TABLE_H

#include "base/buf.h"
#include "base/strlist.h"
#include "core/rule/judge.h"

#include <stddef.h>
#include <stdint.h>

struct table; /* opaque */

/* A rule that a path concerns. */
struct table_hit {
	uint32_t rule;
	const char *front; /* where the path was found through links: what its author has
			      written in place of its first `skip` bytes; else NULL. Lives as
			      long as the rule. */
	size_t skip;
};

/* Ascending by rule, each once. All zero is empty; the memory is reused. */
struct table_hits {
	struct table_hit *items;
	size_t count;
};

/*
 * A table over `count` rules, which it takes (the array and the rules; also when it
 * fails). Its globs hold as they were written, until table_lead. NULL with ENOMEM.
 */
struct table *table_new(struct rule **rules, size_t count);

/* Free the table and its rules; NULL is allowed. */
void table_free(struct table *t);

/* The number of rules; each is called by its number, which is less. */
size_t table_count(const struct table *t);
const struct rule *table_rule(const struct table *t, uint32_t number);

/* The number of the rule of that name, or -1. */
int64_t table_find(const struct table *t, const char *name);

/* For each rule in force the number that it has in the next table; or -1, also if it is
 * disabled there: what waits for it goes the way of that of a rule that is gone. NULL is a table
 * without rules. The caller frees it; NULL with ENOMEM. */
int64_t *table_map(const struct table *now, const struct table *next);

/* A `path` glob of a rule as it is in force: those that were written, then those for what these
 * lead to. NULL past the last. */
const struct glob *table_glob(const struct table *t, uint32_t number, size_t index);

/* The paths that stand for a literal front because it leads to them through symbolic links ("" is
 * the root), or NULL. Borrowed until table_lead returns. */
typedef const struct strlist *table_leads(void *ctx, const char *front);

/*
 * Let all globs hold for what their literal fronts lead to, too, instead of what they led to
 * before; `leads` NULL: they lead nowhere else. Returns 0, or -1 with ENOMEM: then all is as it
 * was.
 */
int table_lead(struct table *t, table_leads *leads, void *ctx);

/*
 * The enabled rules with a kind of `kinds` in their mask, a glob that matches the path,
 * and no `exclude` that does. Replaces what is in *hits. Returns 0, or -1 with ENOMEM.
 */
int table_match(const struct table *t, const char *path, size_t len, uint32_t kinds,
	struct table_hits *hits);

/* Append what the author of the rule calls the path (which was matched). Returns 0, or -1 with
 * ENOMEM. */
int table_hit_path(
	const struct table_hit *hit, const char *path, size_t len, struct buf *out);

/* Likewise the rules with a glob of which that is the literal front, as it was written. */
int table_match_front(const struct table *t, const char *front, uint32_t kinds,
	struct table_hits *hits);

/*
 * The enabled rules with a kind of `kinds` in their mask and a glob that may match a path strictly
 * below the directory (no trailing slash; "" is the root), unless an `exclude` holds for all that
 * is there. May name a rule too many, never one too few. Replaces what is in *hits. The cost is
 * that of the fronts on the way to the directory and of those below it. Returns 0, or -1 with
 * ENOMEM.
 */
int table_match_below(const struct table *t, const char *dir, size_t len, uint32_t kinds,
	struct table_hits *hits);

/* Whether the path alone concerns the rule: JUDGE_MATCH, JUDGE_NO_PATH or JUDGE_EXCLUDED.
 * *glob (may be NULL) is the glob that decided, as it was written, or NULL. */
enum judge_verdict table_judge_path(const struct table *t, uint32_t number,
	const char *path, size_t len, const struct glob **glob);

#endif
