/* SPDX-License-Identifier: MIT */
/* The kinds of values that the table in core/keys.c names. */
#ifndef FSMON_CORE_KEYKINDS_H
#define FSMON_CORE_KEYKINDS_H

#include "core/keys.h"

/* Say why the look-up of a user or group failed, from errno. Returns -1 with EINVAL or
 * ENOMEM. */
int keykinds_refuse_account(
	const char *what, const char *value, struct keys_context *ctx);

/* Lists */
extern const struct keys_kind keykind_paths; /* struct rule_globs, absolute */
extern const struct keys_kind keykind_excludes; /* struct rule_globs, at any depth */
extern const struct keys_kind keykind_events; /* mask of enum event_kind */
extern const struct keys_kind keykind_types; /* bits 1 << enum event_type */
extern const struct keys_kind keykind_by_user; /* struct rule_condition with ids */
extern const struct keys_kind keykind_by_cmd; /* struct rule_condition, process names */
extern const struct keys_kind keykind_by_exe; /* struct rule_condition, paths */
extern const struct keys_kind keykind_by_unit; /* struct rule_condition, words */
extern const struct keys_kind keykind_env; /* struct strlist of K=V */

/* Texts: char * */
extern const struct keys_kind keykind_text; /* several lines, verbatim */
extern const struct keys_kind keykind_text_none; /* likewise; `none` is none */
extern const struct keys_kind keykind_directory;
extern const struct keys_kind keykind_user;
extern const struct keys_kind keykind_group;

/* Plain fields */
extern const struct keys_kind keykind_bool;
extern const struct keys_kind keykind_number; /* uint32_t */
extern const struct keys_kind keykind_choice; /* an enum */
extern const struct keys_kind keykind_duration; /* uint64_t nanoseconds */
extern const struct keys_kind keykind_timeout; /* likewise; `none` is 0 */
extern const struct keys_kind keykind_rate; /* struct rule_rate */
extern const struct keys_kind keykind_signal; /* int */
extern const struct keys_kind keykind_umask; /* mode_t */
extern const struct keys_kind keykind_nice; /* int */
extern const struct keys_kind keykind_size; /* the rule: size_compare, size_bytes */
extern const struct keys_kind keykind_on_busy; /* the rule: on_busy, busy_signal */
extern const struct keys_kind keykind_history; /* the daemon: history_keep_ns, _count */

#endif
