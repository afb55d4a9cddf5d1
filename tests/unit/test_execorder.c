/* SPDX-License-Identifier: MIT */
#include "core/proc/execorder.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A letter a record: o another one, x an OPEN_EXEC, l one of the dynamic linker. */
static enum execorder_kind kind_of(char letter)
{
	return letter == 'x'   ? EXECORDER_OPEN
	       : letter == 'l' ? EXECORDER_LINKER
			       : EXECORDER_OTHER;
}

static void scan(struct execorder *o, pid_t pid, const char *records)
{
	for (; *records; records++)
		assert_int_equal(execorder_scan(o, pid, kind_of(*records)), 0);
}

/* Pass the records; the place of the last one. */
static struct execorder_place pass(struct execorder *o, pid_t pid, const char *records)
{
	struct execorder_place place = {0};
	for (; *records; records++)
		place = execorder_pass(o, pid, kind_of(*records));
	return place;
}

static void tells_opens_by_their_names(void **state)
{
	(void)state;
	static const struct {
		bool is_open_exec;
		const char *name;
		enum execorder_kind kind;
	} cases[] = {
		{false, NULL, EXECORDER_OTHER},
		{false, "ld-linux-x86-64.so.2", EXECORDER_OTHER},
		{true, NULL, EXECORDER_OPEN},
		{true, "touch", EXECORDER_OPEN},
		{true, "ld-linux-x86-64.so.2", EXECORDER_LINKER},
		{true, "ld-2.31.so", EXECORDER_LINKER},
		{true, "ld-musl-x86_64.so.1", EXECORDER_LINKER},
		{true, "ld-", EXECORDER_OPEN},
		{true, "ld", EXECORDER_OPEN},
		{true, "old-x.so", EXECORDER_OPEN},
		{true, "libc.so.6", EXECORDER_OPEN},
	};
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(execorder_kind(cases[i].is_open_exec, cases[i].name),
			cases[i].kind);
}

static void counts_opens_around_each_record(void **state)
{
	(void)state;
	/* The records, how many of them are passed, and what is told of the last of those
	 * (which is never an open itself in its own count before). */
	static const struct {
		const char *scanned;
		unsigned passed;
		uint32_t opens_before, opens_after, groups_before, groups_after;
	} cases[] = {
		{"o", 1, 0, 0, 0, 0},
		{"xo", 2, 1, 0, 1, 0},
		{"ox", 1, 0, 1, 0, 1},
		{"xox", 2, 1, 1, 1, 1},
		{"xxoxxx", 3, 2, 3, 1, 1},
		{"xxoxxx", 6, 4, 1, 2, 0},
		{"xoxoxo", 2, 1, 2, 1, 2},
		{"xoxoxo", 6, 3, 0, 3, 0},
		{"xlo", 3, 1, 0, 1, 0},
		{"xlxo", 4, 2, 0, 1, 0},
		{"oxl", 1, 0, 1, 0, 1},
		{"oxloxlo", 4, 1, 1, 1, 1},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct execorder order = {0}, *o = &order;
		char passed[16] = "";
		memcpy(passed, cases[i].scanned, cases[i].passed);
		scan(o, 1, cases[i].scanned);
		struct execorder_place p = pass(o, 1, passed);
		if (p.opens_before != cases[i].opens_before ||
			p.opens_after != cases[i].opens_after ||
			p.groups_before != cases[i].groups_before ||
			p.groups_after != cases[i].groups_after)
			fail_msg("%s, %u: %u %u %u %u", cases[i].scanned, cases[i].passed,
				p.opens_before, p.opens_after, p.groups_before,
				p.groups_after);
		execorder_reset(o, NULL, NULL);
	}
}

static void counts_the_linker_apart(void **state)
{
	(void)state;
	struct execorder order = {0}, *o = &order;
	scan(o, 1, "xlxlo");
	struct execorder_place p = pass(o, 1, "xlxlo");
	assert_int_equal(p.opens_linker, 2);
	assert_int_equal(p.opens_before, 2);
	execorder_reset(o, NULL, NULL);
}

static void keeps_processes_apart(void **state)
{
	(void)state;
	struct execorder order = {0}, *o = &order;
	for (pid_t pid = 1; pid <= 200; pid++)
		scan(o, pid, pid % 2 ? "xo" : "oxx");
	assert_int_equal(pass(o, 1, "xo").opens_before, 1);
	assert_int_equal(pass(o, 2, "o").opens_after, 2);
	assert_int_equal(pass(o, 199, "xo").opens_before, 1);
	assert_int_equal(pass(o, 200, "o").opens_before, 0);
	assert_int_equal(pass(o, 999, "o").opens_after, 0);
	execorder_reset(o, NULL, NULL);
}

static void sees_what_is_scanned_later(void **state)
{
	(void)state;
	struct execorder order = {0}, *o = &order;
	scan(o, 1, "xo");
	assert_int_equal(pass(o, 1, "x").opens_after, 1);
	scan(o, 1, "xx");
	struct execorder_place p = pass(o, 1, "o");
	assert_int_equal(p.opens_before, 1);
	assert_int_equal(p.opens_after, 2);
	assert_int_equal(p.groups_after, 1);
	execorder_reset(o, NULL, NULL);
}

struct noted {
	unsigned calls;
	uint32_t opens[4]; /* by pid */
};

static void note(void *ctx, pid_t pid, uint32_t opens)
{
	struct noted *c = ctx;
	c->calls++;
	assert_in_range(pid, 1, 3);
	c->opens[pid] = opens;
}

static void hands_on_the_counts_and_forgets(void **state)
{
	(void)state;
	struct execorder order = {0}, *o = &order;
	struct noted c = {0};
	scan(o, 1, "xox");
	scan(o, 2, "oooo");
	scan(o, 3, "x");
	execorder_reset(o, note, &c);
	assert_int_equal(c.calls, 2);
	assert_int_equal(c.opens[1], 2);
	assert_int_equal(c.opens[3], 1);
	assert_int_equal(pass(o, 1, "o").opens_before, 0);
	execorder_reset(o, note, &c);
	assert_int_equal(c.calls, 2);
	scan(o, 1, "xo");
	assert_int_equal(pass(o, 1, "xo").opens_before, 1);
	execorder_reset(o, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_opens_by_their_names),
		cmocka_unit_test(counts_opens_around_each_record),
		cmocka_unit_test(counts_the_linker_apart),
		cmocka_unit_test(keeps_processes_apart),
		cmocka_unit_test(sees_what_is_scanned_later),
		cmocka_unit_test(hands_on_the_counts_and_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
