/* SPDX-License-Identifier: MIT */
/* What `fsmon status` says, as JSON (fsmon(8) documents it), and as text for people. */
#ifndef FSMON_APP_TALK_REPORT_H
#define FSMON_APP_TALK_REPORT_H

#include "app/actors/actors.h"
#include "app/events/pipeline.h"
#include "app/jobs/jobs.h"
#include "app/watch/filesystems.h"
#include "app/watch/fronts.h"
#include "app/events/symlinks.h"
#include "core/conf/conf.h"
#include "core/rule/table.h"

#include <jansson.h>
#include <stdio.h>

/* What a report is made from; all is borrowed. */
struct report_parts {
	const struct table *rules;
	const struct filesystems *filesystems;
	const struct symlinks
		*symlinks; /* on the ways of paths; NULL: nothing is said of them */
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

/* Where each path of a rule that is, or leads through, a symbolic link leads, as objects. The caller
 * drops the reference. */
json_t *report_links(const struct rule *r, const struct fronts *fronts);

/* Likewise one path; NULL if it leads through no link. */
json_t *report_link(const struct fronts_item *item);

/* Print such a list or one of its objects, a line each behind `indent`. */
void report_print_links(json_t *links, const char *indent, FILE *out);
void report_print_link(json_t *link, const char *indent, FILE *out);

/* Print a report as text. */
void report_print(json_t *report, FILE *out);

#endif
