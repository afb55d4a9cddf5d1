/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/countof.h"

/* The Unicode Standard, table 3-7. Bytes behind the second are 0x80 to 0xbf. */
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

size_t utf8_take(const void *bytes, size_t len, uint32_t *code)
{
	const unsigned char *s = bytes;
	if (len > 0 && s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	const struct utf8_row *row = len >= 2 ? find_row(s) : NULL;
	if (!row || row->len > len)
		return 0;
	uint32_t number = s[0] & (0x7fu >> row->len);
	for (size_t i = 1; i < row->len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		number = number << 6 | (s[i] & 0x3f);
	}
	*code = number;
	return row->len;
}

/* Characters that do something rather than show something, behind those of ASCII. */
static const struct {
	uint32_t first, last;
} controls[] = {
	{0x7f, 0x9f},
	{0x061c, 0x061c},
	{0x200e, 0x200f},
	{0x2028, 0x202e},
	{0x2066, 0x2069},
	{0xfff9, 0xfffb},
};

bool utf8_is_control(uint32_t code)
{
	if (code < controls[0].first)
		return code < ' ';
	for (size_t i = 0; i < countof(controls); i++) {
		if (code >= controls[i].first && code <= controls[i].last)
			return true;
	}
	return false;
}

/* ASCII at the front, without `a` and `b`: most of all text. */
static size_t ascii_visible(const unsigned char *s, size_t len, int a, int b)
{
	size_t n = 0;
	while (n < len && s[n] >= ' ' && s[n] <= '~' && s[n] != a && s[n] != b)
		n++;
	return n;
}

size_t utf8_visible(const void *bytes, size_t len, const char except[2])
{
	const unsigned char *s = bytes;
	size_t n = ascii_visible(s, len, except[0], except[1]);
	uint32_t code;
	while (n < len && s[n] >= 0x80) {
		size_t taken = utf8_take(s + n, len - n, &code);
		if (taken == 0 || utf8_is_control(code))
			break;
		n += taken;
		n += ascii_visible(s + n, len - n, except[0], except[1]);
	}
	return n;
}

size_t utf8_count(const char *s)
{
	size_t count = 0;
	for (; *s; s++)
		count += ((unsigned char)*s & 0xc0) != 0x80;
	return count;
}
