/* SPDX-License-Identifier: MIT */
/* Path globs (fsmon.conf(5)), matched on bytes in time linear in path × pattern. */
#ifndef FSMON_CORE_RULE_GLOB_H
#define FSMON_CORE_RULE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

struct glob; /* opaque: a compiled pattern, immutable */

#define GLOB_SYNTAX "*?[]{}\\" /* what stands for itself only behind a backslash */

enum glob_kind { GLOB_PATH, GLOB_WORD };

/*
 * Compile a pattern. With GLOB_PATH it is one for whole paths: `*`, `?` and sets match
 * within one component, `**` as a whole component any number of components, a trailing
 * `/` is the same as a trailing slash and star. With GLOB_WORD it is one for names and
 * other words: `*` matches any bytes, `/` too. Both have `[a-z]`, `[!a]`, nested `{a,b}`
 * and `\` escapes. Repeated slashes and "." components are not folded.
 *
 * Returns the glob, which the caller frees, or NULL with EINVAL and *why set to a static
 * sentence fragment ("the bracket [ is never closed"), or NULL with ENOMEM and *why "out
 * of memory".
 */
struct glob *glob_new(const char *pattern, enum glob_kind kind, const char **why);

/* Free a glob; NULL is allowed. */
void glob_free(struct glob *g);

/* The pattern as it was given. Lives as long as the glob. */
const char *glob_text(const struct glob *g);

/* Whether the whole text (len bytes) matches. */
bool glob_matches(const struct glob *g, const char *text, size_t len);

/*
 * Whether some path strictly below the directory (no trailing slash; "" is the root)
 * could match. Used to find the filesystems that a rule concerns. GLOB_PATH only. May say
 * true once too often, never false wrongly.
 */
bool glob_may_match_below(const struct glob *g, const char *dir, size_t len);

/*
 * The literal front of a path pattern: the longest leading sequence of whole components
 * without glob syntax, escapes removed, without a trailing slash; the whole path for a
 * pattern without glob syntax; "" for a pattern that has none (such as the pattern of two
 * stars below the root). *rest_offset is where in glob_text() the remainder begins (its
 * leading slash, or the end of the text). The string belongs to the glob.
 */
const char *glob_literal_front(const struct glob *g, size_t *rest_offset);

/* Whether the pattern has no glob syntax at all: it names exactly one path. */
bool glob_is_literal(const struct glob *g);

/*
 * The directory whose entries are all that a path pattern can match: the first *len bytes of the
 * string, which belongs to the glob ("" is the root). NULL if it can match at several depths, or in
 * several directories.
 */
const char *glob_entry_dir(const struct glob *g, size_t *len);

/*
 * The same path pattern with its literal front replaced by another literal path (escaped
 * as needed). GLOB_PATH only. Returns a new glob, or NULL with ENOMEM or EINVAL.
 */
struct glob *glob_with_front(const struct glob *g, const char *literal_path);

#endif
