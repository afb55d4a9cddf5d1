/* SPDX-License-Identifier: MIT */
/* What `fsmon status` says, as JSON (fsmon(8) documents it), and as text for people. */
#ifndef FSMON_APP_TALK_REPORT_H
#define FSMON_APP_TALK_REPORT_H

#include "app/actors/actors.h"
#include "app/events/pipeline.h"
#include "app/jobs/jobs.h"
#include "app/watch/filesystems.h"
#include "core/conf/conf.h"
#include "core/rule/table.h"

#include <jansson.h>
#include <stdio.h>

/* What a report is made from; all is borrowed. */
struct report_parts {
	const struct table *rules;
	const struct filesystems *filesystems;
	struct jobs *jobs;
	const struct pipeline *pipeline;
	const struct actors *actors;
	const struct conf *conf; /* the messages of the load in force */
	int group;
	bool is_dry;
};

/* The report, or NULL when out of memory. The caller drops the reference. */
json_t *report_make(const struct report_parts *parts);

/* Where a rule lands. The caller drops the references. */
struct report_landing {
	json_t *watched; /* mount points of the filesystems on which it is watched */
	json_t *refused; /* likewise where it is not, each with its type and the reason */
	size_t watched_count, refused_count; /* listed or not */
};

/* Say where a rule lands, with at most `max` of the mount points on each list. */
struct report_landing report_landing(const struct table *rules, uint32_t rule,
	const struct filesystems *f, size_t max);

/* Print a report as text. */
void report_print(json_t *report, FILE *out);

#endif
