/* SPDX-License-Identifier: MIT */
#include "app/events/leading.h"

#include "os/clock.h"

/* The time that a turn spends on this. Who renames directories above a mount all the time does
 * not keep the loop busy: what comes later in the turn is seen under the mounts' places of then,
 * and the table that is read after it is right again. */
#define MOVING_MAX_NS UINT64_C(20000000)

static bool may_lead(const struct pipeline *p, const struct fanrec_place *place)
{
	return place->dir.bytes &&
	       (dirset_has_name(&p->parts.filesystems->routes.dirs, place->name) ||
		       dirset_has_name(&p->parts.entry_marks->dirs, place->name));
}

bool leading_concern(const struct pipeline *p, const struct facts *f)
{
	return (f->rec.mask & FAN_ONDIR) &&
	       (f->kinds & (EVENT_CREATE | EVENT_RENAME | EVENT_DELETE)) && f->fs &&
	       (f->fs->leads || f->fs->kinds) &&
	       (may_lead(p, &f->rec.place) || may_lead(p, &f->rec.new_place));
}

/* What the kernel calls a bind mount's root that was deleted. */
static int add_deleted(struct buf *path)
{
	return buf_add_str(path, "//deleted");
}

/* Take in that a directory has moved from one path to another. */
static void move(struct pipeline *p, const struct facts *f, const struct buf *from,
	const struct buf *to)
{
	struct filesystems *fs = p->parts.filesystems;
	uint64_t start_ns = clock_monotonic_ns();
	if (p->moving_ns >= MOVING_MAX_NS ||
		filesystems_move(f->fs, from, to, p->parts.rules) < 0)
		fs->is_behind = true;
	p->moving_ns += clock_monotonic_ns() - start_ns;
}

/* Let mounts move with the directory. */
static void move_mounts(struct pipeline *p, const struct facts *f)
{
	struct filesystems *all = p->parts.filesystems;
	bool is_rename = f->has_old_path;
	const struct buf *from = is_rename ? &p->old_path : &p->path;
	struct buf to = {0};
	/* What the new place held was deleted, or has moved by an exchange. */
	if (is_rename && filesystems_lead(f->fs, &p->path))
		all->is_behind = true;
	if (!filesystems_lead(f->fs, from))
		return;
	if (buf_add(&to, p->path.data, p->path.len) < 0 ||
		(!is_rename && add_deleted(&to) < 0))
		all->is_behind = true;
	else
		move(p, f, from, &to);
	buf_fini(&to);
}

void leading_apply(struct pipeline *p, const struct facts *f)
{
	struct filesystems *all = p->parts.filesystems;
	bool is_rename = f->kinds & EVENT_RENAME;
	if (!f->has_path || (is_rename && !f->has_old_path)) {
		all->is_behind = true;
		return;
	}
	if (f->kinds & (EVENT_RENAME | EVENT_DELETE))
		move_mounts(p, f);
	entry_marks_note(p->parts.entry_marks, f->fs, &p->path);
	if (is_rename)
		entry_marks_note(p->parts.entry_marks, f->fs, &p->old_path);
}
