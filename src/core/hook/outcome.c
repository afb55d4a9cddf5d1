/* SPDX-License-Identifier: MIT */
#include "core/hook/outcome.h"

#include "base/countof.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[OUTCOME_RUNNING] = "running",
	[OUTCOME_OK] = "ok",
	[OUTCOME_EXIT] = "exit",
	[OUTCOME_SIGNAL] = "signal",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_COULD_NOT_START] = "could-not-start",
	[OUTCOME_RESTARTED] = "restarted",
	[OUTCOME_LOST] = "lost",
	[OUTCOME_BREAKER] = "breaker",
	[OUTCOME_OVERFLOW] = "overflow",
};

const char *outcome_kind_name(enum outcome_kind kind)
{
	assert((size_t)kind < countof(names));
	return names[kind];
}

enum outcome_kind outcome_kind_of(const char *name)
{
	for (size_t i = 0; name && i < countof(names); i++) {
		if (strcmp(names[i], name) == 0)
			return (enum outcome_kind)i;
	}
	return OUTCOME_LOST;
}

struct outcome outcome_of_wait(int wait_status)
{
	if (WIFSIGNALED(wait_status)) {
		int signal = WTERMSIG(wait_status);
		return (struct outcome){.kind = OUTCOME_SIGNAL,
			.status = signal,
			.shell_status = 128 + signal};
	}
	int code = WEXITSTATUS(wait_status);
	return (struct outcome){.kind = code ? OUTCOME_EXIT : OUTCOME_OK,
		.status = code,
		.shell_status = code};
}

struct outcome outcome_unstarted(const char *stage, int error)
{
	bool is_missing = strcmp(stage, "exec") == 0 && error == ENOENT;
	const char *why = strerror(error);
	return (struct outcome){.kind = OUTCOME_COULD_NOT_START,
		.status = error,
		.shell_status = is_missing ? 127 : 126,
		.output = why,
		.output_len = strlen(why)};
}

struct outcome *outcome_copy(const struct outcome *o)
{
	assert(o->output || o->output_len == 0);
	struct outcome *copy = malloc(sizeof(*copy) + o->output_len + 1);
	if (!copy)
		return NULL;
	char *output = (char *)(copy + 1);
	*copy = *o;
	if (o->output_len > 0)
		memcpy(output, o->output, o->output_len);
	output[o->output_len] = '\0';
	copy->output = output;
	return copy;
}
