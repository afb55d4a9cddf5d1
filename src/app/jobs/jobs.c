/* SPDX-License-Identifier: MIT */
#include "app/jobs/jobs.h"

#include "app/jobs/add.h"
#include "app/jobs/jobs_state.h"
#include "app/jobs/keep.h"
#include "app/jobs/restore.h"
#include "app/jobs/runs.h"
#include "app/jobs/say.h"
#include "app/log.h"
#include "base/countof.h"
#include "base/strlist.h"
#include "os/clock.h"
#include "os/user.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* So many runs are taken for waiting at most; as many clients as there can be. */
#define JOBS_WAITERS_MAX 64

/* How long the end waits for the names of users. */
#define NAMES_PATIENCE_NS UINT64_C(2000000000)

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
	j->config.link.done(j->config.link.ctx, run_ids, count);
}

static void on_lost(void *ctx)
{
	struct jobs *j = ctx;
	keep_all(j->store, j->sched, j->known);
}

static void on_names(void *ctx, uint32_t events)
{
	(void)events;
	add_after_names(ctx, clock_now());
}

static int open_store(struct jobs *j, const struct daemon *daemon)
{
	struct store_config config = {
		.poller = j->config.poller,
		.dir = j->config.state_dir,
		.keep_ns = daemon->history_keep_ns,
		.keep_count = daemon->history_keep_count,
		.committed = on_committed,
		.lost = on_lost,
		.ctx = j,
	};
	j->store = store_open(&config);
	if (!j->store)
		return -1;
	uint64_t stored_run_id = store_last_run_id(j->store);
	if (stored_run_id > j->last_run_id)
		j->last_run_id = stored_run_id;
	runs_reserve_ids(j);
	store_flush(j->store);
	j->last_seq = store_last_event_seq(j->store);
	return 0;
}

struct jobs *jobs_new(const struct jobs_config *config, const struct daemon *daemon)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->config = *config;
	j->last_run_id = config->last_run_id;
	STAILQ_INIT(&j->unnamed);
	load_daemon_user(&j->daemon_user);
	j->own_dirs[0] = realpath(config->state_dir, NULL);
	j->own_dirs[1] = realpath(config->runtime_dir, NULL);
	if (!config->is_dry && open_store(j, daemon) < 0)
		goto fail;
	j->sched = sched_new(NULL, 0, 0, j->store ? store_last_job_id(j->store) : 0,
		clock_realtime_ns());
	j->names = names_new();
	if (j->names)
		j->names_source = poller_add(
			config->poller, names_fd(j->names), EPOLLIN, on_names, j);
	if (!j->sched || !j->names_source)
		goto fail;
	config->link.listen(config->link.ctx, &runs_handlers, j);
	return j;
fail:;
	int saved = errno;
	jobs_free(j);
	errno = saved;
	return NULL;
}

static void detach(void *ctx, struct sched_job *s)
{
	(void)ctx;
	job_detach(s);
}

/* End the store, and say what has become of the jobs that wait. */
static void close_store(struct jobs *j)
{
	size_t waiting = jobs_waiting(j);
	const char *s = waiting == 1 ? "" : "s", *is = waiting == 1 ? "is" : "are";
	if (j->store)
		store_release_runs(j->store, j->last_run_id);
	bool is_stored = j->store && store_close(j->store, WIRE_STORE_PATIENCE_NS);
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
	if (j->rules)
		add_without_names(j, clock_now());
	poller_remove(j->config.poller, j->names_source);
	names_free(j->names);
	close_store(j);
	HASH_CLEAR(hh, j->runs);
	if (j->sched)
		sched_each(j->sched, detach, NULL);
	sched_free(j->sched);
	job_rule_free_all(&j->known);
	for (size_t i = 0; i < countof(j->own_dirs); i++)
		free(j->own_dirs[i]);
	free(j->by_rule);
	rule_user_fini(&j->daemon_user);
	free(j);
}

/* ---- The rules in force ---- */

/* How the lanes of all rules work, and those of so many that are absent. */
static struct timing *lanes_of(const struct table *rules, size_t absent_count)
{
	size_t count = table_count(rules), all = 2 * (count + absent_count);
	struct timing *lanes = calloc(all + 1, sizeof(*lanes));
	for (uint32_t i = 0; lanes && i < count; i++) {
		const struct timing *c = &table_rule(rules, i)->timing;
		lanes[job_lane(i, false)] = *c;
		/* What is run for failures is run once for each, one after the other. */
		lanes[job_lane(i, true)] = (struct timing){
			.run_per = TIMING_PER_EVENT,
			.parallel = 1,
			.queue_max = c->queue_max,
			.timeout_ns = c->timeout_ns,
			.stop_signal = c->stop_signal,
			.stop_timeout_ns = c->stop_timeout_ns,
		};
	}
	/* What waits there stays as it was: nothing joins. */
	for (size_t i = 2 * count; lanes && i < all; i++)
		lanes[i] = (struct timing){.run_per = TIMING_PER_EVENT,
			.parallel = 1,
			.queue_max = UINT32_MAX};
	return lanes;
}

/* How many rules have lanes. */
static size_t rule_count(const struct jobs *j)
{
	return j->rules ? table_count(j->rules) + j->absent_count : 0;
}

/* For each rule with lanes the number that it has in the next table; or -1, also if it is
 * disabled there: what waits for it goes the way of that of a rule that is gone. */
static int64_t *map_rules(const struct jobs *j, const struct table *next)
{
	size_t count = rule_count(j);
	int64_t *map = calloc(count + 1, sizeof(*map));
	for (uint32_t i = 0; map && i < count; i++) {
		map[i] = table_find(next, j->by_rule[i]->name);
		if (map[i] >= 0 && !table_rule(next, (uint32_t)map[i])->enabled)
			map[i] = -1;
	}
	return map;
}

/* What becomes of each lane. */
static int64_t *map_lanes(const int64_t *map, size_t count)
{
	int64_t *lanes = calloc(2 * count + 1, sizeof(*lanes));
	for (uint32_t i = 0; lanes && i < 2 * count; i++) {
		int64_t to = map[i / 2];
		lanes[i] = to < 0 ? -1 : (int64_t)job_lane((uint32_t)to, i % 2);
	}
	return lanes;
}

/* Drop the jobs that wait no more after a reload: each has joined another, or has no
 * rule. */
static void drop_gone(struct jobs *j, struct sched_job **gone, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sched_job *s = gone[i];
		struct job_rule *known = ((struct job *)s->data)->rule;
		if (s->follower) {
			keep_follow(j->store, s, s->follower);
		} else {
			say_dropped(known->name, job_path(s));
			known->counters.dropped += s->count;
			keep_end_job(j->store, s);
		}
		job_drop(s);
	}
	free(gone);
}

/* Have the scheduler work for the rules, and so many absent ones. Returns 0, or -1 with
 * ENOMEM. */
static int set_lanes(struct jobs *j, const struct table *rules, size_t absent_count,
	const int64_t *map, uint32_t max_parallel)
{
	size_t gone_count = 0;
	struct sched_job **gone = NULL;
	struct timing *lanes = lanes_of(rules, absent_count);
	int64_t *lane_map = map_lanes(map, rule_count(j));
	int rc = -1;
	if (lanes && lane_map)
		rc = sched_reload(j->sched, lanes,
			2 * (table_count(rules) + absent_count), lane_map, max_parallel,
			&gone, &gone_count);
	free(lanes);
	free(lane_map);
	if (rc == 0)
		drop_gone(j, gone, gone_count);
	return rc;
}

/* Set a pause in the scheduler: of both lanes, for ever or until a time. From the stop on each
 * is for ever. */
static void pause_lanes(struct jobs *j, uint32_t rule, uint64_t until_ns)
{
	if (j->is_stopping)
		until_ns = SCHED_FOREVER;
	for (int is_failure = 0; is_failure < 2; is_failure++)
		sched_pause(j->sched, job_lane(rule, is_failure), until_ns);
}

/* Rules that are new to the scheduler may have been paused before, or absent. */
static void apply_pauses(struct jobs *j)
{
	struct clock_now now = clock_now();
	for (uint32_t i = 0; i < rule_count(j); i++) {
		uint64_t until_ns = j->by_rule[i]->paused_until_ns;
		if (until_ns == UINT64_MAX || j->by_rule[i]->is_absent)
			pause_lanes(j, i, SCHED_FOREVER);
		else if (until_ns > now.realtime_ns)
			pause_lanes(
				j, i, now.monotonic_ns + (until_ns - now.realtime_ns));
		else
			pause_lanes(j, i, 0);
	}
}

static void say_all_absent(const struct jobs *j)
{
	const char *name;
	size_t waiting;
	for (size_t i = 0; (name = jobs_absent_rule(j, i, &waiting)); i++)
		say_absent(name, waiting);
}

/* The rules that jobs wait for in the store and that are not there. */
struct absent {
	const struct table *rules;
	struct strlist names;
	bool lacks_memory;
};

static void add_absent(void *ctx, const char *rule)
{
	struct absent *a = ctx;
	if (table_find(a->rules, rule) < 0 && strlist_add(&a->names, rule) < 0)
		a->lacks_memory = true;
}

/* What is remembered of the rules of a table, and then of others. Returns an array that the
 * caller frees, or NULL with ENOMEM. */
static struct job_rule **know_rules(
	struct jobs *j, const struct table *rules, const struct strlist *others)
{
	size_t count = table_count(rules), all = count + others->count;
	struct job_rule **by_rule = calloc(all + 1, sizeof(struct job_rule *));
	for (uint32_t i = 0; by_rule && i < all; i++) {
		by_rule[i] =
			job_rule_get(&j->known, i < count ? table_rule(rules, i)->name
							  : others->items[i - count]);
		if (!by_rule[i]) {
			free(by_rule);
			return NULL;
		}
	}
	return by_rule;
}

/* Go on with the rules of a table, and absent ones; the array becomes the jobs'. */
static void take_rules(struct jobs *j, const struct table *rules,
	struct job_rule **by_rule, size_t absent_count)
{
	for (size_t i = 0; i < rule_count(j); i++)
		j->by_rule[i]->is_absent = false;
	free(j->by_rule);
	j->by_rule = by_rule;
	j->rules = rules;
	j->absent_count = absent_count;
	for (size_t i = table_count(rules); i < rule_count(j); i++) {
		by_rule[i]->is_absent = true;
		by_rule[i]->number = (uint32_t)i;
	}
}

int jobs_set_rules(struct jobs *j, const struct table *rules, const struct daemon *daemon)
{
	struct absent absent = {.rules = rules};
	bool is_first = !j->rules;
	if (is_first && j->config.lacks_files && j->store)
		store_take_rules(j->store, add_absent, &absent);
	size_t absent_count = absent.names.count;
	struct job_rule **by_rule = know_rules(j, rules, &absent.names);
	int64_t *map = map_rules(j, rules);
	int rc = by_rule && map && !absent.lacks_memory
			 ? set_lanes(j, rules, absent_count, map, daemon->max_parallel)
			 : -1;
	if (rc == 0)
		add_renumber_unnamed(j, map);
	free(map);
	strlist_fini(&absent.names);
	if (rc < 0) {
		free(by_rule);
		errno = ENOMEM;
		return -1;
	}
	take_rules(j, rules, by_rule, absent_count);
	if (is_first) {
		restore_all(j, clock_now());
		say_all_absent(j);
	}
	apply_pauses(j);
	if (j->store)
		store_set_keep(
			j->store, daemon->history_keep_ns, daemon->history_keep_count);
	return 0;
}

/* ---- From outside ---- */

void jobs_found(struct jobs *j, struct change *c, struct clock_now now)
{
	if (!j->is_stopping)
		add_change(j, c, now);
}

void jobs_pump(struct jobs *j, struct clock_now now)
{
	runs_pump(j, now);
}

uint64_t jobs_next_ns(const struct jobs *j)
{
	uint64_t next_ns = runs_next_ns(j);
	if (j->is_stopping && !STAILQ_EMPTY(&j->unnamed) && j->names_until_ns < next_ns)
		next_ns = j->names_until_ns;
	return next_ns;
}

void jobs_rerun(struct jobs *j, uint64_t run_id,
	void (*done)(void *ctx, uint64_t job_id, const char *error), void *ctx)
{
	restore_for_rerun(j, run_id, done, ctx);
}

void jobs_pause(struct jobs *j, uint32_t rule, uint64_t for_ns)
{
	struct job_rule *known = j->by_rule[rule];
	bool is_forever = for_ns > UINT64_MAX / 4;
	struct clock_now now = clock_now();
	pause_lanes(j, rule, is_forever ? SCHED_FOREVER : now.monotonic_ns + for_ns);
	known->paused_until_ns = is_forever ? UINT64_MAX : now.realtime_ns + for_ns;
	if (j->store)
		store_put_pause(j->store, known->name, known->paused_until_ns);
}

size_t jobs_resume(struct jobs *j, uint32_t rule)
{
	struct job_rule *known = j->by_rule[rule];
	size_t waiting = 0;
	for (int is_failure = 0; is_failure < 2; is_failure++) {
		uint32_t lane = job_lane(rule, is_failure);
		waiting += sched_counts(j->sched, lane, clock_monotonic_ns()).waiting;
	}
	pause_lanes(j, rule, 0);
	known->paused_until_ns = 0;
	if (j->store)
		store_drop_pause(j->store, known->name);
	return waiting;
}

/* Nothing starts any more; runs are still stopped when their time is over. */
void jobs_stop(struct jobs *j)
{
	j->is_stopping = true;
	j->names_until_ns = clock_monotonic_ns() + NAMES_PATIENCE_NS;
	for (uint32_t i = 0; i < table_count(j->rules); i++)
		pause_lanes(j, i, SCHED_FOREVER);
}

bool jobs_mark(const struct jobs *j, uint64_t *mark)
{
	*mark = sched_last_order(j->sched);
	return STAILQ_EMPTY(&j->unnamed) && j->has_caught_up;
}

bool jobs_is_done(const struct jobs *j, uint64_t mark, const uint64_t *waiting_tags,
	size_t tag_count)
{
	struct sched_job *waiters[JOBS_WAITERS_MAX];
	size_t count = 0;
	struct job *job, *next;
	HASH_ITER (hh, j->runs, job, next) {
		uint64_t tag = job_rule_tag(job->rule, job->run_id);
		bool waits = false;
		for (size_t i = 0; i < tag_count; i++)
			waits = waits || waiting_tags[i] == tag;
		if (waits && count < countof(waiters))
			waiters[count++] = job->sched;
	}
	return sched_is_done_beside(j->sched, mark, clock_monotonic_ns(), waiters, count);
}

struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule)
{
	const struct job_rule *known = j->by_rule[rule];
	struct jobs_counters c = known->counters;
	for (int is_failure = 0; is_failure < 2; is_failure++) {
		struct sched_counts counts = sched_counts(
			j->sched, job_lane(rule, is_failure), clock_monotonic_ns());
		c.waiting += counts.waiting;
		c.running += counts.running;
		c.held += counts.held;
		if (counts.paused_until_ns)
			c.paused_until_ns = known->paused_until_ns;
	}
	return c;
}

const char *jobs_absent_rule(const struct jobs *j, size_t i, size_t *waiting)
{
	uint32_t rule = (uint32_t)(table_count(j->rules) + i);
	if (i >= j->absent_count)
		return NULL;
	*waiting = 0;
	for (int is_failure = 0; is_failure < 2; is_failure++)
		*waiting += sched_counts(j->sched, job_lane(rule, is_failure), 0).waiting;
	return j->by_rule[rule]->name;
}

bool jobs_have_ended(const struct jobs *j)
{
	return HASH_COUNT(j->runs) == 0 &&
	       (STAILQ_EMPTY(&j->unnamed) || clock_monotonic_ns() >= j->names_until_ns);
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
