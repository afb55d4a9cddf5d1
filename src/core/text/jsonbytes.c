/* SPDX-License-Identifier: MIT */
#include "core/text/jsonbytes.h"

#include "base/utf8.h"

#include <string.h>

/* Append the character or byte at the front, escaped. Returns how many bytes that were. */
static size_t add_escaped(struct buf *out, const char *s, size_t len)
{
	static const char letters[] = {['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\'};
	uint32_t code;
	size_t n = utf8_take(s, len, &code);
	if (n == 0)
		buf_printf(out, "\\udc%02x", (unsigned char)*s);
	else if (code < sizeof(letters) && letters[code])
		buf_printf(out, "\\%c", letters[code]);
	else
		buf_printf(out, "\\u%04x", code);
	return n > 0 ? n : 1;
}

int jsonbytes_add(struct buf *out, const char *text)
{
	size_t len = strlen(text);
	buf_add(out, "\"", 1);
	for (size_t i = 0; i < len;) {
		size_t plain = utf8_visible(text + i, len - i, "\"\\");
		buf_add(out, text + i, plain);
		i += plain;
		if (i < len)
			i += add_escaped(out, text + i, len - i);
	}
	return buf_add(out, "\"", 1);
}
