/* SPDX-License-Identifier: MIT */
/* The scheduler without memory: it says so, and is as it was. Its sources are compiled here
 * with an allocator that fails when it is told to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many allocations succeed before one fails; negative: all. */
static int good_allocations = -1;

static bool is_out_of_memory(void)
{
	if (good_allocations < 0)
		return false;
	if (good_allocations-- > 0)
		return false;
	good_allocations = -1;
	errno = ENOMEM;
	return true;
}

static void *scarce_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : (malloc)(size);
}

static void *scarce_calloc(size_t count, size_t size)
{
	return is_out_of_memory() ? NULL : (calloc)(count, size);
}

static void *scarce_reallocarray(void *old, size_t count, size_t size)
{
	return is_out_of_memory() ? NULL : (reallocarray)(old, count, size);
}

#define malloc(size) scarce_malloc(size)
#define calloc(count, size) scarce_calloc(count, size)
#define reallocarray(old, count, size) scarce_reallocarray(old, count, size)

#include "core/sched/sched.c"
#include "core/sched/sched_job.c"
#include "core/sched/sched_key.c"
#include "core/sched/sched_lane.c"
#include "core/sched/sched_reload.c"
#include "core/sched/sched_run.c"
#include "core/sched/sched_tree.c"

#define SECONDS UINT64_C(1000000000)
#define ALLOCATIONS_MAX 100

static const struct timing paths = {
	.run_per = TIMING_PER_PATH, .parallel = 1, .queue_max = 9};

static enum sched_added add(struct sched *s, const char *path, struct sched_item *item,
	struct sched_job **job)
{
	struct sched_item *cut;
	return sched_add(s, 0, path, item, SECONDS, job, &cut);
}

static void a_scheduler_is_made_or_not(void **state)
{
	(void)state;
	const struct timing lanes[3] = {paths, paths, paths};
	int failures = 0;
	for (int n = 0; n < ALLOCATIONS_MAX; n++) {
		good_allocations = n;
		errno = 0;
		struct sched *s = sched_new(lanes, 3, 1, 0, 1);
		good_allocations = -1;
		if (s) {
			sched_free(s);
			break;
		}
		assert_int_equal(errno, ENOMEM);
		failures++;
	}
	assert_int_equal(failures, 5);
}

static void an_event_is_taken_or_not(void **state)
{
	(void)state;
	struct sched *s = sched_new(&paths, 1, 1, 0, 1);
	assert_non_null(s);
	struct sched_item item;
	struct sched_job *job;
	int failures = 0;
	for (;; failures++) {
		good_allocations = failures;
		if (add(s, "/a", &item, &job) == SCHED_QUEUED)
			break;
		assert_null(job);
		assert_int_equal(sched_waiting_all(s), 0);
		assert_int_equal(sched_due_ns(s), SCHED_FOREVER);
		assert_true(RB_EMPTY(&s->lanes[0]->keys));
	}
	good_allocations = -1;
	assert_int_equal(failures, 2);
	assert_int_equal(job->id, 1);
	assert_int_equal(job->order, 1);
	sched_free(s);
}

static void events_join_and_runs_end_without_memory(void **state)
{
	(void)state;
	struct timing c = paths;
	c.retry = 5;
	c.breaker = (struct timing_rate){1, SECONDS};
	struct sched *s = sched_new(&c, 1, 1, 0, 1);
	assert_non_null(s);
	struct sched_item items[3];
	struct sched_job *job, *next_job;
	struct sched_order o;
	assert_int_equal(add(s, "/a", &items[0], &job), SCHED_QUEUED);
	good_allocations = 0;
	assert_true(sched_next(s, SECONDS, &o));
	assert_int_equal(sched_ended(s, job, false, SECONDS).end, SCHED_RETRY);
	assert_true(sched_next(s, SECONDS, &o));
	assert_int_equal(o.what, SCHED_HELD);
	assert_int_equal(add(s, "/a", &items[1], &next_job), SCHED_MERGED);
	assert_true(sched_next(s, 100 * SECONDS, &o));
	assert_int_equal(sched_ended(s, job, true, 100 * SECONDS).end, SCHED_DONE);
	assert_int_equal(good_allocations, 0);
	good_allocations = -1;
	assert_int_equal(job->listed, 2);
	sched_job_free(job);
	sched_free(s);
}

static void a_job_is_given_or_not(void **state)
{
	(void)state;
	struct sched *s = sched_new(&paths, 1, 1, 0, 1);
	assert_non_null(s);
	struct sched_item item;
	struct sched_items items = STAILQ_HEAD_INITIALIZER(items);
	STAILQ_INSERT_TAIL(&items, &item, next);
	struct sched_insertion given = {.items = &items, .listed = 1, .count = 1};
	int failures = 0;
	for (;; failures++) {
		good_allocations = failures;
		errno = 0;
		if (sched_insert(s, 0, "/a", &given, SECONDS))
			break;
		assert_int_equal(errno, ENOMEM);
		assert_ptr_equal(STAILQ_FIRST(&items), &item);
		assert_int_equal(sched_waiting_all(s), 0);
		assert_true(RB_EMPTY(&s->lanes[0]->keys));
	}
	good_allocations = -1;
	assert_int_equal(failures, 2);
	assert_true(STAILQ_EMPTY(&items));
	sched_free(s);
}

static void a_throttle_counts_less_without_memory(void **state)
{
	(void)state;
	struct timing c = paths;
	c.throttle = (struct timing_rate){1, SECONDS};
	struct sched *s = sched_new(&c, 1, 1, 0, 1);
	assert_non_null(s);
	struct sched_item item;
	for (int i = 0; i < 3; i++) {
		struct sched_job *job;
		struct sched_order o;
		assert_int_equal(add(s, "/a", &item, &job), SCHED_QUEUED);
		good_allocations = i == 0 ? 0 : -1;
		assert_int_equal(sched_next(s, SECONDS, &o), i < 2);
		good_allocations = -1;
		if (i == 2)
			break;
		assert_int_equal(sched_ended(s, job, true, SECONDS).end, SCHED_DONE);
		sched_job_free(job);
	}
	assert_int_equal(sched_due_ns(s), 2 * SECONDS);
	sched_free(s);
}

/* Two lanes: a run and a job that waits in each; one goes, the other becomes a batch. */
static void all_is_reloaded_or_nothing(void **state)
{
	(void)state;
	const struct timing lanes[2] = {paths, paths};
	struct timing then[3] = {paths, paths, paths};
	then[1].run_per = TIMING_PER_BATCH;
	const int64_t map[2] = {-1, 1};
	struct sched *s = sched_new(lanes, 2, 9, 0, 1);
	assert_non_null(s);
	struct sched_item items[6];
	struct sched_job *job;
	struct sched_item *cut;
	struct sched_order o;
	for (uint32_t i = 0; i < 6; i++) {
		sched_add(s, i % 2,
			i < 2   ? "/a"
			: i < 4 ? "/b"
				: "/c",
			&items[i], SECONDS, &job, &cut);
	}
	while (sched_next(s, SECONDS, &o))
		continue;
	struct sched_job **gone = NULL;
	size_t gone_count = 0;
	int failures = 0;
	for (;; failures++) {
		assert_true(failures < ALLOCATIONS_MAX);
		good_allocations = failures;
		errno = 0;
		if (sched_reload(s, then, 3, map, 9, &gone, &gone_count) == 0)
			break;
		assert_int_equal(errno, ENOMEM);
		for (uint32_t i = 0; i < 2; i++) {
			struct sched_counts counts = sched_counts(s, i, SECONDS);
			assert_int_equal(counts.waiting, 2);
			assert_int_equal(counts.running, 1);
			assert_null(sched_key_find(s->lanes[i], NULL));
			assert_int_equal(s->lanes[i]->number, i);
		}
	}
	good_allocations = -1;
	assert_int_equal(failures, 5);
	assert_int_equal(gone_count, 3);
	assert_int_equal(sched_counts(s, 1, SECONDS).waiting, 1);
	for (size_t i = 0; i < gone_count; i++)
		sched_job_free(gone[i]);
	free(gone);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheduler_is_made_or_not),
		cmocka_unit_test(an_event_is_taken_or_not),
		cmocka_unit_test(events_join_and_runs_end_without_memory),
		cmocka_unit_test(a_job_is_given_or_not),
		cmocka_unit_test(a_throttle_counts_less_without_memory),
		cmocka_unit_test(all_is_reloaded_or_nothing),
	};
	return cmocka_run_group_tests_name("sched_memory", tests, NULL, NULL);
}
