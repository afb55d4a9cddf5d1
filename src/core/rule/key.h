/* SPDX-License-Identifier: MIT */
/* A key of rule files, which the table in core/rule/keys.c has rows of, and the kinds of values
 * that keys have. */
#ifndef FSMON_CORE_RULE_KEY_H
#define FSMON_CORE_RULE_KEY_H

#include "base/buf.h"
#include "core/rule/accounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key;

/* What setting needs besides the value. */
struct key_context {
	struct accounts *users;
	const struct key *key; /* the one that is set: keys_set fills it in */
	struct buf why; /* why a value was refused; the caller empties it */
};

/* How a kind of value is set and cleared. `field` is its place in the struct. Setting
 * returns 0, or -1 with EINVAL and the reason in ctx->why, or with ENOMEM. */
struct key_kind {
	int (*set)(void *field, const char *value, struct key_context *ctx);
	void (*clear)(
		void *field); /* NULL: the field owns nothing, and a preset is copied */
	bool is_list; /* values add up; the caller splits them at commas */
	bool is_text; /* a value of several lines, verbatim */
};

struct key {
	const char *name;
	const struct key_kind *kind;
	size_t offset; /* in struct rule or struct daemon */
	size_t size;
	uint64_t min; /* of numbers */
	uint64_t max; /* of numbers */
	const struct value_name *choices; /* of an enumeration */
	size_t choice_count;
	bool is_daemon; /* belongs in [daemon], else in rules */
};

/* Say why the look-up of a user or group failed, from errno. Returns -1 with EINVAL or
 * ENOMEM. */
int key_refuse_account(const char *what, const char *value, struct key_context *ctx);

/* Lists: of these `set` takes one item */
extern const struct key_kind key_kind_paths; /* struct rule_globs, absolute */
extern const struct key_kind key_kind_excludes; /* struct rule_globs, at any depth */
extern const struct key_kind key_kind_events; /* mask of enum event_kind */
extern const struct key_kind key_kind_types; /* bits 1 << enum event_type */
extern const struct key_kind key_kind_by_user; /* struct rule_condition with ids */
extern const struct key_kind key_kind_by_cmd; /* struct rule_condition, process names */
extern const struct key_kind key_kind_by_exe; /* struct rule_condition, paths */
extern const struct key_kind key_kind_by_unit; /* struct rule_condition, words */
extern const struct key_kind key_kind_env; /* struct strlist of K=V */

/* Texts: char * */
extern const struct key_kind key_kind_text; /* several lines, verbatim */
extern const struct key_kind key_kind_text_none; /* likewise; `none` is none */
extern const struct key_kind key_kind_directory;
extern const struct key_kind key_kind_user;
extern const struct key_kind key_kind_group;

/* Plain fields */
extern const struct key_kind key_kind_bool; /* yes no true false on off 1 0 */
extern const struct key_kind key_kind_number; /* uint32_t from key.min to key.max */
extern const struct key_kind key_kind_choice; /* an enum: one of key.choices */
extern const struct key_kind key_kind_duration; /* uint64_t nanoseconds */
extern const struct key_kind key_kind_timeout; /* likewise; `none` is 0 */
extern const struct key_kind
	key_kind_rate; /* struct timing_rate; `none` is a count of 0 */
extern const struct key_kind key_kind_signal; /* int, by name, with or without SIG */
extern const struct key_kind key_kind_umask; /* mode_t, one to four octal digits */
extern const struct key_kind key_kind_nice; /* int, -20 to 19 */
extern const struct key_kind key_kind_size; /* the rule: size_compare, size_bytes */
extern const struct key_kind key_kind_on_busy; /* the rule: on_busy, busy_signal */
extern const struct key_kind key_kind_history; /* the daemon: history_keep_ns, _count */

#endif
