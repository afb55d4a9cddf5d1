/* SPDX-License-Identifier: MIT */
/* An event as one rule sees it: what a hook, the history and the log say of it. */
#ifndef FSMON_CORE_RULE_VIEW_H
#define FSMON_CORE_RULE_VIEW_H

#include "core/record/event.h"
#include "core/rule/change.h"

#include <stdint.h>

/* A plain value. Its paths live as long as the change, so whoever keeps a view holds a
 * reference to that. */
struct view {
	struct change *change;
	uint32_t kind; /* what the change is for the rule: one bit of enum event_kind */
	enum event_type
		type; /* of the file; EVENT_TYPE_GONE of what was deleted, also where
				 another link of it is left, and if nothing is known of it */
	const char *path; /* of a rename the new one; NULL if it is not visible */
	const char *old_path; /* of a rename; NULL otherwise or if it is not visible */
};

/* The view that a rule has whose globs match as `hit` says; hit NULL: the paths are those
 * of the event itself. It borrows the change. */
struct view view_of(struct change *c, uint32_t kind, const struct change_hit *hit);

/* The path that the event is about, as FSMON_PATH says it: of `moved-from` the old one, of
 * all other kinds the new one. "" where that is not visible; never NULL. */
const char *view_path(const struct view *v);

#endif
