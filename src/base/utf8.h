/* SPDX-License-Identifier: MIT */
/* UTF-8, of which bytes from outside may or may not be. */
#ifndef FSMON_BASE_UTF8_H
#define FSMON_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character that `len` bytes begin with, and its number in *code;
 * 0 if there is none. */
size_t utf8_take(const void *bytes, size_t len, uint32_t *code);

#endif
