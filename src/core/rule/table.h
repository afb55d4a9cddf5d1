/* SPDX-License-Identifier: MIT */
/*
 * The table of rules in force: which rules a path concerns, found by the literal front of
 * their globs, so that the cost hardly depends on how many other rules there are.
 */
#ifndef FSMON_CORE_RULE_TABLE_H
#define FSMON_CORE_RULE_TABLE_H

#include "core/rule/judge.h"

#include <stddef.h>
#include <stdint.h>

struct table; /* opaque */

/* Rule numbers, ascending, each once. All zero is empty; the memory is reused. */
struct table_hits {
	uint32_t *rules;
	size_t count;
};

/*
 * A table over `count` rules, which it takes (the array and the rules; also when it
 * fails). Its globs are those of the rules; table_move replaces one. NULL with ENOMEM.
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

/* A `path` glob of a rule as it is in force (its literal front may have been moved), or NULL
 * past the last. */
const struct glob *table_glob(const struct table *t, uint32_t number, size_t index);

/*
 * Take the glob `index` of a rule (those of `path`, then those of `exclude`) under another
 * literal front: where the front leads through symbolic links. NULL puts it back as it
 * was written. Takes effect with table_index. Returns 0, or -1 with ENOMEM or EINVAL (the
 * glob is as it was).
 */
int table_move(struct table *t, uint32_t number, size_t index, const char *front);

/* Index the globs; after table_new and whenever one was moved. Returns 0, or -1 with
 * ENOMEM. */
int table_index(struct table *t);

/*
 * The enabled rules with a kind of `kinds` in their mask, a glob that matches the path,
 * and no `exclude` that does. Replaces what is in *hits. Returns 0, or -1 with ENOMEM.
 */
int table_match(const struct table *t, const char *path, size_t len, uint32_t kinds,
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
 * *glob (may be NULL) is the glob that decided, or NULL. */
enum judge_verdict table_judge_path(const struct table *t, uint32_t number,
	const char *path, size_t len, const struct glob **glob);

#endif
