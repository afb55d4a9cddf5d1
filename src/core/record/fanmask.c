/* SPDX-License-Identifier: MIT */
#include "core/record/fanmask.h"

#include "base/countof.h"
#include "core/record/event.h"

static const struct {
	uint64_t bit;
	uint32_t kind;
} pairs[] = {
	{FAN_CREATE, EVENT_CREATE},
	{FAN_DELETE, EVENT_DELETE},
	{FAN_CLOSE_WRITE, EVENT_CLOSE_WRITE},
	{FAN_RENAME, EVENT_RENAME},
	{FAN_ATTRIB, EVENT_ATTRIB},
	{FAN_MODIFY, EVENT_MODIFY},
	{FAN_OPEN, EVENT_OPEN},
	{FAN_ACCESS, EVENT_ACCESS},
	{FAN_CLOSE_NOWRITE, EVENT_CLOSE_NOWRITE},
	{FAN_OPEN_EXEC, EVENT_OPEN_EXEC},
	{FAN_FS_ERROR, EVENT_FS_ERROR},
	{FAN_Q_OVERFLOW, EVENT_OVERFLOW},
};

uint64_t fanmask_of_kinds(uint32_t kinds)
{
	uint64_t mask = 0;
	if (kinds & EVENT_RENAMES)
		kinds |= EVENT_RENAME;
	if (kinds & EVENT_CREATE_UNWRITTEN)
		kinds |= EVENT_CREATE;
	kinds &= ~(uint32_t)EVENT_OVERFLOW; /* comes by itself, and cannot be asked for */
	for (size_t i = 0; i < countof(pairs); i++) {
		if (kinds & pairs[i].kind)
			mask |= pairs[i].bit;
	}
	return mask;
}

uint32_t fanmask_kinds(uint64_t mask)
{
	uint32_t kinds = 0;
	for (size_t i = 0; i < countof(pairs); i++) {
		if (mask & pairs[i].bit)
			kinds |= pairs[i].kind;
	}
	return kinds;
}
