/* SPDX-License-Identifier: MIT */
/* One section of a rule file while it is read: sets its values, and tells of its
 * mistakes. */
#ifndef FSMON_CORE_CONF_CONFSECT_H
#define FSMON_CORE_CONF_CONFSECT_H

#include "base/buf.h"
#include "core/conf/conf.h"
#include "core/conf/confline.h"
#include "core/rule/keys.h"

#include <stdbool.h>
#include <stddef.h>

enum confsect_kind { CONFSECT_NONE, CONFSECT_RULE, CONFSECT_DEFAULTS, CONFSECT_DAEMON };

/* Values that [defaults] set, in their order, to be set again in each rule. */
struct confsect_defaults {
	struct confsect_default *items;
	size_t count;
};

/* What a section has of a key. */
struct confsect_seen {
	unsigned line; /* where it was given first; 0: not at all */
	bool is_faulty; /* a value was refused */
};

/* `conf`, `file` and the accounts of `keys` are set by the owner; the rest is zero. */
struct confsect {
	struct conf *conf; /* takes the messages */
	const struct conf_file *file;
	struct confsect_seen seen[KEYS_MAX]; /* by keys_index */
	struct key_context keys;

	enum confsect_kind kind;
	struct buf title; /* "[name]", escaped */
	bool is_faulty; /* a line could not be read at all */
	void *target; /* borrowed: struct rule, or struct daemon */
	struct confsect_defaults *defaults; /* where [defaults] go */

	const struct key *key; /* whose value goes on */
	unsigned key_line;
	struct confline *lines; /* of it so far, if it is a text */
	size_t line_count;
	bool no_memory; /* something failed for want of memory */
};

/* Tell of a mistake in the section, or in one of its keys if `key` is not NULL. */
__attribute__((format(printf, 4, 5))) void confsect_tell(
	struct confsect *s, unsigned line, const char *key, const char *fmt, ...);

/* Likewise, or warn; `why` is complete, and freed, or NULL: there was no memory for it. */
void confsect_tell_text(
	struct confsect *s, unsigned line, const char *key, bool is_warning, char *why);

/* What the section has of the key of that name. */
struct confsect_seen *confsect_find_seen(struct confsect *s, const char *name);

/* Begin a section of the name that the header's line says; NULL if it is none. `target` is
 * filled in by what follows. */
void confsect_begin(struct confsect *s, enum confsect_kind kind,
	const struct confline *header, void *target);

/* Take a line that is a value, or goes on with one, or could not be read. */
void confsect_take(struct confsect *s, const struct confline *line);

/* The last value is complete. */
void confsect_end(struct confsect *s);

/* Set in a new rule what [defaults] gave. Returns 0, or -1 with ENOMEM. */
int confsect_apply_defaults(
	struct confsect *s, const struct confsect_defaults *defaults, struct rule *rule);

void confsect_defaults_fini(struct confsect_defaults *d);

/* Free what the section owns. */
void confsect_fini(struct confsect *s);

#endif
