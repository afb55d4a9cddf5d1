/* SPDX-License-Identifier: MIT */
#include "app/jobs/add.h"

#include "app/jobs/jobs_state.h"
#include "app/jobs/keep.h"
#include "app/log.h"
#include "base/countof.h"
#include "core/place/mounts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Hooks that set off hooks: this deep, and no deeper. */
#define DEPTH_MAX 16

/* ---- What a failure sets off ---- */

void add_failure(struct jobs *j, uint32_t rule, const struct sched_insertion *of,
	const struct outcome *why, uint64_t run_id, struct clock_now now)
{
	struct sched_items copies = STAILQ_HEAD_INITIALIZER(copies);
	struct sched_insertion insertion = *of;
	struct sched_job *s = NULL;
	assert(!STAILQ_EMPTY(of->items));
	if (!table_rule(j->rules, rule)->on_failure)
		return;
	struct job *job = job_new(j->by_rule[rule], why, run_id);
	const struct sched_item *item;
	insertion.items = &copies;
	insertion.listed = 0;
	STAILQ_FOREACH (item, of->items, next)
		insertion.listed += job_add_event(&copies,
			&((const struct job_event *)item)->event.view, ++j->last_seq);
	const struct job_event *first = (const struct job_event *)STAILQ_FIRST(&copies);
	if (job && first)
		s = sched_insert(j->sched, job_lane(rule, true),
			view_path(&first->event.view), &insertion, now.monotonic_ns);
	if (!s) {
		job_free(job);
		job_free_events(&copies);
		return;
	}
	job_attach(job, s, now.realtime_ns);
	keep_whole_job(j->store, s);
}

/* ---- Queueing ---- */

/* There is no room: say so once, and until half of what may wait is gone again. */
static void note_full(
	struct jobs *j, uint32_t rule, struct job_event *e, struct clock_now now)
{
	const struct rule *r = table_rule(j->rules, rule);
	struct job_rule *known = j->by_rule[rule];
	if (known->is_full)
		return;
	known->is_full = true;
	struct log_about about = {.rule = known->name};
	log_about(LOG_LEVEL_WARN, &about,
		"events are dropped: %" PRIu32
		" jobs wait already (queue-max); status counts them",
		r->timing.queue_max);
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	STAILQ_INSERT_TAIL(&items, &e->item, next);
	const struct outcome why = {.kind = OUTCOME_OVERFLOW, .shell_status = -1};
	const struct sched_insertion of = {.items = &items, .count = 1};
	add_failure(j, rule, &of, &why, 0, now);
}

static void note_room(struct jobs *j, uint32_t rule)
{
	struct job_rule *known = j->by_rule[rule];
	uint32_t max = table_rule(j->rules, rule)->timing.queue_max;
	known->is_full =
		known->is_full &&
		sched_counts(j->sched, job_lane(rule, false), 0).waiting > max / 2;
}

static void add(
	struct jobs *j, uint32_t rule, const struct view *view, struct clock_now now)
{
	struct job_rule *known = j->by_rule[rule];
	struct job *job = job_new(known, NULL, 0); /* in case it makes a new one */
	struct job_event *e = job_event_new(view, ++j->last_seq);
	enum sched_added added = SCHED_NO_MEMORY;
	struct sched_job *s;
	struct sched_item *cut = NULL;
	note_room(j, rule);
	if (job && e)
		added = sched_add(j->sched, job_lane(rule, false), view_path(view),
			&e->item, now.monotonic_ns, &s, &cut);
	switch (added) {
	case SCHED_QUEUED:
		job_attach(job, s, now.realtime_ns);
		keep_job(j->store, s, e);
		return;
	case SCHED_CUT:
	case SCHED_MERGED:
		if (cut)
			keep_cut(j->store, s, (struct job_event *)cut);
		job_event_free((struct job_event *)cut);
		keep_job(j->store, s, e);
		job_free(job);
		return;
	case SCHED_FULL:
		note_full(j, rule, e, now);
		break;
	case SCHED_BUSY:
	case SCHED_NO_MEMORY:
		break;
	}
	known->counters.dropped++;
	job_event_free(e);
	job_free(job);
}

/* ---- Judging ---- */

/* Whether hooks of fsmon's own are behind the event in a way that the rule does not want. */
static bool is_self(
	const struct rule *r, const struct job_rule *known, const struct actor *a)
{
	if (r->self_events == RULE_SELF_ALLOW || a->tag == 0)
		return false;
	return r->self_events == RULE_SELF_IGNORE_ALL || job_rule_has_tag(known, a->tag);
}

/* Judge a change for one rule. */
static void judge(struct jobs *j, struct change *c, const struct change_hit *hit,
	struct clock_now now)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct job_rule *known = j->by_rule[hit->rule];
	uint32_t kind = judge_kind(r, &c->event, hit->is_new, hit->is_old);
	if (c->event.kinds & EVENT_OVERFLOW)
		kind = EVENT_OVERFLOW;
	if (!kind || judge_event(r, &c->event) != JUDGE_MATCH)
		return;
	if (is_self(r, known, &c->actor)) {
		known->counters.self++;
		return;
	}
	known->counters.matched++;
	if (c->actor.depth >= DEPTH_MAX) {
		struct log_about about = {.rule = known->name};
		log_about(LOG_LEVEL_WARN, &about,
			"not run: %s was changed by hooks that set off one another, %u "
			"deep",
			c->event.path, DEPTH_MAX);
		known->counters.dropped++;
		return;
	}
	struct view view = view_of(c, kind, hit);
	add(j, hit->rule, &view, now);
}

/* The names of the users of whom the actor may have been one, as a list. Returns false where one
 * is not known yet. */
static bool fill_maybe(struct jobs *j, struct actor *a, uint64_t now_ns)
{
	bool has_all = true;
	struct buf list = {0};
	for (uint32_t i = 0; i < a->maybe_count; i++) {
		char number[ACTOR_NUMBER_SIZE];
		const char *name;
		has_all = names_get(j->names, a->maybe_uids[i], now_ns, &name) && has_all;
		buf_add(&list, ",", i > 0);
		buf_add_str(&list, actor_user_text(name, a->maybe_uids[i], number));
	}
	if (has_all && a->maybe_count) {
		free(a->user_maybe);
		a->user_maybe = buf_take(&list);
	}
	buf_fini(&list);
	return has_all;
}

/* Give the actor the names of its users, while the change is nobody else's. Returns false
 * where one is not known yet: it has been asked for. Without memory the numbers will do. */
static bool fill_names(struct jobs *j, struct actor *a, uint64_t now_ns)
{
	const char *user, *login_user;
	bool has_user = names_get(j->names, a->uid, now_ns, &user);
	bool has_login = names_get(j->names, a->program.login_uid, now_ns, &login_user);
	if (!fill_maybe(j, a, now_ns) || !has_user || !has_login)
		return false;
	free(a->user);
	free(a->login_user);
	a->user = user ? strdup(user) : NULL;
	a->login_user = login_user ? strdup(login_user) : NULL;
	return true;
}

/* Whether the change is in fsmon's own files, whoever made it: readers of the database do. */
static bool is_own(const struct jobs *j, const struct change *c)
{
	const char *path = c->event.path;
	for (size_t i = 0; path && i < countof(j->own_dirs); i++) {
		const char *dir = j->own_dirs[i];
		if (dir && mounts_is_within(path, strlen(path), dir))
			return true;
	}
	return false;
}

static void judge_hits(struct jobs *j, struct change *c, struct clock_now now)
{
	for (size_t i = 0; i < c->hit_count; i++)
		judge(j, c, &c->hits[i], now);
}

void add_change(struct jobs *j, struct change *c, struct clock_now now)
{
	if (is_own(j, c))
		return;
	/* Behind one that waits for a name all others wait: hooks run in order. */
	if (!fill_names(j, &c->actor, now.monotonic_ns) || !STAILQ_EMPTY(&j->unnamed)) {
		change_ref(c);
		STAILQ_INSERT_TAIL(&j->unnamed, c, next);
		return;
	}
	judge_hits(j, c, now);
}

/* ---- Changes that wait for names ---- */

void add_after_names(struct jobs *j, struct clock_now now)
{
	names_collect(j->names, now.monotonic_ns);
	struct jobs_changes waiting = STAILQ_HEAD_INITIALIZER(waiting);
	STAILQ_CONCAT(&waiting, &j->unnamed);
	struct change *c;
	while ((c = STAILQ_FIRST(&waiting))) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		add_change(j, c, now);
		change_unref(c);
	}
}

void add_renumber_unnamed(struct jobs *j, const int64_t *map)
{
	struct change *c;
	STAILQ_FOREACH (c, &j->unnamed, next)
		change_renumber(c, map);
}

void add_without_names(struct jobs *j, struct clock_now now)
{
	struct change *c;
	while ((c = STAILQ_FIRST(&j->unnamed))) {
		STAILQ_REMOVE_HEAD(&j->unnamed, next);
		fill_names(j, &c->actor, now.monotonic_ns);
		judge_hits(j, c, now);
		change_unref(c);
	}
}
