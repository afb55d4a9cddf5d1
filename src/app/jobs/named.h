/* SPDX-License-Identifier: MIT */
/* What is remembered of a rule by its name, over reloads. */
#ifndef FSMON_APP_JOBS_NAMED_H
#define FSMON_APP_JOBS_NAMED_H

#include "app/jobs/jobs_values.h"
#include "core/rule/rule.h"

#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct named {
	UT_hash_handle hh; /* named_table.by_name */
	uint64_t id; /* from 1 */
	struct jobs_counters counters; /* without what the scheduler counts */
	bool is_full; /* events are being dropped, and that has been said */
	uint64_t paused_until_ns; /* CLOCK_REALTIME; 0: it is not paused */
	char name[RULE_NAME_MAX + 1];
};

/* All zero is an empty one. */
struct named_table {
	struct named *by_name;
	uint64_t last_id;
};

/* What is remembered by a name, from now on where it is new; it lives as long as the table.
 * Returns NULL with ENOMEM. */
struct named *named_get(struct named_table *t, const char *name);

/* Forget all; the table is empty afterwards. */
void named_fini(struct named_table *t);

/* The tag of the processes that descend from a run of the rule. It is never 0. */
uint64_t named_tag(const struct named *n, uint64_t run_id);

/* Whether a tag is that of a run of the rule. */
bool named_is_tag(const struct named *n, uint64_t tag);

#endif
