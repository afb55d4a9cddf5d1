/* SPDX-License-Identifier: MIT */
#include "base/grow.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int grow_array(void *array, size_t count, size_t size)
{
	/* It is a pointer to some type, and no pointer to void. */
	void *items;
	memcpy(&items, array, sizeof(items));
	bool is_power = count > 0 && (count & (count - 1)) == 0;
	if (items && !is_power)
		return 0;
	items = reallocarray(items, count > 0 ? 2 * count : 1, size);
	if (!items)
		return -1;
	memcpy(array, &items, sizeof(items));
	return 0;
}
