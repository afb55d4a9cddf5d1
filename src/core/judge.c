/* SPDX-License-Identifier: MIT */
#include "core/judge.h"

#include <string.h>

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
		[JUDGE_BY_USER] = "the actor's user does not fulfil by-user",
		[JUDGE_BY_CMD] = "the actor's name does not fulfil by-cmd",
		[JUDGE_BY_EXE] = "the actor's executable does not fulfil by-exe",
		[JUDGE_BY_ANCESTOR] = "the actor's ancestors do not fulfil by-ancestor",
		[JUDGE_BY_UNIT] = "the actor's unit does not fulfil by-unit",
	};
	return texts[v];
}

/* A create after which no close-write comes. */
static bool is_unwritten(const struct event *e)
{
	if (e->is_dir)
		return true;
	if (!e->type_known || e->type == EVENT_TYPE_GONE)
		return false;
	return e->type != EVENT_TYPE_FILE || e->nlink > 1;
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
	if (new_hit && (e->kinds & EVENT_CREATE) &&
		(r->events & EVENT_CREATE_UNWRITTEN) && is_unwritten(e))
		kinds |= EVENT_CREATE;
	if (e->kinds & EVENT_RENAME)
		kinds |= rename_kind(r, new_hit, old_hit);
	return event_kind_newest(kinds);
}

bool judge_needs_type(const struct rule *r, const struct event *e)
{
	if (r->types || r->size_compare != RULE_CMP_NONE)
		return true;
	return (e->kinds & EVENT_CREATE) && (r->events & EVENT_CREATE_UNWRITTEN) &&
	       !(r->events & e->kinds) && !e->is_dir;
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
	if (r->size_compare == RULE_CMP_NONE || !e->type_known ||
		e->type == EVENT_TYPE_GONE)
		return true;
	switch (r->size_compare) {
	case RULE_CMP_LT:
		return e->size_bytes < r->size_bytes;
	case RULE_CMP_LE:
		return e->size_bytes <= r->size_bytes;
	case RULE_CMP_GE:
		return e->size_bytes >= r->size_bytes;
	case RULE_CMP_GT:
		return e->size_bytes > r->size_bytes;
	default:
		return e->size_bytes == r->size_bytes;
	}
}

static bool has_glob(const struct rule_globs *globs, const char *word)
{
	for (size_t i = 0; word && i < globs->count; i++) {
		if (glob_matches(globs->items[i], word, strlen(word)))
			return true;
	}
	return false;
}

static bool has_uid(const uint32_t *uids, size_t count, uint32_t uid)
{
	for (size_t i = 0; uid != ACTOR_ID_UNKNOWN && i < count; i++) {
		if (uids[i] == uid)
			return true;
	}
	return false;
}

static bool is_in_force(const struct rule_condition *c)
{
	return c->include.count || c->exclude.count || c->include_uid_count ||
	       c->exclude_uid_count;
}

/* A condition on one word; NULL (unknown) is never in a list: includes fail, excludes
 * pass. */
static bool word_fits(const struct rule_condition *c, const char *word)
{
	if (!is_in_force(c))
		return true;
	return !has_glob(&c->exclude, word) &&
	       (!c->include.count || has_glob(&c->include, word));
}

static bool user_fits(const struct rule_condition *c, const struct actor *a)
{
	if (has_uid(c->exclude_uids, c->exclude_uid_count, a->uid) ||
		has_glob(&c->exclude, a->user))
		return false;
	if (!c->include.count && !c->include_uid_count)
		return true;
	return has_uid(c->include_uids, c->include_uid_count, a->uid) ||
	       has_glob(&c->include, a->user);
}

/* Any ancestor in the list counts. */
static bool ancestors_fit(const struct rule_condition *c, const struct actor *a)
{
	bool included = !c->include.count;
	if (!is_in_force(c))
		return true;
	for (size_t i = 0; i < a->ancestors_len; i += strlen(a->ancestors + i) + 1) {
		if (has_glob(&c->exclude, a->ancestors + i))
			return false;
		included = included || has_glob(&c->include, a->ancestors + i);
	}
	return included;
}

enum judge_verdict judge_event(const struct rule *r, const struct event *e)
{
	const struct actor *a = e->actor;
	const char *cmd = a->program.comm[0] ? a->program.comm : NULL;
	/* What befell a whole filesystem has neither a file nor an actor. */
	if (e->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR))
		return JUDGE_MATCH;
	const struct {
		bool fits;
		enum judge_verdict otherwise;
	} checks[] = {
		{type_fits(r, e), JUDGE_TYPE},
		{size_fits(r, e), JUDGE_SIZE},
		{user_fits(&r->by_user, a), JUDGE_BY_USER},
		{word_fits(&r->by_cmd, cmd), JUDGE_BY_CMD},
		{word_fits(&r->by_exe, a->program.exe), JUDGE_BY_EXE},
		{ancestors_fit(&r->by_ancestor, a), JUDGE_BY_ANCESTOR},
		{word_fits(&r->by_unit, a->program.unit), JUDGE_BY_UNIT},
	};
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (!checks[i].fits)
			return checks[i].otherwise;
	}
	return JUDGE_MATCH;
}
