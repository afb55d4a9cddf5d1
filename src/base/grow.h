/* SPDX-License-Identifier: MIT */
/* Arrays that grow one by one. */
#ifndef FSMON_BASE_GROW_H
#define FSMON_BASE_GROW_H

#include <stddef.h>

/*
 * Make room in `array` (a pointer that is NULL at first) for one element behind the `count`
 * that it has. Room doubles at each power of two, so none needs to be stored: an array that has
 * grown so once grows in no other way, but it may lose elements meanwhile. Returns 0, or -1 with
 * ENOMEM: then the array is as it was. The caller frees it.
 */
#define grow(array, count) grow_array(&(array), (count), sizeof(*(array)))

/* For grow alone: the address of the pointer, and the size of an element. */
__attribute__((warn_unused_result)) int grow_array(
	void *array, size_t count, size_t size);

#endif
