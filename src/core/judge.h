/* SPDX-License-Identifier: MIT */
/* What an event is to a rule whose globs match its path, and whether the rule wants it. */
#ifndef FSMON_CORE_JUDGE_H
#define FSMON_CORE_JUDGE_H

#include "core/event.h"
#include "core/rule.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a rule does or does not run for an event. */
enum judge_verdict {
	JUDGE_MATCH,
	JUDGE_DISABLED,
	JUDGE_NO_PATH,
	JUDGE_EXCLUDED,
	JUDGE_EVENTS,
	JUDGE_TYPE,
	JUDGE_SIZE,
	JUDGE_BY_USER,
	JUDGE_BY_CMD,
	JUDGE_BY_EXE,
	JUDGE_BY_ANCESTOR,
	JUDGE_BY_UNIT,
};

/* A sentence fragment for a verdict, such as "the actor's user is not in by-user".
 * Static. */
const char *judge_verdict_text(enum judge_verdict v);

/*
 * Which kind the event is for a rule whose globs match its new path, its old path, or both
 * (`old_hit` only for renames). Returns one bit of enum event_kind, the newest of several,
 * or 0 if the rule's mask has none of them. Where the answer depends on the file's type and
 * links, they must have been looked up (event.type_known), else a create counts as one of a
 * written file.
 */
uint32_t judge_kind(
	const struct rule *r, const struct event *e, bool new_hit, bool old_hit);

/* Whether judging the event for the rule needs type, links or size of the file. */
bool judge_needs_type(const struct rule *r, const struct event *e);

/* Judge all conditions that are not about path and kind. The event has its actor, with the
 * names of its users, and its type where judge_needs_type said so. What befalls a whole
 * filesystem (overflow, fs-error) has neither, and passes. */
enum judge_verdict judge_event(const struct rule *r, const struct event *e);

#endif
