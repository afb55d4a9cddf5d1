/* SPDX-License-Identifier: MIT */
#include "core/record/nameless.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What changes where a file is. */
#define MOVING (FAN_CREATE | FAN_DELETE | FAN_RENAME)

/* Whether the handle is of this inode: every filesystem puts the number's low half into it as a
 * word. */
static bool is_handle_of(const struct fanrec_handle *handle, uint64_t ino)
{
	for (size_t i = 0; i + sizeof(uint32_t) <= handle->len; i += sizeof(uint32_t)) {
		uint32_t word;
		memcpy(&word, handle->bytes + i, sizeof(word));
		if (word == (uint32_t)ino)
			return true;
	}
	return false;
}

bool nameless_is_one(const struct fanrec *r)
{
	const char *name = r->place.name;
	if (!name || name[0] != '#' || (r->mask & MOVING) || !r->target.bytes)
		return false;
	char *end;
	unsigned long long ino = strtoull(name + 1, &end, 10);
	return ino && !*end && is_handle_of(&r->target, ino);
}

static bool is_same(const struct fanrec_handle *a, const struct fanrec_handle *b)
{
	return a->bytes && b->bytes && a->type == b->type && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool is_same_place(const struct fanrec_place *a, const struct fanrec_place *b)
{
	return a->name && b->name && strcmp(a->name, b->name) == 0 &&
	       is_same(&a->dir, &b->dir);
}

static bool is_same_file(const struct fanrec *a, const struct fanrec *b)
{
	return a->fsid == b->fsid && is_same(&a->target, &b->target);
}

/* The head of the record at an offset. Returns false if there is none. */
static bool peek(
	const void *bytes, size_t len, size_t at, struct fanotify_event_metadata *head)
{
	if (len < at || len - at < sizeof(*head))
		return false;
	memcpy(head, (const unsigned char *)bytes + at, sizeof(*head));
	return head->event_len >= sizeof(*head) && head->event_len <= len - at;
}

/* The next record from *at on that moves something; the others are not decoded. */
static bool next_move(const void *bytes, size_t len, size_t *at, struct fanrec *out)
{
	struct fanotify_event_metadata head;
	while (peek(bytes, len, *at, &head) && !(head.mask & MOVING))
		*at += head.event_len;
	return fanrec_next(bytes, len, at, out, NULL);
}

/* Let the search begin no farther back than it may. */
static void move_from(struct nameless_records *around)
{
	struct fanotify_event_metadata head;
	while (around->at - around->from > NAMELESS_REACH_BYTES) {
		if (!peek(around->bytes, around->at, around->from, &head)) {
			around->from = around->at;
			return;
		}
		around->from += head.event_len;
	}
}

/* Whether what was at a place is not there any more. */
static bool takes_away(const struct fanrec *r, const struct fanrec_place *place)
{
	return is_same_place(&r->new_place, place) ||
	       ((r->mask & (FAN_DELETE | FAN_RENAME)) && is_same_place(&r->place, place));
}

static bool find_before(
	struct nameless_records *around, const struct fanrec *r, struct fanrec_place *out)
{
	struct fanrec other;
	bool has_place = false;
	move_from(around);
	for (size_t at = around->from;
		next_move(around->bytes, around->at, &at, &other);) {
		const struct fanrec_place *to =
			other.new_place.dir.bytes ? &other.new_place : &other.place;
		if (has_place && takes_away(&other, out))
			has_place = false;
		if (!is_same_file(&other, r) || !to->dir.bytes ||
			!(other.mask & (FAN_CREATE | FAN_RENAME)))
			continue;
		*out = *to;
		has_place = true;
	}
	return has_place;
}

static bool find_behind(const struct nameless_records *around, const struct fanrec *r,
	struct fanrec_place *out)
{
	struct fanrec other;
	size_t left = around->len - around->at;
	size_t end = left < NAMELESS_REACH_BYTES ? around->len
						 : around->at + NAMELESS_REACH_BYTES;
	for (size_t at = around->at; next_move(around->bytes, end, &at, &other);) {
		if (is_same_file(&other, r) && (other.mask & MOVING) &&
			other.place.dir.bytes) {
			*out = other.place;
			return true;
		}
	}
	return false;
}

bool nameless_find_place(
	struct nameless_records *around, const struct fanrec *r, struct fanrec_place *out)
{
	assert(around->from <= around->at && around->at <= around->len);
	return find_before(around, r, out) || find_behind(around, r, out);
}
