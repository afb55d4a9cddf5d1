/* SPDX-License-Identifier: MIT */
#include "core/jsonbytes.h"

#include "base/countof.h"

/* Well-formed UTF-8 of several bytes: The Unicode Standard, table 3-7. Bytes behind the
 * second are 0x80 to 0xbf. */
static const struct utf8_row {
	unsigned char first_min, first_max, second_min, second_max;
	unsigned char len;
} utf8_rows[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2},
	{0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3},
	{0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct utf8_row *find_row(const unsigned char *s)
{
	for (size_t i = 0; i < countof(utf8_rows); i++) {
		const struct utf8_row *row = &utf8_rows[i];
		if (s[0] >= row->first_min && s[0] <= row->first_max)
			return s[1] >= row->second_min && s[1] <= row->second_max ? row
										  : NULL;
	}
	return NULL;
}

/* Bytes of the character of several bytes at s, which ends with a NUL; 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	const struct utf8_row *row = find_row(s);
	if (!row)
		return 0;
	for (size_t i = 2; i < row->len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return row->len;
}

/* Bytes at s that stand in a JSON string as they are: one character, or 0. */
static size_t plain_len(const unsigned char *s)
{
	if (*s < 0x80)
		return *s >= ' ' && *s != '"' && *s != '\\' && *s != 0x7f;
	bool is_c1 = s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f;
	return is_c1 ? 0 : utf8_len(s);
}

/* Escape what is no plain character. Returns the bytes that are dealt with. */
static size_t add_escaped(struct buf *out, const unsigned char *s)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	char letter = *s < countof(letters) ? letters[*s] : (char)*s;
	if (*s >= 0x80 && utf8_len(s) == 2) {
		buf_printf(out, "\\u%04x", s[1]);
		return 2;
	}
	if (*s >= 0x80)
		buf_printf(out, "\\udc%02x", *s);
	else if (letter && *s != 0x7f)
		buf_printf(out, "\\%c", letter);
	else
		buf_printf(out, "\\u%04x", *s);
	return 1;
}

int jsonbytes_add(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	buf_add(out, "\"", 1);
	while (*s) {
		size_t run = 0;
		for (size_t n; s[run] && (n = plain_len(s + run)) > 0;)
			run += n;
		buf_add(out, s, run);
		s += run;
		if (*s)
			s += add_escaped(out, s);
	}
	return buf_add(out, "\"", 1);
}
