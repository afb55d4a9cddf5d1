/* SPDX-License-Identifier: MIT */
#include "app/jsontext.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The character for byte 0; those for 0x80 to 0xff are used. */
#define BYTE_BASE UINT32_C(0x10ff00)

static bool is_byte(uint32_t code)
{
	return code >= BYTE_BASE + 0x80;
}

/* Append the character for a byte from 0x80 on. */
static void add_byte(struct buf *b, unsigned char byte)
{
	const unsigned char text[] = {
		0xf4, 0x8f, 0xbe | (byte >> 6 & 1), 0x80 | (byte & 0x3f)};
	buf_add(b, text, sizeof(text));
}

json_t *jsontext_bytes(const void *bytes, size_t len)
{
	const char *s = bytes;
	struct buf b = {0};
	buf_add(&b, "", 0);
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t code;
		n = utf8_take(s + i, len - i, &code);
		if (n > 0 && !is_byte(code)) {
			buf_add(&b, s + i, n);
		} else {
			add_byte(&b, (unsigned char)s[i]);
			n = 1;
		}
	}
	json_t *string = b.failed ? NULL : json_stringn(b.data, b.len);
	buf_fini(&b);
	return string;
}

json_t *jsontext_str(const char *s)
{
	return jsontext_bytes(s ? s : "", s ? strlen(s) : 0);
}

const char *jsontext_get(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

uint64_t jsontext_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));
	return n > 0 ? (uint64_t)n : 0;
}

int jsontext_add(struct buf *b, const json_t *string)
{
	const char *s = json_string_value(string);
	size_t len = json_string_length(string);
	uint32_t code;
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_take(s + i, len - i, &code);
		if (is_byte(code))
			buf_add(b, &(char){(char)(code - BYTE_BASE)}, 1);
		else
			buf_add(b, s + i, n);
	}
	return buf_add(b, "", 0);
}

int jsontext_add_vis(struct buf *b, const json_t *string)
{
	struct buf bytes = {0};
	int rc = jsontext_add(&bytes, string);
	if (rc == 0)
		rc = buf_add_vis(b, bytes.data, bytes.len);
	buf_fini(&bytes);
	return rc;
}

void jsontext_show(FILE *out, const char *before, const json_t *string)
{
	struct buf text = {0};
	if (jsontext_add_vis(&text, string) == 0)
		fprintf(out, "%s%s\n", before, text.data);
	buf_fini(&text);
}

int jsontext_print(const json_t *value, FILE *out)
{
	char *text = json_dumps(value, JSON_INDENT(2));
	size_t len = text ? strlen(text) : 0;
	uint32_t code;
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_take(text + i, len - i, &code);
		if (is_byte(code))
			fprintf(out, "\\udc%02x", code - BYTE_BASE);
		else if (code != '\n' && utf8_is_control(code))
			fprintf(out, "\\u%04x", code);
		else
			fwrite(text + i, 1, n, out);
	}
	if (text)
		fputc('\n', out);
	free(text);
	errno = text ? errno : ENOMEM;
	return text ? 0 : -1;
}
