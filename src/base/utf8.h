/* SPDX-License-Identifier: MIT */
/* UTF-8, which bytes from outside may be or not. */
#ifndef FSMON_BASE_UTF8_H
#define FSMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character that `len` bytes begin with, and its number in *code;
 * 0 if there is none. */
size_t utf8_take(const void *bytes, size_t len, uint32_t *code);

/* Whether a terminal acts on a character or moves others about for it: ASCII control
 * characters, C1, separators of lines, and what turns the direction of writing. */
bool utf8_is_control(uint32_t code);

/* How many bytes at the front show something: well-formed characters that are no control
 * characters, nor one of two of ASCII (0: none). */
size_t utf8_visible(const void *bytes, size_t len, const char except[2]);

/* How many characters a string of well-formed UTF-8 has. */
size_t utf8_count(const char *s);

#endif
