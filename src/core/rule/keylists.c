/* SPDX-License-Identifier: MIT */
/* The kinds of keys (core/rule/key.h) that are lists: each call sets one item. */
#include "base/countof.h"
#include "base/grow.h"
#include "core/proc/actor.h"
#include "core/record/event.h"
#include "core/rule/key.h"
#include "core/text/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Globs ---- */

static int add_glob(struct rule_globs *globs, const char *pattern, enum glob_kind kind,
	const char *item, struct key_context *ctx)
{
	const char *why;
	struct glob *g = glob_new(pattern, kind, &why);
	if (!g && errno == EINVAL)
		return value_refuse(&ctx->why, "", item, ": %s", why);
	if (!g)
		return -1;
	if (grow(globs->items, globs->count) < 0) {
		glob_free(g);
		return -1;
	}
	globs->items[globs->count++] = g;
	return 0;
}

/* A glob that is absolute, or else matches at any depth. */
static int add_deep_glob(
	struct rule_globs *globs, const char *item, struct key_context *ctx)
{
	if (item[0] == '/')
		return add_glob(globs, item, GLOB_PATH, item, ctx);
	char *pattern;
	const char *front = strncmp(item, "**/", 3) == 0 ? "/" : "/**/";
	if (asprintf(&pattern, "%s%s", front, item) < 0)
		return -1;
	int rc = add_glob(globs, pattern, GLOB_PATH, item, ctx);
	free(pattern);
	return rc;
}

static void clear_globs(void *field)
{
	struct rule_globs *globs = field;
	for (size_t i = 0; i < globs->count; i++)
		glob_free(globs->items[i]);
	free(globs->items);
	*globs = (struct rule_globs){0};
}

/* Refuse components that no path has: they would never match. */
static int check_components(const char *item, struct key_context *ctx)
{
	const char *p = item[0] == '/' ? item + 1 : item;
	for (; *p; p += *p == '/') {
		size_t len = strcspn(p, "/");
		if (len == 0)
			return value_refuse(&ctx->why, "", item,
				" holds two slashes in a row, which no path does");
		if (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.')))
			return value_refuse(&ctx->why, "", item,
				" holds a component . or .., which no path does; "
				"write the path that is meant");
		p += len;
	}
	return 0;
}

static int set_path(void *field, const char *item, struct key_context *ctx)
{
	if (item[0] == '~')
		return value_refuse(&ctx->why, "", item,
			" is not absolute: ~ is not expanded, write the whole path");
	if (item[0] == '"' || item[0] == '\'')
		return value_refuse(&ctx->why, "", item,
			" is not absolute: quotes are part of a value, write it without");
	if (item[0] != '/')
		return value_refuse(
			&ctx->why, "", item, " is not absolute: it must begin with /");
	if (check_components(item, ctx) < 0)
		return -1;
	return add_glob(field, item, GLOB_PATH, item, ctx);
}

static int set_exclude(void *field, const char *item, struct key_context *ctx)
{
	if (check_components(item, ctx) < 0)
		return -1;
	return add_deep_glob(field, item, ctx);
}

const struct key_kind key_kind_paths = {set_path, clear_globs, .is_list = true};
const struct key_kind key_kind_excludes = {set_exclude, clear_globs, .is_list = true};

/* ---- Conditions on the actor ---- */

/* Find the names of a condition that an item belongs to, and move the item behind its `!`
 * and the blanks after that. NULL with EINVAL if nothing follows. */
static struct rule_names *find_names(
	struct rule_condition *c, const char **item, struct key_context *ctx)
{
	const char *word = *item;
	if (*word != '!')
		return &c->include;
	word += 1 + strspn(word + 1, " \t");
	if (!*word) {
		value_refuse(&ctx->why, "nothing follows the ! in ", *item, NULL);
		return NULL;
	}
	*item = word;
	return &c->exclude;
}

/* The id that a plain word names: a number, which needs no entry, or a user. */
static int find_uid(const char *word, uint32_t *out, struct key_context *ctx)
{
	uint64_t number;
	if (strspn(word, "0123456789") == strlen(word)) {
		if (value_number(word, 0, UINT32_MAX - 1, &number, &ctx->why) < 0)
			return -1;
		*out = (uint32_t)number;
		return 0;
	}
	const struct rule_user *user = accounts_find_user(ctx->users, word);
	if (!user)
		return key_refuse_account("user", word, ctx);
	*out = user->uid;
	return 0;
}

static int set_by_user(void *field, const char *item, struct key_context *ctx)
{
	struct rule_names *names = find_names(field, &item, ctx);
	if (!names)
		return -1;
	if (strpbrk(item, GLOB_SYNTAX))
		return add_glob(&names->globs, item, GLOB_WORD, item, ctx);
	uint32_t uid = 0;
	if (find_uid(item, &uid, ctx) < 0 || grow(names->uids, names->uid_count) < 0)
		return -1;
	names->uids[names->uid_count++] = uid;
	return 0;
}

static int set_by_unit(void *field, const char *item, struct key_context *ctx)
{
	struct rule_names *names = find_names(field, &item, ctx);
	return names ? add_glob(&names->globs, item, GLOB_WORD, item, ctx) : -1;
}

static int set_by_cmd(void *field, const char *item, struct key_context *ctx)
{
	const size_t longest = PROGRAM_COMM_SIZE - 1;
	struct rule_names *names = find_names(field, &item, ctx);
	if (!names)
		return -1;
	if (strchr(item, '/'))
		return value_refuse(&ctx->why, "", item,
			" holds a slash, but this is a process's name; for a path use "
			"by-exe");
	if (strlen(item) <= longest || strpbrk(item, GLOB_SYNTAX))
		return add_glob(&names->globs, item, GLOB_WORD, item, ctx);
	value_refuse(&ctx->why, "", item,
		" never matches: the kernel cuts names to 15 bytes; did you mean ");
	buf_add_vis(&ctx->why, item, longest);
	buf_add_str(&ctx->why, "?");
	errno = EINVAL;
	return -1;
}

static int set_by_exe(void *field, const char *item, struct key_context *ctx)
{
	struct rule_names *names = find_names(field, &item, ctx);
	if (!names || check_components(item, ctx) < 0)
		return -1;
	return add_deep_glob(&names->globs, item, ctx);
}

static void clear_names(struct rule_names *names)
{
	clear_globs(&names->globs);
	free(names->uids);
	*names = (struct rule_names){0};
}

static void clear_condition(void *field)
{
	struct rule_condition *c = field;
	clear_names(&c->include);
	clear_names(&c->exclude);
}

const struct key_kind key_kind_by_user = {set_by_user, clear_condition, .is_list = true};
const struct key_kind key_kind_by_cmd = {set_by_cmd, clear_condition, .is_list = true};
const struct key_kind key_kind_by_exe = {set_by_exe, clear_condition, .is_list = true};
const struct key_kind key_kind_by_unit = {set_by_unit, clear_condition, .is_list = true};

/* ---- Events, types ---- */

static int set_event(void *field, const char *item, struct key_context *ctx)
{
	uint32_t mask = event_mask_by_name(item);
	if (mask) {
		*(uint32_t *)field |= mask;
		return 0;
	}
	if (strpbrk(item, " \t"))
		return value_refuse(&ctx->why, "unknown event ", item,
			"; events are separated by commas");
	const char *nearest = event_name_nearest(item);
	if (nearest)
		return value_refuse(
			&ctx->why, "unknown event ", item, "; did you mean %s?", nearest);
	return value_refuse(&ctx->why, "unknown event ", item, NULL);
}

static int set_type(void *field, const char *item, struct key_context *ctx)
{
	static const struct value_name types[] = {
		{"file", EVENT_TYPE_FILE},
		{"dir", EVENT_TYPE_DIR},
		{"symlink", EVENT_TYPE_SYMLINK},
		{"other", EVENT_TYPE_OTHER},
	};
	unsigned type;
	if (value_choice(item, types, countof(types), &type, &ctx->why) < 0)
		return -1;
	*(uint32_t *)field |= UINT32_C(1) << type;
	return 0;
}

const struct key_kind key_kind_events = {.set = set_event, .is_list = true};
const struct key_kind key_kind_types = {.set = set_type, .is_list = true};

/* ---- Environment ---- */

/* Whether len bytes are a name that a shell takes for a variable. */
static bool is_variable_name(const char *name, size_t len)
{
	if (len == 0 || isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	}
	return true;
}

/* Drop the variable of this name (with its `=`, len bytes) from the list. */
static void drop_variable(struct strlist *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strncmp(l->items[i], name, len) != 0)
			continue;
		free(l->items[i]);
		l->count--;
		memmove(&l->items[i], &l->items[i + 1],
			(l->count - i + 1) * sizeof(*l->items));
		return;
	}
}

static int set_env(void *field, const char *item, struct key_context *ctx)
{
	const char *equals = strchr(item, '=');
	if (!equals)
		return value_refuse(&ctx->why, "expected NAME=VALUE, found ", item, NULL);
	size_t name_len = (size_t)(equals - item);
	if (!is_variable_name(item, name_len))
		return value_refuse(&ctx->why, "", item,
			" does not begin with a variable's name: letters, digits "
			"and _, no blank before the =");
	if (strncmp(item, "FSMON_", 6) == 0)
		return value_refuse(&ctx->why, "", item,
			": names that begin with FSMON_ are the daemon's own");
	/* `\,` keeps a comma from ending the item. */
	struct buf text = {0};
	for (const char *p = item; *p; p++) {
		if (p[0] == '\\' && p[1] == ',')
			p++;
		buf_add(&text, p, 1);
	}
	drop_variable(field, item, name_len + 1);
	int rc = text.failed ? -1 : strlist_add(field, text.data);
	buf_fini(&text);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}

static void clear_env(void *field)
{
	strlist_fini(field);
}

const struct key_kind key_kind_env = {set_env, clear_env, .is_list = true};
