/* SPDX-License-Identifier: MIT */
/* The kinds of values that the table in core/rule/keys.c names. */
#ifndef FSMON_CORE_RULE_KEYKINDS_H
#define FSMON_CORE_RULE_KEYKINDS_H

#include "core/rule/key.h"

/* Append the value in quotes, between two pieces that say what is wrong with it, to ctx->why.
 * Returns -1 with EINVAL. */
int keykinds_refuse(struct key_context *ctx, const char *before, const char *value,
	const char *after);

/* Say why the look-up of a user or group failed, from errno. Returns -1 with EINVAL or
 * ENOMEM. */
int keykinds_refuse_account(const char *what, const char *value, struct key_context *ctx);

/* Lists */
extern const struct key_kind keykind_paths; /* struct rule_globs, absolute */
extern const struct key_kind keykind_excludes; /* struct rule_globs, at any depth */
extern const struct key_kind keykind_events; /* mask of enum event_kind */
extern const struct key_kind keykind_types; /* bits 1 << enum event_type */
extern const struct key_kind keykind_by_user; /* struct rule_condition with ids */
extern const struct key_kind keykind_by_cmd; /* struct rule_condition, process names */
extern const struct key_kind keykind_by_exe; /* struct rule_condition, paths */
extern const struct key_kind keykind_by_unit; /* struct rule_condition, words */
extern const struct key_kind keykind_env; /* struct strlist of K=V */

/* Texts: char * */
extern const struct key_kind keykind_text; /* several lines, verbatim */
extern const struct key_kind keykind_text_none; /* likewise; `none` is none */
extern const struct key_kind keykind_directory;
extern const struct key_kind keykind_user;
extern const struct key_kind keykind_group;

/* Plain fields */
extern const struct key_kind keykind_bool;
extern const struct key_kind keykind_number; /* uint32_t */
extern const struct key_kind keykind_choice; /* an enum */
extern const struct key_kind keykind_duration; /* uint64_t nanoseconds */
extern const struct key_kind keykind_timeout; /* likewise; `none` is 0 */
extern const struct key_kind keykind_rate; /* struct timing_rate */
extern const struct key_kind keykind_signal; /* int */
extern const struct key_kind keykind_umask; /* mode_t */
extern const struct key_kind keykind_nice; /* int */
extern const struct key_kind keykind_size; /* the rule: size_compare, size_bytes */
extern const struct key_kind keykind_on_busy; /* the rule: on_busy, busy_signal */
extern const struct key_kind keykind_history; /* the daemon: history_keep_ns, _count */

#endif
