/* SPDX-License-Identifier: MIT */
/* Text of strangers, for a terminal. */
#ifndef FSMON_CORE_SCREEN_H
#define FSMON_CORE_SCREEN_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Append bytes so that they can be read as they were meant and do nothing to a terminal:
 * newlines, tabs and the characters of UTF-8 stay; control characters, those that turn the
 * direction of writing, and what is not UTF-8 become a backslash and three octal digits a
 * byte. A backslash stays one: this is for eyes, not for unvis(3). Returns 0, or -1 with
 * ENOMEM.
 */
int screen_add(struct buf *b, const void *bytes, size_t len);

#endif
