/* SPDX-License-Identifier: MIT */
#include "core/rule/judge.h"

#include <assert.h>
#include <string.h>

const struct judge_condition judge_conditions[RULE_BY_COUNT] = {
	[RULE_BY_USER] = {"by-user", "USER", "caused by this user",
		"the actor's user does not fulfil by-user", JUDGE_USER,
		offsetof(struct actor, uid), offsetof(struct actor, user)},
	[RULE_BY_CMD] = {"by-cmd", "NAME", "caused by a process of this name",
		"the actor's name does not fulfil by-cmd", JUDGE_NAME,
		offsetof(struct actor, program.comm), 0},
	[RULE_BY_EXE] = {"by-exe", "PATH", "whose executable is this",
		"the actor's executable does not fulfil by-exe", JUDGE_TEXT,
		offsetof(struct actor, program.exe), 0},
	[RULE_BY_ANCESTOR] = {"by-ancestor", "NAME", "that has an ancestor of this name",
		"the actor's ancestors do not fulfil by-ancestor", JUDGE_NAMES,
		offsetof(struct actor, ancestors), 0},
	[RULE_BY_UNIT] = {"by-unit", "UNIT",
		"that belongs to this systemd unit or cgroup",
		"the actor's unit does not fulfil by-unit", JUDGE_TEXT,
		offsetof(struct actor, program.unit), 0},
};

const char *judge_verdict_text(enum judge_verdict v)
{
	static const char *const texts[] = {
		[JUDGE_MATCH] = "matches",
		[JUDGE_DISABLED] = "the rule is disabled (enabled = no)",
		[JUDGE_NO_PATH] = "no path glob matches",
		[JUDGE_EXCLUDED] = "excluded",
		[JUDGE_EVENTS] = "the event is not in events",
		[JUDGE_TYPE] = "the file's type is not in type",
		[JUDGE_SIZE] = "the file's size does not fulfil size",
	};
	return v < JUDGE_BY ? texts[v] : judge_conditions[v - JUDGE_BY].otherwise;
}

static uint32_t rename_kind(const struct rule *r, bool new_hit, bool old_hit)
{
	if (new_hit && old_hit) {
		/* Whoever asks for one side only gets it by that side's name. */
		static const uint32_t order[] = {
			EVENT_RENAME, EVENT_MOVED_TO, EVENT_MOVED_FROM};
		for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
			if (r->events & order[i])
				return order[i];
		}
		return 0;
	}
	return r->events & (new_hit ? EVENT_MOVED_TO : EVENT_MOVED_FROM);
}

uint32_t judge_kind(
	const struct rule *r, const struct event *e, bool new_hit, bool old_hit)
{
	uint32_t kinds = e->kinds & r->events & ~(uint32_t)EVENT_RENAMES;
	if (!new_hit)
		kinds = 0;
	if (new_hit && e->is_unwritten && (r->events & EVENT_UNWRITTEN))
		kinds |= e->kinds & (EVENT_CREATE | EVENT_MODIFY);
	if (e->kinds & EVENT_RENAME)
		kinds |= rename_kind(r, new_hit, old_hit);
	/* What is there again was not deleted last. */
	if (e->is_back && kinds != EVENT_DELETE)
		kinds &= ~(uint32_t)EVENT_DELETE;
	return event_kind_newest(kinds);
}

bool judge_needs_type(const struct rule *r)
{
	return r->types || r->size_compare != RULE_COMPARE_NONE;
}

/* Of a file that is gone only this is known: whether it was a directory. */
static bool type_fits(const struct rule *r, const struct event *e)
{
	const uint32_t dir = 1u << EVENT_TYPE_DIR;
	if (!r->types)
		return true;
	if (e->is_dir)
		return r->types & dir;
	if (!e->type_known || e->type == EVENT_TYPE_GONE)
		return r->types & ~dir;
	return r->types & 1u << e->type;
}

static bool size_fits(const struct rule *r, const struct event *e)
{
	if (r->size_compare == RULE_COMPARE_NONE || !e->type_known ||
		e->type == EVENT_TYPE_GONE)
		return true;
	switch (r->size_compare) {
	case RULE_COMPARE_LT:
		return e->size_bytes < r->size_bytes;
	case RULE_COMPARE_LE:
		return e->size_bytes <= r->size_bytes;
	case RULE_COMPARE_GE:
		return e->size_bytes >= r->size_bytes;
	case RULE_COMPARE_GT:
		return e->size_bytes > r->size_bytes;
	default:
		return e->size_bytes == r->size_bytes;
	}
}

static bool has_word(const struct rule_globs *globs, const char *word, size_t len)
{
	for (size_t i = 0; word && i < globs->count; i++) {
		if (glob_matches(globs->items[i], word, len))
			return true;
	}
	return false;
}

static bool has_glob(const struct rule_globs *globs, const char *word)
{
	return word && has_word(globs, word, strlen(word));
}

static bool has_uid(const struct rule_names *names, uint32_t uid)
{
	for (size_t i = 0; uid != ACTOR_ID_UNKNOWN && i < names->uid_count; i++) {
		if (names->uids[i] == uid)
			return true;
	}
	return false;
}

static bool is_empty(const struct rule_names *names)
{
	return !names->globs.count && !names->uid_count;
}

/* A condition on one word, or on a user: NULL and ACTOR_ID_UNKNOWN are never in a list, so that
 * includes fail and excludes pass. */
static bool word_fits(
	const struct rule_condition *c, uint32_t uid, const char *name, size_t len)
{
	if (has_uid(&c->exclude, uid) || has_word(&c->exclude.globs, name, len))
		return false;
	return is_empty(&c->include) || has_uid(&c->include, uid) ||
	       has_word(&c->include.globs, name, len);
}

static bool one_fits(const struct rule_condition *c, uint32_t uid, const char *name)
{
	return word_fits(c, uid, name, name ? strlen(name) : 0);
}

/* Of the users that an actor may have had one that fits is enough. */
static bool some_user_fits(const struct rule_condition *c, const struct actor *a)
{
	const char *name = a->user_maybe;
	for (uint32_t i = 0; i < a->maybe_count; i++) {
		size_t len = name ? strcspn(name, ",") : 0;
		if (word_fits(c, a->maybe_uids[i], name, len))
			return true;
		if (name)
			name += len + (name[len] == ',');
	}
	return false;
}

/* Any ancestor in the list counts. */
static bool ancestors_fit(const struct rule_condition *c, const struct actor *a)
{
	bool included = is_empty(&c->include);
	for (size_t i = 0; i < a->ancestors_len; i += strlen(a->ancestors + i) + 1) {
		if (has_glob(&c->exclude.globs, a->ancestors + i))
			return false;
		included = included || has_glob(&c->include.globs, a->ancestors + i);
	}
	return included;
}

bool judge_needs_actor(const struct rule *r)
{
	for (size_t i = 0; i < RULE_BY_COUNT; i++) {
		if (!is_empty(&r->by[i].include) || !is_empty(&r->by[i].exclude))
			return true;
	}
	return false;
}

static bool condition_fits(const struct judge_condition *j,
	const struct rule_condition *c, const struct actor *a)
{
	const void *subject = (const char *)a + j->offset;
	const void *name = (const char *)a + j->name_offset;
	if (is_empty(&c->include) && is_empty(&c->exclude))
		return true;
	switch (j->subject) {
	case JUDGE_USER:
		if (a->maybe_count)
			return some_user_fits(c, a);
		return one_fits(
			c, *(const uint32_t *)subject, *(const char *const *)name);
	case JUDGE_NAME:
		return one_fits(
			c, ACTOR_ID_UNKNOWN, *(const char *)subject ? subject : NULL);
	case JUDGE_TEXT:
		return one_fits(c, ACTOR_ID_UNKNOWN, *(const char *const *)subject);
	case JUDGE_NAMES:
		return ancestors_fit(c, a);
	}
	return true;
}

enum judge_verdict judge_event(const struct rule *r, const struct event *e)
{
	/* What befell a whole filesystem has neither a file nor an actor. */
	if (e->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR))
		return JUDGE_MATCH;
	assert(e->actor);
	/* What types and sizes there are below nobody knows. */
	if (!e->covers_below && !type_fits(r, e))
		return JUDGE_TYPE;
	if (!e->covers_below && !size_fits(r, e))
		return JUDGE_SIZE;
	for (unsigned i = 0; i < RULE_BY_COUNT; i++) {
		if (!condition_fits(&judge_conditions[i], &r->by[i], e->actor))
			return JUDGE_BY + i;
	}
	return JUDGE_MATCH;
}
