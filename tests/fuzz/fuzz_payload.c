/* SPDX-License-Identifier: MIT */
/*
 * Any bytes in the strings of an event: what json makes of it is one line, which a library
 * for JSON takes once the lone surrogates are gone, and the path in it is the path again.
 * Input: a byte for the kind, then path, old path, name, command line and user, each with
 * its NUL.
 */
#include "core/hook/payload.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "{\"path\":\""

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static unsigned take_hex(const char *s)
{
	char digits[5] = {0};
	memcpy(digits, s, 4);
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Undo one escape: the bytes go to out. Returns how many there are. */
static size_t unescape(const char *s, char *out)
{
	static const char letters[] = "\"\\bfnrt", bytes[] = "\"\\\b\f\n\r\t";
	const char *letter = strchr(letters, s[1]);
	if (letter) {
		*out = bytes[letter - letters];
		return 1;
	}
	must(s[1] == 'u');
	unsigned code = take_hex(s + 2);
	if (code >= 0xdc80 && code <= 0xdcff) {
		*out = (char)(code - 0xdc00);
		return 1;
	}
	must(code < 0xa0);
	if (code < 0x80) {
		*out = (char)code;
		return 1;
	}
	out[0] = (char)0xc2;
	out[1] = (char)code;
	return 2;
}

/* The string that begins at s, behind its quote, is these bytes. */
static void check_string(const char *s, const char *bytes)
{
	char *text = calloc(1, strlen(s) + 1);
	size_t len = 0;
	must(text);
	while (*s != '"') {
		if (*s == '\\') {
			len += unescape(s, text + len);
			s += s[1] == 'u' ? 6 : 2;
		} else {
			text[len++] = *s++;
		}
	}
	must(strcmp(text, bytes) == 0);
	free(text);
}

/* Make ordinary characters of lone surrogates. */
static void replace_surrogates(char *s)
{
	for (; *s; s++) {
		if (s[0] != '\\')
			continue;
		if (s[1] == 'u' && take_hex(s + 2) >= 0xdc00)
			memcpy(s + 2, "0020", 4);
		s++;
	}
}

static void check_json(struct buf *out, const char *path)
{
	must(out->len > 1 &&
		memchr(out->data, '\n', out->len) == out->data + out->len - 1);
	if (path && *path) {
		must(strncmp(out->data, FIRST, strlen(FIRST)) == 0);
		check_string(out->data + strlen(FIRST), path);
	}
	replace_surrogates(out->data);
	json_t *object = json_loadb(out->data, out->len, JSON_REJECT_DUPLICATES, NULL);
	must(object && json_object_size(object) == 20);
	json_decref(object);
}

/* The next string of the input, which ends with a NUL. */
static const char *take(const char **at, const char *end)
{
	const char *s = *at;
	*at = s < end ? s + strlen(s) + 1 : end;
	return s < end ? s : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *input = calloc(1, size);
	if (!input)
		return 0;
	memcpy(input, data + 1, size - 1);
	const char *at = input, *end = input + size;
	struct change change = {
		.event.kinds = data[0], .actor = {.uid = data[0], .pid = data[0]}};
	struct view view = {.change = &change, .kind = UINT32_C(1) << data[0] % 14};
	view.path = take(&at, end);
	view.old_path = take(&at, end);
	const char *cmd = take(&at, end);
	strlcpy(change.actor.program.comm, cmd ? cmd : "",
		sizeof(change.actor.program.comm));
	change.actor.program.cmdline = (char *)(uintptr_t)take(&at, end);
	change.actor.user = (char *)(uintptr_t)take(&at, end);
	struct buf out = {0};
	if (payload_add(&out, RULE_STDIN_JSON, &view) == 0)
		check_json(&out, view_path(&view));
	buf_fini(&out);
	free(input);
	return 0;
}
