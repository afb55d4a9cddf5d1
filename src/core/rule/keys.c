/* SPDX-License-Identifier: MIT */
#include "core/rule/keys.h"

#include "base/countof.h"
#include "core/rule/key.h"
#include "core/text/suggest.h"
#include "core/text/value.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* What a plain field is when nobody sets it. */
static const struct rule rule_preset = {
	.enabled = true,
	.umask = 022,
	.timing =
		{
			.run_per = TIMING_PER_PATH,
			.max_wait_ns = KEYS_UNSET_NS,
			.parallel = 1,
			.on_busy = TIMING_BUSY_QUEUE,
			.queue_max = 100000,
			.breaker = {.count = 100, .per_ns = 10 * NS_PER_S},
			.stop_signal = SIGTERM,
			.stop_timeout_ns = 10 * NS_PER_S,
			.retry_delay_ns = NS_PER_S,
		},
};

static const struct daemon daemon_preset = {
	.max_parallel = 64,
	.history_keep_ns = UINT64_C(7) * 86400 * NS_PER_S,
	.history_keep_count = 10000,
};

/* Rows for a field of struct rule, and of struct daemon. */
#define RULE(key, kind_, field, ...)                                                     \
	{                                                                                \
		.name = (key), .kind = &(kind_), .offset = offsetof(struct rule, field), \
		.size = sizeof(((struct rule *)0)->field), __VA_ARGS__                   \
	}
#define DAEMON(key, kind_, field, ...)                                          \
	{                                                                       \
		.name = (key), .kind = &(kind_),                                \
		.offset = offsetof(struct daemon, field),                       \
		.size = sizeof(((struct daemon *)0)->field), .is_daemon = true, \
		__VA_ARGS__                                                     \
	}
#define CHOICES(...)                                                       \
	.choices = (const struct value_name[]){__VA_ARGS__},               \
	.choice_count = sizeof((const struct value_name[]){__VA_ARGS__}) / \
			sizeof(struct value_name)
#define RANGE(from, to) .min = (from), .max = (to)

static const struct key keys[] = {
	RULE("path", key_kind_paths, path, ),
	RULE("exclude", key_kind_excludes, exclude, ),
	RULE("events", key_kind_events, events, ),
	RULE("type", key_kind_types, types, ),
	RULE("size", key_kind_size, size_compare, ),
	RULE("by-user", key_kind_by_user, by[RULE_BY_USER], ),
	RULE("by-cmd", key_kind_by_cmd, by[RULE_BY_CMD], ),
	RULE("by-exe", key_kind_by_exe, by[RULE_BY_EXE], ),
	RULE("by-ancestor", key_kind_by_cmd, by[RULE_BY_ANCESTOR], ),
	RULE("by-unit", key_kind_by_unit, by[RULE_BY_UNIT], ),
	RULE("self-events", key_kind_choice, self_events,
		CHOICES({"ignore", RULE_SELF_IGNORE},
			{"ignore-all", RULE_SELF_IGNORE_ALL},
			{"allow", RULE_SELF_ALLOW})),
	RULE("command", key_kind_text, command, ),
	RULE("user", key_kind_user, user_name, ),
	RULE("group", key_kind_group, group_name, ),
	RULE("directory", key_kind_directory, directory, ),
	RULE("env", key_kind_env, env, ),
	RULE("umask", key_kind_umask, umask, ),
	RULE("nice", key_kind_nice, nice, ),
	RULE("stdin", key_kind_choice, stdin_kind,
		CHOICES({"none", RULE_STDIN_NONE}, {"paths", RULE_STDIN_PATHS},
			{"paths0", RULE_STDIN_PATHS0}, {"json", RULE_STDIN_JSON})),
	RULE("run-per", key_kind_choice, timing.run_per,
		CHOICES({"event", TIMING_PER_EVENT}, {"path", TIMING_PER_PATH},
			{"batch", TIMING_PER_BATCH})),
	RULE("debounce", key_kind_duration, timing.debounce_ns, ),
	RULE("max-wait", key_kind_duration, timing.max_wait_ns, ),
	RULE("parallel", key_kind_number, timing.parallel, RANGE(1, 10000)),
	RULE("on-busy", key_kind_on_busy, timing.on_busy, ),
	RULE("queue-max", key_kind_number, timing.queue_max, RANGE(1, UINT32_MAX)),
	RULE("throttle", key_kind_rate, timing.throttle, ),
	RULE("breaker", key_kind_rate, timing.breaker, ),
	RULE("timeout", key_kind_timeout, timing.timeout_ns, ),
	RULE("stop-signal", key_kind_signal, timing.stop_signal, ),
	RULE("stop-timeout", key_kind_duration, timing.stop_timeout_ns, ),
	RULE("retry", key_kind_number, timing.retry, RANGE(0, 1000)),
	RULE("retry-delay", key_kind_duration, timing.retry_delay_ns, ),
	RULE("on-failure", key_kind_text_none, on_failure, ),
	RULE("on-overflow", key_kind_choice, on_overflow,
		CHOICES({"run", RULE_OVERFLOW_RUN}, {"ignore", RULE_OVERFLOW_IGNORE})),
	RULE("enabled", key_kind_bool, enabled, ),
	DAEMON("strict", key_kind_bool, strict, ),
	DAEMON("max-parallel", key_kind_number, max_parallel, RANGE(1, 10000)),
	DAEMON("log-format", key_kind_choice, log_format,
		CHOICES({"text", DAEMON_LOG_TEXT}, {"json", DAEMON_LOG_JSON})),
	DAEMON("history-keep", key_kind_history, history_keep_ns, ),
};

_Static_assert(countof(keys) <= KEYS_MAX, "KEYS_MAX is too small");

size_t keys_index(const struct key *key)
{
	assert(key >= keys && key < keys + countof(keys));
	return (size_t)(key - keys);
}

const struct key *keys_find(const char *name)
{
	for (size_t i = 0; i < countof(keys); i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

const char *keys_nearest(const char *name, bool is_daemon)
{
	/* The keys of [daemon] stand last. */
	size_t first = 0;
	while (first < countof(keys) && !keys[first].is_daemon)
		first++;
	if (is_daemon)
		return suggest_nearest(
			name, keys + first, countof(keys) - first, sizeof(keys[0]));
	return suggest_nearest(name, keys, first, sizeof(keys[0]));
}

struct rule *keys_new_rule(void)
{
	struct rule *r = malloc(sizeof(*r));
	if (r)
		*r = rule_preset;
	return r;
}

void keys_free_rule(struct rule *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < countof(keys); i++) {
		if (!keys[i].is_daemon)
			keys_clear(&keys[i], r);
	}
	rule_user_fini(&r->user);
	free(r->name);
	free(r->file);
	free(r);
}

void keys_free_rules(struct rule **rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		keys_free_rule(rules[i]);
	free(rules);
}

void keys_init_daemon(struct daemon *d)
{
	*d = daemon_preset;
}

int keys_set(
	const struct key *key, void *target, const char *value, struct key_context *ctx)
{
	ctx->key = key;
	return key->kind->set((char *)target + key->offset, value, ctx);
}

void keys_clear(const struct key *key, void *target)
{
	void *field = (char *)target + key->offset;
	if (key->kind->clear) {
		key->kind->clear(field);
		return;
	}
	const char *preset = key->is_daemon ? (const char *)&daemon_preset
					    : (const char *)&rule_preset;
	memcpy(field, preset + key->offset, key->size);
}

int keys_finish(struct rule *r, struct accounts *users)
{
	if (r->events == 0)
		r->events = EVENT_CHANGED;
	if (r->timing.max_wait_ns == KEYS_UNSET_NS)
		r->timing.max_wait_ns = 10 * r->timing.debounce_ns;
	if (!r->directory && !(r->directory = strdup("/")))
		return -1;
	return accounts_resolve(users, r);
}
