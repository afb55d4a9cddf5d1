/* SPDX-License-Identifier: MIT */
#include "app/jobs.h"

#include "app/jobs_state.h"

#include "app/log.h"
#include "base/countof.h"
#include "os/clock.h"
#include "os/user.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How long the end waits for the store. */
#define STORE_PATIENCE_NS UINT64_C(5000000000)

/* ---- Rules by name ---- */

struct named *jobs_named(struct jobs *j, const char *name)
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
	const struct named *named = j->by_rule[rule];
	struct jobs_counters c = named->counters;
	for (int is_failure = 0; is_failure < 2; is_failure++) {
		struct sched_counts counts = sched_counts(
			j->sched, jobs_lane(rule, is_failure), clock_monotonic_ns());
		c.waiting += counts.waiting;
		c.running += counts.running;
		c.held += counts.held;
		if (counts.paused_until_ns)
			c.paused_until_ns = named->paused_until_ns;
	}
	return c;
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

static void on_committed(void *ctx, const uint64_t *run_ids, size_t count)
{
	struct jobs *j = ctx;
	runner_done(j->runner, run_ids, count);
}

static int open_store(struct jobs *j, const struct conf_daemon *daemon)
{
	struct store_config config = {
		.poller = j->config.poller,
		.dir = j->config.state_dir,
		.keep_ns = daemon->history_keep_ns,
		.keep_count = daemon->history_keep_count,
		.committed = on_committed,
		.lost = keep_all,
		.ctx = j,
	};
	j->store = store_open(&config);
	if (!j->store)
		return -1;
	j->last_run_id = store_last_run_id(j->store);
	j->last_seq = store_last_event_seq(j->store);
	return 0;
}

struct jobs *jobs_new(const struct jobs_config *config, const struct conf_daemon *daemon)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->config = *config;
	STAILQ_INIT(&j->unnamed);
	load_daemon_user(&j->daemon_user);
	j->own_dirs[0] = realpath(config->state_dir, NULL);
	j->own_dirs[1] = realpath(config->runtime_dir, NULL);
	if (!config->is_dry && open_store(j, daemon) < 0)
		goto fail;
	j->names = names_new();
	if (!j->names)
		goto fail;
	j->names_source =
		poller_add(config->poller, names_fd(j->names), EPOLLIN, jobs_on_names, j);
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

static void on_drop(void *ctx, struct sched_job *s)
{
	struct job *job = s->data;
	(void)ctx;
	jobs_free_items(&s->items);
	if (job) {
		free(job->failure);
		free(job->late);
	}
	free(job);
}

/* End the store, and say what has become of the jobs that wait. */
static void close_store(struct jobs *j)
{
	size_t waiting = jobs_waiting(j);
	const char *s = waiting == 1 ? "" : "s", *is = waiting == 1 ? "is" : "are";
	bool is_stored = j->store && store_close(j->store, STORE_PATIENCE_NS);
	if (waiting && is_stored)
		log_info("%zu waiting job%s %s stored, and run after the next start",
			waiting, s, is);
	else if (waiting && j->store)
		log_err("%zu waiting job%s %s lost: the store could not be written",
			waiting, s, is);
	else if (waiting)
		log_warn("%zu waiting job%s %s not run", waiting, s, is);
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	runner_free(j->runner);
	poller_remove(j->config.poller, j->names_source);
	names_free(j->names);
	close_store(j);
	HASH_CLEAR(hh, j->runs);
	sched_free(j->sched, on_drop, j);
	struct change *c;
	while ((c = STAILQ_FIRST(&j->unnamed))) {
		STAILQ_REMOVE_HEAD(&j->unnamed, next);
		change_unref(c);
	}
	struct named *n, *next;
	HASH_ITER (hh, j->by_name, n, next) {
		HASH_DEL(j->by_name, n);
		free(n);
	}
	for (size_t i = 0; i < countof(j->own_dirs); i++)
		free(j->own_dirs[i]);
	free(j->spare);
	free(j->by_rule);
	free(j->daemon_user.name);
	free(j->daemon_user.home);
	free(j->daemon_user.shell);
	free(j);
}

/* ---- The rules in force ---- */

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

/* How the lanes of all rules work. */
static struct timing *lanes_of(const struct table *rules)
{
	size_t count = table_count(rules);
	struct timing *lanes = calloc(2 * count + 1, sizeof(*lanes));
	for (uint32_t i = 0; lanes && i < count; i++) {
		const struct timing *c = &table_rule(rules, i)->timing;
		lanes[jobs_lane(i, false)] = *c;
		/* What is run for failures is run once for each, one after the other. */
		lanes[jobs_lane(i, true)] = (struct timing){
			.run_per = TIMING_PER_EVENT,
			.parallel = 1,
			.queue_max = c->queue_max,
			.timeout_ns = c->timeout_ns,
			.stop_signal = c->stop_signal,
			.stop_timeout_ns = c->stop_timeout_ns,
		};
	}
	return lanes;
}

/* What becomes of each lane; jobs of a disabled rule go the way of those of a gone one. */
static int64_t *map_lanes(
	const struct table *now, const struct table *next, const int64_t *map)
{
	size_t count = table_count(now);
	int64_t *lanes = calloc(2 * count + 1, sizeof(*lanes));
	for (uint32_t i = 0; lanes && i < count; i++) {
		int64_t to = map[i];
		if (to >= 0 && !table_rule(next, (uint32_t)to)->enabled)
			to = -1;
		for (int is_failure = 0; is_failure < 2; is_failure++)
			lanes[jobs_lane(i, is_failure)] =
				to < 0 ? -1
				       : (int64_t)jobs_lane((uint32_t)to, is_failure);
	}
	return lanes;
}

/* What waits no more after a reload: it has joined another job, or has no rule. */
static void drop_gone(struct jobs *j, struct sched_job **gone, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct job *job = gone[i]->data;
		struct log_about about = {.rule = job->named->name};
		if (gone[i]->follower) {
			keep_follow(j, gone[i], gone[i]->follower);
			jobs_drop(j, gone[i]);
			continue;
		}
		log_about(LOG_LEVEL_WARN, &about,
			"not run for %s: the rule is gone, or disabled",
			job_event_key(job_newest(gone[i])));
		job->named->counters.dropped += gone[i]->count;
		keep_done(j, gone[i]);
		jobs_drop(j, gone[i]);
	}
	free(gone);
}

/* Have the scheduler work for the rules. Returns 0, or -1 with ENOMEM. */
static int set_lanes(struct jobs *j, const struct table *rules, const int64_t *map,
	uint32_t max_parallel)
{
	size_t count = 2 * table_count(rules), gone_count = 0;
	struct timing *lanes = lanes_of(rules);
	struct sched_job **gone = NULL;
	int rc = lanes ? 0 : -1;
	if (rc == 0 && !j->sched) {
		uint64_t last = j->store ? store_last_job_id(j->store) : 0;
		j->sched =
			sched_new(lanes, count, max_parallel, last, clock_realtime_ns());
		rc = j->sched ? 0 : -1;
	} else if (rc == 0) {
		int64_t *lane_map = map_lanes(j->rules, rules, map);
		rc = lane_map ? sched_reload(j->sched, lanes, count, lane_map,
					max_parallel, &gone, &gone_count)
			      : -1;
		free(lane_map);
	}
	free(lanes);
	if (rc == 0)
		drop_gone(j, gone, gone_count);
	return rc;
}

/* Set a pause in the scheduler: of both lanes, for ever or until a time. */
static void pause_lanes(struct jobs *j, uint32_t rule, uint64_t until_ns)
{
	for (int is_failure = 0; is_failure < 2; is_failure++)
		sched_pause(j->sched, jobs_lane(rule, is_failure), until_ns);
}

/* Rules that are new to the scheduler may have been paused before. */
static void apply_pauses(struct jobs *j)
{
	uint64_t now_ns = clock_realtime_ns();
	for (uint32_t i = 0; i < table_count(j->rules); i++) {
		uint64_t until_ns = j->by_rule[i]->paused_until_ns;
		if (until_ns == UINT64_MAX)
			pause_lanes(j, i, SCHED_FOREVER);
		else if (until_ns > now_ns)
			pause_lanes(j, i, clock_monotonic_ns() + (until_ns - now_ns));
	}
}

int jobs_set_rules(struct jobs *j, const struct table *rules, const int64_t *map,
	const struct conf_daemon *daemon)
{
	size_t count = table_count(rules);
	struct named **by_rule = calloc(count + 1, sizeof(struct named *));
	bool is_first = !j->sched;
	int rc = by_rule ? 0 : -1;
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		by_rule[i] = jobs_named(j, table_rule(rules, i)->name);
		rc = by_rule[i] ? 0 : -1;
	}
	if (rc == 0)
		rc = set_lanes(j, rules, map, daemon->max_parallel);
	if (rc < 0) {
		free(by_rule);
		errno = ENOMEM;
		return -1;
	}
	if (map)
		renumber_unnamed(j, map);
	free(j->by_rule);
	j->by_rule = by_rule;
	j->rules = rules;
	if (is_first)
		keep_restore(j);
	apply_pauses(j);
	if (j->store)
		store_set_keep(
			j->store, daemon->history_keep_ns, daemon->history_keep_count);
	return 0;
}

/* ---- From outside ---- */

void jobs_drain(struct jobs *j)
{
	runner_drain(j->runner);
}

void jobs_pump(struct jobs *j)
{
	runs_pump(j);
}

uint64_t jobs_next_ns(const struct jobs *j)
{
	uint64_t next_ns = SCHED_FOREVER;
	if (j->is_told && runner_has_room(j->runner))
		next_ns = sched_due_ns(j->sched);
	if (j->late_count && j->late_look_ns < next_ns)
		next_ns = j->late_look_ns;
	return next_ns;
}

void jobs_pause(struct jobs *j, uint32_t rule, uint64_t for_ns)
{
	struct named *named = j->by_rule[rule];
	bool is_forever = for_ns > UINT64_MAX / 4;
	pause_lanes(j, rule, is_forever ? SCHED_FOREVER : clock_monotonic_ns() + for_ns);
	named->paused_until_ns = is_forever ? UINT64_MAX : clock_realtime_ns() + for_ns;
	if (j->store)
		store_put_pause(j->store, named->name, named->paused_until_ns);
	if (j->store)
		store_flush(j->store);
}

size_t jobs_unpause(struct jobs *j, uint32_t rule)
{
	struct named *named = j->by_rule[rule];
	size_t waiting = 0;
	for (int is_failure = 0; is_failure < 2; is_failure++) {
		uint32_t lane = jobs_lane(rule, is_failure);
		waiting += sched_counts(j->sched, lane, clock_monotonic_ns()).waiting;
		sched_unpause(j->sched, lane);
	}
	named->paused_until_ns = 0;
	if (j->store)
		store_drop_pause(j->store, named->name);
	return waiting;
}

/* Nothing starts any more; runs are still stopped when their time is over. */
void jobs_stop(struct jobs *j)
{
	j->is_stopping = true;
	for (uint32_t i = 0; i < table_count(j->rules); i++)
		pause_lanes(j, i, SCHED_FOREVER);
}

void jobs_tell_ready(struct jobs *j, bool logs_json, const char *status)
{
	if (runner_ready(j->runner, logs_json) < 0 ||
		runner_status(j->runner, status) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
}

bool jobs_mark(const struct jobs *j, uint64_t *mark)
{
	*mark = sched_last_order(j->sched);
	return STAILQ_EMPTY(&j->unnamed) && j->is_told;
}

bool jobs_is_done(const struct jobs *j, uint64_t mark)
{
	return sched_is_done(j->sched, mark, clock_monotonic_ns());
}

size_t jobs_running(const struct jobs *j)
{
	return HASH_COUNT(j->runs);
}

size_t jobs_waiting(const struct jobs *j)
{
	return j->sched ? sched_waiting_all(j->sched) : 0;
}

struct store *jobs_store(struct jobs *j)
{
	return j->store;
}
