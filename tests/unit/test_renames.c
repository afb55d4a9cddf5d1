/* SPDX-License-Identifier: MIT */
/*
 * Steps are words: "a:de" is file a going from place d to place e, "a:d" its deletion there. Each
 * is a record, of process 1 unless a number precedes it ("2a:de").
 */
#include "core/place/renames.h"

#include "base/buf.h"
#include "record_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR_ID 7u

static struct {
	struct renames *renames;
	struct fanrec records[64]; /* by ordinal */
	struct buf bytes[64];
	uint64_t count;
} world;

static void add_place(struct buf *b, uint8_t kind, char name)
{
	const uint32_t dir = DIR_ID;
	record_add_fid(b, 0, kind, 1, &dir, sizeof(dir), (char[]){name, '\0'});
}

static void add(const char *word)
{
	uint64_t ordinal = ++world.count;
	struct buf *b = &world.bytes[ordinal];
	int32_t pid = *word >= '0' && *word <= '9' ? *word++ - '0' : 1;
	const uint32_t file = (uint32_t)word[0];
	bool is_rename = word[3];
	size_t at = 0;
	record_begin(b, is_rename ? FAN_RENAME : FAN_DELETE, pid);
	add_place(b,
		is_rename ? FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
			  : FAN_EVENT_INFO_TYPE_DFID_NAME,
		word[2]);
	if (is_rename)
		add_place(b, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, word[3]);
	record_add_fid(b, 0, FAN_EVENT_INFO_TYPE_FID, 1, &file, sizeof(file), NULL);
	assert_true(fanrec_next(b->data, b->len, &at, &world.records[ordinal], NULL));
	assert_int_equal(renames_add(world.renames, &world.records[ordinal], ordinal,
				 b->data, b->len),
		0);
}

/* Note the steps of a text. */
static void note(const char *text)
{
	char copy[256], *at = copy, *word;
	strlcpy(copy, text, sizeof(copy));
	while ((word = strsep(&at, " ")))
		add(word);
}

static struct renames_step *step(uint64_t ordinal)
{
	return renames_find(world.renames, &world.records[ordinal], ordinal);
}

/* The steps that may have been repeated after one, as words; '<' and the number of the one that
 * leads there. */
static void assert_repeats(uint64_t ordinal, const char *want)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	struct buf is = {0};
	size_t count = renames_repeats(step(ordinal), all);
	buf_add_str(&is, "");
	for (size_t i = 0; i < count; i++) {
		struct fanrec r;
		size_t at = 0;
		assert_true(
			fanrec_next(all[i].step->bytes, all[i].step->len, &at, &r, NULL));
		buf_printf(&is, "%s%s%s<%zu", i ? " " : "", r.place.name,
			r.new_place.name, all[i].before);
	}
	assert_string_equal(is.data, want);
	buf_fini(&is);
}

/* The record before which a place was left or taken next, as its `from` or `to`; 0: none. */
static void assert_next(uint64_t ordinal, uint64_t left, uint64_t taken)
{
	struct renames_repeat all[RENAMES_STEPS_MAX];
	size_t count = renames_repeats(step(ordinal), all);
	assert_int_equal(renames_left_next(step(ordinal), all, count),
		left ? step(left)->from : 0);
	assert_int_equal(renames_taken_next(step(ordinal), all, count),
		taken ? step(taken)->to : 0);
}

static int set_up(void **state)
{
	(void)state;
	world.renames = renames_new();
	world.count = 0;
	return world.renames ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	renames_free(world.renames);
	for (uint64_t i = 1; i <= world.count; i++)
		buf_fini(&world.bytes[i]);
	renames_free(NULL);
	return 0;
}

static void finds_what_was_noted(void **state)
{
	(void)state;
	note("a:de b:xy 2a:ef");
	assert_int_equal(step(1)->ordinal, 1);
	assert_int_equal(step(3)->pid, 2);
	assert_int_equal(step(3)->from, step(1)->to);
	assert_int_not_equal(step(3)->from, step(2)->to);
	assert_memory_equal(step(2)->bytes, world.bytes[2].data, world.bytes[2].len);
	assert_null(renames_find(world.renames, &world.records[1], 2));
	assert_null(renames_find(world.renames, &world.records[1], 4));
}

static void notes_the_deletion_of_what_it_knows(void **state)
{
	(void)state;
	note("a:e a:de b:e a:e");
	assert_null(step(1));
	assert_null(step(3));
	assert_non_null(step(4));
	assert_int_equal(step(4)->to, 0);
	assert_int_equal(step(4)->from, step(2)->to);
	assert_false(renames_closes(step(4)));
}

static void forgets_what_is_old(void **state)
{
	(void)state;
	note("a:de b:de a:ed b:ed");
	renames_forget(world.renames, 3);
	assert_null(step(1));
	assert_null(step(2));
	assert_non_null(step(3));
	assert_false(renames_closes(step(3)));
	renames_forget(world.renames, 4);
	assert_null(step(3));
	assert_non_null(step(4));
	renames_forget(world.renames, 9);
	assert_null(step(4));
	note("a:de");
	assert_non_null(step(5));
}

static void only_a_way_back_closes(void **state)
{
	(void)state;
	note("a:de b:ed a:ef a:fd a:de b:de");
	assert_false(renames_closes(step(1)));
	assert_false(renames_closes(step(2))); /* another file */
	assert_false(renames_closes(step(3)));
	assert_true(renames_closes(step(4)));
	assert_true(renames_closes(step(5)));
	assert_true(renames_closes(step(6)));
}

static void steps_may_be_repeated_from_where_they_led(void **state)
{
	(void)state;
	note("a:de a:ed");
	assert_repeats(1, "");
	assert_repeats(2, "de<0");
	note("b:ab b:bc b:ca");
	assert_repeats(5, "ab<0 bc<1");
	/* Two ways from one place. */
	note("c:ab c:ba c:ac c:ca");
	assert_repeats(9, "ac<0 ab<0");
	/* The first did not lead to where the next began: it was repeated. */
	note("d:ab d:ba d:bc d:ca");
	assert_repeats(13, "ab<0 bc<1");
}

static void long_ways_are_bounded(void **state)
{
	char word[8];
	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(word, sizeof(word), "a:%c%c", 'A' + i % 20, 'A' + (i + 1) % 20);
		add(word);
	}
	struct renames_repeat all[RENAMES_STEPS_MAX];
	assert_false(renames_closes(step(20)));
	assert_true(renames_repeats(step(40), all) <= RENAMES_STEPS_MAX);
	for (int i = 0; i < 17; i++) {
		snprintf(word, sizeof(word), "b:%c%c", 'a', 'b' + i);
		add(word);
	}
	add("b:ra");
	assert_int_equal(renames_repeats(step(58), all), RENAMES_STEPS_MAX);
}

static void later_records_tell_where_it_was(void **state)
{
	(void)state;
	note("a:de a:ed b:xy a:ef");
	assert_next(2, 4, 0);
	/* By a deletion; another name of it goes; and nobody tells. */
	note("c:de c:ed c:d");
	assert_next(6, 7, 0);
	note("f:gh f:hg f:xy");
	assert_next(9, 0, 0);
	note("f:gi");
	assert_next(9, 11, 0);
}

static void what_takes_its_place_tells_too(void **state)
{
	(void)state;
	note("a:de a:ed b:xe");
	assert_next(2, 0, 3);
	note("c:yd");
	assert_next(2, 0, 3);
	note("f:gh f:hg c:dx");
	assert_next(6, 0, 0);
	note("c:xg");
	assert_next(6, 0, 8);
}

static void the_halves_of_an_exchange_find_each_other(void **state)
{
	(void)state;
	note("a:de 2x:yz b:ed");
	assert_ptr_equal(renames_first_half(step(3)), step(1));
	assert_ptr_equal(renames_second_half(step(1)), step(3));
	assert_null(renames_first_half(step(1)));
	assert_null(renames_second_half(step(3)));
	assert_null(renames_second_half(step(2)));
	assert_true(renames_is_exchange(step(1), step(3)));
	assert_false(renames_is_exchange(step(3), step(1)));
	/* Back again. */
	note("b:de a:ed");
	assert_null(renames_first_half(step(4)));
	assert_null(renames_second_half(step(3)));
	assert_ptr_equal(renames_first_half(step(5)), step(4));
}

static void what_only_looks_like_an_exchange_is_none(void **state)
{
	(void)state;
	/* of two processes; of one file; with another rename between */
	note("a:de 2b:ed c:fg c:gf d:hi d:xy e:ih");
	assert_null(renames_first_half(step(2)));
	assert_null(renames_first_half(step(4)));
	assert_null(renames_first_half(step(7)));
	/* the first is gone before the second leaves; the second came there since */
	note("f:jk f:k g:kj h:lm i:nm i:ml");
	assert_null(renames_first_half(step(10)));
	assert_false(renames_is_exchange(step(8), step(10)));
	assert_false(renames_is_exchange(step(11), step(13)));
	assert_null(renames_second_half(step(8)));
}

#define WITH_RENAMES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RENAMES(finds_what_was_noted),
		WITH_RENAMES(notes_the_deletion_of_what_it_knows),
		WITH_RENAMES(forgets_what_is_old),
		WITH_RENAMES(only_a_way_back_closes),
		WITH_RENAMES(steps_may_be_repeated_from_where_they_led),
		WITH_RENAMES(long_ways_are_bounded),
		WITH_RENAMES(later_records_tell_where_it_was),
		WITH_RENAMES(what_takes_its_place_tells_too),
		WITH_RENAMES(the_halves_of_an_exchange_find_each_other),
		WITH_RENAMES(what_only_looks_like_an_exchange_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
