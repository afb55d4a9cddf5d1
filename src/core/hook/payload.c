/* SPDX-License-Identifier: MIT */
#include "core/hook/payload.h"

#include "core/hook/hookvars.h"
#include "core/text/jsonbytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Names of events hold nothing that needs to be escaped. */
static void add_names(struct buf *out, const char *names)
{
	buf_add(out, "[", 1);
	for (const char *s = names; *s;) {
		size_t len = strcspn(s, ",");
		buf_add_str(out, s == names ? "\"" : ",\"");
		buf_add(out, s, len);
		buf_add(out, "\"", 1);
		s += len;
		s += *s == ',';
	}
	buf_add(out, "]", 1);
}

/* buf_printf would format it twice. */
static void add_number(struct buf *out, uint64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64, number);
	buf_add(out, text, (size_t)len);
}

static void add_value(struct buf *out, const struct hookvars_value *v)
{
	switch (v->type) {
	case HOOKVARS_TEXT:
		jsonbytes_add(out, v->text);
		break;
	case HOOKVARS_NUMBER:
		add_number(out, v->number);
		break;
	case HOOKVARS_NAMES:
		add_names(out, v->text);
		break;
	default:
		buf_add_str(out, "null");
	}
}

static void add_json(struct buf *out, const struct view *v)
{
	const struct hookvars_variable *variable;
	struct hookvars_value value;
	for (size_t i = 0; (variable = hookvars_get(i, v, &value)); i++) {
		buf_add_str(out, i == 0 ? "{\"" : ",\"");
		buf_add_str(out, variable->key);
		buf_add_str(out, "\":");
		add_value(out, &value);
	}
	if (v->change->event.covers_below)
		buf_add_str(out, ",\"truncated\":true");
	buf_add_str(out, "}\n");
}

int payload_add(struct buf *out, enum rule_stdin kind, const struct view *v)
{
	if (kind == RULE_STDIN_JSON) {
		add_json(out, v);
	} else if (kind != RULE_STDIN_NONE) {
		buf_add_str(out, view_path(v));
		buf_add(out, kind == RULE_STDIN_PATHS ? "\n" : "", 1);
	}
	/* An append that failed makes all later ones fail, so this one tells of each. */
	return buf_add(out, "", 0);
}
