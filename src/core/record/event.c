/* SPDX-License-Identifier: MIT */
#include "core/record/event.h"

#include "base/countof.h"
#include "core/text/suggest.h"

#include <ctype.h>
#include <string.h>

#define EVENT_NAME_MAX 32

struct event_name {
	const char *name;
	uint32_t mask;
};

/* One name for each kind; the groups stand behind them. */
static const struct event_name event_names[] = {
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

/* Of inotify(7) and fanotify(7), without their IN_ and FAN_; a `_` is a `-` here. */
static const struct event_name event_aliases[] = {
	{"access", EVENT_ACCESS},
	{"modify", EVENT_MODIFY},
	{"attrib", EVENT_ATTRIB},
	{"open", EVENT_OPEN},
	{"open-exec", EVENT_OPEN_EXEC},
	{"close-write", EVENT_CLOSE_WRITE},
	{"close-nowrite", EVENT_CLOSE_NOWRITE},
	{"close", EVENT_CLOSE_WRITE | EVENT_CLOSE_NOWRITE},
	{"create", EVENT_CREATE},
	{"delete", EVENT_DELETE},
	{"delete-self", EVENT_DELETE},
	{"moved-to", EVENT_MOVED_TO},
	{"moved-from", EVENT_MOVED_FROM},
	{"move", EVENT_RENAMES},
	{"move-self", EVENT_RENAMES},
	{"rename", EVENT_RENAMES},
	{"fs-error", EVENT_FS_ERROR},
	{"q-overflow", EVENT_OVERFLOW},
	{"all-events", EVENT_ALL},
};

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

static uint32_t find_name(const struct event_name *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0)
			return table[i].mask;
	}
	return 0;
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
	if (stem)
		return find_name(event_aliases, countof(event_aliases), stem);
	return find_name(event_names, countof(event_names), folded);
}

const char *event_kind_name(uint32_t kind)
{
	if (kind == EVENT_RENAME)
		return "rename"; /* the name stands for all three in the table */
	if (kind & (kind - 1))
		return NULL;
	for (size_t i = 0; i < countof(event_names); i++) {
		if (event_names[i].mask == kind)
			return event_names[i].name;
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
	return suggest_nearest(stem ? stem : folded, event_names, countof(event_names),
		sizeof(event_names[0]));
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
