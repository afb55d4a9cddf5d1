/* SPDX-License-Identifier: MIT */
/*
 * The scheduler and the plainest model of it do the same random steps, in many short episodes
 * with few lanes and few paths, and must agree after each. What must hold in any case is
 * looked after from outside too. FSMON_SEED and FSMON_STEPS: another seed, more steps. An
 * episode that fails is done alone with the seed that it reports and FSMON_STEPS=1.
 */
#include "base/countof.h"
#include "core/sched/sched.h"

#include "sched_chance.h"
#include "sched_model.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The scheduler is compiled into the test, so that memory can run out in it. */
static struct {
	uint64_t *random; /* NULL: there is always memory */
	uint64_t failures;
} memory;

static bool memory_runs_out(void)
{
	if (!memory.random || !chance_one_in(memory.random, 2))
		return false;
	memory.failures++;
	errno = ENOMEM;
	return true;
}

static void *faulty_malloc(size_t size)
{
	return memory_runs_out() ? NULL : malloc(size);
}

static void *faulty_calloc(size_t n, size_t size)
{
	return memory_runs_out() ? NULL : calloc(n, size);
}

static void *faulty_reallocarray(void *p, size_t n, size_t size)
{
	return memory_runs_out() ? NULL : reallocarray(p, n, size);
}

#define malloc faulty_malloc
#define calloc faulty_calloc
#define reallocarray faulty_reallocarray
#include "core/sched/sched.c"
#include "core/sched/sched_job.c"
#include "core/sched/sched_key.c"
#include "core/sched/sched_lane.c"
#include "core/sched/sched_reload.c"
#include "core/sched/sched_run.c"
#include "core/sched/sched_tree.c"
#undef malloc
#undef calloc
#undef reallocarray

#define LANES 3
#define PATHS 3
#define EPISODE_STEPS 200
#define BIG_LANES 8
#define BIG_PATHS 20
#define BIG_EPISODE_STEPS 1000
#define EVENTS 2048
#define LAST_ID 100 /* ids up to it can be given */
#define LOG_LINES 60

static const char *const paths[BIG_PATHS] = {"/a", "/a b", "/srv/site/\xff\n", "/b", "/c",
	"/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l", "/m", "/n", "/o", "/p",
	"/q", "/r"};

enum item_state { ITEM_FREE, ITEM_TAKEN, ITEM_CUT, ITEM_OVER };

struct item {
	struct sched_item link; /* first */
	int path;
	enum item_state state;
	unsigned starts; /* runs that were started with it */
};

struct line {
	const char *what;
	uint64_t now_ns, a, b, c;
};

/* An episode. */
struct test {
	uint64_t seed;
	uint64_t random;
	uint32_t lanes, paths, scale, step_count; /* how large it is */
	struct sched *s;
	struct model m;
	uint64_t now_ns;
	struct item items[EVENTS];
	unsigned item_count;
	uint64_t given_ids; /* taken from LAST_ID downwards */
	const struct sched_job *runs[MODEL_JOBS]; /* those that go on */
	size_t run_count;
	bool is_rekeyed; /* a reload changed run-per: a job's path is not its key */
	uint64_t taken, over; /* events */
	uint64_t last_id, last_order;
	struct line log[LOG_LINES];
	size_t log_count;
};

/* Over all episodes. */
struct sums {
	uint64_t steps, starts, falses, early;
	uint64_t cut; /* where one job took over from another */
	uint64_t ends[SCHED_RETRY + 1];
	double least_factor, most_factor;
};

static struct test test;
static struct sums sums;

/* ---- What is said when they differ */

static void note(struct test *t, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	t->log[t->log_count++ % LOG_LINES] =
		(struct line){.what = what, .now_ns = t->now_ns, .a = a, .b = b, .c = c};
}

static void print_episode(const struct test *t)
{
	printf("# FSMON_SEED=%" PRIu64 " FSMON_STEPS=1, max-parallel %u, now %.9f\n",
		t->seed, t->m.max_parallel, (double)t->now_ns / 1e9);
	for (uint32_t i = 0; i < t->m.lane_count; i++)
		chance_print(i, &t->m.lanes[i].config);
	size_t from = t->log_count > LOG_LINES ? t->log_count - LOG_LINES : 0;
	for (size_t i = from; i < t->log_count; i++) {
		const struct line *l = &t->log[i % LOG_LINES];
		printf("# %.9f %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			(double)l->now_ns / 1e9, l->what, l->a, l->b, l->c);
	}
}

static void check_same(const struct test *t, uint64_t real, uint64_t expected,
	const char *what, int line)
{
	if (real == expected)
		return;
	print_episode(t);
	printf("# line %d: %s is %" PRIu64 ", should be %" PRIu64 "\n", line, what, real,
		expected);
	fflush(stdout);
	fail();
}

#define same(t, real, expected) \
	check_same(t, (uint64_t)(real), (uint64_t)(expected), #real, __LINE__)
#define holds(t, condition) check_same(t, (condition), true, #condition, __LINE__)

static uint32_t below(struct test *t, uint32_t n)
{
	return chance_below(&t->random, n);
}

static bool one_in(struct test *t, uint32_t n)
{
	return chance_one_in(&t->random, n);
}

/* A job of the model that runs, or waits, and has a lane unless that does not matter. */
static struct model_job *some_job(struct test *t, bool is_running, bool needs_lane)
{
	size_t n = t->m.job_count;
	size_t from = n ? below(t, (uint32_t)n) : 0;
	for (size_t i = 0; i < n; i++) {
		struct model_job *job = t->m.jobs[(from + i) % n];
		if (job->is_running == is_running &&
			(!needs_lane || job->lane != SCHED_NO_LANE))
			return job;
	}
	return NULL;
}

/* ---- What is compared after each step */

static struct item *item_of(struct sched_item *link)
{
	return (struct item *)link;
}

static void compare_items(
	struct test *t, const struct sched_items *items, const struct model_job *job)
{
	size_t n = 0;
	struct sched_item *link;
	STAILQ_FOREACH (link, items, next) {
		holds(t, n < job->listed);
		same(t, item_of(link) - t->items, job->events[n++]);
	}
	same(t, n, job->listed);
}

static void compare_job(struct test *t, const struct model_job *job)
{
	const struct sched_job *real = job->real;
	same(t, real->id, job->id);
	same(t, real->order, job->order);
	same(t, real->lane, job->lane);
	same(t, real->listed, job->listed);
	same(t, real->count, job->count);
	same(t, real->truncated, job->truncated);
	same(t, real->attempt, job->attempt);
	same(t, real->failures, job->failures);
	same(t, real->queued_ns, job->queued_ns);
	same(t, real->started_ns, job->started_ns);
	same(t, real->stop, job->stop);
	holds(t, real->data == job);
	compare_items(t, &real->items, job);
}

struct seen {
	struct test *t;
	size_t jobs;
	uint64_t events;
};

static void see(void *ctx, struct sched_job *job)
{
	struct seen *seen = ctx;
	const struct model_job *model = job->data;
	holds(seen->t, model->real == job);
	seen->jobs++;
	seen->events += job->count;
}

/* All jobs, and that nothing vanishes. */
static void compare_jobs(struct test *t)
{
	size_t running = 0;
	struct seen seen = {.t = t};
	for (size_t i = 0; i < t->m.job_count; i++) {
		compare_job(t, t->m.jobs[i]);
		running += t->m.jobs[i]->is_running;
	}
	sched_each(t->s, see, &seen);
	same(t, seen.jobs, t->m.job_count);
	same(t, seen.events + t->over, t->taken);
	same(t, t->s->running, running);
	same(t, sched_waiting_all(t->s), t->m.job_count - running);
}

static void compare_lanes(struct test *t)
{
	for (uint32_t i = 0; i < t->m.lane_count; i++) {
		struct sched_counts real = sched_counts(t->s, i, t->now_ns);
		struct sched_counts model = model_counts(&t->m, i, t->now_ns);
		same(t, real.waiting, model.waiting);
		same(t, real.running, model.running);
		same(t, real.held, model.held);
		same(t, real.paused_until_ns, model.paused_until_ns);
	}
}

static void compare_all(struct test *t)
{
	compare_jobs(t);
	compare_lanes(t);
	uint64_t due_ns = sched_due_ns(t->s), model_ns = model_due_ns(&t->m);
	if (due_ns > model_ns && due_ns > t->now_ns)
		same(t, due_ns, model_ns);
	uint64_t order = sched_last_order(t->s);
	same(t, sched_is_done(t->s, order, t->now_ns),
		model_is_done(&t->m, order, t->now_ns));
	order = below(t, (uint32_t)order + 1);
	same(t, sched_is_done(t->s, order, t->now_ns),
		model_is_done(&t->m, order, t->now_ns));
}

/* ---- Steps */

/* Let memory run out at times, until it is said that it does no longer. */
static void shorten_memory(struct test *t)
{
	memory.random = one_in(t, 16) ? &t->random : NULL;
	memory.failures = 0;
	errno = 0;
}

/* Whether memory has run out, and what was done has failed for it. */
static bool has_failed(struct test *t, bool failed)
{
	memory.random = NULL;
	same(t, failed, memory.failures > 0);
	if (failed)
		note(t, "out of memory", 0, 0, 0);
	if (failed)
		same(t, errno, ENOMEM);
	return failed;
}

/* What is the same new job for both. */
static void meet(
	struct test *t, struct model_job *job, struct sched_job *real, uint64_t id)
{
	holds(t, real->data == NULL);
	holds(t, id ? real->id == id : real->id > t->last_id);
	holds(t, real->order > t->last_order);
	same(t, sched_last_order(t->s), real->order);
	t->last_id = id ? t->last_id : real->id;
	t->last_order = real->order;
	real->data = job;
	job->real = real;
	job->id = real->id;
	job->order = real->order;
}

/* Items that are no longer listed are the caller's. */
static void cut_items(const struct sched_items *items)
{
	struct sched_item *link;
	STAILQ_FOREACH (link, items, next) {
		item_of(link)->state = ITEM_CUT;
		sums.cut++;
	}
}

static struct item *new_item(struct test *t, int path)
{
	struct item *item = &t->items[t->item_count++];
	*item = (struct item){.path = path};
	return item;
}

static void step_add(struct test *t)
{
	uint32_t lane = below(t, (uint32_t)t->m.lane_count);
	int path = (int)below(t, t->paths);
	struct item *item = new_item(t, path);
	unsigned event = (unsigned)(item - t->items), model_cut = 0;
	struct sched_job *job = NULL;
	struct sched_item *cut = NULL;
	struct model_job *model;
	shorten_memory(t);
	enum sched_added real_added =
		sched_add(t->s, lane, paths[path], &item->link, t->now_ns, &job, &cut);
	note(t, "add: lane, path, result", lane, (uint64_t)path, real_added);
	if (has_failed(t, real_added == SCHED_NO_MEMORY)) {
		holds(t, !job && !cut);
		return;
	}
	enum sched_added added =
		model_add(&t->m, lane, path, event, t->now_ns, &model, &model_cut);
	same(t, real_added, added);
	holds(t, (cut != NULL) == (added == SCHED_CUT));
	if (!model)
		return;
	item->state = ITEM_TAKEN;
	t->taken++;
	if (added == SCHED_QUEUED)
		meet(t, model, job, 0);
	holds(t, model->real == job);
	if (cut) {
		same(t, item_of(cut) - t->items, model_cut);
		item_of(cut)->state = ITEM_CUT;
	}
}

static uint64_t some_id(struct test *t)
{
	return t->given_ids > 0 && one_in(t, 2) ? t->given_ids-- : 0;
}

static size_t count_items(const struct sched_items *items)
{
	size_t n = 0;
	const struct sched_item *link;
	STAILQ_FOREACH (link, items, next)
		n++;
	return n;
}

static struct model_job *give(struct test *t)
{
	uint32_t lane = below(t, (uint32_t)t->m.lane_count);
	int path = (int)below(t, t->paths);
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	struct model_job given = {.listed = below(t, 3)};
	for (size_t i = 0; i < given.listed; i++) {
		struct item *item = new_item(t, path);
		item->state = ITEM_TAKEN;
		STAILQ_INSERT_TAIL(&items, &item->link, next);
		given.events[i] = (unsigned)(item - t->items);
	}
	given.truncated = one_in(t, 3);
	given.count = given.listed + (given.truncated ? 1 + below(t, 3) : 0);
	given.attempt = below(t, 3);
	given.failures = below(t, given.attempt + 1);
	struct sched_insertion real_given = {.id = some_id(t),
		.items = &items,
		.listed = (uint32_t)given.listed,
		.count = given.count,
		.truncated = given.truncated,
		.attempt = given.attempt,
		.failures = given.failures};
	note(t, "give: lane, path, id", lane, (uint64_t)path, real_given.id);
	struct sched_job *real;
	do {
		same(t, count_items(&items), given.listed);
		shorten_memory(t);
		real = sched_insert(t->s, lane, paths[path], &real_given, t->now_ns);
	} while (has_failed(t, !real));
	bool is_new;
	struct model_job *job = model_give(&t->m, lane, path, &given, t->now_ns, &is_new);
	compare_items(t, &items, &given);
	cut_items(&items);
	if (is_new)
		meet(t, job, real, real_given.id);
	holds(t, job->real == real);
	t->taken += given.count;
	return job;
}

static void step_give(struct test *t)
{
	give(t);
}

static void adopt(struct test *t, struct model_job *job, uint64_t started_ns)
{
	bool is_attempt = one_in(t, 2);
	note(t, "adopt: job", job->id, started_ns, is_attempt);
	errno = 0;
	int rc = sched_adopt(t->s, job->real, started_ns, is_attempt);
	same(t, rc, model_is_key_free(&t->m, job) ? 0 : -1);
	if (rc < 0) {
		same(t, errno, EBUSY);
		return;
	}
	model_adopt(&t->m, job, started_ns, is_attempt);
	t->runs[t->run_count++] = job->real;
}

static void step_adopt(struct test *t)
{
	struct model_job *job = some_job(t, false, true);
	if (job)
		adopt(t, job, t->now_ns);
}

/* From outside, the model not asked: a job does not run already, nor does another with its
 * path, and there is room for its run. */
static void look_at_start(struct test *t, const struct sched_job *real)
{
	const struct timing *c = &t->m.lanes[real->lane].config;
	struct sched_item *link;
	STAILQ_FOREACH (link, &real->items, next)
		item_of(link)->starts++;
	const struct item *oldest = item_of(STAILQ_FIRST(&real->items));
	size_t running = 0;
	for (size_t i = 0; i < t->run_count; i++) {
		const struct sched_job *other = t->runs[i];
		holds(t, other != real);
		if (other->lane != real->lane)
			continue;
		running++;
		holds(t, c->run_per != TIMING_PER_BATCH);
		const struct item *its = item_of(STAILQ_FIRST(&other->items));
		holds(t, t->is_rekeyed || !oldest || !its || oldest->path != its->path);
	}
	holds(t, running < c->parallel);
	holds(t, t->run_count < t->m.max_parallel);
	t->runs[t->run_count++] = real;
	sums.starts++;
}

static void forget_run(struct test *t, const struct sched_job *real)
{
	size_t i = 0;
	while (t->runs[i] != real)
		i++;
	t->runs[i] = t->runs[--t->run_count];
}

static bool next_once(struct test *t)
{
	static const char *const names[] = {
		"start: job", "signal: job", "stop: job", "kill: job", "held: job"};
	struct sched_order real = {0};
	struct model_order model = {0};
	bool is_real = sched_next(t->s, t->now_ns, &real);
	if (is_real)
		note(t, names[real.what], real.job->id, (uint64_t)real.signal,
			real.until_ns);
	else
		note(t, "nothing", sched_due_ns(t->s), model_due_ns(&t->m), 0);
	if (is_real && real.what == SCHED_START)
		look_at_start(t, real.job);
	same(t, is_real, model_next(&t->m, t->now_ns, &model));
	if (!is_real)
		return false;
	same(t, real.what, model.what);
	same(t, real.job->id, model.job->id);
	if (real.what == SCHED_SIGNAL || real.what == SCHED_STOP)
		same(t, real.signal, model.signal);
	if (real.what == SCHED_HELD)
		same(t, real.until_ns, model.until_ns);
	return true;
}

static void step_next(struct test *t)
{
	if (one_in(t, 4)) {
		next_once(t);
		return;
	}
	while (next_once(t))
		compare_jobs(t);
	uint64_t due_ns = sched_due_ns(t->s);
	holds(t, due_ns > t->now_ns);
	sums.falses++;
	sums.early += due_ns < model_due_ns(&t->m);
}

/* The items of a job that is over are the caller's: each had a run. */
static void take_items(struct test *t, struct sched_job *real, bool has_run)
{
	struct sched_item *link;
	STAILQ_FOREACH (link, &real->items, next) {
		same(t, item_of(link)->state, ITEM_TAKEN);
		holds(t, !has_run || item_of(link)->starts > 0);
		item_of(link)->state = ITEM_OVER;
	}
}

static void compare_factor(struct test *t, const struct model_verdict *v, uint64_t due_ns)
{
	holds(t, due_ns >= v->least_due_ns && due_ns <= v->most_due_ns);
	uint64_t least_ns = v->least_due_ns - t->now_ns;
	if (least_ns < CHANCE_S / 2)
		return;
	double factor = 0.75 * (double)(due_ns - t->now_ns) / (double)least_ns;
	if (factor < sums.least_factor)
		sums.least_factor = factor;
	if (factor > sums.most_factor)
		sums.most_factor = factor;
}

static void compare_verdicts(struct test *t, struct model_job *job,
	const struct sched_verdict *real, const struct model_verdict *model,
	bool was_adopted)
{
	struct sched_job *real_job = job->real;
	same(t, real->end, model->end);
	forget_run(t, real_job);
	sums.ends[real->end]++;
	if (real->end == SCHED_RETRY) {
		compare_factor(t, model, real->due_ns);
		job->due_ns = real->due_ns;
		return;
	}
	compare_job(t, job);
	if (real->end == SCHED_FOLLOWED) {
		holds(t, real->follower == model->follower->real);
		cut_items(&real_job->items);
	} else {
		take_items(t, real_job, !was_adopted);
		t->over += real_job->count;
	}
	sched_job_free(real_job);
	free(job);
}

static void end(struct test *t, struct model_job *job, bool is_ok)
{
	note(t, is_ok ? "ended well: job" : "failed: job", job->id, 0, 0);
	struct sched_verdict real = sched_ended(t->s, job->real, is_ok, t->now_ns);
	struct model_verdict model = model_ended(&t->m, job, is_ok, t->now_ns);
	note(t, "verdict", real.end, real.due_ns, 0);
	compare_verdicts(t, job, &real, &model, job->is_adopted);
}

static void step_end(struct test *t)
{
	struct model_job *job = some_job(t, true, false);
	if (job)
		end(t, job, !one_in(t, 3));
}

static void step_lose(struct test *t)
{
	struct model_job *job = some_job(t, true, true);
	if (!job)
		return;
	note(t, "lost: job", job->id, 0, 0);
	struct sched_verdict real = sched_lost(t->s, job->real, t->now_ns);
	struct model_verdict model = model_lost(&t->m, job, t->now_ns);
	compare_verdicts(t, job, &real, &model, job->is_adopted);
}

static void step_time(struct test *t)
{
	uint64_t due_ns = sched_due_ns(t->s);
	switch (below(t, 8)) {
	case 0:
		t->now_ns += 1;
		break;
	case 1:
		t->now_ns += chance_time_ns(&t->random, one_in(t, 10) ? 2000 : 20);
		break;
	case 2:
		if (due_ns != SCHED_FOREVER && due_ns > t->now_ns)
			t->now_ns = due_ns - 1;
		break;
	case 3:
	case 4:
	case 5:
		if (due_ns != SCHED_FOREVER && due_ns > t->now_ns)
			t->now_ns = due_ns;
		break;
	default:
		t->now_ns += chance_time_ns(&t->random, 4);
	}
	note(t, "time", due_ns, 0, 0);
}

static void step_pause(struct test *t)
{
	uint32_t lane = below(t, (uint32_t)t->m.lane_count);
	uint64_t until_ns =
		one_in(t, 3) ? SCHED_FOREVER : t->now_ns + chance_time_ns(&t->random, 10);
	if (one_in(t, 2))
		until_ns = 0;
	note(t, "pause: lane, until", lane, until_ns, 0);
	if (until_ns)
		sched_pause(t->s, lane, until_ns);
	else
		sched_pause(t->s, lane, 0);
	model_pause(&t->m, lane, until_ns);
}

/* Each lane goes to another place, or nowhere, with another configuration or its own. */
static size_t some_lanes(struct test *t, struct timing *lanes, int64_t *map)
{
	size_t count = 1 + below(t, t->lanes);
	uint32_t places = 0;
	for (size_t i = 0; i < count; i++)
		chance_config(&t->random, &lanes[i], t->scale);
	for (size_t i = 0; i < t->m.lane_count; i++) {
		uint32_t to = below(t, (uint32_t)count);
		map[i] = -1;
		if (one_in(t, 6) || (places & 1u << to))
			continue;
		map[i] = to;
		places |= 1u << to;
		enum timing_run_per run_per = lanes[to].run_per;
		if (one_in(t, 2))
			lanes[to] = t->m.lanes[i].config;
		if (one_in(t, 8))
			lanes[to].run_per = run_per;
		t->is_rekeyed |= lanes[to].run_per != t->m.lanes[i].config.run_per;
	}
	return count;
}

static void compare_gone(struct test *t, struct sched_job *real, struct model_job *job)
{
	holds(t, real->data == job);
	same(t, real->follower != NULL, job->joined != NULL);
	compare_job(t, job);
	if (job->joined) {
		holds(t, real->follower == job->joined->real);
		cut_items(&real->items);
	} else {
		take_items(t, real, false);
		t->over += real->count;
	}
	sched_job_free(real);
	free(job);
}

static void step_reload(struct test *t)
{
	static struct model_job *gone[MODEL_JOBS];
	struct timing lanes[BIG_LANES];
	struct sched_job **real_gone;
	size_t real_count;
	int64_t map[BIG_LANES];
	size_t count = some_lanes(t, lanes, map);
	uint32_t max_parallel = 1 + below(t, 4 * t->scale);
	note(t, "reload: lanes, of lane 0, of lane 1", count, (uint64_t)map[0],
		t->m.lane_count > 1 ? (uint64_t)map[1] : 0);
	shorten_memory(t);
	int rc = sched_reload(
		t->s, lanes, count, map, max_parallel, &real_gone, &real_count);
	if (has_failed(t, rc < 0))
		return;
	size_t gone_count = model_reload(&t->m, lanes, count, map, max_parallel, gone);
	same(t, real_count, gone_count);
	for (size_t i = 0; i < gone_count; i++)
		compare_gone(t, real_gone[i], gone[i]);
	free(real_gone);
}

static const struct {
	unsigned weight;
	void (*step)(struct test *t);
} steps[] = {
	{60, step_add},
	{50, step_next},
	{35, step_end},
	{50, step_time},
	{6, step_pause},
	{2, step_reload},
	{3, step_give},
	{1, step_adopt},
	{1, step_lose},
};

static void some_step(struct test *t)
{
	unsigned sum = 0;
	for (size_t i = 0; i < countof(steps); i++)
		sum += steps[i].weight;
	unsigned n = below(t, sum);
	size_t i = 0;
	for (; n >= steps[i].weight; i++)
		n -= steps[i].weight;
	steps[i].step(t);
	compare_all(t);
}

/* ---- Episodes */

static void begin_size(struct test *t)
{
	bool is_big = one_in(t, 100);
	t->lanes = is_big ? BIG_LANES : LANES;
	t->paths = is_big ? BIG_PATHS : PATHS;
	t->scale = is_big ? 10 : 1;
	t->step_count = is_big ? BIG_EPISODE_STEPS : EPISODE_STEPS;
}

static void begin(struct test *t, uint64_t seed)
{
	struct timing lanes[BIG_LANES];
	*t = (struct test){.seed = seed,
		.random = seed,
		.now_ns = 5000 * CHANCE_S,
		.given_ids = LAST_ID,
		.last_id = LAST_ID};
	begin_size(t);
	size_t count = 1 + below(t, t->lanes);
	for (size_t i = 0; i < count; i++)
		chance_config(&t->random, &lanes[i], t->scale);
	uint32_t max_parallel = 1 + below(t, 4 * t->scale);
	do {
		shorten_memory(t);
		t->s = sched_new(lanes, count, max_parallel, LAST_ID, seed);
	} while (has_failed(t, !t->s));
	model_init(&t->m, lanes, count, max_parallel);
	/* Some episodes go on with runs of before. */
	uint64_t ago = one_in(t, 8) ? 1 + below(t, 4) : 0;
	for (; ago > 0; ago--)
		adopt(t, give(t), t->now_ns - ago * CHANCE_S);
}

static void at_end(void *ctx, struct sched_job *real)
{
	struct test *t = ctx;
	take_items(t, real, false);
	t->over += real->count;
}

/* Let all that is left end well. */
static void drain(struct test *t)
{
	for (uint32_t i = 0; i < t->m.lane_count; i++) {
		sched_pause(t->s, i, 0);
		model_pause(&t->m, i, 0);
	}
	while (t->m.job_count > 0) {
		while (next_once(t))
			continue;
		struct model_job *job;
		while ((job = some_job(t, true, false)) != NULL)
			end(t, job, true);
		uint64_t due_ns = sched_due_ns(t->s);
		holds(t, t->m.job_count == 0 || due_ns != SCHED_FOREVER);
		t->now_ns = due_ns > t->now_ns ? due_ns : t->now_ns;
	}
	holds(t, sched_is_done(t->s, sched_last_order(t->s), t->now_ns));
	same(t, sched_due_ns(t->s), SCHED_FOREVER);
}

static void finish(struct test *t)
{
	if (one_in(t, 3))
		drain(t);
	sched_each(t->s, at_end, t);
	sched_free(t->s);
	model_fini(&t->m);
	same(t, t->over, t->taken);
	for (size_t i = 0; i < t->item_count; i++)
		holds(t, t->items[i].state != ITEM_TAKEN);
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_steps_agree_with_the_plainest_model(void **state)
{
	(void)state;
	uint64_t seed = environment("FSMON_SEED", 1);
	uint64_t steps_wanted = environment("FSMON_STEPS", 1000000);
	sums = (struct sums){.least_factor = 1, .most_factor = 1};
	for (; sums.steps < steps_wanted; seed++) {
		begin(&test, seed);
		for (unsigned i = 0; i < test.step_count; i++)
			some_step(&test);
		finish(&test);
		sums.steps += test.step_count;
	}
	printf("# %" PRIu64 " steps, %" PRIu64 " runs, %" PRIu64
	       " events cut; due too early %" PRIu64 " of %" PRIu64 " times\n",
		sums.steps, sums.starts, sums.cut, sums.early, sums.falses);
	for (size_t i = 0; i < countof(sums.ends); i++)
		printf("# verdict %zu: %" PRIu64 "\n", i, sums.ends[i]);
	if (steps_wanted < 1000000)
		return;
	assert_true(sums.least_factor < 0.76 && sums.most_factor > 1.24);
	assert_true(sums.cut > 0);
	for (size_t i = 0; i < countof(sums.ends); i++)
		assert_true(sums.ends[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_agree_with_the_plainest_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
