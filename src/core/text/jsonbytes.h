/* SPDX-License-Identifier: MIT */
/*
 * Strings of JSON that hold any bytes. A library for JSON refuses what is not UTF-8, and
 * names of files need not be.
 */
#ifndef FSMON_CORE_TEXT_JSONBYTES_H
#define FSMON_CORE_TEXT_JSONBYTES_H

#include "base/buf.h"

/*
 * Append a NUL-terminated string with its quotes, so that nothing in it acts on a terminal:
 * control characters (utf8_is_control) are escaped, other UTF-8 is as it was, and a byte that
 * is not part of well-formed UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF for 0x80 to 0xff.
 * That is Python's surrogateescape: os.fsencode(json.loads(...)) gives the bytes back. Returns
 * 0, or -1 with ENOMEM.
 */
int jsonbytes_add(struct buf *out, const char *s);

#endif
