/* SPDX-License-Identifier: MIT */
/*
 * The front of a rule's path, followed component by component through symbolic links, as
 * path_resolution(7) has it: what it leads to, and which entries that hangs on.
 */
#ifndef FSMON_CORE_PLACE_FRONT_H
#define FSMON_CORE_PLACE_FRONT_H

#include "base/strlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONT_LINKS_MAX 40 /* as the kernel has it */

/* What is found under a path. */
enum front_kind {
	FRONT_MISSING,
	FRONT_DIR,
	FRONT_LINK,
	FRONT_STRANGER, /* a link that is not followed, for whose it is */
	FRONT_OTHER, /* neither a directory nor a link */
	FRONT_UNTOUCHED, /* on a filesystem at which nobody may look */
};

/* Says what is under a path, in which no component but the last is a link. The text of a FRONT_LINK
 * goes to *text, borrowed until the next call. Returns 0, or -1 with ENOMEM. */
typedef int front_look(
	void *ctx, const char *path, enum front_kind *kind, const char **text);

/* An entry that was looked up on the way. */
struct front_step {
	const char
		*path; /* its first bytes are the entry's path: without links, but for the
			     entry itself */
	uint32_t len;
	uint8_t kind; /* enum front_kind */
	bool is_own; /* and not the path that was followed */
};

/* How far it leads. */
enum front_end {
	FRONT_WHOLE, /* to something that is there */
	FRONT_CUT, /* its rest is not there, or not looked at */
	FRONT_REFUSED, /* to the link of a stranger */
	FRONT_LOOP, /* through more links than the kernel follows, or to no end */
};

/* All zero is empty. */
struct front {
	/* The paths that stand for it, after each link that was followed; the last is what it leads
	 * to, or would lead to if it were there. "" is the root. Empty: there is no link. */
	struct strlist leads;
	struct front_step *steps;
	size_t step_count;
	enum front_end end;
};

/* Follow a path, which is absolute ("" is the root), has no components "", "." and "..", and must
 * live as long as the front. Returns 0, or -1 with ENOMEM. On success front_fini frees it. */
int front_follow(struct front *f, const char *path, front_look *look, void *ctx);

/* Whether two say the same. */
bool front_equals(const struct front *a, const struct front *b);

/* The length of the path of the directory that the entry is in; 0 is the root. */
size_t front_dir_len(const struct front_step *s);

/* Whether a link was met on the way, followed or not. */
bool front_has_link(const struct front *f);

void front_fini(struct front *f);

#endif
