/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Make room for more bytes and a NUL behind them. */
static int reserve(struct buf *b, size_t more)
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
	if (reserve(b, len) < 0)
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
	if (len < 0 || reserve(b, (size_t)len) < 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
	return 0;
}

static void add_escape(struct buf *b, unsigned char c)
{
	static const char letters[] = {['\a'] = 'a',
		['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\v'] = 'v',
		['\f'] = 'f',
		['\r'] = 'r',
		['\\'] = '\\'};
	if (c < sizeof(letters) && letters[c])
		buf_printf(b, "\\%c", letters[c]);
	else
		buf_printf(b, "\\%03o", c);
}

/* Lines and tabs are good for a screen. */
static void add_screen_escape(struct buf *b, unsigned char c)
{
	if (c == '\n' || c == '\t')
		buf_add(b, &c, 1);
	else
		buf_printf(b, "\\%03o", c);
}

/* Append what shows something as it is, but for the characters in `except`. */
static int add_visible(struct buf *b, const char *s, size_t len, const char except[2],
	void (*escape)(struct buf *b, unsigned char c))
{
	/* A byte takes four at most. */
	if (reserve(b, len > SIZE_MAX / 8 ? SIZE_MAX : len) < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		size_t plain = utf8_visible(s + i, len - i, except);
		buf_add(b, s + i, plain);
		i += plain;
		if (i < len)
			escape(b, (unsigned char)s[i]);
	}
	return buf_add(b, "", 0);
}

int buf_add_vis(struct buf *b, const void *bytes, size_t len)
{
	return add_visible(b, bytes, len, "\\", add_escape);
}

int buf_add_screen(struct buf *b, const void *bytes, size_t len)
{
	return add_visible(b, bytes, len, "\0", add_screen_escape);
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
