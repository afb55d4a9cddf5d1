/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vis.h>

#define BUF_VIS_FLAGS (VIS_CSTYLE | VIS_OCTAL | VIS_NL | VIS_TAB)

/* Make room for more bytes and a NUL behind them. */
static int buf_reserve(struct buf *b, size_t more)
{
	if (b->failed || more > SIZE_MAX / 2 - b->len)
		goto fail;
	if (b->len + more + 1 <= b->size)
		return 0;
	size_t size = b->size ? b->size : 64;
	while (size < b->len + more + 1)
		size *= 2;
	char *data = realloc(b->data, size);
	if (!data)
		goto fail;
	b->data = data;
	b->size = size;
	return 0;
fail:
	b->failed = true;
	errno = ENOMEM;
	return -1;
}

int buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (buf_reserve(b, len) < 0)
		return -1;
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || buf_reserve(b, (size_t)len) < 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
	return 0;
}

/* How many bytes at the front stay as they are whatever follows. */
static size_t buf_plain_len(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && s[n] >= ' ' && s[n] <= '~' && s[n] != '\\')
		n++;
	return n;
}

int buf_add_vis(struct buf *b, const void *bytes, size_t len)
{
	/* strvisx(3) needs four bytes for each and one for the NUL, and much time. */
	if (buf_reserve(b, len > SIZE_MAX / 8 ? SIZE_MAX : len * 4) < 0)
		return -1;
	size_t plain = buf_plain_len(bytes, len);
	/* Of a single byte it would look at the next one too, which is not ours. */
	if (plain > 0 && plain + 1 == len)
		plain--;
	buf_add(b, bytes, plain);
	if (plain == len)
		return 0;
	const char *rest = (const char *)bytes + plain;
	int n = strvisx(b->data + b->len, rest, len - plain, BUF_VIS_FLAGS);
	if (n > 0)
		b->len += (size_t)n;
	b->data[b->len] = '\0';
	return 0;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_take(struct buf *b)
{
	if (!b->data && !b->failed)
		buf_add(b, "", 0);
	if (b->failed) {
		buf_fini(b);
		errno = ENOMEM;
		return NULL;
	}
	char *data = b->data;
	*b = (struct buf){0};
	return data;
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}
