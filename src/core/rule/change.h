/* SPDX-License-Identifier: MIT */
/* One file change that concerns at least one rule, kept for as long as a job needs it. */
#ifndef FSMON_CORE_RULE_CHANGE_H
#define FSMON_CORE_RULE_CHANGE_H

#include "core/record/event.h"
#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* A rule whose globs match. */
struct change_hit {
	uint32_t rule;
	bool is_new; /* the path, or a rename's new path, matches */
	bool is_old; /* a rename's old path matches */
	char *path; /* as this rule sees it; NULL: the event's own */
	char *old_path; /* likewise */
};

struct change {
	STAILQ_ENTRY(change) next; /* while it waits for the names of users */
	_Atomic uint32_t refs; /* threads may hold some each */
	struct event event; /* its strings and actor are the change's own */
	struct actor actor;
	uint64_t fsid; /* filesystem of the file */
	int32_t target_type; /* the file's handle */
	uint32_t target_len; /* 0: none was reported */
	unsigned char target[FANREC_HANDLE_MAX];
	struct change_hit *hits;
	size_t hit_count;
};

/* A change with one reference; paths are copied (each may be NULL). NULL with ENOMEM. */
struct change *change_new(const char *path, const char *old_path);

/* Note a rule that matches, or that the other side of a rename matches it too. Returns 0,
 * or -1 with ENOMEM. */
int change_add_hit(struct change *c, uint32_t rule, bool is_old, const char *path);

/* Take in that rules have other numbers: map has the new one for each; below 0: the rule is gone,
 * and so is its hit. */
void change_renumber(struct change *c, const int64_t *map);

/* One more reference. What several threads refer to nobody changes. */
struct change *change_ref(struct change *c);

/* Drop a reference, and with the last one the change; NULL is allowed. */
void change_unref(struct change *c);

/* The handle of the file, borrowed of the change; bytes NULL if none was reported. */
struct fanrec_handle change_target(const struct change *c);

#endif
