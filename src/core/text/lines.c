/* SPDX-License-Identifier: MIT */
#include "core/text/lines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Remember the last bytes of the stream. */
static void keep_tail(struct lines *l, const char *bytes, size_t len)
{
	if (!l->tail && !(l->tail = malloc(LINES_TAIL_BYTES)))
		return;
	if (len > LINES_TAIL_BYTES) {
		bytes += len - LINES_TAIL_BYTES;
		len = LINES_TAIL_BYTES;
	}
	size_t keep = LINES_TAIL_BYTES - len;
	if (keep > l->tail_len)
		keep = l->tail_len;
	memmove(l->tail, l->tail + l->tail_len - keep, keep);
	memcpy(l->tail + keep, bytes, len);
	l->tail_len = keep + len;
}

/* Put a piece without a newline behind the pending ones; it fits. */
static void keep_piece(struct lines *l, const char *bytes, size_t len)
{
	if (!l->pending && !(l->pending = malloc(LINES_MAX_BYTES))) {
		l->take(l->ctx, bytes, len);
		return;
	}
	memcpy(l->pending + l->pending_len, bytes, len);
	l->pending_len += len;
}

void lines_feed(struct lines *l, const char *bytes, size_t len)
{
	assert(l->take);
	if (len > 0)
		keep_tail(l, bytes, len);
	while (len > 0) {
		size_t room = LINES_MAX_BYTES - l->pending_len;
		size_t span = len < room ? len : room;
		const char *end = memchr(bytes, '\n', span);
		size_t n = end ? (size_t)(end - bytes) : span;
		if (end && l->pending_len == 0) {
			l->take(l->ctx, bytes, n);
		} else if (n > 0) {
			keep_piece(l, bytes, n);
		}
		if (l->pending_len > 0 && (end || l->pending_len == LINES_MAX_BYTES))
			lines_finish(l);
		if (end)
			n++;
		bytes += n;
		len -= n;
	}
}

void lines_finish(struct lines *l)
{
	size_t len = l->pending_len;
	l->pending_len = 0;
	if (len > 0)
		l->take(l->ctx, l->pending, len);
}

void lines_fini(struct lines *l)
{
	free(l->pending);
	free(l->tail);
	*l = (struct lines){0};
}
