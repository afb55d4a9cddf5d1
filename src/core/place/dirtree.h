/* SPDX-License-Identifier: MIT */
/*
 * Directories by their file handles, as a tree for each filesystem: who is whose parent,
 * under which name. A directory's path is read off the tree, so renaming one moves all
 * below it in one step.
 *
 * A node of which only the handle is known is "unknown"; records of the queue and
 * look-ups place it. A look-up tells where a directory is when it is made, which may be
 * later than what records tell: its place is a guess until they have all been read. Nodes of
 * deleted directories stay (their last place is what late
 * records mean) until the tree is full; then those go that nobody has asked for longest.
 */
#ifndef FSMON_CORE_PLACE_DIRTREE_H
#define FSMON_CORE_PLACE_DIRTREE_H

#include "base/buf.h"
#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dirtree; /* opaque */
struct dirnode; /* opaque; belongs to its tree */

/* A tree that keeps up to max_nodes nodes between two calls of dirtree_trim. NULL with
 * ENOMEM. */
struct dirtree *dirtree_new(size_t max_nodes);

/* Free the tree and all its nodes; NULL is allowed. */
void dirtree_free(struct dirtree *t);

/*
 * The node of a directory's handle, made (unknown) if there is none. It stays valid
 * until the next dirtree_trim or dirtree_forget. NULL with ENOMEM.
 */
struct dirnode *dirtree_node(
	struct dirtree *t, uint64_t fsid, const struct fanrec_handle *handle);

/* The node makes the top of its filesystem. */
void dirtree_set_root(struct dirtree *t, struct dirnode *n);

/*
 * Put a node under a parent with a name (copied), wherever it was before. A place below
 * itself (a race of look-ups made at different times) makes the node unknown instead.
 * Returns 0, or -1 with ENOMEM, or ELOOP.
 */
int dirtree_place(
	struct dirtree *t, struct dirnode *n, struct dirnode *parent, const char *name);

/* The node above, or NULL: n is the root, or it is not placed. */
struct dirnode *dirtree_parent(const struct dirnode *n);

/* The same by a look-up: a guess until dirtree_confirm. */
int dirtree_guess(
	struct dirtree *t, struct dirnode *n, struct dirnode *parent, const char *name);

/* All that has been guessed holds: what was in the queue at the look-ups has been read. */
void dirtree_confirm(struct dirtree *t);

/* Whether the node's own place (not that of those above) is known; and whether that is a
 * guess. */
bool dirtree_is_placed(const struct dirnode *n);
bool dirtree_is_guess(const struct dirtree *t, const struct dirnode *n);

/* Note that the directory of an unknown node is gone, so that no look-up will place it; and
 * whether that was noted. It is forgotten when a record places the node. */
void dirtree_set_gone(struct dirnode *n);
bool dirtree_is_gone(const struct dirnode *n);

/* The nearest node, from n itself upwards, whose place is not known, or NULL if the path
 * is whole. */
struct dirnode *dirtree_unknown(struct dirnode *n);

/*
 * Append the path within the filesystem: "" for its root, "/a/b" below. Where dirtree_unknown
 * gives a node, that node takes the place of the root. Returns 0, or -1 with ENOMEM.
 */
int dirtree_add_path(const struct dirnode *n, struct buf *out);

/* The handle of a node; the bytes live as long as the node. */
struct fanrec_handle dirtree_handle(const struct dirnode *n);

/* Drop nodes that nobody has asked for longest until the tree is within its bound. */
void dirtree_trim(struct dirtree *t);

/* Drop every node of a filesystem. */
void dirtree_forget(struct dirtree *t, uint64_t fsid);

/* Number of nodes. */
size_t dirtree_count(const struct dirtree *t);

#endif
