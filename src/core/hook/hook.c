/* SPDX-License-Identifier: MIT */
#include "core/hook/hook.h"

#include "base/buf.h"
#include "core/hook/hookvars.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 24

/* ---- Words of a command ---- */

#define BLANKS " \t"

/* Bytes that mean nothing to a shell, in a word behind the path of a program. */
#define PLAIN                                                  \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_./:,@%+=-"

/*
 * Whether a shell would do no more with the command than to split it at blanks and execute it.
 * It begins with an absolute path, so the first word is no builtin, function, alias, reserved
 * word, assignment or job of any shell.
 */
static bool is_plain(const char *command)
{
	return command[strspn(command, BLANKS)] == '/' &&
	       command[strspn(command, PLAIN BLANKS)] == '\0';
}

static int split_plain(const char *command, struct strlist *argv)
{
	for (const char *s = command + strspn(command, BLANKS); *s;) {
		size_t len = strcspn(s, BLANKS);
		if (strlist_add_bytes(argv, s, len) < 0)
			return -1;
		s += len;
		s += strspn(s, BLANKS);
	}
	return 1;
}

static int split_shell(const char *command, struct strlist *argv)
{
	if (strlist_add(argv, "/bin/sh") < 0 || strlist_add(argv, "-c") < 0)
		return -1;
	/* sh takes options behind -c too. */
	bool like_option = *command == '-' || *command == '+';
	if (like_option && strlist_add(argv, "--") < 0)
		return -1;
	return strlist_add(argv, command);
}

int hook_split(const char *command, struct strlist *argv)
{
	assert(argv->count == 0);
	int direct = is_plain(command) ? split_plain(command, argv)
				       : split_shell(command, argv);
	if (direct < 0)
		strlist_fini(argv);
	return direct;
}

/* ---- Arguments and environment ---- */

/* A hook's text being written: strings, each with its NUL. */
struct writer {
	const struct rule *rule;
	struct buf text;
	size_t argc;
	size_t envc;
	bool truncated;
};

/* Whether the rule's own env, from an index on, sets the variable. */
static bool is_overridden(
	const struct rule *rule, size_t from, const char *name, size_t name_len)
{
	for (size_t i = from; i < rule->env.count; i++) {
		const char *entry = rule->env.items[i];
		if (strncmp(entry, name, name_len) == 0 && entry[name_len] == '=')
			return true;
	}
	return false;
}

/* Add name=value, the value (NULL: "") cut to max_len bytes (0: no limit) and to what fits
 * into one string. */
static void put_cut(struct writer *w, const char *name, const char *value, size_t max_len)
{
	size_t name_len = strlen(name);
	if (is_overridden(w->rule, 0, name, name_len))
		return;
	size_t room = HOOK_STRING_MAX_BYTES - name_len - 2;
	if (max_len == 0 || max_len > room)
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

static void put(struct writer *w, const char *name, const char *value)
{
	put_cut(w, name, value, 0);
}

static void put_number(struct writer *w, const char *name, uint64_t value)
{
	char text[NUMBER_SIZE];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	put(w, name, text);
}

/* What happened and who did it. */
static void put_event(struct writer *w, const struct view *view)
{
	const struct hookvars_variable *variable;
	struct hookvars_value value;
	for (size_t i = 0; (variable = hookvars_get(i, view, &value)); i++) {
		if (value.type == HOOKVARS_NUMBER)
			put_number(w, variable->name, value.number);
		else
			put_cut(w, variable->name, value.text, variable->env_max_bytes);
	}
}

/* The end of what the failed run printed, as far as it can stand in a variable. */
static void put_output(struct writer *w, const char *output, size_t len)
{
	char text[HOOK_OUTPUT_MAX_BYTES + 1];
	size_t used = 0;
	for (size_t i = len > HOOK_OUTPUT_MAX_BYTES ? len - HOOK_OUTPUT_MAX_BYTES : 0;
		i < len; i++) {
		if (output[i])
			text[used++] = output[i];
	}
	text[used] = '\0';
	put(w, "FSMON_OUTPUT", text);
}

static void put_failure(struct writer *w, const struct outcome *failure)
{
	if (failure->shell_status < 0)
		put(w, "FSMON_STATUS", NULL);
	else
		put_number(w, "FSMON_STATUS", (uint64_t)failure->shell_status);
	put(w, "FSMON_REASON", outcome_kind_name(failure->kind));
	put_output(w, failure->output, failure->output_len);
}

static void put_run(struct writer *w, const struct hook_context *context)
{
	put(w, "FSMON_RULE", w->rule->name);
	put_number(w, "FSMON_RUN_ID", context->run_id);
	put_number(w, "FSMON_ATTEMPT", context->attempt);
	put_number(w, "FSMON_COUNT", context->count);
	if (context->file_fd >= 0)
		put_number(w, "FSMON_FD", (uint64_t)context->file_fd);
	if (context->truncated || w->truncated) {
		w->truncated = true;
		put(w, "FSMON_TRUNCATED", "1");
	}
}

static void put_surroundings(struct writer *w, const struct hook_context *context)
{
	const struct rule *rule = w->rule;
	assert(rule->user.set || context->daemon_user);
	const struct rule_user *user =
		rule->user.set ? &rule->user : context->daemon_user;
	char number[NUMBER_SIZE];
	snprintf(number, sizeof(number), "%ju", (uintmax_t)user->uid);
	const char *name = user->name ? user->name : number;
	put(w, "HOME", user->home ? user->home : "/");
	put(w, "LOGNAME", name);
	put(w, "USER", name);
	put(w, "SHELL", user->shell && *user->shell ? user->shell : "/bin/sh");
	put(w, "PATH", HOOK_PATH);
	put(w, "LANG", context->lang ? context->lang : "C.UTF-8");
	put(w, "PWD", rule->directory ? rule->directory : "/");
}

/* The rule's own entries; of several for one name the last counts. */
static void put_rule_env(struct writer *w)
{
	const struct strlist *env = &w->rule->env;
	for (size_t i = 0; i < env->count; i++) {
		size_t name_len = strcspn(env->items[i], "=");
		if (is_overridden(w->rule, i + 1, env->items[i], name_len))
			continue;
		buf_add(&w->text, env->items[i], strlen(env->items[i]) + 1);
		w->envc++;
	}
}

static int put_argv(struct writer *w, const char *command)
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
static int finish(struct hook *h, struct writer *w)
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
	struct writer w = {.rule = rule};
	if (put_argv(&w, context->failure ? rule->on_failure : rule->command) < 0)
		return -1;
	put_event(&w, view);
	if (context->failure)
		put_failure(&w, context->failure);
	put_run(&w, context);
	put_surroundings(&w, context);
	put_rule_env(&w);
	return finish(h, &w);
}

void hook_fini(struct hook *h)
{
	free(h->argv);
	free(h->text);
	*h = (struct hook){0};
}
