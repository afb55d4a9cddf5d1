/* SPDX-License-Identifier: MIT */
/* Any bytes as a datagram of the process connector; what they decode to goes into a
 * table. */
#include "core/proc/procrec.h"
#include "core/proc/life.h"
#include "core/proc/proctable.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct proctable *t = proctable_new(16);
	struct procrec_walk it;
	struct procrec rec;
	if (!copy || !t)
		abort();
	memcpy(copy, data, size);
	procrec_init(&it, copy, size);
	while (procrec_next_event(&it, &rec)) {
		if (rec.kind == PROCREC_TASK || rec.kind == PROCREC_LOST)
			abort();
		proctable_apply(t, &rec, NULL);

		struct proctable_window w = {.after_ns = rec.time_ns / 2,
			.before_ns = rec.time_ns,
			.order.opens_before = rec.seq};
		struct actor a;
		if (proctable_who(t, rec.pid, &w, &a) == 0)
			actor_fini(&a);
		proctable_forget_past(t, rec.time_ns - rec.cpu);
	}
	if (t->counts.lives > 16)
		abort();
	proctable_free(t);
	free(copy);
	return 0;
}
