/* SPDX-License-Identifier: MIT */
/* One section of a rule file being read: its values set, its mistakes told. */
#ifndef FSMON_CORE_CONF_CONFSECT_H
#define FSMON_CORE_CONF_CONFSECT_H

#include "base/buf.h"
#include "core/conf/conf.h"
#include "core/conf/confline.h"
#include "core/conf/conftext.h"
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

/* `conf`, `file`, `users`, `seen` (keys_count() of them) are set by the owner; the rest
 * is zero. */
struct confsect {
	struct conf *conf; /* takes the messages */
	const struct conf_file *file;
	struct confsect_seen *seen;
	struct key_context keys;

	enum confsect_kind kind;
	struct buf title; /* "[name]", escaped */
	unsigned line; /* of the header */
	bool is_faulty; /* a line could not be read at all */
	void *target; /* borrowed: struct rule, or struct daemon */
	struct confsect_defaults *defaults; /* where [defaults] go */

	const struct key *key; /* whose value goes on */
	unsigned key_line;
	struct conftext text; /* its lines so far, if it is a text */
	bool no_memory; /* something failed for want of memory */
};

/* Tell of a mistake in the section, or in one of its keys if `key` is not NULL. `why` is
 * complete. */
void confsect_tell(struct confsect *s, unsigned line, const char *key, const char *why);
void confsect_warn(struct confsect *s, unsigned line, const char *key, const char *why);

/* Begin a section of this name; `target` is filled in by what follows. */
void confsect_begin(struct confsect *s, enum confsect_kind kind, const char *name,
	size_t len, unsigned line, void *target);

/* Take a line that is a value, or goes on with one, or could not be read. */
void confsect_take(struct confsect *s, const struct confline *line);

/* The last value is complete. */
void confsect_end(struct confsect *s);

/* Set what [defaults] gave in a new rule. Returns 0, or -1 with ENOMEM. */
int confsect_apply_defaults(
	struct confsect *s, const struct confsect_defaults *defaults, struct rule *rule);

void confsect_defaults_fini(struct confsect_defaults *d);

/* Free what the section owns. */
void confsect_fini(struct confsect *s);

#endif
