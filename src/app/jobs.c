/* SPDX-License-Identifier: MIT */
#include "app/jobs.h"

#include "app/jobs_state.h"

#include "app/log.h"
#include "os/clock.h"
#include "os/user.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* Hooks that set off hooks: this deep, and no deeper. */
#define DEPTH_MAX 16

/* ---- Rules by name ---- */

static struct named *named_of(struct jobs *j, const char *name)
{
	struct named *n;
	HASH_FIND_STR(j->by_name, name, n);
	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = ++j->last_named_id;
	strlcpy(n->name, name, sizeof(n->name));
	HASH_ADD_STR(j->by_name, name, n);
	if (!n->hh.tbl) {
		free(n);
		return NULL;
	}
	return n;
}

struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule)
{
	struct jobs_counters c = j->by_rule[rule]->counters;
	c.waiting = turns_waiting(j->turns, rule);
	c.running = turns_running(j->turns, rule);
	return c;
}

/* ---- Jobs ---- */

void jobs_drop(struct jobs *j, struct job *job)
{
	TAILQ_REMOVE(&j->open, job, open);
	change_unref(job->change);
	free(job);
}

static void add_job(
	struct jobs *j, struct change *c, const struct change_hit *hit, uint32_t kind)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct named *named = j->by_rule[hit->rule];
	struct job *job = calloc(1, sizeof(*job));
	if (job && turns_add(j->turns, hit->rule, &job->turns, r->queue_max) < 0) {
		free(job);
		job = NULL;
	}
	if (!job) {
		struct log_about about = {.rule = named->name};
		if (named->counters.dropped++ == 0)
			log_about(LOG_LEVEL_WARN, &about,
				"events are dropped: %" PRIu32
				" jobs wait already (queue-max); status counts them",
				r->queue_max);
		return;
	}
	job->serial = ++j->last_serial;
	job->change = change_ref(c);
	job->named = named;
	job->rule = hit->rule;
	job->has_rule = true;
	job->kind = kind;
	job->path = hit->path ? hit->path : c->event.path;
	job->old_path = hit->old_path ? hit->old_path : c->event.old_path;
	TAILQ_INSERT_TAIL(&j->open, job, open);
}

/* Whether hooks of fsmon's own are behind the event in a way that the rule does not want.
 */
static bool is_self(
	const struct rule *r, const struct named *named, const struct actor *a)
{
	if (r->self_events == RULE_SELF_ALLOW || a->tag == 0)
		return false;
	return r->self_events == RULE_SELF_IGNORE_ALL || a->tag == named->id;
}

/* Judge a change for one rule. */
static void judge(struct jobs *j, struct change *c, const struct change_hit *hit)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct named *named = j->by_rule[hit->rule];
	const char *user;
	uint32_t kind = table_kind(r, &c->event, hit->is_new, hit->is_old);
	if (c->event.kinds & EVENT_OVERFLOW)
		kind = EVENT_OVERFLOW;
	names_get(j->names, c->actor.uid, clock_monotonic_ns(), &user);
	if (!kind || table_judge(r, &c->event, user) != TABLE_MATCH)
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
	add_job(j, c, hit, kind);
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

void jobs_found(struct jobs *j, struct change *c)
{
	if (j->is_stopping)
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
static void on_names(void *ctx, uint32_t events)
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

void jobs_pump(struct jobs *j)
{
	struct turns_job *s;
	uint32_t rule;
	while (!j->is_stopping && (s = turns_next(j->turns, &rule))) {
		struct job *job = (struct job *)s; /* its first member */
		runs_begin(j, job);
	}
}

/* ---- Life ---- */

/* Who the daemon is: what hooks without `user` have for HOME and so on. */
static void load_daemon_user(struct rule_user *out)
{
	struct user u;
	out->uid = getuid();
	out->gid = getgid();
	if (user_by_id(out->uid, &u) < 0)
		return;
	out->name = u.name;
	out->home = u.home;
	out->shell = u.shell;
	free(u.groups);
}

struct jobs *jobs_new(const struct jobs_config *config)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->config = *config;
	STAILQ_INIT(&j->unnamed);
	TAILQ_INIT(&j->open);
	load_daemon_user(&j->daemon_user);
	j->names = names_new();
	if (!j->names)
		goto fail;
	j->names_source =
		poller_add(config->poller, names_fd(j->names), EPOLLIN, on_names, j);
	if (!j->names_source)
		goto fail;
	j->runner = runner_new(config->poller, config->keeper_fd, &runs_handlers, j);
	if (!j->runner)
		goto fail;
	return j;
fail:;
	int saved = errno;
	jobs_free(j);
	errno = saved;
	return NULL;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	runner_free(j->runner);
	poller_remove(j->config.poller, j->names_source);
	names_free(j->names);
	HASH_CLEAR(hh, j->runs);
	struct job *job;
	while ((job = TAILQ_FIRST(&j->open)))
		jobs_drop(j, job);
	struct change *c;
	while ((c = STAILQ_FIRST(&j->unnamed))) {
		STAILQ_REMOVE_HEAD(&j->unnamed, next);
		change_unref(c);
	}
	struct named *n, *next;
	HASH_ITER(hh, j->by_name, n, next)
	{
		HASH_DEL(j->by_name, n);
		free(n);
	}
	turns_free(j->turns);
	free(j->by_rule);
	free(j->daemon_user.name);
	free(j->daemon_user.home);
	free(j->daemon_user.shell);
	free(j);
}

/* Let the hits of changes that wait for names mean the rules' new numbers. */
static void renumber_unnamed(struct jobs *j, const int64_t *map)
{
	struct change *c;
	STAILQ_FOREACH (c, &j->unnamed, next) {
		size_t kept = 0;
		for (size_t i = 0; i < c->hit_count; i++) {
			struct change_hit hit = c->hits[i];
			if (map[hit.rule] >= 0) {
				hit.rule = (uint32_t)map[hit.rule];
				c->hits[kept++] = hit;
			} else {
				free(hit.path);
				free(hit.old_path);
			}
		}
		c->hit_count = kept;
	}
}

/* Move what waits and what runs from the old scheduler to the new one. */
static void move_jobs(struct jobs *j, struct turns *next, const int64_t *map)
{
	struct job *job, *after;
	TAILQ_FOREACH_SAFE (job, &j->open, open, after) {
		bool runs = job->run_id != 0;
		int64_t rule = job->has_rule ? map[job->rule] : -1;
		job->has_rule = rule >= 0;
		job->rule = rule >= 0 ? (uint32_t)rule : 0;
		if (rule >= 0 && runs)
			turns_resume(next, job->rule);
		else if (rule >= 0)
			turns_add(next, job->rule, &job->turns, UINT32_MAX);
		if (rule >= 0 || runs)
			continue;
		struct log_about about = {.rule = job->named->name};
		log_about(LOG_LEVEL_WARN, &about, "not run for %s: the rule is gone",
			job->path);
		job->named->counters.dropped++;
		jobs_drop(j, job);
	}
}

int jobs_set_rules(struct jobs *j, const struct table *rules, const int64_t *map,
	uint32_t max_parallel)
{
	size_t count = table_count(rules);
	struct turns *next = turns_new(count, max_parallel);
	struct named **by_rule = calloc(count + 1, sizeof(struct named *));
	for (uint32_t i = 0; next && by_rule && i < count; i++) {
		by_rule[i] = named_of(j, table_rule(rules, i)->name);
		if (!by_rule[i])
			goto fail;
	}
	if (!next || !by_rule)
		goto fail;
	if (map) {
		renumber_unnamed(j, map);
		move_jobs(j, next, map);
	}
	turns_free(j->turns);
	free(j->by_rule);
	j->turns = next;
	j->by_rule = by_rule;
	j->rules = rules;
	return 0;
fail:
	turns_free(next);
	free(by_rule);
	errno = ENOMEM;
	return -1;
}

void jobs_drain(struct jobs *j)
{
	runner_drain(j->runner);
}

void jobs_stop(struct jobs *j)
{
	size_t waiting = turns_waiting_all(j->turns);
	j->is_stopping = true;
	if (waiting)
		log_warn("%zu jobs were still waiting and are not run", waiting);
}

void jobs_tell_ready(struct jobs *j, bool logs_json, const char *status)
{
	if (runner_ready(j->runner, logs_json) < 0 ||
		runner_status(j->runner, status) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
}

bool jobs_mark(const struct jobs *j, uint64_t *mark)
{
	*mark = j->last_serial;
	return STAILQ_EMPTY(&j->unnamed);
}

bool jobs_is_done(const struct jobs *j, uint64_t mark)
{
	const struct job *oldest = TAILQ_FIRST(&j->open);
	return !oldest || oldest->serial > mark;
}

size_t jobs_running(const struct jobs *j)
{
	return HASH_COUNT(j->runs);
}

size_t jobs_waiting(const struct jobs *j)
{
	return turns_waiting_all(j->turns);
}
