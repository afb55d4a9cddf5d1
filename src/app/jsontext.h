/* SPDX-License-Identifier: MIT */
/*
 * Bytes as JSON strings. The library for JSON wants UTF-8, and names of files need not be that:
 * within it, and between the daemon and who asks it, a byte that is not part of any character
 * is a character of the last private ones, U+10FF80 to U+10FFFF. People and programs see none
 * of this: these functions alone make, print and read such strings.
 */
#ifndef FSMON_APP_JSONTEXT_H
#define FSMON_APP_JSONTEXT_H

#include "base/buf.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A JSON string of any bytes. The caller drops the reference. NULL with ENOMEM. */
json_t *jsontext_bytes(const void *bytes, size_t len);

/* Likewise of a NUL-terminated string; "" for NULL. */
json_t *jsontext_str(const char *s);

/* A member of an object: a string, else ""; a number that is not negative, else 0. */
const char *jsontext_get(const json_t *object, const char *key);
uint64_t jsontext_number(const json_t *object, const char *key);

/* Append the bytes that a string was made of; none for what is no string. Returns 0, or -1 with
 * ENOMEM. */
int jsontext_add(struct buf *b, const json_t *string);

/* Append them as buf_add_vis does, for people. */
int jsontext_add_vis(struct buf *b, const json_t *string);

/* Print them in that way as a line, behind a word of ours. */
void jsontext_show(FILE *out, const char *before, const json_t *string);

/* Print a value, indented, and a newline, with strings as core/text/jsonbytes writes them. Returns
 * 0, or -1 with ENOMEM. */
int jsontext_print(const json_t *value, FILE *out);

#endif
