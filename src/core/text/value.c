/* SPDX-License-Identifier: MIT */
#include "core/text/value.h"

#include "base/countof.h"
#include "core/text/suggest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
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

static const struct value_name signals[] = {
	{"HUP", SIGHUP},
	{"INT", SIGINT},
	{"QUIT", SIGQUIT},
	{"ILL", SIGILL},
	{"TRAP", SIGTRAP},
	{"ABRT", SIGABRT},
	{"BUS", SIGBUS},
	{"FPE", SIGFPE},
	{"KILL", SIGKILL},
	{"USR1", SIGUSR1},
	{"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},
	{"ALRM", SIGALRM},
	{"TERM", SIGTERM},
	{"CHLD", SIGCHLD},
	{"CONT", SIGCONT},
	{"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU},
	{"URG", SIGURG},
	{"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM},
	{"PROF", SIGPROF},
	{"WINCH", SIGWINCH},
	{"IO", SIGIO},
	{"PWR", SIGPWR},
	{"SYS", SIGSYS},
};

static const struct value_name booleans[] = {
	{"yes", true},
	{"no", false},
	{"true", true},
	{"false", false},
	{"on", true},
	{"off", false},
	{"1", true},
	{"0", false},
};

void value_quote(struct buf *b, const char *text, size_t len)
{
	buf_add_str(b, "\"");
	buf_add_vis(b, text, len < VALUE_QUOTE_MAX ? len : VALUE_QUOTE_MAX);
	buf_add_str(b, len > VALUE_QUOTE_MAX ? "...\"" : "\"");
}

/* Append `text` in quotes between two pieces, the second of which may be NULL, and fail.
 */
__attribute__((format(printf, 4, 5))) static int refuse(
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
	if (!isdigit((unsigned char)**text))
		return -1;
	uint64_t n = 0;
	for (; isdigit((unsigned char)**text); (*text)++) {
		unsigned digit = (unsigned)(**text - '0');
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, digit, &n))
			n = UINT64_MAX -
			    9; /* stays there: the next digit overflows too */
	}
	*out = n;
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
		return refuse(why, "the duration ", text,
			" has no unit; did you mean %.20ss?", text);
	for (size_t i = 0; i < countof(duration_habits); i++) {
		if (strcasecmp(duration_habits[i].written, unit) == 0)
			return refuse(why, "unknown unit in ", text,
				"; did you mean %.*s%s?", digits < 20 ? digits : 20, text,
				duration_habits[i].meant);
	}
	return refuse(
		why, "unknown unit in ", text, "; the units are ms, s, min, h and d");
}

int value_duration(const char *text, uint64_t *out, struct buf *why)
{
	const char *p = text;
	uint64_t n;
	if (take_digits(&p, &n) < 0 || *p == '.' || *p == ',')
		return refuse(why,
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
		return refuse(why, "the duration ", text,
			" is too long; the longest is 36500d");
	*out = n;
	return 0;
}

int value_size(const char *text, uint64_t *out, struct buf *why)
{
	const char *p = text;
	uint64_t n;
	if (take_digits(&p, &n) < 0 || *p == '.' || *p == ',')
		return refuse(why,
			"expected a whole number of bytes, or one with K, M, G or T, "
			"found ",
			text, NULL);
	p += strspn(p, " \t");
	char name[2] = {(char)toupper((unsigned char)*p), '\0'};
	const struct unit *unit = find_unit(sizes, countof(sizes), name);
	bool has_tail = *p && p[1];
	if (unit && has_tail &&
		(strcasecmp(p + 1, "B") == 0 || strcasecmp(p + 1, "iB") == 0))
		return refuse(why, "unknown unit in ", text,
			"; did you mean %" PRIu64 "%s?", n, unit->name);
	if (!unit || has_tail)
		return refuse(why, "unknown unit in ", text,
			"; the units are K, M, G and T, or none for bytes");
	if (__builtin_mul_overflow(n, unit->factor, &n) || n > INT64_MAX)
		return refuse(why, "the size ", text, " is too large");
	*out = n;
	return 0;
}

int value_size_condition(const char *text, enum value_compare *compare,
	uint64_t *size_bytes, struct buf *why)
{
	static const struct {
		const char *sign;
		enum value_compare compare;
	} signs[] = {
		{"<=", VALUE_CMP_LE},
		{">=", VALUE_CMP_GE},
		{"<", VALUE_CMP_LT},
		{">", VALUE_CMP_GT},
		{"=", VALUE_CMP_EQ},
	};
	for (size_t i = 0; i < countof(signs); i++) {
		size_t len = strlen(signs[i].sign);
		if (strncmp(text, signs[i].sign, len) != 0)
			continue;
		const char *size = text + len;
		size += strspn(size, " \t");
		if (value_size(size, size_bytes, why) < 0)
			return -1;
		*compare = signs[i].compare;
		return 0;
	}
	return refuse(why, "expected <, <=, =, >= or > and a size, such as >10M, found ",
		text, NULL);
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
		return refuse(why,
			"expected a count, a slash and a duration, such as 10/1min, "
			"found ",
			text, NULL);
	p++;
	if (find_unit(durations, countof(durations), p))
		return refuse(why, "the rate ", text,
			" has no number before its unit; did you mean %" PRIu64 "/1%s?",
			count, p);
	uint64_t per_ns;
	if (value_duration(p, &per_ns, why) < 0)
		return -1;
	if (per_ns == 0)
		return refuse(why, "the rate ", text, " has a period of nothing");
	*out = (struct timing_rate){.count = (uint32_t)count, .per_ns = per_ns};
	return 0;
}

int value_bool(const char *text, bool *out, struct buf *why)
{
	for (size_t i = 0; i < countof(booleans); i++) {
		if (strcasecmp(booleans[i].name, text) == 0) {
			*out = booleans[i].value;
			return 0;
		}
	}
	return refuse(why, "expected yes or no, found ", text, NULL);
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
		return refuse(why, "", text, NULL);
	}
	*out = n;
	return 0;
}

int value_signal(const char *text, int *out, struct buf *why)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	char number[12];
	const char *nearest =
		suggest_nearest(name, signals, countof(signals), sizeof(signals[0]));
	for (size_t i = 0; i < countof(signals); i++) {
		if (strcasecmp(signals[i].name, name) == 0) {
			*out = (int)signals[i].value;
			return 0;
		}
		snprintf(number, sizeof(number), "%u", signals[i].value);
		if (strcmp(number, text) == 0)
			nearest = signals[i].name;
	}
	if (nearest)
		return refuse(
			why, "unknown signal ", text, "; did you mean %s?", nearest);
	return refuse(why, "unknown signal ", text,
		"; expected a name such as TERM, INT, HUP or USR1");
}

int value_umask(const char *text, mode_t *out, struct buf *why)
{
	size_t len = strlen(text);
	mode_t mask = 0;
	for (size_t i = 0; i < len && i < 4; i++)
		mask = mask * 8 + (mode_t)(text[i] - '0');
	if (len == 0 || len > 4 || strspn(text, "01234567") != len || mask > 0777)
		return refuse(why, "expected an octal number from 000 to 777, found ",
			text, NULL);
	*out = mask;
	return 0;
}

int value_nice(const char *text, int *out, struct buf *why)
{
	bool is_negative = *text == '-';
	const char *p = text + (is_negative || *text == '+');
	uint64_t n;
	if (take_digits(&p, &n) < 0 || *p || n > (is_negative ? 20 : 19))
		return refuse(why, "expected a whole number from -20 to 19, found ", text,
			NULL);
	*out = is_negative ? -(int)n : (int)n;
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
		return refuse(why, "unknown value ", text, "; did you mean %s?", nearest);
	refuse(why, "unknown value ", text, "; expected ");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_str(why, i + 1 < count ? ", " : " or ");
		buf_add_str(why, table[i].name);
	}
	errno = EINVAL;
	return -1;
}
