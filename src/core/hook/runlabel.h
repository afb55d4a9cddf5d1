/* SPDX-License-Identifier: MIT */
/* A run's label, "RULE RUN-ID DEPTH": a line of text by which a later worker knows whose
 * the processes of the run are. */
#ifndef FSMON_CORE_HOOK_RUNLABEL_H
#define FSMON_CORE_HOOK_RUNLABEL_H

#include "core/rule/rule.h"

#include <stdint.h>

/* With the blanks, the numbers and the NUL. */
#define RUNLABEL_BYTES (RULE_NAME_MAX + 1 + 20 + 1 + 10 + 1)

struct runlabel {
	char rule[RULE_NAME_MAX + 1];
	uint64_t run_id; /* from 1 */
	uint32_t depth; /* how many hooks deep its processes are, from 1 */
};

/* Write a label. `rule` is the name of a rule. */
void runlabel_write(
	char text[RUNLABEL_BYTES], const char *rule, uint64_t run_id, uint32_t depth);

/* Read one. Returns 0, or -1 with EINVAL: runlabel_write does not write such a text. */
__attribute__((warn_unused_result)) int runlabel_parse(
	struct runlabel *out, const char *text);

#endif
