/* SPDX-License-Identifier: MIT */
#include "core/hook/hook.h"

#include "base/buf.h"
#include "core/hook/hookvars.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Add name=value, the value (NULL: "") cut to max_len bytes and to what fits into one
 * string. */
static void hook_put_cut(
	struct hook_writer *w, const char *name, const char *value, size_t max_len)
{
	size_t name_len = strlen(name);
	if (hook_is_overridden(w->rule, 0, name, name_len))
		return;
	size_t room = HOOK_STRING_MAX_BYTES - name_len - 2;
	if (max_len > room)
		max_len = room;
	size_t len = value ? strlen(value) : 0;
	if (len > max_len) {
		len = max_len;
		w->truncated = true;
	}
	buf_add(&w->text, name, name_len);
	buf_add(&w->text, "=", 1);
	buf_add(&w->text, len > 0 ? value : "", len);
	buf_add(&w->text, "", 1);
	w->envc++;
}

static void hook_put(struct hook_writer *w, const char *name, const char *value)
{
	hook_put_cut(w, name, value, HOOK_STRING_MAX_BYTES);
}

static void hook_put_number(struct hook_writer *w, const char *name, uint64_t value)
{
	char text[HOOK_NUMBER_SIZE];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	hook_put(w, name, text);
}

/* What happened and who did it. */
static void hook_put_event(struct hook_writer *w, const struct view *view)
{
	const struct hookvars_variable *variable;
	struct hookvars_value value;
	for (size_t i = 0; (variable = hookvars_at(i)); i++) {
		hookvars_get(variable, view, &value);
		if (value.type == HOOKVARS_NUMBER)
			hook_put_number(w, variable->name, value.number);
		else if (variable->env_max_bytes > 0)
			hook_put_cut(
				w, variable->name, value.text, variable->env_max_bytes);
		else
			hook_put(w, variable->name, value.text);
	}
}

/* The end of what the failed run printed, as far as it can stand in a variable. */
static void hook_put_output(struct hook_writer *w, const char *output, size_t len)
{
	char text[HOOK_OUTPUT_MAX_BYTES + 1];
	size_t used = 0;
	for (size_t i = len > HOOK_OUTPUT_MAX_BYTES ? len - HOOK_OUTPUT_MAX_BYTES : 0;
		i < len; i++) {
		if (output[i])
			text[used++] = output[i];
	}
	text[used] = '\0';
	hook_put(w, "FSMON_OUTPUT", text);
}

static void hook_put_failure(struct hook_writer *w, const struct outcome *failure)
{
	if (failure->shell_status < 0)
		hook_put(w, "FSMON_STATUS", NULL);
	else
		hook_put_number(w, "FSMON_STATUS", (uint64_t)failure->shell_status);
	hook_put(w, "FSMON_REASON", outcome_kind_name(failure->kind));
	hook_put_output(w, failure->output, failure->output_len);
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

static int hook_put_argv(struct hook_writer *w, const char *command)
{
	struct strlist argv = {0};
	if (hook_split(command ? command : "", &argv) < 0)
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

int hook_build(struct hook *h, const struct rule *rule, const struct view *view,
	const struct hook_context *context)
{
	*h = (struct hook){0};
	struct hook_writer w = {.rule = rule};
	if (hook_put_argv(&w, context->failure ? rule->on_failure : rule->command) < 0)
		return -1;
	hook_put_event(&w, view);
	if (context->failure)
		hook_put_failure(&w, context->failure);
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
