/* SPDX-License-Identifier: MIT */
#include "core/text/value.h"

#include "base/countof.h"
#include "core/text/suggest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_QUOTE_MAX 60

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"ms", UINT64_C(1000000)},
	{"s", UINT64_C(1000000000)},
	{"min", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{"d", UINT64_C(86400000000000)},
};

/* What people write for a unit, and what it is here. */
static const struct {
	const char *written;
	const char *meant;
} duration_habits[] = {
	{"sec", "s"},
	{"secs", "s"},
	{"second", "s"},
	{"seconds", "s"},
	{"m", "min"},
	{"mins", "min"},
	{"minute", "min"},
	{"minutes", "min"},
	{"msec", "ms"},
	{"hour", "h"},
	{"hours", "h"},
	{"hr", "h"},
	{"day", "d"},
	{"days", "d"},
};

static const struct unit sizes[] = {
	{"", 1},
	{"K", UINT64_C(1) << 10},
	{"M", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},
};

void value_quote(struct buf *b, const char *text, size_t len)
{
	buf_add_str(b, "\"");
	buf_add_vis(b, text, len < VALUE_QUOTE_MAX ? len : VALUE_QUOTE_MAX);
	buf_add_str(b, len > VALUE_QUOTE_MAX ? "...\"" : "\"");
}

int value_refuse(
	struct buf *why, const char *before, const char *text, const char *fmt, ...)
{
	buf_add_str(why, before);
	value_quote(why, text, strlen(text));
	if (fmt) {
		char after[200];
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(after, sizeof(after), fmt, ap);
		va_end(ap);
		buf_add_str(why, after);
	}
	errno = EINVAL;
	return -1;
}

/* Digits at the front of *text, which moves behind them. Returns -1 if there are none,
 * else 0; a number that does not fit is larger than any limit here. */
static int take_digits(const char **text, uint64_t *out)
{
	char *end;
	if (!isdigit((unsigned char)**text))
		return -1;
	*out = strtoull(*text, &end, 10);
	*text = end;
	return 0;
}

static const struct unit *find_unit(
	const struct unit *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static int refuse_duration_unit(const char *text, const char *unit, struct buf *why)
{
	int digits = (int)strspn(text, "0123456789");
	if (!*unit)
		return value_refuse(why, "the duration ", text,
			" has no unit; did you mean %.20ss?", text);
	for (size_t i = 0; i < countof(duration_habits); i++) {
		if (strcasecmp(duration_habits[i].written, unit) == 0)
			return value_refuse(why, "unknown unit in ", text,
				"; did you mean %.*s%s?", digits < 20 ? digits : 20, text,
				duration_habits[i].meant);
	}
	return value_refuse(
		why, "unknown unit in ", text, "; the units are ms, s, min, h and d");
}

int value_duration(const char *text, uint64_t *out, struct buf *why)
{
	const char *p = text;
	uint64_t n;
	if (take_digits(&p, &n) < 0 || *p == '.' || *p == ',')
		return value_refuse(why,
			"expected a whole number and a unit, such as 500ms, 2s, 1min, 1h "
			"or 1d, found ",
			text, NULL);
	if (strcmp(text, "0") == 0) {
		*out = 0;
		return 0;
	}
	p += strspn(p, " \t");
	const struct unit *unit = find_unit(durations, countof(durations), p);
	if (!unit)
		return refuse_duration_unit(text, p, why);
	if (__builtin_mul_overflow(n, unit->factor, &n) || n > VALUE_DURATION_MAX_NS)
		return value_refuse(why, "the duration ", text,
			" is too long; the longest is 36500d");
	*out = n;
	return 0;
}

int value_size(const char *text, uint64_t *out, struct buf *why)
{
	const char *p = text;
	uint64_t n;
	if (take_digits(&p, &n) < 0 || *p == '.' || *p == ',')
		return value_refuse(why,
			"expected a whole number of bytes, or one with K, M, G or T, "
			"found ",
			text, NULL);
	p += strspn(p, " \t");
	char name[2] = {(char)toupper((unsigned char)*p), '\0'};
	const struct unit *unit = find_unit(sizes, countof(sizes), name);
	bool has_tail = *p && p[1];
	if (unit && has_tail &&
		(strcasecmp(p + 1, "B") == 0 || strcasecmp(p + 1, "iB") == 0))
		return value_refuse(why, "unknown unit in ", text,
			"; did you mean %" PRIu64 "%s?", n, unit->name);
	if (!unit || has_tail)
		return value_refuse(why, "unknown unit in ", text,
			"; the units are K, M, G and T, or none for bytes");
	if (__builtin_mul_overflow(n, unit->factor, &n) || n > INT64_MAX)
		return value_refuse(why, "the size ", text, " is too large");
	*out = n;
	return 0;
}

int value_rate(const char *text, struct timing_rate *out, struct buf *why)
{
	if (strcmp(text, "none") == 0) {
		*out = (struct timing_rate){0};
		return 0;
	}
	const char *p = text;
	uint64_t count;
	if (take_digits(&p, &count) < 0 || *p != '/' || count == 0 || count > UINT32_MAX)
		return value_refuse(why,
			"expected a count, a slash and a duration, such as 10/1min, "
			"found ",
			text, NULL);
	p++;
	if (find_unit(durations, countof(durations), p))
		return value_refuse(why, "the rate ", text,
			" has no number before its unit; did you mean %" PRIu64 "/1%s?",
			count, p);
	uint64_t per_ns;
	if (value_duration(p, &per_ns, why) < 0)
		return -1;
	if (per_ns == 0)
		return value_refuse(why, "the rate ", text, " has a period of nothing");
	*out = (struct timing_rate){.count = (uint32_t)count, .per_ns = per_ns};
	return 0;
}

int value_number(
	const char *text, uint64_t min, uint64_t max, uint64_t *out, struct buf *why)
{
	const char *p = text;
	uint64_t n;
	assert(min <= max);
	if (take_digits(&p, &n) < 0 || *p || n < min || n > max) {
		buf_printf(why,
			"expected a whole number from %" PRIu64 " to %" PRIu64 ", found ",
			min, max);
		return value_refuse(why, "", text, NULL);
	}
	*out = n;
	return 0;
}

int value_choice(const char *text, const struct value_name *table, size_t count,
	unsigned *out, struct buf *why)
{
	assert(count > 0);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, text) == 0) {
			*out = table[i].value;
			return 0;
		}
	}
	const char *nearest = suggest_nearest(text, table, count, sizeof(table[0]));
	if (nearest)
		return value_refuse(
			why, "unknown value ", text, "; did you mean %s?", nearest);
	value_refuse(why, "unknown value ", text, "; expected ");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_str(why, i + 1 < count ? ", " : " or ");
		buf_add_str(why, table[i].name);
	}
	errno = EINVAL;
	return -1;
}
