/* SPDX-License-Identifier: MIT */
#include "core/rule/keykinds.h"

#include "base/countof.h"
#include "core/proc/actor.h"
#include "core/rule/daemon.h"
#include "core/record/event.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int keykinds_refuse(
	struct key_context *ctx, const char *before, const char *value, const char *after)
{
	buf_add_str(&ctx->why, before);
	value_quote(&ctx->why, value, strlen(value));
	buf_add_str(&ctx->why, after);
	errno = EINVAL;
	return -1;
}

/* ---- texts ---- */

static int replace_text(char **field, const char *value)
{
	char *copy = strdup(value);
	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

static void clear_text(const struct key *key, void *field)
{
	(void)key;
	char **text = field;
	free(*text);
	*text = NULL;
}

/* The longest that the kernel takes as one argument: MAX_ARG_STRLEN without its NUL. */
#define KEYKINDS_COMMAND_MAX (128u * 1024u - 1u)

static int set_text(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	size_t len = strlen(value);
	if (len > KEYKINDS_COMMAND_MAX) {
		buf_printf(&ctx->why,
			"has %zu bytes, and the kernel takes at most %u in "
			"one argument; put it into a file and run that",
			len, KEYKINDS_COMMAND_MAX);
		errno = EINVAL;
		return -1;
	}
	return replace_text(field, value);
}

static int set_text_none(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	if (strcmp(value, "none") == 0) {
		clear_text(key, field);
		return 0;
	}
	return set_text(key, field, value, ctx);
}

static int set_directory(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	if (value[0] != '/')
		return keykinds_refuse(
			ctx, "", value, " is not an absolute path: it must begin with /");
	return replace_text(field, value);
}

int keykinds_refuse_account(const char *what, const char *value, struct key_context *ctx)
{
	int error = errno;
	if (error == ENOMEM)
		return -1;
	buf_printf(&ctx->why, error == ENOENT ? "unknown %s " : "the %s ", what);
	value_quote(&ctx->why, value, strlen(value));
	if (error == ERANGE)
		buf_printf(&ctx->why,
			" has the id -1, which to the kernel means \"as it is\"");
	else if (error != ENOENT)
		buf_printf(&ctx->why, " could not be looked up: %s", strerror(error));
	errno = EINVAL;
	return -1;
}

static int set_user(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	if (!accounts_find_user(ctx->users, value))
		return keykinds_refuse_account("user", value, ctx);
	return replace_text(field, value);
}

static int set_group(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	gid_t gid;
	if (accounts_find_group(ctx->users, value, &gid) < 0)
		return keykinds_refuse_account("group", value, ctx);
	return replace_text(field, value);
}

const struct key_kind keykind_text = {
	.set = set_text, .clear = clear_text, .is_text = true};
const struct key_kind keykind_text_none = {
	.set = set_text_none, .clear = clear_text, .is_text = true};
const struct key_kind keykind_directory = {.set = set_directory, .clear = clear_text};
const struct key_kind keykind_user = {.set = set_user, .clear = clear_text};
const struct key_kind keykind_group = {.set = set_group, .clear = clear_text};

/* ---- plain fields ---- */

static int set_bool(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_bool(value, field, &ctx->why);
}

static int set_number(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	uint64_t n;
	if (value_number(value, key->min, key->max, &n, &ctx->why) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

static int set_choice(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	return value_choice(value, key->choices, key->choice_count, field, &ctx->why);
}

static int set_duration(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_duration(value, field, &ctx->why);
}

static int set_timeout(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	if (strcmp(value, "none") != 0)
		return set_duration(key, field, value, ctx);
	*(uint64_t *)field = 0;
	return 0;
}

static int set_rate(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_rate(value, field, &ctx->why);
}

static int set_signal(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_signal(value, field, &ctx->why);
}

static int set_umask(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_umask(value, field, &ctx->why);
}

static int set_nice(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	(void)key;
	return value_nice(value, field, &ctx->why);
}

/* The struct that a field of a key lies in. */
static void *owner_of(const struct key *key, void *field)
{
	return (char *)field - key->offset;
}

static int set_size(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	struct rule *r = owner_of(key, field);
	return value_size_condition(value, &r->size_compare, &r->size_bytes, &ctx->why);
}

static int set_on_busy(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	static const struct value_name choices[] = {
		{"queue", TIMING_BUSY_QUEUE},
		{"drop", TIMING_BUSY_DROP},
		{"restart", TIMING_BUSY_RESTART},
		{"signal NAME", TIMING_BUSY_SIGNAL},
	};
	struct rule *r = owner_of(key, field);
	size_t word = strcspn(value, " \t");
	if (word == strlen("signal") && strncmp(value, "signal", word) == 0) {
		const char *name = value + word + strspn(value + word, " \t");
		if (!*name)
			return keykinds_refuse(ctx, "expected a name after ", value,
				", such as signal USR1");
		if (value_signal(name, &r->timing.busy_signal, &ctx->why) < 0)
			return -1;
		r->timing.on_busy = TIMING_BUSY_SIGNAL;
		return 0;
	}
	unsigned choice;
	if (value_choice(value, choices, countof(choices), &choice, &ctx->why) < 0)
		return -1;
	r->timing.on_busy = choice;
	return 0;
}

/* AGE, COUNT */
static int parse_history(
	const char *value, uint64_t *age_ns, uint64_t *count, struct buf *why)
{
	const char *comma = strchr(value, ',');
	if (!comma) {
		errno = EINVAL;
		return -1;
	}
	size_t len = (size_t)(comma - value);
	while (len > 0 && isblank((unsigned char)value[len - 1]))
		len--;
	char *age = strndup(value, len);
	if (!age)
		return -1;
	int rc = value_duration(age, age_ns, why);
	free(age);
	if (rc == 0)
		rc = value_number(
			comma + 1 + strspn(comma + 1, " \t"), 0, UINT32_MAX, count, why);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

static int set_history(
	const struct key *key, void *field, const char *value, struct key_context *ctx)
{
	uint64_t age_ns;
	uint64_t count;
	if (parse_history(value, &age_ns, &count, &ctx->why) < 0) {
		if (errno != EINVAL)
			return -1;
		buf_clear(&ctx->why);
		return keykinds_refuse(ctx,
			"expected an age and a count, such as 7d, 10000, found ", value,
			"");
	}
	struct daemon *d = owner_of(key, field);
	d->history_keep_ns = age_ns;
	d->history_keep_count = (uint32_t)count;
	return 0;
}

const struct key_kind keykind_bool = {.set = set_bool};
const struct key_kind keykind_number = {.set = set_number};
const struct key_kind keykind_choice = {.set = set_choice};
const struct key_kind keykind_duration = {.set = set_duration};
const struct key_kind keykind_timeout = {.set = set_timeout};
const struct key_kind keykind_rate = {.set = set_rate};
const struct key_kind keykind_signal = {.set = set_signal};
const struct key_kind keykind_umask = {.set = set_umask};
const struct key_kind keykind_nice = {.set = set_nice};
const struct key_kind keykind_size = {.set = set_size};
const struct key_kind keykind_on_busy = {.set = set_on_busy};
const struct key_kind keykind_history = {.set = set_history};
