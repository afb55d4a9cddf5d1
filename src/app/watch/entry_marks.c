/* SPDX-License-Identifier: MIT */
#include "app/watch/entry_marks.h"

#include "base/grow.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/handle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each is looked at whenever mounts change, which takes some us. More are not marked. */
#define MARKS_MAX 4096

struct entry_mark {
	uint32_t number; /* of its filesystem */
	uint64_t fsid;
	char *inner; /* path within the filesystem; "" is its root */
	struct handle handle; /* of what is marked */
	bool is_marked;
	bool is_stale; /* something else may be there by now */
};

static int compare_marks(const void *a, const void *b)
{
	const struct entry_mark *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->inner, y->inner);
}

/* ---- Which directories ---- */

/* How dirset is told of a filesystem. */
static uint64_t id_of(const struct entry_mark *m)
{
	return m->number;
}

/* Add the directory at a path, if it lies on a filesystem that is watched. Returns 0, or -1 with
 * ENOMEM. */
static int add_dir(struct entry_marks *e, const struct filesystems *f, const char *path)
{
	const struct mount *m = mounts_find(&f->landing.mounts, path);
	struct filesystem *fs = m ? filesystems_of_mount(f, m) : NULL;
	size_t skip = m && m->point[1] ? strlen(m->point) : 0;
	struct buf inner = {0};
	if (!fs || !fs->kinds || !fs->mask || fs->refusal)
		return 0;
	assert(strlen(path) >= skip);
	buf_printf(&inner, "%s%s", m->root[1] ? m->root : "", path + skip);
	if (inner.failed || grow(e->items, e->count) < 0) {
		buf_fini(&inner);
		return -1;
	}
	e->items[e->count++] = (struct entry_mark){.number = filesystems_number(fs),
		.fsid = fs->fsid,
		.inner = buf_take(&inner),
		.is_stale = true};
	e->has_stale = true;
	return 0;
}

static int add_glob(
	struct entry_marks *e, const struct filesystems *f, const struct glob *glob)
{
	size_t len;
	const char *dir = glob_entry_dir(glob, &len);
	char *path = dir ? strndup(dir, len) : NULL;
	int rc = !dir ? 0 : path ? add_dir(e, f, path) : -1;
	free(path);
	return rc;
}

static int add_rules(
	struct entry_marks *e, const struct filesystems *f, const struct table *rules)
{
	for (uint32_t i = 0; rules && i < table_count(rules); i++) {
		const struct glob *glob;
		const struct rule *r = table_rule(rules, i);
		bool needs = r->enabled && (r->events & EVENT_UNWRITTEN);
		for (size_t k = 0; needs && (glob = table_glob(rules, i, k)); k++) {
			if (add_glob(e, f, glob) < 0)
				return -1;
		}
	}
	return 0;
}

/* Put them in order, each once. */
static void sort(struct entry_marks *e)
{
	size_t to = 0;
	if (e->count < 2)
		return;
	qsort(e->items, e->count, sizeof(*e->items), compare_marks);
	for (size_t i = 1; i < e->count; i++) {
		if (compare_marks(&e->items[i], &e->items[to]) == 0)
			free(e->items[i].inner);
		else
			e->items[++to] = e->items[i];
	}
	e->count = to + 1;
}

static int index_dirs(struct entry_marks *e)
{
	size_t depth = 0;
	for (size_t i = 0; i < e->count; i++)
		depth += dirset_depth((struct dirset_path){e->items[i].inner, ""});
	if (dirset_init(&e->dirs, depth) < 0)
		return -1;
	for (size_t i = 0; i < e->count; i++)
		dirset_add(&e->dirs, id_of(&e->items[i]),
			(struct dirset_path){e->items[i].inner, ""});
	return 0;
}

/* ---- Marking ---- */

static bool is_same(const struct handle *a, const struct handle *b)
{
	return a->type == b->type && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Take the mark off the directory that has it, wherever that is now. */
static void unmark(struct entry_mark *m, struct filesystem *fs, int group)
{
	const struct handle *h = &m->handle;
	int root = fs->refusal ? -1 : filesystems_open(fs);
	int fd = root < 0 ? -1 : handle_open(root, h->type, h->bytes, h->len);
	/* What is gone for good has no mark any more. */
	if (fd >= 0)
		fanotify_watch_entries(group, fd, false);
	fd_close(fd);
	m->is_marked = false;
}

/* Open the directory that is there now. Returns a descriptor with *handle filled, or -1. */
static int open_dir(
	const struct entry_mark *m, struct filesystems *f, struct handle *handle)
{
	int root = filesystems_open(&f->items[m->number]);
	int fd = root < 0 ? -1 : handle_open_below(root, m->inner + (m->inner[0] == '/'));
	if (fd < 0 || handle_of(fd, ".", handle, NULL) == 0)
		return fd;
	fd_close(fd);
	return -1;
}

/* Have a directory that is there marked, if it is the one that is marked as far as is known, or else
 * take the mark off that one. A mark can be gone, as when its filesystem was mounted anew. */
static void check(struct entry_mark *m, struct filesystems *f, int group)
{
	struct handle handle;
	int fd = open_dir(m, f, &handle);
	if (fd >= 0 && is_same(&handle, &m->handle))
		m->is_stale = fanotify_watch_entries(group, fd, true) < 0;
	else
		unmark(m, &f->items[m->number], group);
	fd_close(fd);
}

static void refuse(struct entry_marks *e, const struct entry_mark *m, int error)
{
	if (!e->error) {
		e->error = error;
		e->refused = m;
	}
}

/* Mark what is there. */
static void mark(
	struct entry_marks *e, struct entry_mark *m, struct filesystems *f, int group)
{
	m->is_stale = false;
	if (m - e->items >= MARKS_MAX) {
		refuse(e, m, ENOSPC);
		return;
	}
	int fd = open_dir(m, f, &m->handle);
	m->is_marked = fd >= 0 && fanotify_watch_entries(group, fd, true) == 0;
	if (fd >= 0 && !m->is_marked)
		refuse(e, m, errno);
	fd_close(fd);
}

void entry_marks_renew(struct entry_marks *e, struct filesystems *f, int group)
{
	if (!e->has_stale)
		return;
	e->has_stale = false;
	/* First none is left where it was, then all are put where they belong: two directories may
	 * have changed places. */
	for (size_t i = 0; i < e->count; i++) {
		if (e->items[i].is_stale && e->items[i].is_marked)
			check(&e->items[i], f, group);
	}
	for (size_t i = 0; i < e->count; i++) {
		if (e->items[i].is_stale)
			mark(e, &e->items[i], f, group);
	}
}

void entry_marks_note(
	struct entry_marks *e, const struct filesystem *fs, const struct buf *inner)
{
	uint32_t number = filesystems_number(fs);
	if (!dirset_has(&e->dirs, number, inner->data, inner->len))
		return;
	for (size_t i = 0; i < e->count; i++) {
		struct entry_mark *m = &e->items[i];
		if (m->number != number ||
			!mounts_is_within(m->inner, strlen(m->inner), inner->data))
			continue;
		m->is_stale = true;
		e->has_stale = true;
	}
}

int entry_marks_add_refused(
	const struct entry_marks *e, const struct filesystems *f, struct buf *out)
{
	const struct filesystem *fs = &f->items[e->refused->number];
	return buf_printf(out, "%s%s", fs->point[1] ? fs->point : "", e->refused->inner);
}

/* ---- Beginning and end ---- */

/* The filesystem of an id, watched or not, or NULL. */
static struct filesystem *find_filesystem(const struct filesystems *f, uint64_t fsid)
{
	struct filesystem *fs = filesystems_by_fsid(f, fsid);
	for (size_t i = 0; !fs && i < f->count; i++) {
		if (f->items[i].fsid == fsid)
			fs = &f->items[i];
	}
	return fs;
}

/* Let marks that are still needed know what they have marked, and take away the others. */
static void inherit(
	struct entry_marks *e, struct entry_marks *old, struct filesystems *f, int group)
{
	for (size_t i = 0; i < old->count; i++) {
		struct entry_mark *was = &old->items[i], *is = NULL;
		struct filesystem *fs =
			was->is_marked ? find_filesystem(f, was->fsid) : NULL;
		if (!fs)
			continue;
		was->number = filesystems_number(fs);
		if (e->count)
			is = bsearch(was, e->items, e->count, sizeof(*e->items),
				compare_marks);
		if (is) {
			is->handle = was->handle;
			is->is_marked = true;
		} else {
			unmark(was, fs, group);
		}
	}
}

int entry_marks_set(struct entry_marks *e, struct filesystems *f,
	const struct table *rules, int group)
{
	struct entry_marks next = {.has_begun = true};
	int rc = add_rules(&next, f, rules);
	sort(&next);
	if (rc < 0 || index_dirs(&next) < 0) {
		entry_marks_fini(&next);
		/* What it knows is numbered as the filesystems were before. */
		entry_marks_fini(e);
		errno = ENOMEM;
		return -1;
	}
	if (!e->has_begun)
		fanotify_forget_entries(group);
	inherit(&next, e, f, group);
	entry_marks_fini(e);
	*e = next;
	entry_marks_renew(e, f, group);
	filesystems_close(f);
	return 0;
}

void entry_marks_fini(struct entry_marks *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->items[i].inner);
	free(e->items);
	dirset_fini(&e->dirs);
	*e = (struct entry_marks){0};
}
