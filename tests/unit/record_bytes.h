/* SPDX-License-Identifier: MIT */
/* Records of a fanotify group made by hand, as fanotify(7) lays them out. */
#ifndef FSMON_TESTS_UNIT_RECORD_BYTES_H
#define FSMON_TESTS_UNIT_RECORD_BYTES_H

#include "base/buf.h"

#include <linux/fanotify.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Begin a record; its length is set by every info that follows. Returns where it begins. */
static inline size_t record_begin(struct buf *b, uint64_t mask, int32_t pid)
{
	struct fanotify_event_metadata meta = {
		.event_len = sizeof(meta),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = sizeof(meta),
		.mask = mask,
		.fd = FAN_NOFD,
		.pid = pid,
	};
	size_t at = b->len;
	buf_add(b, &meta, sizeof(meta));
	return at;
}

static inline void record_set_len(struct buf *b, size_t record)
{
	uint32_t len = (uint32_t)(b->len - record);
	memcpy(b->data + record, &len, sizeof(len));
}

/* Add an info record of any kind; `claim` is added to the length that it says it has. */
static inline void record_add_info(struct buf *b, size_t record, uint8_t kind,
	const void *bytes, size_t len, int claim)
{
	struct fanotify_event_info_header head = {
		.info_type = kind, .len = (uint16_t)((int)(sizeof(head) + len) + claim)};
	buf_add(b, &head, sizeof(head));
	buf_add(b, bytes, len);
	record_set_len(b, record);
}

/* Add a file handle, and a name unless that is NULL, padded as the kernel does it. */
static inline void record_add_fid(struct buf *b, size_t record, uint8_t kind,
	uint64_t fsid, const void *handle, size_t handle_len, const char *name)
{
	static const char zeros[4] = {0};
	struct buf info = {0};
	uint32_t len = (uint32_t)handle_len;
	int32_t type = len ? 1 : 0xff;
	buf_add(&info, &fsid, sizeof(fsid));
	buf_add(&info, &len, sizeof(len));
	buf_add(&info, &type, sizeof(type));
	buf_add(&info, handle, len);
	if (name)
		buf_add(&info, name, strlen(name) + 1);
	buf_add(&info, zeros, (4 - info.len % 4) % 4);
	record_add_info(b, record, kind, info.data, info.len, 0);
	buf_fini(&info);
}

#endif
