/* SPDX-License-Identifier: MIT */
#include "core/turns.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNLIMITED UINT32_MAX

struct job {
	struct turns_job turns; /* first */
	uint32_t rule;
	unsigned number;
};

static void add(struct turns *s, struct job *j, uint32_t rule, unsigned number)
{
	*j = (struct job){.rule = rule, .number = number};
	assert_int_equal(turns_add(s, rule, &j->turns, UNLIMITED), 0);
}

/* The number of the next job, or -1. */
static int next(struct turns *s)
{
	uint32_t rule;
	struct job *j = (struct job *)turns_next(s, &rule);
	if (!j)
		return -1;
	assert_int_equal(j->rule, rule);
	return (int)j->number;
}

static void one_at_a_time_and_in_order(void **state)
{
	(void)state;
	struct turns *s = turns_new(1, 8);
	struct job jobs[3];
	for (unsigned i = 0; i < 3; i++)
		add(s, &jobs[i], 0, i);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(s), i);
		assert_int_equal(next(s), -1);
		assert_int_equal(turns_running(s, 0), 1);
		assert_int_equal(turns_waiting(s, 0), 2 - i);
		turns_done(s, 0);
	}
	assert_int_equal(next(s), -1);
	assert_int_equal(turns_running_all(s), 0);
	assert_int_equal(turns_waiting_all(s), 0);
	turns_free(s);
	turns_free(NULL);
}

static void no_more_than_max_parallel_over_all_rules(void **state)
{
	(void)state;
	struct turns *s = turns_new(5, 2);
	struct job jobs[5];
	for (unsigned i = 0; i < 5; i++)
		add(s, &jobs[i], i, i);
	assert_int_equal(next(s), 0);
	assert_int_equal(next(s), 1);
	assert_int_equal(next(s), -1);
	assert_int_equal(turns_running_all(s), 2);
	assert_int_equal(turns_waiting_all(s), 3);
	turns_done(s, 1);
	assert_int_equal(next(s), 2);
	assert_int_equal(next(s), -1);
	turns_free(s);
}

static void rules_take_turns(void **state)
{
	(void)state;
	struct turns *s = turns_new(2, 1);
	struct job busy[3], other[2];
	for (unsigned i = 0; i < 3; i++)
		add(s, &busy[i], 0, i);
	for (unsigned i = 0; i < 2; i++)
		add(s, &other[i], 1, 10 + i);
	static const int order[] = {0, 10, 1, 11, 2};
	static const uint32_t rules[] = {0, 1, 0, 1, 0};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(next(s), order[i]);
		turns_done(s, rules[i]);
	}
	turns_free(s);
}

static void refuses_more_than_queue_max(void **state)
{
	(void)state;
	struct turns *s = turns_new(2, 8);
	struct job jobs[4] = {0};
	assert_int_equal(turns_add(s, 0, &jobs[0].turns, 2), 0);
	assert_int_equal(turns_add(s, 0, &jobs[1].turns, 2), 0);
	errno = 0;
	assert_int_equal(turns_add(s, 0, &jobs[2].turns, 2), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(turns_waiting(s, 0), 2);
	/* The other rule has a queue of its own, and what runs does not wait. */
	assert_int_equal(turns_add(s, 1, &jobs[3].turns, 2), 0);
	assert_int_equal(next(s), 0);
	assert_int_equal(turns_add(s, 0, &jobs[2].turns, 2), 0);
	assert_int_equal(turns_add(s, 1, &jobs[0].turns, 0), -1);
	turns_free(s);
}

static void resumed_runs_count(void **state)
{
	(void)state;
	struct turns *s = turns_new(3, 3);
	struct job jobs[3];
	add(s, &jobs[0], 0, 0);
	turns_resume(s, 0); /* while a job waits */
	turns_resume(s, 1); /* before one does */
	add(s, &jobs[1], 1, 1);
	assert_int_equal(turns_running_all(s), 2);
	assert_int_equal(next(s), -1);
	add(s, &jobs[2], 2, 2);
	assert_int_equal(next(s), 2);
	turns_done(s, 0);
	assert_int_equal(next(s), 0);
	turns_done(s, 1);
	assert_int_equal(next(s), 1);
	assert_int_equal(turns_running_all(s), 3);
	turns_free(s);
}

static void several_resumed_runs_of_a_rule_must_all_end(void **state)
{
	(void)state;
	struct turns *s = turns_new(1, 8);
	struct job job;
	turns_resume(s, 0);
	turns_resume(s, 0);
	add(s, &job, 0, 5);
	turns_done(s, 0);
	assert_int_equal(next(s), -1);
	turns_done(s, 0);
	assert_int_equal(next(s), 5);
	turns_free(s);
}

/* ---- Random steps against the plainest model there is */

#define RULES 7
#define JOBS 5000
#define QUEUE_MAX 5
#define MAX_PARALLEL 4

struct model {
	unsigned queue[RULES][QUEUE_MAX]; /* numbers of the jobs that wait */
	size_t waiting[RULES], running[RULES];
	uint64_t ready_since[RULES]; /* step at which it began to wait for its turn */
};

static size_t sum(const size_t *counts)
{
	size_t n = 0;
	for (size_t i = 0; i < RULES; i++)
		n += counts[i];
	return n;
}

/* The rule whose turn it is, or -1. */
static int model_turn(const struct model *m)
{
	int best = -1;
	if (sum(m->running) >= MAX_PARALLEL)
		return -1;
	for (int i = 0; i < RULES; i++) {
		if (m->waiting[i] && !m->running[i] &&
			(best < 0 || m->ready_since[i] < m->ready_since[best]))
			best = i;
	}
	return best;
}

static void step_add(struct turns *s, struct model *m, struct job *j, uint64_t step)
{
	uint32_t rule = j->rule;
	int rc = turns_add(s, rule, &j->turns, QUEUE_MAX);
	assert_int_equal(rc, m->waiting[rule] < QUEUE_MAX ? 0 : -1);
	if (rc < 0)
		return;
	if (m->waiting[rule] == 0)
		m->ready_since[rule] = step;
	m->queue[rule][m->waiting[rule]++] = j->number;
}

static void step_next(struct turns *s, struct model *m)
{
	int turn = model_turn(m);
	int got = next(s);
	if (turn < 0) {
		assert_int_equal(got, -1);
		return;
	}
	assert_int_equal(got, m->queue[turn][0]);
	m->waiting[turn]--;
	m->running[turn]++;
	for (size_t i = 0; i < m->waiting[turn]; i++)
		m->queue[turn][i] = m->queue[turn][i + 1];
}

static void step_done(struct turns *s, struct model *m, uint32_t rule, uint64_t step)
{
	if (!m->running[rule])
		return;
	turns_done(s, rule);
	if (--m->running[rule] == 0)
		m->ready_since[rule] = step;
}

static void random_steps_agree_with_a_plain_model(void **state)
{
	(void)state;
	static struct job jobs[JOBS];
	struct model m = {0};
	struct turns *s = turns_new(RULES, MAX_PARALLEL);
	unsigned added = 0;
	srand(2);
	for (uint64_t step = 1; added < JOBS; step++) {
		uint32_t rule = (uint32_t)rand() % RULES;
		switch (rand() % 8) {
		case 0:
		case 1:
		case 2:
			jobs[added] = (struct job){.rule = rule, .number = added};
			step_add(s, &m, &jobs[added++], step);
			break;
		case 3:
		case 4:
			step_next(s, &m);
			break;
		case 5:
			if (rand() % 20 == 0 && sum(m.running) < MAX_PARALLEL) {
				turns_resume(s, rule);
				m.running[rule]++;
			}
			break;
		default:
			step_done(s, &m, rule, step);
		}
		assert_int_equal(turns_waiting(s, rule), m.waiting[rule]);
		assert_int_equal(turns_running(s, rule), m.running[rule]);
		assert_int_equal(turns_waiting_all(s), sum(m.waiting));
		assert_int_equal(turns_running_all(s), sum(m.running));
	}
	turns_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_and_in_order),
		cmocka_unit_test(no_more_than_max_parallel_over_all_rules),
		cmocka_unit_test(rules_take_turns),
		cmocka_unit_test(refuses_more_than_queue_max),
		cmocka_unit_test(resumed_runs_count),
		cmocka_unit_test(several_resumed_runs_of_a_rule_must_all_end),
		cmocka_unit_test(random_steps_agree_with_a_plain_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
