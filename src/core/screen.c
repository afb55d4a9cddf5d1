/* SPDX-License-Identifier: MIT */
#include "core/screen.h"

#include "base/countof.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* What a terminal would act on. */
static const struct {
	uint32_t first, last;
} acting[] = {
	{0x00, 0x08},
	{0x0b, 0x1f},
	{0x7f, 0x9f},
	{0x200e, 0x200f},
	{0x2028, 0x202e},
	{0x2066, 0x2069},
	{0xfff9, 0xfffb},
};

static bool is_acting(uint32_t code)
{
	for (size_t i = 0; i < countof(acting); i++) {
		if (code >= acting[i].first && code <= acting[i].last)
			return true;
	}
	return false;
}

int screen_add(struct buf *b, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;
	for (size_t i = 0; i < len;) {
		uint32_t code;
		size_t n = utf8_take(s + i, len - i, &code);
		if (n > 0 && !is_acting(code)) {
			buf_add(b, s + i, n);
			i += n;
			continue;
		}
		for (size_t end = i + (n > 0 ? n : 1); i < end; i++)
			buf_printf(b, "\\%03o", s[i]);
	}
	return buf_add(b, "", 0);
}
