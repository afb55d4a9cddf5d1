/* SPDX-License-Identifier: MIT */
/* Bytes as JSON strings. */
#ifndef FSMON_APP_JSONTEXT_H
#define FSMON_APP_JSONTEXT_H

#include <jansson.h>
#include <stddef.h>

/* A JSON string of any bytes, escaped as the log escapes them (buf_add_vis). The caller drops
 * the reference. NULL with ENOMEM. */
json_t *jsontext_bytes(const void *bytes, size_t len);

/* Likewise of a NUL-terminated string; "" for NULL. */
json_t *jsontext_str(const char *s);

#endif
