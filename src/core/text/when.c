/* SPDX-License-Identifier: MIT */
#include "core/text/when.h"

#include "base/countof.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S UINT64_C(1000000000)
#define DAY_NS (86400 * NS_PER_S)
#define AFTER_2500 INT64_C(16725225600)

static const char zone_blanks[] = " \t";

static bool take_two_digits(const char **p, int *out)
{
	if (!isdigit((unsigned char)(*p)[0]) || !isdigit((unsigned char)(*p)[1]))
		return false;
	*out = ((*p)[0] - '0') * 10 + ((*p)[1] - '0');
	*p += 2;
	return true;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* `2026-11-23`, in *t. */
static bool take_date(const char **p, struct tm *t)
{
	const size_t len = strlen("2026-11-23");
	const char *end = strptime(*p, "%Y-%m-%d", t);
	/* It takes shorter numbers too, and blanks before them. */
	if (!end || (size_t)(end - *p) != len || strcspn(*p, zone_blanks) < len)
		return false;
	*p = end;
	/* timegm(3) takes what is no date for another one. */
	struct tm same = *t;
	timegm(&same);
	return t->tm_year >= 70 && same.tm_mon == t->tm_mon;
}

/* `.25`: digits behind the ninth do not count. */
static bool take_fraction(const char **p, uint64_t *ns)
{
	uint64_t unit = NS_PER_S / 10;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		*ns += unit * (uint64_t)(**p - '0');
		unit /= 10;
	}
	return true;
}

/* `04:00`, `04:00:05`, `04:00:05.25`, in *t and *ns. */
static bool take_clock(const char **p, struct tm *t, uint64_t *ns)
{
	if (!take_two_digits(p, &t->tm_hour) || !take_char(p, ':') ||
		!take_two_digits(p, &t->tm_min))
		return false;
	if (take_char(p, ':') && (!take_two_digits(p, &t->tm_sec) ||
					 (take_char(p, '.') && !take_fraction(p, ns))))
		return false;
	return t->tm_hour <= 23 && t->tm_min <= 59 && t->tm_sec <= 59;
}

/* `Z`, `UTC`, `+01:00`, `+0100`: how many seconds it is ahead of UTC. */
static bool take_zone(const char **p, int64_t *ahead_s)
{
	int hours, minutes;
	*p += strspn(*p, zone_blanks);
	*ahead_s = 0;
	if (strcasecmp(*p, "z") == 0 || strcasecmp(*p, "utc") == 0) {
		*p += strlen(*p);
		return true;
	}
	bool is_behind = **p == '-';
	if (!is_behind && **p != '+')
		return false;
	(*p)++;
	if (!take_two_digits(p, &hours))
		return false;
	take_char(p, ':');
	if (!take_two_digits(p, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ahead_s = (is_behind ? -1 : 1) * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
	return true;
}

static bool set_utc(struct when *w, const struct tm *t, int64_t ahead_s, uint64_t ns)
{
	struct tm utc = *t;
	int64_t s = timegm(&utc) - ahead_s;
	if (s < 0 || s > AFTER_2500)
		return false;
	w->is_local = false;
	w->ns = (uint64_t)s * NS_PER_S + ns;
	return true;
}

/* The midnight that a local day began with. */
static struct tm midnight(const struct tm *local)
{
	return (struct tm){.tm_mday = local->tm_mday,
		.tm_mon = local->tm_mon,
		.tm_year = local->tm_year,
		.tm_isdst = -1};
}

/* A date, a time, or both, and perhaps a zone. */
static bool parse_date(const char *text, const struct tm *local_now, struct when *w)
{
	struct tm t = midnight(local_now);
	const char *p = text;
	uint64_t ns = 0;
	int64_t ahead_s;
	bool has_date = strchr(text, '-') == text + 4;
	if (has_date && !take_date(&p, &t))
		return false;
	bool has_clock = !has_date || *p == 'T' || *p == 't' ||
			 isdigit((unsigned char)p[strspn(p, zone_blanks)]);
	if (has_date && has_clock)
		p += *p == 'T' || *p == 't' ? 1 : strspn(p, zone_blanks);
	if (has_clock && !take_clock(&p, &t, &ns))
		return false;
	if (*p)
		return take_zone(&p, &ahead_s) && *p == '\0' &&
		       set_utc(w, &t, ahead_s, ns);
	if (t.tm_year > 2500 - 1900)
		return false;
	*w = (struct when){.is_local = true, .local = t, .ns = ns};
	return true;
}

/* `now`, `today`, `yesterday`. */
static bool parse_word(
	const char *text, uint64_t now_ns, const struct tm *local_now, struct when *w)
{
	bool is_yesterday = strcasecmp(text, "yesterday") == 0;
	if (strcasecmp(text, "now") == 0) {
		*w = (struct when){.ns = now_ns};
		return true;
	}
	if (!is_yesterday && strcasecmp(text, "today") != 0)
		return false;
	*w = (struct when){.is_local = true, .local = midnight(local_now)};
	/* mktime(3) takes a day before the first of the month for what it is. */
	w->local.tm_mday -= is_yesterday;
	return true;
}

/* `2h`, `2h ago`. Returns 0, or -1 with what value_duration says. */
static int parse_back(const char *text, uint64_t now_ns, struct when *w, struct buf *why)
{
	char span[64];
	size_t len = strlen(text);
	if (len > 4 && strcasecmp(text + len - 4, " ago") == 0)
		len -= 4;
	if (len >= sizeof(span))
		len = sizeof(span) - 1;
	memcpy(span, text, len);
	span[len] = '\0';
	uint64_t back_ns;
	if (value_duration(span, &back_ns, why) < 0)
		return -1;
	*w = (struct when){.ns = back_ns < now_ns ? now_ns - back_ns : 0};
	return 0;
}

int when_parse(const char *text, uint64_t now_ns, const struct tm *local_now,
	struct when *out, struct buf *why)
{
	uint64_t s;
	bool is_date = strpbrk(text, "-:.") != NULL;
	if (isdigit((unsigned char)*text) && !is_date)
		return parse_back(text, now_ns, out, why);
	if (*text == '@') {
		if (value_number(text + 1, 0, AFTER_2500, &s, why) < 0)
			return -1;
		*out = (struct when){.ns = s * NS_PER_S};
		return 0;
	}
	if (is_date ? parse_date(text, local_now, out)
		    : parse_word(text, now_ns, local_now, out))
		return 0;
	buf_add_str(why,
		"expected a duration back from now such as 2h, today, yesterday, "
		"or a date such as 2026-11-23 or \"2026-11-23 04:00\", found ");
	value_quote(why, text, strlen(text));
	errno = EINVAL;
	return -1;
}

void when_utc(char text[WHEN_UTC_SIZE], uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm = {0};
	gmtime_r(&seconds, &tm);
	size_t len = strftime(text, WHEN_UTC_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, WHEN_UTC_SIZE - len, ".%09uZ",
		(unsigned)(realtime_ns % NS_PER_S));
}

int when_add_span(struct buf *b, uint64_t span_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"d", DAY_NS},
		{"h", 3600 * NS_PER_S},
		{"min", 60 * NS_PER_S},
		{"s", NS_PER_S},
	};
	for (size_t i = 0; i + 1 < countof(units); i++) {
		uint64_t rest = span_ns % units[i].ns / units[i + 1].ns;
		if (span_ns < units[i].ns)
			continue;
		buf_printf(b, "%" PRIu64 "%s", span_ns / units[i].ns, units[i].name);
		return rest ? buf_printf(b, "%" PRIu64 "%s", rest, units[i + 1].name)
			    : buf_add(b, "", 0);
	}
	uint64_t tenths = span_ns / (NS_PER_S / 10);
	if (tenths >= 10 && tenths % 10 == 0)
		return buf_printf(b, "%" PRIu64 "s", tenths / 10);
	if (tenths >= 10)
		return buf_printf(
			b, "%" PRIu64 ".%" PRIu64 "s", tenths / 10, tenths % 10);
	return buf_printf(b, "%" PRIu64 "ms", span_ns / (NS_PER_S / 1000));
}
