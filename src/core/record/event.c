/* SPDX-License-Identifier: MIT */
#include "core/record/event.h"

#include "base/countof.h"
#include "core/text/suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/*
 * The names of kinds, one for each, stand in the middle. Those that are only ours are behind
 * them. In front are those that only inotify(7) and fanotify(7) have, which are used with IN_
 * or FAN_, as all but ours are; a `_` is a `-` here.
 */
static const struct event_name {
	const char *name;
	uint32_t mask;
} event_names[] = {
	{"close", EVENT_CLOSE_WRITE | EVENT_CLOSE_NOWRITE},
	{"delete-self", EVENT_DELETE},
	{"move", EVENT_RENAMES},
	{"move-self", EVENT_RENAMES},
	{"q-overflow", EVENT_OVERFLOW},
	{"all-events", EVENT_ALL},

	{"open-exec", EVENT_OPEN_EXEC},
	{"open", EVENT_OPEN},
	{"access", EVENT_ACCESS},
	{"close-nowrite", EVENT_CLOSE_NOWRITE},
	{"create", EVENT_CREATE},
	{"modify", EVENT_MODIFY},
	{"attrib", EVENT_ATTRIB},
	{"close-write", EVENT_CLOSE_WRITE},
	{"moved-to", EVENT_MOVED_TO},
	{"moved-from", EVENT_MOVED_FROM},
	{"rename", EVENT_RENAMES},
	{"delete", EVENT_DELETE},
	{"fs-error", EVENT_FS_ERROR},

	{"overflow", EVENT_OVERFLOW},
	{"changed", EVENT_CHANGED},
	{"all", EVENT_ALL},
};

#define THEIRS_ONLY 6
#define OURS_ONLY 3
#define OURS (event_names + THEIRS_ONLY)
#define OURS_COUNT (countof(event_names) - THEIRS_ONLY)

/* Whether a name is one that is known, in any case and with `_` for `-`. */
static bool is_name(const char *known, const char *name)
{
	while (*known && (tolower((unsigned char)*name) == *known ||
				 (*name == '_' && *known == '-'))) {
		known++;
		name++;
	}
	return *known == *name;
}

/* The part of an alias behind IN_ or FAN_, or NULL if the name begins with neither. */
static const char *alias_stem(const char *name)
{
	if (strncasecmp(name, "in_", 3) == 0 || strncasecmp(name, "in-", 3) == 0)
		return name + 3;
	if (strncasecmp(name, "fan_", 4) == 0 || strncasecmp(name, "fan-", 4) == 0)
		return name + 4;
	return NULL;
}

uint32_t event_mask_by_name(const char *name)
{
	const char *stem = alias_stem(name);
	size_t i = stem ? 0 : THEIRS_ONLY;
	size_t end = stem ? countof(event_names) - OURS_ONLY : countof(event_names);
	for (; i < end; i++) {
		if (is_name(event_names[i].name, stem ? stem : name))
			return event_names[i].mask;
	}
	return 0;
}

const char *event_kind_name(uint32_t kind)
{
	if (kind == EVENT_RENAME)
		return "rename"; /* the name stands for all three in the table */
	if (kind & (kind - 1))
		return NULL;
	for (size_t i = 0; i < OURS_COUNT; i++) {
		if (OURS[i].mask == kind)
			return OURS[i].name;
	}
	return NULL;
}

uint32_t event_kind_newest(uint32_t kinds)
{
	return kinds ? UINT32_C(1) << (31 - __builtin_clz(kinds)) : 0;
}

uint32_t event_asked_by(uint32_t kinds)
{
	if (kinds & EVENT_RENAME)
		kinds |= EVENT_RENAMES;
	if (kinds & (EVENT_CREATE | EVENT_MODIFY) && !(kinds & EVENT_CLOSE_WRITE))
		kinds |= EVENT_UNWRITTEN;
	return kinds;
}

const char *event_name_nearest(const char *name)
{
	const char *stem = alias_stem(name);
	return suggest_nearest(stem ? stem : name, OURS, OURS_COUNT, sizeof(OURS[0]));
}

const char *event_type_name(enum event_type type)
{
	static const char *const names[] = {
		[EVENT_TYPE_GONE] = "",
		[EVENT_TYPE_FILE] = "file",
		[EVENT_TYPE_DIR] = "dir",
		[EVENT_TYPE_SYMLINK] = "symlink",
		[EVENT_TYPE_OTHER] = "other",
	};
	return (size_t)type < countof(names) ? names[type] : "";
}
