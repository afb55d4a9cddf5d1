/* SPDX-License-Identifier: MIT */
/* One rule, as read from its section of a rule file; fsmon.conf(5) explains the keys. */
#ifndef FSMON_CORE_RULE_RULE_H
#define FSMON_CORE_RULE_RULE_H

#include "base/strlist.h"
#include "core/record/event.h"
#include "core/rule/glob.h"
#include "core/sched/timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RULE_NAME_MAX 48

enum rule_self_events { RULE_SELF_IGNORE, RULE_SELF_IGNORE_ALL, RULE_SELF_ALLOW };
enum rule_stdin { RULE_STDIN_NONE, RULE_STDIN_PATHS, RULE_STDIN_PATHS0, RULE_STDIN_JSON };
enum rule_on_overflow { RULE_OVERFLOW_RUN, RULE_OVERFLOW_IGNORE };

/* How a number is compared with the one that stands behind. */
enum rule_compare {
	RULE_COMPARE_NONE,
	RULE_COMPARE_LT,
	RULE_COMPARE_LE,
	RULE_COMPARE_EQ,
	RULE_COMPARE_GE,
	RULE_COMPARE_GT
};

/* A list of globs. */
struct rule_globs {
	struct glob **items;
	size_t count;
};

/* The conditions on the actor, in the order in which they are judged (core/rule/judge.c). */
enum rule_by {
	RULE_BY_USER,
	RULE_BY_CMD,
	RULE_BY_EXE,
	RULE_BY_ANCESTOR,
	RULE_BY_UNIT,
	RULE_BY_COUNT
};

/* Names in a condition. Of users plain names and numbers are ids, so that matching needs no
 * look-up; only what has glob syntax is a glob. */
struct rule_names {
	struct rule_globs globs; /* GLOB_WORD (GLOB_PATH for by-exe) */
	uint32_t *uids;
	size_t uid_count;
};

/* A condition on the actor: `by-*`. It holds if no `exclude` matches and (there is no
 * `include`, or one of them matches). */
struct rule_condition {
	struct rule_names include;
	struct rule_names exclude; /* written !x */
};

/*
 * The user that hooks run as, looked up when the rule was loaded. With `group` alone
 * `set` is false (the daemon's own user), and gid and groups hold that one group; without
 * either group_count is 0.
 */
struct rule_user {
	bool set; /* false: the daemon's own */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary groups, gid included */
	size_t group_count;
	char *name; /* LOGNAME, USER; NULL where a number has no entry */
	char *home; /* HOME */
	char *shell; /* SHELL */
};

struct rule {
	char *name;
	char *file; /* rule file that it stands in */
	unsigned line; /* line of its section header */

	/* Which events */
	struct rule_globs path; /* absolute GLOB_PATH */
	struct rule_globs
		exclude; /* GLOB_PATH, absolute, perhaps by a globstar in front */
	uint32_t events; /* mask of enum event_kind */
	uint32_t types; /* bits 1 << enum event_type; 0: any */
	enum rule_compare size_compare;
	uint64_t size_bytes;
	struct rule_condition by[RULE_BY_COUNT];
	enum rule_self_events self_events;
	enum rule_on_overflow on_overflow;
	bool enabled;

	/* What to run */
	char *command; /* lines joined by newlines, verbatim */
	char *on_failure; /* likewise; NULL: none */
	char *user_name; /* as written; NULL: not given */
	char *group_name;
	struct rule_user user;
	char *directory;
	struct strlist env; /* K=V */
	mode_t umask;
	int nice;
	enum rule_stdin stdin_kind;

	struct timing timing; /* when to run */
};

/* Free what a user owns; it is all zero afterwards. */
void rule_user_fini(struct rule_user *u);

#endif
