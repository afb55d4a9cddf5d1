/* SPDX-License-Identifier: MIT */
#include "core/jsonbytes.h"

#include "base/countof.h"
#include "base/utf8.h"

#include <string.h>

/* One character, or a byte that is part of none. */
struct unit {
	size_t len;
	uint32_t code;
	bool is_text; /* a character */
};

static struct unit unit_at(const char *s, size_t len)
{
	struct unit u = {.code = (unsigned char)*s};
	u.len = utf8_take(s, len, &u.code);
	u.is_text = u.len > 0;
	if (!u.is_text)
		u.len = 1;
	return u;
}

/* Whether it stands in a JSON string as it is. */
static bool is_plain(const struct unit *u)
{
	return u->is_text && u->code != '"' && u->code != '\\' &&
	       !utf8_is_control(u->code);
}

static void add_escaped(struct buf *out, const struct unit *u)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	if (!u->is_text)
		buf_printf(out, "\\udc%02x", u->code);
	else if (u->code == '"' || u->code == '\\')
		buf_printf(out, "\\%c", (char)u->code);
	else if (u->code < countof(letters) && letters[u->code])
		buf_printf(out, "\\%c", letters[u->code]);
	else
		buf_printf(out, "\\u%04x", u->code);
}

int jsonbytes_add(struct buf *out, const char *text)
{
	const char *end = text + strlen(text), *plain = text;
	buf_add(out, "\"", 1);
	while (text < end) {
		struct unit u = unit_at(text, (size_t)(end - text));
		text += u.len;
		if (is_plain(&u))
			continue;
		buf_add(out, plain, (size_t)(text - plain) - u.len);
		add_escaped(out, &u);
		plain = text;
	}
	buf_add(out, plain, (size_t)(end - plain));
	return buf_add(out, "\"", 1);
}
