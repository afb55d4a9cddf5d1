/* SPDX-License-Identifier: MIT */
#include "core/record/fanrec.h"

#include "base/countof.h"
#include "core/record/event.h"

#include <string.h>

/* struct file_handle of fcntl.h, without its flexible array. */
struct handle_head {
	uint32_t len;
	int32_t type;
};

/* The bytes of one info record behind its header. */
struct info {
	const unsigned char *bytes;
	size_t len;
};

/* Take a field off the front of an info record. */
static bool take(struct info *info, void *out, size_t size)
{
	if (info->len < size)
		return false;
	memcpy(out, info->bytes, size);
	info->bytes += size;
	info->len -= size;
	return true;
}

/* Likewise a file handle. In a record with a name, the name is what remains then. */
static bool take_handle(struct info *info, struct fanrec_handle *out)
{
	struct handle_head head;
	if (!take(info, &head, sizeof(head)) || head.len > FANREC_HANDLE_MAX ||
		head.len > info->len)
		return false;
	/* An object that the kernel could not encode has no bytes, and type FILEID_INVALID. */
	*out = (struct fanrec_handle){
		.bytes = head.len > 0 ? info->bytes : NULL,
		.len = head.len,
		.type = head.type,
	};
	info->bytes += head.len;
	info->len -= head.len;
	return true;
}

static bool decode_fid(struct info info, uint8_t kind, struct fanrec *out)
{
	struct fanrec_handle handle;
	if (!take(&info, &out->fsid, sizeof(out->fsid)) || !take_handle(&info, &handle))
		return false;
	if (kind == FAN_EVENT_INFO_TYPE_FID) {
		out->target = handle;
		return true;
	}
	if (kind != FAN_EVENT_INFO_TYPE_DFID && !memchr(info.bytes, '\0', info.len))
		return false;
	struct fanrec_place *place =
		kind == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME ? &out->new_place : &out->place;
	place->dir = handle;
	place->name = kind == FAN_EVENT_INFO_TYPE_DFID ? "." : (const char *)info.bytes;
	return true;
}

/* Decode one info record; a kind that is not known is skipped. */
static bool decode_info(struct info info, uint8_t kind, struct fanrec *out)
{
	switch (kind) {
	case FAN_EVENT_INFO_TYPE_FID:
	case FAN_EVENT_INFO_TYPE_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_DFID:
	case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
		return decode_fid(info, kind, out);
	case FAN_EVENT_INFO_TYPE_PIDFD:
		return take(&info, &out->pidfd, sizeof(out->pidfd));
	case FAN_EVENT_INFO_TYPE_ERROR:
		return take(&info, &out->fs_error, sizeof(out->fs_error)) &&
		       take(&info, &out->fs_error_count, sizeof(out->fs_error_count));
	default:
		return true;
	}
}

static bool decode_infos(const unsigned char *bytes, size_t len, struct fanrec *out)
{
	struct fanotify_event_info_header head;
	for (; len >= sizeof(head); bytes += head.len, len -= head.len) {
		memcpy(&head, bytes, sizeof(head));
		if (head.len < sizeof(head) || head.len > len)
			return false;
		struct info info = {bytes + sizeof(head), head.len - sizeof(head)};
		if (!decode_info(info, head.info_type, out))
			return false;
	}
	return len == 0;
}

bool fanrec_next(
	const void *buf, size_t len, size_t *at, struct fanrec *out, unsigned *bad)
{
	struct fanotify_event_metadata meta;
	while (*at < len) {
		const unsigned char *bytes = (const unsigned char *)buf + *at;
		size_t left = len - *at;
		if (left < sizeof(meta))
			break;
		memcpy(&meta, bytes, sizeof(meta));
		if (meta.event_len < sizeof(meta) || meta.event_len > left)
			break;
		*at += meta.event_len;
		*out = (struct fanrec){.mask = meta.mask, .pid = meta.pid, .pidfd = -1};
		if (meta.vers == FANOTIFY_METADATA_VERSION &&
			meta.metadata_len >= sizeof(meta) &&
			meta.metadata_len <= meta.event_len &&
			decode_infos(bytes + meta.metadata_len,
				meta.event_len - meta.metadata_len, out))
			return true;
		if (bad)
			(*bad)++;
	}
	if (*at < len && bad)
		(*bad)++;
	*at = len;
	return false;
}

/* ---- Masks ---- */

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

uint64_t fanrec_mask(uint32_t kinds)
{
	uint64_t mask = 0;
	if (kinds & EVENT_RENAMES)
		kinds |= EVENT_RENAME;
	/* Not FAN_MODIFY: a record for each write costs whoever writes as much again. */
	if (kinds & EVENT_UNWRITTEN)
		kinds |= EVENT_CREATE;
	kinds &= ~(uint32_t)EVENT_OVERFLOW; /* comes by itself, and cannot be asked for */
	for (size_t i = 0; i < countof(pairs); i++) {
		if (kinds & pairs[i].kind)
			mask |= pairs[i].bit;
	}
	return mask;
}

uint32_t fanrec_kinds(uint64_t mask)
{
	uint32_t kinds = 0;
	for (size_t i = 0; i < countof(pairs); i++) {
		if (mask & pairs[i].bit)
			kinds |= pairs[i].kind;
	}
	return kinds;
}
