/* SPDX-License-Identifier: MIT */
/* Any bytes as a datagram of taskstats. */
#include "core/proc/procrec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct procrec_walk it;
	struct procrec rec;
	if (!copy)
		abort();
	memcpy(copy, data, size);
	procrec_init(&it, copy, size);
	while (procrec_next_task(&it, &rec)) {
		if (rec.kind != PROCREC_TASK ||
			memchr(rec.task.comm, 0, PROGRAM_COMM_SIZE) == NULL)
			abort();
		if (!rec.task.has_group && rec.pid != rec.tgid)
			abort();
	}
	free(copy);
	return 0;
}
