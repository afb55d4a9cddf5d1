/* SPDX-License-Identifier: MIT */
/*
 * Where the literal fronts of rules lead through symbolic links: collected from a table, found
 * by looking at files (slow: not for the loop), compared, and shown.
 */
#ifndef FSMON_APP_WATCH_FRONTS_H
#define FSMON_APP_WATCH_FRONTS_H

#include "base/buf.h"
#include "base/strlist.h"
#include "core/place/front.h"
#include "core/rule/table.h"
#include "os/handle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fronts; /* opaque: a set of fronts, by their texts */

/* One of them, in a list. */
struct fronts_item {
	const char *text; /* as it was written */
	struct front front;
	bool is_stale; /* it may lead elsewhere by now: for whoever keeps the set */
	bool is_news; /* it leads nowhere, other than before: for whoever says so */
	uint64_t said_ns; /* when that was said last; likewise */
};

/* An empty set. NULL with ENOMEM. */
struct fronts *fronts_new(void);
void fronts_free(struct fronts *f);

/* Add a front, if it is not there. Returns 0, or -1 with ENOMEM. */
int fronts_add(struct fronts *f, const char *text);

/* Add the fronts of all globs of a table. Returns 0, or -1 with ENOMEM. */
int fronts_add_table(struct fronts *f, const struct table *t);

/*
 * Find out where each leads. Touches no filesystem on which a look might never end (network, FUSE,
 * automounts): what lies there is taken as written. A link that neither root, nor who runs fsmon,
 * nor the directory's owner has made in a sticky directory where anybody may make one is not
 * followed, as with protected_symlinks (proc_sys_fs(5)). Returns 0, or -1 with errno.
 */
int fronts_find(struct fronts *f);

/* The item of a front, or NULL; the item of a number, or NULL past the last. */
struct fronts_item *fronts_get(const struct fronts *f, const char *text);
struct fronts_item *fronts_at(const struct fronts *f, size_t number);

/* A directory in which entries were looked up. */
struct fronts_dir {
	struct seen *seen; /* private */
	const char *path; /* "" is the root */
	const struct handle *handle;
	/* For whoever keeps the set: where the directory is now. */
	int mount_id; /* 0: that was not asked yet */
	uint64_t fsid; /* 0: nothing is heard of it */
	bool has_moved;
};

/* The directory in which an entry was looked up, or NULL if it has no handle. */
struct fronts_dir *fronts_dir(const struct fronts *f, const struct front_step *step);

/* The directory behind one of them, or the first (NULL); NULL at the end. In no order. */
struct fronts_dir *fronts_next_dir(const struct fronts *f, struct fronts_dir *dir);

/* Append why a front leads nowhere, whatever is there: nothing if it does lead somewhere. Returns 0,
 * or -1 with ENOMEM. */
int fronts_add_trouble(const struct fronts_item *item, struct buf *out);

/* What table_lead asks; `f` is a struct fronts. */
const struct strlist *fronts_leads(void *f, const char *front);

/* What has become of fronts that were found again. */
enum fronts_change {
	FRONTS_SAME,
	FRONTS_STEPS, /* what hangs on others than before, but leads to the same */
	FRONTS_LEADS,
};

/* Take over what another set has found anew of the fronts of this one; those that differ are marked
 * as stale. Frees `found`. Returns what has changed. */
enum fronts_change fronts_take(struct fronts *f, struct fronts *found);

/* Forget directories in which no entry is looked up any more. */
void fronts_trim(struct fronts *f);

#endif
