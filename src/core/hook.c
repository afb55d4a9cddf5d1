/* SPDX-License-Identifier: MIT */
#include "core/hook.h"

#include "base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOOK_NUMBER_SIZE 24

/* A hook's text being written: strings, each with its NUL. */
struct hook_writer {
	const struct rule *rule;
	struct buf text;
	size_t argc;
	size_t envc;
	bool truncated;
};

/* Whether entry K=V is for the variable. */
static bool hook_entry_is(const char *entry, const char *name, size_t name_len)
{
	return strncmp(entry, name, name_len) == 0 && entry[name_len] == '=';
}

/* Whether the rule's own env, from an index on, sets the variable. */
static bool hook_is_overridden(
	const struct rule *rule, size_t from, const char *name, size_t name_len)
{
	for (size_t i = from; i < rule->env.count; i++) {
		if (hook_entry_is(rule->env.items[i], name, name_len))
			return true;
	}
	return false;
}

/* Add name=value, the value cut to max_len bytes and to what fits into one string. */
static void hook_put_cut(
	struct hook_writer *w, const char *name, const char *value, size_t max_len)
{
	size_t name_len = strlen(name);
	if (hook_is_overridden(w->rule, 0, name, name_len))
		return;
	size_t room = HOOK_STRING_MAX_BYTES - name_len - 2;
	if (max_len > room)
		max_len = room;
	size_t len = strlen(value);
	if (len > max_len) {
		len = max_len;
		w->truncated = true;
	}
	buf_add(&w->text, name, name_len);
	buf_add(&w->text, "=", 1);
	buf_add(&w->text, value, len);
	buf_add(&w->text, "", 1);
	w->envc++;
}

static void hook_put(struct hook_writer *w, const char *name, const char *value)
{
	hook_put_cut(w, name, value ? value : "", HOOK_STRING_MAX_BYTES);
}

static void hook_put_number(struct hook_writer *w, const char *name, uint64_t value)
{
	char text[HOOK_NUMBER_SIZE];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	hook_put(w, name, text);
}

/* A user id, or a pid: empty where it is unknown. */
static void hook_put_id(
	struct hook_writer *w, const char *name, uint32_t id, uint32_t unknown)
{
	if (id == unknown)
		hook_put(w, name, "");
	else
		hook_put_number(w, name, id);
}

/* A user by name, or by number where it has none, or empty where it is unknown. */
static void hook_put_user(
	struct hook_writer *w, const char *variable, const char *user, uint32_t uid)
{
	if (user && uid != ACTOR_ID_UNKNOWN)
		hook_put(w, variable, user);
	else
		hook_put_id(w, variable, uid, ACTOR_ID_UNKNOWN);
}

static void hook_put_actor(
	struct hook_writer *w, const struct actor *a, const struct hook_context *context)
{
	static const struct actor nobody = {.uid = ACTOR_ID_UNKNOWN,
		.euid = ACTOR_ID_UNKNOWN,
		.login_uid = ACTOR_ID_UNKNOWN};
	if (!a)
		a = &nobody;
	hook_put(w, "FSMON_CMD", a->cmd);
	hook_put_user(w, "FSMON_USER", context->user_name, a->uid);
	hook_put_id(w, "FSMON_PID", (uint32_t)a->pid, 0);
	hook_put_id(w, "FSMON_PPID", (uint32_t)a->ppid, 0);
	hook_put_id(w, "FSMON_UID", a->uid, ACTOR_ID_UNKNOWN);
	hook_put_id(w, "FSMON_EUID", a->euid, ACTOR_ID_UNKNOWN);
	hook_put(w, "FSMON_EXE", a->exe);
	hook_put_cut(
		w, "FSMON_CMDLINE", a->cmdline ? a->cmdline : "", HOOK_CMDLINE_MAX_BYTES);
	hook_put_user(w, "FSMON_LOGIN_USER", context->login_user, a->login_uid);
	hook_put(w, "FSMON_UNIT", a->unit);
	hook_put(w, "FSMON_ATTRIBUTION", actor_attribution_name(a->attribution));
	hook_put_number(w, "FSMON_DEPTH", a->depth);
}

/* The names of all merged kinds, in the order of a file's life; a rename by what it is
 * here. */
static void hook_put_kinds(struct hook_writer *w, uint32_t kinds, uint32_t kind)
{
	if (kind & EVENT_RENAMES)
		kinds &= ~(uint32_t)EVENT_RENAMES;
	kinds |= kind;
	char names[256] = "";
	size_t len = 0;
	for (uint32_t bit = 1; bit != 0 && bit <= kinds; bit <<= 1) {
		const char *name = kinds & bit ? event_kind_name(bit) : NULL;
		if (name && len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
				len > 0 ? "," : "", name);
	}
	hook_put(w, "FSMON_EVENTS", names);
}

static void hook_put_time(struct hook_writer *w, uint64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / UINT64_C(1000000000));
	unsigned ns = (unsigned)(time_ns % UINT64_C(1000000000));
	struct tm tm;
	char date[64];
	char text[80] = "";
	if (gmtime_r(&seconds, &tm) &&
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) > 0)
		snprintf(text, sizeof(text), "%s.%09uZ", date, ns);
	hook_put(w, "FSMON_TIME", text);
}

/* "" for a file that is gone; a directory is known from the kernel even if nobody looked.
 */
static const char *hook_type(const struct event *event)
{
	if (!event->type_known && event->is_dir)
		return event_type_name(EVENT_TYPE_DIR);
	return event_type_name(event->type_known ? event->type : EVENT_TYPE_GONE);
}

static void hook_put_event(struct hook_writer *w, const struct event *event,
	const struct hook_context *context)
{
	bool renamed = context->kind & EVENT_RENAMES;
	bool from = context->kind == EVENT_MOVED_FROM;
	hook_put(w, "FSMON_PATH", from ? event->old_path : event->path);
	hook_put(w, "FSMON_OLD_PATH", renamed ? event->old_path : NULL);
	hook_put(w, "FSMON_NEW_PATH", renamed ? event->path : NULL);
	hook_put(w, "FSMON_EVENT", event_kind_name(context->kind));
	hook_put_kinds(w, event->kinds, context->kind);
	hook_put(w, "FSMON_TYPE", hook_type(event));
	hook_put_time(w, event->time_ns);
	hook_put_actor(w, event->actor, context);
}

static void hook_put_run(struct hook_writer *w, const struct hook_context *context)
{
	hook_put(w, "FSMON_RULE", w->rule->name);
	hook_put_number(w, "FSMON_RUN_ID", context->run_id);
	hook_put_number(w, "FSMON_ATTEMPT", context->attempt);
	hook_put_number(w, "FSMON_COUNT", context->count);
	if (context->file_fd >= 0)
		hook_put_number(w, "FSMON_FD", (uint64_t)context->file_fd);
	if (context->truncated || w->truncated) {
		w->truncated = true;
		hook_put(w, "FSMON_TRUNCATED", "1");
	}
}

static void hook_put_surroundings(
	struct hook_writer *w, const struct hook_context *context)
{
	const struct rule *rule = w->rule;
	const struct rule_user *user =
		rule->user.set ? &rule->user : context->daemon_user;
	char number[HOOK_NUMBER_SIZE];
	snprintf(number, sizeof(number), "%ju", (uintmax_t)user->uid);
	const char *name = user->name ? user->name : number;
	hook_put(w, "HOME", user->home ? user->home : "/");
	hook_put(w, "LOGNAME", name);
	hook_put(w, "USER", name);
	hook_put(w, "SHELL", user->shell && *user->shell ? user->shell : "/bin/sh");
	hook_put(w, "PATH", HOOK_PATH);
	hook_put(w, "LANG", context->lang ? context->lang : "C.UTF-8");
	hook_put(w, "PWD", rule->directory ? rule->directory : "/");
}

/* The rule's own entries; of several for one name the last counts. */
static void hook_put_rule_env(struct hook_writer *w)
{
	const struct strlist *env = &w->rule->env;
	for (size_t i = 0; i < env->count; i++) {
		size_t name_len = strcspn(env->items[i], "=");
		if (hook_is_overridden(w->rule, i + 1, env->items[i], name_len))
			continue;
		buf_add(&w->text, env->items[i], strlen(env->items[i]) + 1);
		w->envc++;
	}
}

static int hook_put_argv(struct hook_writer *w)
{
	struct strlist argv = {0};
	if (hook_split(w->rule->command ? w->rule->command : "", &argv) < 0)
		return -1;
	for (size_t i = 0; i < argv.count; i++)
		buf_add(&w->text, argv.items[i], strlen(argv.items[i]) + 1);
	w->argc = argv.count;
	strlist_fini(&argv);
	return 0;
}

/* Give the text to the hook, and set the pointers into it. */
static int hook_finish(struct hook *h, struct hook_writer *w)
{
	char **pointers = reallocarray(NULL, w->argc + w->envc + 2, sizeof(*pointers));
	char *text = buf_take(&w->text);
	if (!pointers || !text) {
		free(pointers);
		free(text);
		errno = ENOMEM;
		return -1;
	}
	*h = (struct hook){.argv = pointers,
		.envp = pointers + w->argc + 1,
		.truncated = w->truncated,
		.text = text};
	for (size_t i = 0; i < w->argc; i++, text += strlen(text) + 1)
		h->argv[i] = text;
	for (size_t i = 0; i < w->envc; i++, text += strlen(text) + 1)
		h->envp[i] = text;
	h->argv[w->argc] = NULL;
	h->envp[w->envc] = NULL;
	return 0;
}

int hook_build(struct hook *h, const struct rule *rule, const struct event *event,
	const struct hook_context *context)
{
	*h = (struct hook){0};
	struct hook_writer w = {.rule = rule};
	if (hook_put_argv(&w) < 0)
		return -1;
	hook_put_event(&w, event, context);
	hook_put_run(&w, context);
	hook_put_surroundings(&w, context);
	hook_put_rule_env(&w);
	return hook_finish(h, &w);
}

void hook_fini(struct hook *h)
{
	free(h->argv);
	free(h->text);
	*h = (struct hook){0};
}
