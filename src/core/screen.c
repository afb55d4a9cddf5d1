/* SPDX-License-Identifier: MIT */
#include "core/screen.h"

#include "base/utf8.h"

int screen_add(struct buf *b, const void *bytes, size_t len)
{
	const char *s = bytes;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_take_visible(s + i, len - i);
		if (s[i] == '\n' || s[i] == '\t')
			n = 1;
		if (n > 0)
			buf_add(b, s + i, n);
		else
			buf_printf(b, "\\%03o", (unsigned char)s[i]);
		i += n > 0 ? n : 1;
	}
	return buf_add(b, "", 0);
}
