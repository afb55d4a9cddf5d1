/* SPDX-License-Identifier: MIT */
/* What an event is to a rule whose globs match its path, and whether the rule wants it. */
#ifndef FSMON_CORE_RULE_JUDGE_H
#define FSMON_CORE_RULE_JUDGE_H

#include "core/record/event.h"
#include "core/rule/rule.h"

#include <stdbool.h>
#include <stddef.h>
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
	JUDGE_BY, /* and more, by enum rule_by: the first condition that does not hold */
};

/* What of an actor a condition is about. */
enum judge_subject {
	JUDGE_USER, /* an id, and at `name_offset` a char *: its name, or NULL */
	JUDGE_NAME, /* a char array, empty if unknown */
	JUDGE_TEXT, /* a char *, NULL if unknown */
	JUDGE_NAMES, /* a char *: the ancestors */
};

/* A condition on the actor. */
struct judge_condition {
	const char *key; /* in rule files, and behind -- the option that assumes one */
	const char *arg; /* of the option, for --help */
	const char *help;
	const char *otherwise; /* a sentence fragment: why it does not hold */
	enum judge_subject subject;
	size_t offset; /* of the subject in struct actor */
	size_t name_offset;
};

/* By enum rule_by. */
extern const struct judge_condition judge_conditions[RULE_BY_COUNT];

/* A sentence fragment for a verdict, such as "the actor's user is not in by-user".
 * Static. */
const char *judge_verdict_text(enum judge_verdict v);

/*
 * Which kind the event is for a rule whose globs match its new path, its old path, or both
 * (`old_hit` only for renames). Returns one bit of enum event_kind, the newest of several,
 * or 0 if the rule's mask has none of them. Where several were merged, event.is_unwritten and
 * event.is_back must say what has become of the file.
 */
uint32_t judge_kind(
	const struct rule *r, const struct event *e, bool new_hit, bool old_hit);

/* Whether judging events for the rule needs type or size of the file; or who did it. */
bool judge_needs_type(const struct rule *r);
bool judge_needs_actor(const struct rule *r);

/* Judge all conditions that are not about path and kind. The event has its actor, with the
 * names of its users, and its type where judge_needs_type said so. What befalls a whole
 * filesystem (overflow, fs-error) has neither, and passes. */
enum judge_verdict judge_event(const struct rule *r, const struct event *e);

#endif
