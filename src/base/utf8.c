/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/countof.h"

size_t utf8_take(const void *bytes, size_t len, uint32_t *code)
{
	/* The least character of each length: a lesser one has a shorter form. */
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = bytes;
	if (len > 0 && s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	if (len == 0 || s[0] < 0xc0 || s[0] > 0xf7)
		return 0;
	size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	uint32_t number = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		number = number << 6 | (s[i] & 0x3f);
	}
	bool is_surrogate = number >= 0xd800 && number <= 0xdfff;
	if (number < least[n] || number > 0x10ffff || is_surrogate)
		return 0;
	*code = number;
	return n;
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
