/* SPDX-License-Identifier: MIT */
/* Any bytes as what a fanotify group gives; what they decode to goes into a tree. */
#include "core/place/dirtree.h"
#include "core/record/fanrec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dirnode *node_of(
	struct dirtree *t, const struct fanrec *r, const struct fanrec_handle *h)
{
	return h->bytes ? dirtree_node(t, r->fsid, h) : NULL;
}

/* The target stands at a place, as the record of a directory says it. */
static void place_target(
	struct dirtree *t, const struct fanrec *r, const struct fanrec_place *place)
{
	struct dirnode *dir = node_of(t, r, &place->dir);
	struct dirnode *self = node_of(t, r, &r->target);
	struct buf path = {0};
	if (!dir || !self)
		return;
	dirtree_place(t, self, dir, place->name);
	if (!dirtree_unknown(self) && dirtree_add_path(self, &path) < 0)
		abort();
	buf_fini(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dirtree *t = dirtree_new(8);
	struct fanrec r;
	size_t at = 0, before = 0;
	unsigned bad = 0;
	if (!t)
		abort();
	while (fanrec_next(data, size, &at, &r, &bad)) {
		if (at <= before || at > size)
			abort();
		before = at;
		if (r.pid % 8 == 1 && r.target.bytes)
			dirtree_set_root(t, node_of(t, &r, &r.target));
		place_target(t, &r, &r.place);
		place_target(t, &r, &r.new_place);
		if (r.mask & FAN_Q_OVERFLOW)
			dirtree_forget(t, r.fsid);
		if (r.pid % 8 == 2)
			dirtree_trim(t);
	}
	if (at != size)
		abort();
	dirtree_free(t);
	return 0;
}
