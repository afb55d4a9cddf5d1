/* SPDX-License-Identifier: MIT */
/* File events: their kinds, the names of the kinds, and masks of kinds, see
 * fsmon.conf(5). */
#ifndef FSMON_CORE_RECORD_EVENT_H
#define FSMON_CORE_RECORD_EVENT_H

#include "core/proc/actor.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Kinds, as bits. Their order is the order of a file's life, so the highest bit of
 * several merged ones is the newest: what FSMON_EVENT says.
 */
enum event_kind {
	EVENT_OPEN_EXEC = 1 << 0,
	EVENT_OPEN = 1 << 1,
	EVENT_ACCESS = 1 << 2,
	EVENT_CLOSE_NOWRITE = 1 << 3,
	EVENT_CREATE = 1 << 4,
	EVENT_MODIFY = 1 << 5,
	EVENT_ATTRIB = 1 << 6,
	EVENT_CLOSE_WRITE = 1 << 7,
	EVENT_MOVED_TO = 1 << 8, /* a rename whose new path alone matches the rule */
	EVENT_MOVED_FROM = 1 << 9, /* a rename whose old path alone matches the rule */
	EVENT_RENAME = 1 << 10, /* in a rule's mask, the other two are set with it */
	EVENT_DELETE = 1 << 11,
	EVENT_FS_ERROR = 1 << 12,
	EVENT_OVERFLOW = 1 << 13,
	/* In a rule's mask only: create and modify of what no close-write follows (directory,
	 * symlink, device; a file that nobody has open for writing). */
	EVENT_UNWRITTEN = 1 << 14,
};

#define EVENT_RENAMES (EVENT_MOVED_TO | EVENT_MOVED_FROM | EVENT_RENAME)
#define EVENT_CHANGED (EVENT_CLOSE_WRITE | EVENT_RENAMES | EVENT_DELETE | EVENT_UNWRITTEN)
#define EVENT_ALL (EVENT_UNWRITTEN - 1)

/* What kind of file an event is about. */
enum event_type {
	EVENT_TYPE_GONE = 0, /* gone before fsmon looked; event.is_dir is known */
	EVENT_TYPE_FILE,
	EVENT_TYPE_DIR,
	EVENT_TYPE_SYMLINK,
	EVENT_TYPE_OTHER,
};

/*
 * One file change as rules see it. The strings and the actor are borrowed for as long as
 * the call that is given the event lasts.
 */
struct event {
	uint32_t kinds; /* all that were merged (enum event_kind) */
	bool is_dir; /* the kernel said that it is a directory */
	bool covers_below; /* it stands for all that is below the directory, too, which could
			      not be told one by one */
	bool is_unwritten; /* it was created or modified, and no close-write follows */
	bool is_back; /* it was deleted, and is there again under its name */
	const char *path; /* absolute; of a rename the new one; NULL: not visible */
	const char *old_path; /* of a rename; NULL: not visible */
	bool type_known; /* somebody has looked at what follows */
	enum event_type type; /* EVENT_TYPE_GONE also where nobody has */
	uint32_t nlink; /* hard links; where it is not gone */
	uint64_t size_bytes; /* likewise */
	const struct actor *actor; /* who did it */
	uint64_t time_ns; /* CLOCK_REALTIME at which it was read */
};

/*
 * The mask for a name: an event, a group (`changed`, `all`), or an alias (`IN_MOVED_TO`,
 * `FAN_CREATE`, `IN_ALL_EVENTS` …), in any case, `_` the same as `-`. Returns 0 if
 * unknown.
 */
uint32_t event_mask_by_name(const char *name);

/* The name of one kind (exactly one bit), or NULL. Static. */
const char *event_kind_name(uint32_t kind);

/* The newest kind of several: the highest bit, as one bit; 0 for 0. */
uint32_t event_kind_newest(uint32_t kinds);

/* What a rule's mask must have one of for an event of these kinds to concern the rule. */
uint32_t event_asked_by(uint32_t kinds);

/* The known name (events and groups, not aliases) nearest to a misspelt one, or NULL.
 * Static. */
const char *event_name_nearest(const char *name);

/* "file", "dir", "symlink", "other", or "" for gone. Static. */
const char *event_type_name(enum event_type type);

#endif
