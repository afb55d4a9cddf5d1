/* SPDX-License-Identifier: MIT */
/* What a hook reads on its standard input: the events of its job, see `stdin` in
 * fsmon-hook(7). */
#ifndef FSMON_CORE_PAYLOAD_H
#define FSMON_CORE_PAYLOAD_H

#include "base/buf.h"
#include "core/event.h"
#include "core/rule.h"

#include <stdint.h>

/* One event of a job as its rule sees it. All is borrowed for the call. */
struct payload_event {
	const struct event *event; /* its own path and old_path are not looked at */
	const char *path; /* the event's, or the rule's own view of it; may be NULL */
	const char *old_path; /* likewise */
	uint32_t kind; /* what it is for the rule: one bit of enum event_kind */
};

/*
 * Append one event: for RULE_STDIN_PATHS the value of FSMON_PATH and a newline, whatever
 * bytes it holds; for RULE_STDIN_PATHS0 with a NUL; for RULE_STDIN_JSON an object on one
 * line with the variables of the event, in lower case without FSMON_, `events` an array,
 * ids and depth numbers, what is unknown null; for RULE_STDIN_NONE nothing. An event without
 * a path is an empty one. Returns 0, or -1 with ENOMEM: then out->failed is set, and what it
 * holds is of no use.
 */
int payload_add(struct buf *out, enum rule_stdin kind, const struct payload_event *e);

#endif
