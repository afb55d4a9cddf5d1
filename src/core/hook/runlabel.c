/* SPDX-License-Identifier: MIT */
#include "core/hook/runlabel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

void runlabel_write(
	char text[RUNLABEL_BYTES], const char *rule, uint64_t run_id, uint32_t depth)
{
	snprintf(text, RUNLABEL_BYTES, "%s %" PRIu64 " %" PRIu32, rule, run_id, depth);
}

/* A number from 1 up to `max`, as printf(3) writes it, and what ends it. */
static bool parse_number(const char **at, char end, uint64_t max, uint64_t *out)
{
	char *rest;
	if (**at < '1' || **at > '9')
		return false;
	errno = 0;
	*out = strtoull(*at, &rest, 10);
	if (errno || *out > max || *rest != end)
		return false;
	*at = rest + 1;
	return true;
}

int runlabel_parse(struct runlabel *out, const char *text)
{
	uint64_t depth;
	size_t len = strspn(text, NAME_CHARS);
	const char *at = text + len + 1;
	*out = (struct runlabel){0};
	if (len == 0 || len > RULE_NAME_MAX || text[len] != ' ' ||
		!parse_number(&at, ' ', UINT64_MAX, &out->run_id) ||
		!parse_number(&at, '\0', UINT32_MAX, &depth)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(out->rule, text, len);
	out->depth = (uint32_t)depth;
	return 0;
}
