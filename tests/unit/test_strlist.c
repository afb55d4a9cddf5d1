/* SPDX-License-Identifier: MIT */
#include "base/strlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keeps_copies_in_order(void **state)
{
	(void)state;
	struct strlist l = {0};
	char text[16];
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "item %u", i);
		assert_int_equal(strlist_add(&l, text), 0);
		assert_int_equal(l.count, i + 1);
		assert_null(l.items[l.count]);
	}
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "item %u", i);
		assert_string_equal(l.items[i], text);
	}
	strlist_fini(&l);
	assert_null(l.items);
	assert_int_equal(l.count, 0);
}

static void takes_a_part_of_a_text(void **state)
{
	(void)state;
	struct strlist l = {0};
	assert_int_equal(strlist_add_bytes(&l, "abcdef", 3), 0);
	assert_int_equal(strlist_add_bytes(&l, "abc", 0), 0);
	assert_string_equal(l.items[0], "abc");
	assert_string_equal(l.items[1], "");
	strlist_fini(&l);
}

static void copies_all(void **state)
{
	(void)state;
	struct strlist l = {0}, copy = {0};
	assert_int_equal(strlist_copy(&copy, &l), 0);
	assert_int_equal(copy.count, 0);
	for (unsigned i = 0; i < 20; i++)
		strlist_add(&l, i % 2 ? "odd" : "even");
	assert_int_equal(strlist_copy(&copy, &l), 0);
	strlist_fini(&l);
	assert_int_equal(copy.count, 20);
	assert_string_equal(copy.items[19], "odd");
	assert_null(copy.items[20]);
	strlist_fini(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_copies_in_order),
		cmocka_unit_test(takes_a_part_of_a_text),
		cmocka_unit_test(copies_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
