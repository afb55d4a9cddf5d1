/* SPDX-License-Identifier: MIT */
#include "base/grow.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void has_room_for_one_more_and_keeps_the_others(void **state)
{
	(void)state;
	uint32_t *numbers = NULL;
	for (uint32_t count = 0; count < 3000; count++) {
		assert_int_equal(grow(numbers, count), 0);
		assert_true(
			malloc_usable_size(numbers) >= (count + 1) * sizeof(*numbers));
		numbers[count] = count;
	}
	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(numbers[i], i);
	free(numbers);
}

/* Whatever number of elements it goes down to. */
static void has_room_again_after_losing_some(void **state)
{
	(void)state;
	uint64_t *numbers = NULL;
	for (size_t most = 1; most < 70; most++) {
		for (size_t count = 0; count < most; count++)
			assert_int_equal(grow(numbers, count), 0);
		for (size_t left = 0; left < most; left++) {
			for (size_t count = left; count < most; count++) {
				assert_int_equal(grow(numbers, count), 0);
				assert_true(malloc_usable_size(numbers) >=
					    (count + 1) * sizeof(*numbers));
			}
		}
	}
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_room_for_one_more_and_keeps_the_others),
		cmocka_unit_test(has_room_again_after_losing_some),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
