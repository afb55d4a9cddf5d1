/* SPDX-License-Identifier: MIT */
/* The scheduler's table of states, row by row; and what scripts cannot show. */
#include "core/sched/sched_state.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define SECONDS (1000 * MS)
#define MANY 100000
#define ITEMS (2 * MANY)

struct stage {
	struct sched *s;
	uint64_t now_ns;
	struct sched_item items[8];
	size_t item_count;
	struct sched_entry *e; /* the job that it is about */
};

/* ---- The table ---- */

static struct sched_entry *stage_add(struct stage *g)
{
	struct sched_job *job;
	struct sched_item *cut;
	assert_true(g->item_count < countof(g->items));
	sched_add(g->s, 0, "/a", &g->items[g->item_count++], g->now_ns, &job, &cut);
	assert_non_null(job);
	return sched_entry_of(job);
}

static struct sched_order stage_next(struct stage *g)
{
	struct sched_order o = {0};
	assert_true(sched_next(g->s, g->now_ns, &o));
	return o;
}

/* Bring a job into a state. */
static void stage_enter(struct stage *g, enum sched_state state)
{
	g->e = stage_add(g);
	if (state == SCHED_WAITING)
		return;
	assert_int_equal(stage_next(g).what, SCHED_START);
	if (state == SCHED_EXPIRED) {
		g->now_ns += 100 * MS;
		assert_int_equal(stage_next(g).what, SCHED_STOP);
	} else if (state == SCHED_ASKED || state == SCHED_RESTARTING) {
		stage_add(g);
		if (state == SCHED_RESTARTING)
			assert_int_equal(stage_next(g).what, SCHED_STOP);
	}
	assert_int_equal(g->e->state, state);
}

/* Lanes in which a job in that state can be given that input. */
static struct timing stage_config(enum sched_state state, enum sched_input input)
{
	struct timing c = {.run_per = TIMING_PER_EVENT,
		.parallel = 1,
		.queue_max = 9,
		.timeout_ns = 100 * MS,
		.stop_timeout_ns = 50 * MS,
		.retry = 1};
	if (state == SCHED_ASKED || state == SCHED_RESTARTING ||
		input == SCHED_IN_BUSY_RESTART)
		c.on_busy = TIMING_BUSY_RESTART;
	if (input == SCHED_IN_BUSY_SIGNAL)
		c.on_busy = TIMING_BUSY_SIGNAL;
	if (input == SCHED_IN_EVENT || input == SCHED_IN_FINE_WAITED ||
		input == SCHED_IN_FAILED_WAITED || input == SCHED_IN_SPENT_WAITED ||
		input == SCHED_IN_LOST_WAITED)
		c.run_per = TIMING_PER_PATH;
	if (input == SCHED_IN_SPENT || input == SCHED_IN_SPENT_WAITED)
		c.retry = 0;
	if (input == SCHED_IN_BREAK)
		c.breaker = (struct timing_rate){1, SECONDS};
	return c;
}

static enum sched_end stage_end(struct stage *g, enum sched_input input, bool is_ok)
{
	bool is_lost = input == SCHED_IN_LOST || input == SCHED_IN_LOST_WAITED;
	struct sched_verdict v =
		is_lost ? sched_lost(g->s, &g->e->job, g->now_ns)
			: sched_ended(g->s, &g->e->job, is_ok, g->now_ns);
	assert_int_equal(!v.follower, v.end != SCHED_FOLLOWED);
	return v.end;
}

/* Put the input to the job; check that the action was done. */
static void stage_input(
	struct stage *g, enum sched_input input, const struct sched_transition *row)
{
	static const enum sched_what told[] = {[SCHED_DO_START] = SCHED_START,
		[SCHED_DO_HOLD] = SCHED_HELD,
		[SCHED_DO_STOP] = SCHED_STOP,
		[SCHED_DO_KILL] = SCHED_KILL};
	switch (input) {
	case SCHED_IN_EVENT:
		assert_ptr_equal(stage_add(g), g->e);
		break;
	case SCHED_IN_TIME:
		g->now_ns += row->action == SCHED_DO_KILL ? 50 * MS : 100 * MS;
		/* fall through */
	case SCHED_IN_SLOT:
	case SCHED_IN_BREAK: {
		struct sched_order o = stage_next(g);
		assert_ptr_equal(o.job, &g->e->job);
		assert_int_equal(o.what, told[row->action]);
		break;
	}
	case SCHED_IN_ADOPT:
		assert_int_equal(sched_adopt(g->s, &g->e->job, g->now_ns, true), 0);
		break;
	case SCHED_IN_BUSY_RESTART:
		stage_add(g);
		assert_int_equal(g->e->job.stop, SCHED_STOPS_RESTART);
		break;
	case SCHED_IN_BUSY_SIGNAL:
		stage_add(g);
		assert_int_equal(stage_next(g).what, SCHED_SIGNAL);
		break;
	default: {
		bool is_fine = input == SCHED_IN_FINE || input == SCHED_IN_FINE_WAITED;
		assert_int_equal(stage_end(g, input, is_fine), row->end);
	}
	}
}

static bool is_waited(enum sched_input input)
{
	return input == SCHED_IN_FINE_WAITED || input == SCHED_IN_FAILED_WAITED ||
	       input == SCHED_IN_SPENT_WAITED || input == SCHED_IN_LOST_WAITED;
}

static void walk_row(enum sched_state state, enum sched_input input)
{
	struct sched_transition row = sched_transition(state, input);
	struct stage g = {.now_ns = 1000 * SECONDS};
	struct timing c = stage_config(state, input);
	g.s = sched_new(&c, 1, 1, 0, 1);
	assert_non_null(g.s);
	if (input == SCHED_IN_BREAK) {
		struct sched_entry *before = stage_add(&g);
		assert_int_equal(stage_next(&g).what, SCHED_START);
		sched_ended(g.s, &before->job, true, g.now_ns);
		sched_job_free(&before->job);
	}
	stage_enter(&g, state);
	if (is_waited(input) && state != SCHED_ASKED && state != SCHED_RESTARTING)
		stage_add(&g);
	stage_input(&g, input, &row);
	if (g.e->state != row.to)
		fail_msg("state %d, input %d: state is %d, not %d", (int)state,
			(int)input, (int)g.e->state, (int)row.to);
	if (row.to == SCHED_OVER)
		sched_job_free(&g.e->job);
	sched_free(g.s);
}

static void each_row_does_what_it_says(void **state)
{
	(void)state;
	size_t rows = 0;
	for (int from = 0; from < SCHED_STATES; from++) {
		for (int input = 0; input < SCHED_INPUTS; input++) {
			if (sched_transition(from, input).action == SCHED_DO_NOTHING)
				continue;
			walk_row(from, input);
			rows++;
		}
	}
	assert_int_equal(rows, 40);
}

static void inputs_without_a_row_change_nothing(void **state)
{
	(void)state;
	for (int from = 0; from < SCHED_STATES; from++) {
		for (int input = 0; input < SCHED_INPUTS; input++) {
			struct sched_entry e = {.state = from};
			if (sched_transition(from, input).action != SCHED_DO_NOTHING)
				continue;
			sched_job_input(&e, input);
			assert_int_equal(e.state, from);
		}
	}
}

/* ---- What scripts cannot show ---- */

static void retry_delays_are_spread(void **state)
{
	(void)state;
	struct timing c = {.run_per = TIMING_PER_PATH,
		.parallel = 1,
		.queue_max = 1,
		.retry = 1000,
		.retry_delay_ns = 3600 * SECONDS};
	struct sched *s = sched_new(&c, 1, 1, 0, 42);
	assert_non_null(s);
	struct sched_item item;
	struct sched_item *cut;
	struct sched_job *job;
	uint64_t now_ns = 1;
	unsigned tenths[11] = {0};
	sched_add(s, 0, "/a", &item, now_ns, &job, &cut);
	for (int i = 0; i < 1000; i++) {
		struct sched_order o;
		assert_true(sched_next(s, now_ns, &o));
		struct sched_verdict v = sched_ended(s, job, false, now_ns);
		assert_int_equal(v.end, SCHED_RETRY);
		uint64_t delay_ns = v.due_ns - now_ns;
		assert_in_range(delay_ns, 2700 * SECONDS, 4500 * SECONDS);
		tenths[(delay_ns - 2700 * SECONDS) / (180 * SECONDS)]++;
		now_ns = v.due_ns;
	}
	for (size_t i = 0; i < 10; i++)
		assert_in_range(tenths[i], 50, 150);
	sched_free(s);
}

/* Run all that waits, and count the runs; ends where nothing is due any more. */
static size_t run_all(struct sched *s, uint64_t *now_ns)
{
	size_t runs = 0;
	for (;;) {
		struct sched_order o;
		while (sched_next(s, *now_ns, &o)) {
			if (o.what != SCHED_START)
				continue;
			runs++;
			sched_ended(s, o.job, true, *now_ns);
			sched_job_free(o.job);
		}
		uint64_t due_ns = sched_due_ns(s);
		if (due_ns == SCHED_FOREVER)
			return runs;
		assert_true(due_ns > *now_ns);
		*now_ns = due_ns;
	}
}

static void many_jobs_and_keys(void **state)
{
	(void)state;
	struct timing c[] = {
		{.run_per = TIMING_PER_EVENT, .parallel = 1, .queue_max = MANY},
		{.run_per = TIMING_PER_PATH,
			.parallel = 1,
			.queue_max = MANY,
			.debounce_ns = SECONDS,
			.max_wait_ns = 10 * SECONDS,
			.breaker = {100, 10 * SECONDS}}};
	struct sched *s = sched_new(c, 2, 1, 0, 1);
	struct sched_item *items = calloc(ITEMS, sizeof(*items));
	assert_non_null(s);
	assert_non_null(items);
	uint64_t now_ns = SECONDS;
	struct sched_job *job;
	struct sched_item *cut;
	for (size_t i = 0; i < MANY; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/srv/some/dir/%zu", i);
		assert_int_equal(sched_add(s, 0, "/a", &items[2 * i], now_ns, &job, &cut),
			SCHED_QUEUED);
		assert_int_equal(
			sched_add(s, 1, path, &items[2 * i + 1], now_ns + i, &job, &cut),
			SCHED_QUEUED);
	}
	assert_int_equal(sched_waiting_all(s), ITEMS);
	assert_int_equal(run_all(s, &now_ns), ITEMS);
	/* What the breaker has to remember of them is given back later. */
	assert_false(RB_EMPTY(&s->idle));
	struct sched_order o;
	for (size_t i = 0; i < MANY; i++)
		sched_next(s, now_ns + 60 * SECONDS, &o);
	assert_true(RB_EMPTY(&s->idle));
	assert_true(RB_EMPTY(&s->lanes[1]->keys));
	assert_true(RB_EMPTY(&s->lanes[0]->keys));
	sched_free(s);
	free(items);
}

/* Start and end one run; when that was possible, in ns. */
static uint64_t run_one(struct sched *s, uint64_t now_ns)
{
	struct sched_item item;
	struct sched_item *cut;
	struct sched_job *job;
	struct sched_order o;
	sched_add(s, 0, "/a", &item, now_ns, &job, &cut);
	if (!sched_next(s, now_ns, &o)) {
		now_ns = sched_due_ns(s);
		assert_true(sched_next(s, now_ns, &o));
	}
	assert_ptr_equal(o.job, job);
	sched_ended(s, job, true, now_ns);
	sched_job_free(job);
	return now_ns;
}

static void a_throttle_grows(void **state)
{
	(void)state;
	struct timing c = {.run_per = TIMING_PER_PATH,
		.parallel = 1,
		.queue_max = 1,
		.throttle = {2, 10}};
	struct sched *s = sched_new(&c, 1, 1, 0, 1);
	assert_non_null(s);
	uint64_t now_ns = 1000;
	for (; now_ns <= 3000; now_ns += 1000)
		assert_int_equal(run_one(s, now_ns), now_ns);
	c.throttle = (struct timing_rate){40, SECONDS};
	const int64_t map[1] = {0};
	struct sched_job **gone;
	size_t gone_count;
	assert_int_equal(sched_reload(s, &c, 1, map, 1, &gone, &gone_count), 0);
	/* It knows of those at 2000 and 3000. */
	for (; now_ns <= 41000; now_ns += 1000)
		assert_int_equal(run_one(s, now_ns), now_ns);
	for (uint64_t first_ns = 2000; first_ns <= 9000; first_ns += 1000)
		assert_int_equal(now_ns = run_one(s, now_ns), SECONDS + first_ns);
	sched_free(s);
}

static void count_each(void *ctx, struct sched_job *job)
{
	size_t *counts = ctx;
	counts[job->started_ns ? 1 : 0]++;
}

static void each_job_once(void **state)
{
	(void)state;
	struct timing c[] = {{.run_per = TIMING_PER_EVENT, .parallel = 1, .queue_max = 9},
		{.run_per = TIMING_PER_PATH, .parallel = 1, .queue_max = 9}};
	struct sched *s = sched_new(c, 2, 2, 0, 1);
	assert_non_null(s);
	struct sched_item items[6];
	for (size_t i = 0; i < countof(items); i++) {
		struct sched_job *job;
		struct sched_item *cut;
		sched_add(s, i % 2, "/a", &items[i], SECONDS, &job, &cut);
	}
	struct sched_order o;
	while (sched_next(s, SECONDS, &o))
		continue;
	size_t counts[2] = {0};
	sched_each(s, count_each, counts);
	assert_int_equal(counts[0], 2);
	assert_int_equal(counts[1], 2);
	const int64_t gone[2] = {-1, -1};
	struct sched_job **jobs;
	size_t job_count;
	assert_int_equal(sched_reload(s, NULL, 0, gone, 2, &jobs, &job_count), 0);
	assert_int_equal(job_count, 2);
	counts[0] = counts[1] = 0;
	sched_each(s, count_each, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 2);
	for (size_t i = 0; i < job_count; i++)
		sched_job_free(jobs[i]);
	free(jobs);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_does_what_it_says),
		cmocka_unit_test(inputs_without_a_row_change_nothing),
		cmocka_unit_test(retry_delays_are_spread),
		cmocka_unit_test(many_jobs_and_keys),
		cmocka_unit_test(a_throttle_grows),
		cmocka_unit_test(each_job_once),
	};
	return cmocka_run_group_tests_name("sched_states", tests, NULL, NULL);
}
