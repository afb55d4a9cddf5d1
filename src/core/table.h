/* SPDX-License-Identifier: MIT */
/*
 * The table of rules in force: which rules a path concerns, found by the literal front of
 * their globs, so that the cost hardly depends on how many other rules there are.
 */
#ifndef FSMON_CORE_TABLE_H
#define FSMON_CORE_TABLE_H

#include "core/rule.h"

#include <stdbool.h>
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

size_t table_count(const struct table *t);
const struct rule *table_rule(const struct table *t, uint32_t number);

/* The number of the rule of that name, or -1. */
int64_t table_find(const struct table *t, const char *name);

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

/* Why a rule does or does not run for an event. */
enum table_verdict {
	TABLE_MATCH,
	TABLE_DISABLED,
	TABLE_NO_PATH,
	TABLE_EXCLUDED,
	TABLE_EVENTS,
	TABLE_TYPE,
	TABLE_SIZE,
	TABLE_BY_USER,
	TABLE_BY_CMD,
	TABLE_BY_EXE,
	TABLE_BY_ANCESTOR,
	TABLE_BY_UNIT,
	TABLE_SELF,
};

/* A sentence fragment for a verdict, such as "the actor's user is not in by-user".
 * Static. */
const char *table_verdict_text(enum table_verdict v);

/* Whether the path alone concerns the rule: TABLE_MATCH, TABLE_NO_PATH or TABLE_EXCLUDED.
 * *glob (may be NULL) is the glob that decided, or NULL. */
enum table_verdict table_judge_path(const struct table *t, uint32_t number,
	const char *path, size_t len, const struct glob **glob);

/*
 * Which kind the event is for a rule whose globs match its new path, its old path, or
 * both
 * (`old_hit` only for renames). Returns one bit of enum event_kind, the newest of
 * several, or 0 if the rule's mask has none of them. Where the answer depends on the
 * file's type and links, they must have been looked up (event.type_known), else a create
 * counts as one of a written file.
 */
uint32_t table_kind(
	const struct rule *r, const struct event *e, bool new_hit, bool old_hit);

/* Whether judging the event for the rule needs type, links or size of the file. */
bool table_needs_type(const struct rule *r, const struct event *e);

/* Judge all conditions that are not about path and kind. `user` is the actor's user name,
 * NULL if it has none. The event has its actor, and its type where table_needs_type said
 * so. What befalls a whole filesystem (overflow, fs-error) has neither, and passes. */
enum table_verdict table_judge(
	const struct rule *r, const struct event *e, const char *user);

#endif
