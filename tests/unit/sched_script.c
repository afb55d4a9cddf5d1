/* SPDX-License-Identifier: MIT */
#include "sched_script.h"

#include "base/countof.h"
#include "core/sched/sched_state.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCRIPT_START (1000 * SECONDS)
#define SCRIPT_EVENTS 256
#define SCRIPT_JOBS 256
#define SCRIPT_WORDS 16
#define SCRIPT_WORD_BYTES 128

struct script_event {
	struct sched_item item; /* first */
	unsigned number;
};

struct play {
	const struct sched_script *script;
	const char *word; /* the one that is done now */
	struct sched *s;
	uint64_t now_ns;
	uint64_t retry_ns;
	uint32_t lane;
	struct script_event events[SCRIPT_EVENTS];
	unsigned event_count;
	struct sched_job *jobs[SCRIPT_JOBS]; /* by id */
	struct sched_job **gone;
	size_t gone_count;
	char *args[SCRIPT_WORDS];
	size_t arg_count;
};

/* ---- What words mean ---- */

static void complain(const struct play *p, const char *what, uint64_t is, uint64_t want)
{
	fail_msg("%s: %s: %s is %" PRIu64 ", not %" PRIu64, p->script->name, p->word,
		what, is, want);
}

static void expect(const struct play *p, const char *what, uint64_t is, uint64_t want)
{
	if (is != want)
		complain(p, what, is, want);
}

static const char *arg(const struct play *p, size_t i)
{
	return i < p->arg_count ? p->args[i] : "";
}

static uint64_t number(const struct play *p, size_t i)
{
	char *end;
	const char *text = arg(p, i);
	uint64_t n = strtoull(text, &end, 10);
	if (*text == '\0' || *end != '\0')
		fail_msg("%s: %s: bad number '%s'", p->script->name, p->word, text);
	return n;
}

static uint64_t time_of(const struct play *p, size_t i)
{
	if (strcmp(arg(p, i), "never") == 0 || strcmp(arg(p, i), "ever") == 0)
		return SCHED_FOREVER;
	if (strcmp(arg(p, i), "retry") == 0)
		return p->retry_ns;
	return SCRIPT_START + number(p, i) * MS;
}

static struct sched_job *job_of(const struct play *p, size_t i)
{
	uint64_t id = number(p, i);
	struct sched_job *job = id < SCRIPT_JOBS ? p->jobs[id] : NULL;
	if (!job)
		fail_msg("%s: %s: no job %s", p->script->name, p->word, arg(p, i));
	return job;
}

static size_t index_of(
	const struct play *p, const char *text, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	fail_msg("%s: %s: unknown word '%s'", p->script->name, p->word, text);
	return count;
}

static void keep(struct play *p, struct sched_job *job)
{
	assert_non_null(job);
	assert_true(job->id < SCRIPT_JOBS);
	p->jobs[job->id] = job;
}

static struct sched_item *new_item(struct play *p)
{
	assert_true(p->event_count < SCRIPT_EVENTS);
	struct script_event *e = &p->events[p->event_count];
	e->number = ++p->event_count;
	return &e->item;
}

static unsigned number_of(const struct sched_item *item)
{
	return ((const struct script_event *)(const void *)item)->number;
}

/* That a list has the events that are named from a word's part on. */
static void expect_items(const struct play *p, const struct sched_items *items, size_t i)
{
	const struct sched_item *item = STAILQ_FIRST(items);
	for (; i < p->arg_count; i++) {
		expect(p, "item", item ? number_of(item) : 0, number(p, i));
		item = item ? STAILQ_NEXT(item, next) : NULL;
	}
	expect(p, "next item", item ? number_of(item) : 0, 0);
}

/* ---- Commands: time, events ---- */

static void do_at(struct play *p)
{
	uint64_t at_ns = time_of(p, 1);
	assert_true(at_ns >= p->now_ns);
	p->now_ns = at_ns;
}

static void do_lane(struct play *p)
{
	p->lane = (uint32_t)number(p, 1);
}

static void do_add(struct play *p)
{
	static const char *const results[] = {"new", "join", "cut", "busy", "full"};
	struct sched_job *job = NULL;
	struct sched_item *cut = NULL;
	enum sched_added added =
		sched_add(p->s, p->lane, arg(p, 1), new_item(p), p->now_ns, &job, &cut);
	expect(p, "result", added, index_of(p, arg(p, 2), results, countof(results)));
	assert_int_equal(!job, added == SCHED_BUSY || added == SCHED_FULL);
	assert_int_equal(!cut, added != SCHED_CUT);
	if (job)
		keep(p, job);
	if (job && p->arg_count > 3)
		expect(p, "job", job->id, number(p, 3));
}

static void do_give(struct play *p)
{
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	struct sched_item *item = new_item(p);
	STAILQ_INSERT_TAIL(&items, item, next);
	struct sched_insertion given = {
		.id = p->arg_count > 3 ? number(p, 3) : 0,
		.items = &items,
		.listed = 1,
		.count = 1,
		.attempt = p->arg_count > 4 ? (uint32_t)number(p, 4) : 0,
		.failures = p->arg_count > 5 ? (uint32_t)number(p, 5) : 0,
	};
	struct sched_job *job = sched_insert(p->s, p->lane, arg(p, 1), &given, p->now_ns);
	assert_non_null(job);
	expect_items(p, &items, 6);
	expect(p, "job", job->id, number(p, 2));
	keep(p, job);
}

/* ---- Commands: what comes of it ---- */

static struct sched_order next_order(struct play *p, enum sched_what what)
{
	struct sched_order o;
	if (!sched_next(p->s, p->now_ns, &o))
		fail_msg("%s: %s: there is nothing to do", p->script->name, p->word);
	expect(p, "order", o.what, what);
	return o;
}

static void do_start(struct play *p)
{
	for (size_t i = 1; i < p->arg_count; i++) {
		struct sched_order o = next_order(p, SCHED_START);
		expect(p, "job", o.job->id, number(p, i));
		expect(p, "start", o.job->started_ns, p->now_ns);
	}
}

static void do_stop(struct play *p)
{
	static const char *const reasons[] = {"", "timeout", "restart"};
	struct sched_order o = next_order(p, SCHED_STOP);
	expect(p, "job", o.job->id, number(p, 1));
	expect(p, "reason", o.job->stop,
		index_of(p, arg(p, 2), reasons, countof(reasons)));
	expect(p, "signal", (uint64_t)o.signal, number(p, 3));
}

static void do_kill(struct play *p)
{
	expect(p, "job", next_order(p, SCHED_KILL).job->id, number(p, 1));
}

static void do_signal(struct play *p)
{
	struct sched_order o = next_order(p, SCHED_SIGNAL);
	expect(p, "job", o.job->id, number(p, 1));
	expect(p, "signal", (uint64_t)o.signal, number(p, 2));
}

static void do_held(struct play *p)
{
	struct sched_order o = next_order(p, SCHED_HELD);
	expect(p, "job", o.job->id, number(p, 1));
	expect(p, "hold", o.until_ns, time_of(p, 2));
}

static void do_none(struct play *p)
{
	struct sched_order o;
	if (sched_next(p->s, p->now_ns, &o))
		fail_msg("%s: %s: order %d for job %" PRIu64, p->script->name, p->word,
			(int)o.what, o.job->id);
	if (sched_due_ns(p->s) <= p->now_ns)
		fail_msg("%s: %s: due already", p->script->name, p->word);
}

static void do_due(struct play *p)
{
	expect(p, "due", sched_due_ns(p->s), time_of(p, 1));
}

/* ---- Commands: ends ---- */

static void check_retry(struct play *p, const struct sched_job *job, uint64_t due_ns)
{
	uint64_t about_ns = number(p, 3) * MS, after_ns = due_ns - p->now_ns;
	if (after_ns < about_ns / 4 * 3 || after_ns > about_ns / 4 * 5)
		complain(p, "delay (ns)", after_ns, about_ns);
	p->retry_ns = due_ns;
	expect(p, "start", job->started_ns, 0);
	expect(p, "stop", job->stop, SCHED_GOES_ON);
}

static void conclude(
	struct play *p, struct sched_job *job, size_t listed, struct sched_verdict v)
{
	static const char *const ends[] = {
		"done", "failed", "interrupted", "followed", "retry"};
	expect(p, "end", v.end, index_of(p, arg(p, 2), ends, countof(ends)));
	assert_int_equal(!v.follower, v.end != SCHED_FOLLOWED);
	if (v.end == SCHED_RETRY) {
		check_retry(p, job, v.due_ns);
		return;
	}
	if (v.follower) {
		expect(p, "follower", v.follower->id, number(p, 3));
		expect_items(p, &job->items, 4);
		listed = p->arg_count - 4;
	}
	expect(p, "items left", job->listed, listed);
	assert_int_equal(STAILQ_EMPTY(&job->items), listed == 0);
	p->jobs[job->id] = NULL;
	sched_job_free(job);
}

static void end(struct play *p, bool is_ok)
{
	struct sched_job *job = job_of(p, 1);
	uint32_t listed = job->listed;
	conclude(p, job, listed, sched_ended(p->s, job, is_ok, p->now_ns));
}

static void do_ok(struct play *p)
{
	end(p, true);
}

static void do_fail(struct play *p)
{
	end(p, false);
}

static void do_lost(struct play *p)
{
	struct sched_job *job = job_of(p, 1);
	uint32_t listed = job->listed;
	conclude(p, job, listed, sched_lost(p->s, job, p->now_ns));
}

static void do_adopt(struct play *p)
{
	static const char *const ways[] = {"no", "yes", "busy"};
	size_t way = index_of(p, arg(p, 3), ways, countof(ways));
	int result = sched_adopt(p->s, job_of(p, 1), time_of(p, 2), way == 1);
	expect(p, "result", (uint64_t)-result, way == 2);
}

static void do_pause(struct play *p)
{
	sched_pause(p->s, p->lane, time_of(p, 1));
}

static void do_unpause(struct play *p)
{
	sched_pause(p->s, p->lane, 0);
}

/* ---- Commands: how it is ---- */

static void do_counts(struct play *p)
{
	struct sched_counts c = sched_counts(p->s, p->lane, p->now_ns);
	expect(p, "waiting", c.waiting, number(p, 1));
	expect(p, "running", c.running, number(p, 2));
	expect(p, "held", c.held, number(p, 3));
	expect(p, "paused", c.paused_until_ns, p->arg_count > 4 ? time_of(p, 4) : 0);
}

static void do_all(struct play *p)
{
	expect(p, "waiting", sched_waiting_all(p->s), number(p, 1));
	expect(p, "running", p->s->running, number(p, 2));
}

static void do_items(struct play *p)
{
	const struct sched_job *job = job_of(p, 1);
	expect_items(p, &job->items, 2);
	expect(p, "listed", job->listed, p->arg_count - 2);
}

static void do_is(struct play *p)
{
	const struct sched_job *job = job_of(p, 1);
	const char *field = arg(p, 2);
	static const char *const fields[] = {
		"count", "truncated", "attempt", "failures", "order", "lane"};
	if (strcmp(field, "queued") == 0) {
		expect(p, "queued", job->queued_ns, time_of(p, 3));
		return;
	}
	uint64_t values[] = {job->count, job->truncated, job->attempt, job->failures,
		job->order, job->lane};
	expect(p, field, values[index_of(p, field, fields, countof(fields))],
		number(p, 3));
}

static bool is_done(struct play *p)
{
	struct sched_job *waiters[SCRIPT_WORDS];
	size_t count = 0;
	for (; count + 2 < p->arg_count; count++)
		waiters[count] = job_of(p, count + 2);
	return sched_is_done_beside(p->s, number(p, 1), p->now_ns, waiters, count);
}

static void do_done(struct play *p)
{
	expect(p, "done", is_done(p), true);
}

static void do_open(struct play *p)
{
	expect(p, "done", is_done(p), false);
}

/* ---- Commands: reload ---- */

/* Copy lanes with what they say nothing about filled in. */
static size_t fill(struct timing *to, const struct sched_script_lanes *from)
{
	size_t count = from->count ? from->count : 1;
	for (size_t i = 0; i < count; i++) {
		to[i] = from->lane[i];
		if (to[i].parallel == 0)
			to[i].parallel = 1;
		if (to[i].queue_max == 0)
			to[i].queue_max = 100;
		if (to[i].stop_signal == 0)
			to[i].stop_signal = 15;
	}
	return count;
}

static uint32_t max_parallel(const struct sched_script_lanes *lanes)
{
	return lanes->max_parallel ? lanes->max_parallel : 100;
}

static void free_gone(struct play *p)
{
	for (size_t i = 0; i < p->gone_count; i++) {
		p->jobs[p->gone[i]->id] = NULL;
		sched_job_free(p->gone[i]);
	}
	free(p->gone);
	p->gone = NULL;
	p->gone_count = 0;
}

static void do_reload(struct play *p)
{
	struct timing lanes[SCRIPT_LANES];
	size_t count = fill(lanes, &p->script->then);
	free_gone(p);
	assert_int_equal(
		sched_reload(p->s, lanes, count, p->script->map,
			max_parallel(&p->script->then), &p->gone, &p->gone_count),
		0);
	assert_int_equal(!p->gone, p->gone_count == 0);
}

static void do_gone(struct play *p)
{
	expect(p, "jobs", p->gone_count, p->arg_count - 1);
	for (size_t i = 0; i < p->gone_count; i++) {
		const struct sched_job *job = p->gone[i];
		expect(p, "job", job->id, number(p, i + 1));
		assert_int_equal(job->lane == SCHED_NO_LANE, !job->follower);
		assert_int_equal(STAILQ_EMPTY(&job->items), job->listed == 0);
		assert_true(job->follower || job->listed > 0);
	}
}

static void do_joined(struct play *p)
{
	const struct sched_job *job = job_of(p, 1);
	expect(p, "follower", job->follower ? job->follower->id : 0, number(p, 2));
}

/* ---- The play ---- */

static const struct {
	const char *name;
	void (*run)(struct play *p);
} commands[] = {
	{"at", do_at},
	{"lane", do_lane},
	{"add", do_add},
	{"give", do_give},
	{"start", do_start},
	{"stop", do_stop},
	{"kill", do_kill},
	{"signal", do_signal},
	{"held", do_held},
	{"none", do_none},
	{"due", do_due},
	{"ok", do_ok},
	{"fail", do_fail},
	{"lost", do_lost},
	{"adopt", do_adopt},
	{"pause", do_pause},
	{"unpause", do_unpause},
	{"counts", do_counts},
	{"all", do_all},
	{"items", do_items},
	{"is", do_is},
	{"done", do_done},
	{"open", do_open},
	{"reload", do_reload},
	{"gone", do_gone},
	{"joined", do_joined},
};

static void do_word(struct play *p, const char *word)
{
	char copy[SCRIPT_WORD_BYTES];
	assert_true(strlen(word) < sizeof(copy));
	strcpy(copy, word);
	p->word = word;
	p->arg_count = 0;
	for (char *rest = copy, *part; (part = strsep(&rest, ":"));) {
		assert_true(p->arg_count < SCRIPT_WORDS);
		p->args[p->arg_count++] = part;
	}
	for (size_t i = 0; i < countof(commands); i++) {
		if (strcmp(commands[i].name, copy) == 0) {
			commands[i].run(p);
			return;
		}
	}
	fail_msg("%s: unknown command '%s'", p->script->name, word);
}

static void count_dropped(void *ctx, struct sched_job *job)
{
	assert_int_not_equal(job->id, 0);
	(*(size_t *)ctx)++;
}

void sched_script_run(void **state)
{
	struct play *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->script = *state;
	p->now_ns = SCRIPT_START;
	struct timing lanes[SCRIPT_LANES];
	size_t count = fill(lanes, &p->script->first);
	p->s = sched_new(lanes, count, max_parallel(&p->script->first), 0, 1);
	assert_non_null(p->s);
	char *steps = strdup(p->script->steps);
	assert_non_null(steps);
	for (char *rest = steps, *word; (word = strsep(&rest, " "));) {
		if (*word != '\0')
			do_word(p, word);
	}
	size_t left = sched_waiting_all(p->s) + p->s->running, dropped = 0;
	free_gone(p);
	sched_each(p->s, count_dropped, &dropped);
	sched_free(p->s);
	assert_int_equal(dropped, left);
	free(steps);
	free(p);
}

int sched_scripts_run(const char *group, const struct sched_script *scripts, size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	assert_non_null(tests);
	for (size_t i = 0; i < count; i++) {
		tests[i].name = scripts[i].name;
		tests[i].test_func = sched_script_run;
		tests[i].initial_state = (void *)(uintptr_t)&scripts[i];
	}
	int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(tests);
	return failed;
}
