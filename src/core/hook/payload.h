/* SPDX-License-Identifier: MIT */
/* What a hook reads on its standard input: the events of its job (`stdin` in fsmon.conf(5)). */
#ifndef FSMON_CORE_HOOK_PAYLOAD_H
#define FSMON_CORE_HOOK_PAYLOAD_H

#include "base/buf.h"
#include "core/rule/rule.h"
#include "core/rule/view.h"

/*
 * Append one event: for RULE_STDIN_PATHS the value of FSMON_PATH and a newline, whatever
 * bytes it holds; for RULE_STDIN_PATHS0 with a NUL; for RULE_STDIN_JSON an object on one
 * line with the variables of the event, in lower case without FSMON_, `events` an array,
 * ids and depth numbers, what is unknown null, and `truncated` true where the event stands for all
 * below it; for RULE_STDIN_NONE nothing. An event without
 * a path is an empty one. Returns 0, or -1 with ENOMEM: then out->failed is set, and what it
 * holds is of no use.
 */
int payload_add(struct buf *out, enum rule_stdin kind, const struct view *v);

#endif
