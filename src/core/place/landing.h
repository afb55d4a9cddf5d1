/* SPDX-License-Identifier: MIT */
/*
 * Where rules land: one index of mounts, filesystems and rules, built once for a mount table
 * and a table of rules. A rule lands on a mount if its globs can match something in it: the
 * literal front of a glob leads into the mount, or the mount lies below the front, where the
 * rest of the glob may match.
 */
#ifndef FSMON_CORE_PLACE_LANDING_H
#define FSMON_CORE_PLACE_LANDING_H

#include "core/place/mounts.h"
#include "core/rule/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANDING_NONE UINT32_MAX

/* What there is to say of a mount besides itself. */
struct landing_mount {
	uint32_t filesystem; /* its number */
	uint32_t kinds; /* what the rules that land here ask for; 0: none does */
	uint32_t below; /* likewise those with a glob whose front lies above it */
	bool is_judged; /* `below` is found out */
	uint32_t next; /* the next visible mount with the same root of the filesystem */
	uint32_t wanted; /* of itself and those next, the first on which rules land */
};

/* One filesystem, however often it is mounted. */
struct landing_filesystem {
	uint64_t dev; /* as struct mount has it */
	uint32_t kinds; /* what the rules that land on it ask for; 0: none does */
	bool may_execute; /* some mount of it is without noexec */
	const struct mount *best; /* through which it is seen best: one of its root, and
				     visible, if there is one */
	size_t longest_root; /* bytes, of its visible mounts */
};

/* Numbers of mounts. All zero is empty; whoever has it frees the items. */
struct landing_list {
	uint32_t *items;
	size_t count;
};

/* All zero is empty. Filesystems are numbered in the order of their first mounts. */
struct landing {
	struct mounts mounts;
	struct landing_mount *by_mount; /* for each of mounts.items */
	struct landing_filesystem *filesystems;
	uint32_t count; /* of filesystems */
	struct slots by_dev; /* the filesystems */
	struct slots by_root; /* by filesystem and root: the first visible mount */
	bool *has_below; /* for each rule: it may land below the front of a glob */
	size_t rule_count;
	struct buf rules_text; /* globs and kinds of all rules: what landing depends on */
};

/*
 * Build the index from the text of mountinfo. Rules that are not enabled ask for nothing;
 * `rules` may be NULL, and is only read. Where `old` (NULL: none) was built for the same rules
 * only mounts that came since are looked at. Returns 0, or -1 with ENOMEM. On success
 * landing_fini frees it.
 */
int landing_init(struct landing *l, const struct landing *old, const char *mountinfo,
	size_t len, const struct table *rules);

/* The number of the filesystem with that `dev`, or LANDING_NONE. */
uint32_t landing_find(const struct landing *l, uint64_t dev);

/* Where a walk over the mounts of a rule is. */
struct landing_walk {
	const struct landing *landing;
	const struct table *rules;
	uint32_t rule;
	size_t next_glob; /* of the rule */
	const struct glob *glob; /* whose mounts below its front are walked, or NULL */
	size_t next_mount;
};

/* The walk over the mounts on which a rule, enabled or not, lands: in no order, and a mount
 * may come for each of its globs. The rules are those of landing_init: of others, mounts below
 * their fronts may be missed. */
struct landing_walk landing_walk(
	const struct landing *l, const struct table *rules, uint32_t rule);

/* The next mount of a walk, or NULL. */
const struct mount *landing_next(struct landing_walk *w);

/* All of that walk, ascending, each mount once. Replaces what is in the list. Returns 0, or
 * -1 with ENOMEM. */
int landing_of_rule(const struct landing *l, const struct table *rules, uint32_t rule,
	struct landing_list *list);

/* Whether a rule lands on a filesystem; LANDING_NONE stands for any. */
bool landing_has(const struct landing *l, const struct table *rules, uint32_t rule,
	uint32_t filesystem);

/*
 * The visible mounts of a filesystem whose root holds the path within it, and on which rules
 * land that ask for one of the kinds, ascending: only there may a rule match the path. (A mount
 * whose root is the path itself is among them whatever the rules are.) Whether another mount
 * hides the path is not asked. Replaces what is in the list. Returns 0, or -1 with ENOMEM.
 */
int landing_of_path(const struct landing *l, uint32_t filesystem, const char *inner,
	size_t len, uint32_t kinds, struct landing_list *list);

/*
 * Append the path under which the first mount that shows it shows a path within a
 * filesystem. Returns 1, or 0 if none does, or -1 with ENOMEM. `out` is not changed by 0.
 */
int landing_show(const struct landing *l, uint32_t filesystem, const char *inner,
	size_t len, struct buf *out);

void landing_fini(struct landing *l);

#endif
