/* SPDX-License-Identifier: MIT */
/* What a hook is started with: arguments and environment; see fsmon-hook(7). */
#ifndef FSMON_CORE_HOOK_HOOK_H
#define FSMON_CORE_HOOK_HOOK_H

#include "base/strlist.h"
#include "core/hook/outcome.h"
#include "core/rule/rule.h"
#include "core/rule/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One string of the environment with its NUL: MAX_ARG_STRLEN of the kernel. */
#define HOOK_STRING_MAX_BYTES ((size_t)128 * 1024)
#define HOOK_OUTPUT_MAX_BYTES ((size_t)4096) /* FSMON_OUTPUT */
#define HOOK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What a run is about besides its rule and its event. All strings are borrowed. */
struct hook_context {
	uint64_t run_id;
	uint32_t attempt; /* 1 for the first */
	uint64_t count; /* events in the job, listed or not */
	bool truncated; /* the list of events was cut, or one stands for others */
	int file_fd; /* number that FSMON_FD has in the hook; -1: none */
	const char *lang; /* LANG; NULL: C.UTF-8 */
	const struct rule_user *daemon_user; /* for rules without `user` */
	/* How a job failed for good, of which the rule's on_failure is told; NULL: this is a
	 * run of its command. */
	const struct outcome *failure;
};

/* Arguments and environment; made by hook_build, freed by hook_fini. All zero is none. */
struct hook {
	char **argv; /* NULL behind the last */
	char **envp; /* likewise */
	bool truncated; /* a value had to be cut, or the context said so */
	char *text; /* the bytes that both point to */
};

/*
 * Build argv and envp for one run of a rule: of its command, or where the context has a
 * failure of its on_failure, with FSMON_STATUS, FSMON_REASON and FSMON_OUTPUT, the last
 * HOOK_OUTPUT_MAX_BYTES of the output without NUL bytes. Values that do not fit are cut and
 * FSMON_TRUNCATED=1 is added; what is unknown is the empty string; the rule's own `env`
 * overrides everything. PWD is the rule's directory, as a shell would set it. Borrows its
 * arguments for the call. Returns 0, or -1 with ENOMEM (*h is empty then).
 */
__attribute__((warn_unused_result)) int hook_build(struct hook *h,
	const struct rule *rule, const struct view *view,
	const struct hook_context *context);

/* Free what hook_build made; *h is empty afterwards. */
void hook_fini(struct hook *h);

/*
 * The arguments for a command: its words where it is an absolute path and arguments without
 * any shell syntax, so that to execute them is the same as to ask a shell, else /bin/sh -c
 * and the command as it stands. argv must be empty; the caller frees it. Returns 1 if the
 * command is executed directly, 0 if by the shell, or -1 with ENOMEM (argv is empty then).
 */
__attribute__((warn_unused_result)) int hook_split(
	const char *command, struct strlist *argv);

#endif
