/* SPDX-License-Identifier: MIT */
#include "core/screen.h"

#include "base/utf8.h"

int screen_add(struct buf *b, const void *bytes, size_t len)
{
	const char *s = bytes;
	for (size_t i = 0; i < len; i++) {
		size_t shown = utf8_visible(s + i, len - i, "");
		buf_add(b, s + i, shown);
		i += shown;
		if (i < len && (s[i] == '\n' || s[i] == '\t'))
			buf_add(b, s + i, 1);
		else if (i < len)
			buf_printf(b, "\\%03o", (unsigned char)s[i]);
	}
	return buf_add(b, "", 0);
}
