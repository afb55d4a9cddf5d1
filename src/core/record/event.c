/* SPDX-License-Identifier: MIT */
#include "core/record/event.h"

#include "base/countof.h"
#include "core/text/suggest.h"

#include <ctype.h>
#include <string.h>

#define EVENT_NAME_MAX 32

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

/* Lower case, `-` for `_`. Returns false if the name is too long to be one. */
static bool fold_name(const char *name, char out[EVENT_NAME_MAX])
{
	size_t i = 0;
	for (; name[i] && i < EVENT_NAME_MAX - 1; i++) {
		char lower = (char)tolower((unsigned char)name[i]);
		out[i] = lower == '_' ? '-' : lower;
	}
	out[i] = '\0';
	return !name[i];
}

/* The part of an alias behind IN_ or FAN_, or NULL if the name begins with neither. */
static const char *alias_stem(const char *folded)
{
	if (strncmp(folded, "in-", 3) == 0)
		return folded + 3;
	if (strncmp(folded, "fan-", 4) == 0)
		return folded + 4;
	return NULL;
}

uint32_t event_mask_by_name(const char *name)
{
	char folded[EVENT_NAME_MAX];
	if (!fold_name(name, folded))
		return 0;
	const char *stem = alias_stem(folded);
	size_t i = stem ? 0 : THEIRS_ONLY;
	size_t end = stem ? countof(event_names) - OURS_ONLY : countof(event_names);
	for (; i < end; i++) {
		if (strcmp(event_names[i].name, stem ? stem : folded) == 0)
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

const char *event_name_nearest(const char *name)
{
	char folded[EVENT_NAME_MAX];
	if (!fold_name(name, folded))
		return NULL;
	const char *stem = alias_stem(folded);
	return suggest_nearest(stem ? stem : folded, OURS, OURS_COUNT, sizeof(OURS[0]));
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
