/* SPDX-License-Identifier: MIT */
#include "app/jobs_state.h"

#include "app/log.h"
#include "base/countof.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Hooks that set off hooks: this deep, and no deeper. */
#define DEPTH_MAX 16

/* ---- Events and jobs ---- */

struct job_event *job_newest(const struct sched_job *s)
{
	/* Its first member. */
	return (struct job_event *)sched_newest(s);
}

struct job_event *job_event_new(struct jobs *j, struct change *c, uint32_t kind,
	const char *path, const char *old_path)
{
	struct job_event *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->change = change_ref(c);
	e->seq = ++j->last_seq;
	e->kind = kind;
	e->path = path;
	e->old_path = old_path;
	return e;
}

static void job_event_free(struct job_event *e)
{
	change_unref(e->change);
	free(e);
}

void jobs_free_items(struct sched_items *items)
{
	struct sched_item *item;
	while ((item = STAILQ_FIRST(items))) {
		STAILQ_REMOVE_HEAD(items, next);
		job_event_free((struct job_event *)item);
	}
}

void jobs_drop(struct jobs *j, struct sched_job *s)
{
	struct job *job = s->data;
	jobs_free_items(&s->items);
	if (job && job->run_id)
		HASH_DEL(j->runs, job);
	if (job) {
		free(job->failure);
		free(job->late);
	}
	free(job);
	sched_job_free(s);
}

/* Have data ready for a job that the scheduler may make. */
bool jobs_has_spare(struct jobs *j)
{
	if (!j->spare)
		j->spare = calloc(1, sizeof(*j->spare));
	return j->spare;
}

/* Give a new job its data. */
struct job *jobs_dress(struct jobs *j, struct sched_job *s, struct named *named)
{
	struct job *job = j->spare;
	j->spare = NULL;
	job->sched = s;
	job->named = named;
	job->added_ns = clock_realtime_ns();
	s->data = job;
	return job;
}

/* The key of an event: the path that the hook will get. */
const char *job_event_key(const struct job_event *e)
{
	const char *path = e->kind == EVENT_MOVED_FROM ? e->old_path : e->path;
	return path ? path : "";
}

/* There is no room: say so once, and until half of what may wait is gone again. */
static void tell_full(struct jobs *j, uint32_t rule, struct job_event *e)
{
	const struct rule *r = table_rule(j->rules, rule);
	struct named *named = j->by_rule[rule];
	if (named->is_full) {
		job_event_free(e);
		return;
	}
	named->is_full = true;
	struct log_about about = {.rule = named->name};
	log_about(LOG_LEVEL_WARN, &about,
		"events are dropped: %" PRIu32
		" jobs wait already (queue-max); status counts them",
		r->timing.queue_max);
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	STAILQ_INSERT_TAIL(&items, &e->item, next);
	struct store_failure why = {.reason = STORE_OVERFLOW, .status = -1, .output = ""};
	const struct sched_given of = {.items = &items, .count = 1};
	jobs_fail(j, named, rule, &of, &why);
	job_event_free(e);
}

static void note_room(struct jobs *j, uint32_t rule)
{
	struct named *named = j->by_rule[rule];
	uint32_t max = table_rule(j->rules, rule)->timing.queue_max;
	if (named->is_full &&
		sched_counts(j->sched, jobs_lane(rule, false), 0).waiting <= max / 2)
		named->is_full = false;
}

/* Give an event to the scheduler, and remember what has become of it. */
static void add_event(struct jobs *j, uint32_t rule, struct job_event *e)
{
	struct named *named = j->by_rule[rule];
	struct sched_job *s;
	struct sched_item *cut = NULL;
	note_room(j, rule);
	switch (sched_add(j->sched, jobs_lane(rule, false), job_event_key(e), &e->item,
		clock_monotonic_ns(), &s, &cut)) {
	case SCHED_QUEUED:
		jobs_dress(j, s, named);
		keep_job(j, s, e);
		break;
	case SCHED_CUT:
		named->counters.unlisted++;
		keep_cut(j, s, (struct job_event *)cut);
		job_event_free((struct job_event *)cut);
		keep_job(j, s, e);
		break;
	case SCHED_MERGED:
		keep_job(j, s, e);
		break;
	case SCHED_FULL:
		named->counters.dropped++;
		tell_full(j, rule, e);
		break;
	case SCHED_BUSY:
	case SCHED_NO_MEMORY:
		named->counters.dropped++;
		job_event_free(e);
		break;
	}
}

static void add(
	struct jobs *j, struct change *c, const struct change_hit *hit, uint32_t kind)
{
	struct job_event *e = NULL;
	if (jobs_has_spare(j))
		e = job_event_new(j, c, kind, hit->path ? hit->path : c->event.path,
			hit->old_path ? hit->old_path : c->event.old_path);
	if (e)
		add_event(j, hit->rule, e);
	else
		j->by_rule[hit->rule]->counters.dropped++;
}

/* Copies, for a job of their own. */
static uint32_t copy_items(
	struct jobs *j, const struct sched_items *from, struct sched_items *to)
{
	struct sched_item *item;
	uint32_t count = 0;
	STAILQ_FOREACH (item, from, next) {
		const struct job_event *e = (struct job_event *)item;
		struct job_event *copy =
			job_event_new(j, e->change, e->kind, e->path, e->old_path);
		if (!copy)
			continue;
		STAILQ_INSERT_TAIL(to, &copy->item, next);
		count++;
	}
	return count;
}

struct job_failure *job_failure_new(const struct store_failure *why)
{
	struct job_failure *f = calloc(1, sizeof(*f) + why->output_len + 1);
	if (!f)
		return NULL;
	f->reason = why->reason;
	f->status = why->status;
	f->run_id = why->run_id;
	f->output_len = why->output_len;
	memcpy(f->output, why->output, why->output_len);
	return f;
}

void jobs_fail(struct jobs *j, struct named *named, uint32_t rule,
	const struct sched_given *of, const struct store_failure *why)
{
	struct sched_items copies = STAILQ_HEAD_INITIALIZER(copies);
	struct sched_given given = *of;
	struct sched_job *s = NULL;
	struct sched_item *item;
	if (!table_rule(j->rules, rule)->on_failure)
		return;
	struct job_failure *failure = jobs_has_spare(j) ? job_failure_new(why) : NULL;
	given.items = &copies;
	given.listed = copy_items(j, of->items, &copies);
	if (failure && given.listed)
		s = sched_give(j->sched, jobs_lane(rule, true),
			job_event_key((struct job_event *)STAILQ_FIRST(&copies)), &given,
			clock_monotonic_ns());
	if (!s) {
		free(failure);
		jobs_free_items(&copies);
		return;
	}
	jobs_dress(j, s, named)->failure = failure;
	STAILQ_FOREACH (item, &s->items, next)
		keep_job(j, s, (struct job_event *)item);
}

/* ---- Judging ---- */

/* Whether hooks of fsmon's own are behind the event in a way that the rule does not want.
 */
static bool is_self(
	const struct rule *r, const struct named *named, const struct actor *a)
{
	if (r->self_events == RULE_SELF_ALLOW || a->tag == 0)
		return false;
	return r->self_events == RULE_SELF_IGNORE_ALL ||
	       a->tag >> JOBS_TAG_RUN_BITS == named->id;
}

/* Judge a change for one rule. */
static void judge(struct jobs *j, struct change *c, const struct change_hit *hit)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct named *named = j->by_rule[hit->rule];
	const char *user;
	uint32_t kind = judge_kind(r, &c->event, hit->is_new, hit->is_old);
	if (c->event.kinds & EVENT_OVERFLOW)
		kind = EVENT_OVERFLOW;
	names_get(j->names, c->actor.uid, clock_monotonic_ns(), &user);
	if (!kind || judge_event(r, &c->event, user) != JUDGE_MATCH)
		return;
	if (is_self(r, named, &c->actor)) {
		named->counters.self++;
		return;
	}
	named->counters.matched++;
	if (c->actor.depth >= DEPTH_MAX) {
		struct log_about about = {.rule = named->name};
		log_about(LOG_LEVEL_WARN, &about,
			"not run: %s was changed by hooks that set off one another, %u "
			"deep",
			c->event.path, DEPTH_MAX);
		named->counters.dropped++;
		return;
	}
	add(j, c, hit, kind);
}

/* Whether the names that judging and running need are there; else they have been asked
 * for. */
static bool has_names(struct jobs *j, const struct change *c)
{
	uint64_t now_ns = clock_monotonic_ns();
	const char *name;
	bool has_user = names_get(j->names, c->actor.uid, now_ns, &name);
	bool has_login = names_get(j->names, c->actor.login_uid, now_ns, &name);
	return has_user && has_login;
}

static void judge_all(struct jobs *j, struct change *c)
{
	for (size_t i = 0; i < c->hit_count; i++)
		judge(j, c, &c->hits[i]);
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = dir ? strlen(dir) : 0;
	return path && len && strncmp(path, dir, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

/* Whether the change is in fsmon's own files, whoever made it: readers of the database do. */
static bool is_own(const struct jobs *j, const struct change *c)
{
	for (size_t i = 0; i < countof(j->own_dirs); i++) {
		if (is_below(c->event.path, j->own_dirs[i]))
			return true;
	}
	return false;
}

void jobs_found(struct jobs *j, struct change *c)
{
	if (j->is_stopping || is_own(j, c))
		return;
	/* Behind one that waits for a name all others wait: hooks run in order. */
	if (has_names(j, c) && STAILQ_EMPTY(&j->unnamed)) {
		judge_all(j, c);
		return;
	}
	change_ref(c);
	STAILQ_INSERT_TAIL(&j->unnamed, c, next);
}

/* Names have come: go on with the changes that waited for them. */
void jobs_on_names(void *ctx, uint32_t events)
{
	struct jobs *j = ctx;
	(void)events;
	names_collect(j->names, clock_monotonic_ns());
	struct change_queue waiting = STAILQ_HEAD_INITIALIZER(waiting);
	STAILQ_CONCAT(&waiting, &j->unnamed);
	struct change *c;
	while ((c = STAILQ_FIRST(&waiting))) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		jobs_found(j, c);
		change_unref(c);
	}
}
