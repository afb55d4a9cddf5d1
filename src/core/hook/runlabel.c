/* SPDX-License-Identifier: MIT */
#include "core/hook/runlabel.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void runlabel_write(
	char text[RUNLABEL_BYTES], const char *rule, uint64_t run_id, uint32_t depth)
{
	assert(run_id > 0 && depth > 0);
	snprintf(text, RUNLABEL_BYTES, "%s %" PRIu64 " %" PRIu32, rule, run_id, depth);
}

int runlabel_parse(struct runlabel *out, const char *text)
{
	static_assert(RULE_NAME_MAX == 48, "as sscanf is told");
	char same[RUNLABEL_BYTES] = "";
	*out = (struct runlabel){0};
	int fields = sscanf(text, "%48[A-Za-z0-9._-] %" SCNu64 " %" SCNu32, out->rule,
		&out->run_id, &out->depth);
	/* sscanf is lenient: what is written again has to be the same. */
	if (fields == 3 && out->run_id > 0 && out->depth > 0)
		runlabel_write(same, out->rule, out->run_id, out->depth);
	if (*same && strcmp(same, text) == 0)
		return 0;
	*out = (struct runlabel){0};
	errno = EINVAL;
	return -1;
}
