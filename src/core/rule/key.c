/* SPDX-License-Identifier: MIT */
#include "core/rule/key.h"

#include "base/countof.h"
#include "core/rule/daemon.h"
#include "core/text/suggest.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Texts ---- */

static int replace_text(char **field, const char *value)
{
	char *copy = strdup(value);
	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

static void clear_text(void *field)
{
	char **text = field;
	free(*text);
	*text = NULL;
}

/* The longest that the kernel takes as one argument: MAX_ARG_STRLEN without its NUL. */
#define KEY_COMMAND_MAX (128u * 1024u - 1u)

static int set_text(void *field, const char *value, struct key_context *ctx)
{
	size_t len = strlen(value);
	if (len > KEY_COMMAND_MAX) {
		buf_printf(&ctx->why,
			"has %zu bytes, and the kernel takes at most %u in "
			"one argument; put it into a file and run that",
			len, KEY_COMMAND_MAX);
		errno = EINVAL;
		return -1;
	}
	return replace_text(field, value);
}

static int set_text_none(void *field, const char *value, struct key_context *ctx)
{
	if (strcmp(value, "none") != 0)
		return set_text(field, value, ctx);
	clear_text(field);
	return 0;
}

static int set_directory(void *field, const char *value, struct key_context *ctx)
{
	if (value[0] != '/')
		return value_refuse(&ctx->why, "", value,
			" is not an absolute path: it must begin with /");
	return replace_text(field, value);
}

int key_refuse_account(const char *what, const char *value, struct key_context *ctx)
{
	int error = errno;
	if (error == ENOMEM)
		return -1;
	buf_printf(&ctx->why, error == ENOENT ? "unknown %s " : "the %s ", what);
	if (error == ENOENT)
		return value_refuse(&ctx->why, "", value, NULL);
	if (error == ERANGE)
		return value_refuse(&ctx->why, "", value,
			" has the id -1, which to the kernel means \"as it is\"");
	return value_refuse(
		&ctx->why, "", value, " could not be looked up: %s", strerror(error));
}

static int set_user(void *field, const char *value, struct key_context *ctx)
{
	if (!accounts_find_user(ctx->users, value))
		return key_refuse_account("user", value, ctx);
	return replace_text(field, value);
}

static int set_group(void *field, const char *value, struct key_context *ctx)
{
	gid_t gid;
	if (accounts_find_group(ctx->users, value, &gid) < 0)
		return key_refuse_account("group", value, ctx);
	return replace_text(field, value);
}

const struct key_kind key_kind_text = {set_text, clear_text, .is_text = true};
const struct key_kind key_kind_text_none = {set_text_none, clear_text, .is_text = true};
const struct key_kind key_kind_directory = {.set = set_directory, .clear = clear_text};
const struct key_kind key_kind_user = {.set = set_user, .clear = clear_text};
const struct key_kind key_kind_group = {.set = set_group, .clear = clear_text};

/* ---- Plain fields ---- */

static int set_bool(void *field, const char *value, struct key_context *ctx)
{
	/* By turns what is false and what is true. */
	static const char *const words[] = {
		"no", "yes", "false", "true", "off", "on", "0", "1"};
	for (size_t i = 0; i < countof(words); i++) {
		if (strcasecmp(words[i], value) == 0) {
			*(bool *)field = i % 2 == 1;
			return 0;
		}
	}
	return value_refuse(&ctx->why, "expected yes or no, found ", value, NULL);
}

static int set_number(void *field, const char *value, struct key_context *ctx)
{
	uint64_t n;
	if (value_number(value, ctx->key->min, ctx->key->max, &n, &ctx->why) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

static int set_choice(void *field, const char *value, struct key_context *ctx)
{
	return value_choice(
		value, ctx->key->choices, ctx->key->choice_count, field, &ctx->why);
}

static int set_duration(void *field, const char *value, struct key_context *ctx)
{
	return value_duration(value, field, &ctx->why);
}

static int set_timeout(void *field, const char *value, struct key_context *ctx)
{
	if (strcmp(value, "none") != 0)
		return set_duration(field, value, ctx);
	*(uint64_t *)field = 0;
	return 0;
}

static int set_rate(void *field, const char *value, struct key_context *ctx)
{
	return value_rate(value, field, &ctx->why);
}

/* The signals by name, as signal(7) has them. Returns how many there are. */
static size_t list_signals(struct value_name table[NSIG])
{
	size_t count = 0;
	for (int n = 1; n < NSIG; n++) {
		const char *name = n == SIGIO ? "IO" : sigabbrev_np(n);
		if (name)
			table[count++] = (struct value_name){name, (unsigned)n};
	}
	return count;
}

static int set_signal(void *field, const char *value, struct key_context *ctx)
{
	const char *word = strncasecmp(value, "SIG", 3) == 0 ? value + 3 : value;
	struct value_name signals[NSIG];
	size_t count = list_signals(signals);
	const char *nearest = suggest_nearest(word, signals, count, sizeof(*signals));
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(signals[i].name, word) == 0) {
			*(int *)field = (int)signals[i].value;
			return 0;
		}
		char number[12];
		snprintf(number, sizeof(number), "%u", signals[i].value);
		if (strcmp(number, value) == 0)
			nearest = signals[i].name;
	}
	if (nearest)
		return value_refuse(&ctx->why, "unknown signal ", value,
			"; did you mean %s?", nearest);
	return value_refuse(&ctx->why, "unknown signal ", value,
		"; expected a name such as TERM, INT, HUP or USR1");
}

static int set_umask(void *field, const char *value, struct key_context *ctx)
{
	size_t len = strlen(value);
	unsigned long mask = strtoul(value, NULL, 8);
	if (len == 0 || len > 4 || strspn(value, "01234567") != len || mask > 0777)
		return value_refuse(&ctx->why,
			"expected an octal number from 000 to 777, found ", value, NULL);
	*(mode_t *)field = (mode_t)mask;
	return 0;
}

static int set_nice(void *field, const char *value, struct key_context *ctx)
{
	char *end;
	long n = strtol(value, &end, 10);
	const char *digits = value + (*value == '-' || *value == '+');
	if (!isdigit((unsigned char)*digits) || *end || n < -20 || n > 19)
		return value_refuse(&ctx->why,
			"expected a whole number from -20 to 19, found ", value, NULL);
	*(int *)field = (int)n;
	return 0;
}

/* The struct that the field of the key which is set lies in. */
static void *owner_of(void *field, const struct key_context *ctx)
{
	return (char *)field - ctx->key->offset;
}

static int set_size(void *field, const char *value, struct key_context *ctx)
{
	static const struct {
		const char *sign;
		enum rule_compare compare;
	} signs[] = {
		{"<=", RULE_COMPARE_LE},
		{">=", RULE_COMPARE_GE},
		{"<", RULE_COMPARE_LT},
		{">", RULE_COMPARE_GT},
		{"=", RULE_COMPARE_EQ},
	};
	struct rule *r = owner_of(field, ctx);
	for (size_t i = 0; i < countof(signs); i++) {
		size_t len = strlen(signs[i].sign);
		if (strncmp(value, signs[i].sign, len) != 0)
			continue;
		len += strspn(value + len, " \t");
		if (value_size(value + len, &r->size_bytes, &ctx->why) < 0)
			return -1;
		r->size_compare = signs[i].compare;
		return 0;
	}
	return value_refuse(&ctx->why,
		"expected <, <=, =, >= or > and a size, such as >10M, found ", value,
		NULL);
}

static int set_on_busy(void *field, const char *value, struct key_context *ctx)
{
	static const struct value_name choices[] = {
		{"queue", TIMING_BUSY_QUEUE},
		{"drop", TIMING_BUSY_DROP},
		{"restart", TIMING_BUSY_RESTART},
		{"signal NAME", TIMING_BUSY_SIGNAL},
	};
	struct rule *r = owner_of(field, ctx);
	size_t word = strcspn(value, " \t");
	if (word != strlen("signal") || strncmp(value, "signal", word) != 0)
		return value_choice(value, choices, countof(choices), field, &ctx->why);
	const char *name = value + word + strspn(value + word, " \t");
	if (!*name)
		return value_refuse(&ctx->why, "expected a name after ", value,
			", such as signal USR1");
	if (set_signal(&r->timing.busy_signal, name, ctx) < 0)
		return -1;
	r->timing.on_busy = TIMING_BUSY_SIGNAL;
	return 0;
}

/* AGE, COUNT */
static int set_history(void *field, const char *value, struct key_context *ctx)
{
	struct daemon *d = owner_of(field, ctx);
	size_t len = strcspn(value, ",");
	const char *count_text = value + len + (value[len] == ',');
	while (len > 0 && isblank((unsigned char)value[len - 1]))
		len--;
	char *age = strndup(value, len);
	if (!age)
		return -1;
	uint64_t age_ns, count;
	int rc = value_duration(age, &age_ns, &ctx->why);
	free(age);
	if (rc < 0 || value_number(count_text + strspn(count_text, " \t"), 0, UINT32_MAX,
			      &count, &ctx->why) < 0) {
		buf_clear(&ctx->why);
		return value_refuse(&ctx->why,
			"expected an age and a count, such as 7d, 10000, found ", value,
			NULL);
	}
	d->history_keep_ns = age_ns;
	d->history_keep_count = (uint32_t)count;
	return 0;
}

const struct key_kind key_kind_bool = {.set = set_bool};
const struct key_kind key_kind_number = {.set = set_number};
const struct key_kind key_kind_choice = {.set = set_choice};
const struct key_kind key_kind_duration = {.set = set_duration};
const struct key_kind key_kind_timeout = {.set = set_timeout};
const struct key_kind key_kind_rate = {.set = set_rate};
const struct key_kind key_kind_signal = {.set = set_signal};
const struct key_kind key_kind_umask = {.set = set_umask};
const struct key_kind key_kind_nice = {.set = set_nice};
const struct key_kind key_kind_size = {.set = set_size};
const struct key_kind key_kind_on_busy = {.set = set_on_busy};
const struct key_kind key_kind_history = {.set = set_history};
