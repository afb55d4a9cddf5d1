/* SPDX-License-Identifier: MIT */
#include "app/watch/filesystems.h"

#include "app/watch/watch_way.h"
#include "base/countof.h"
#include "core/record/fanrec.h"
#include "os/fd.h"
#include "os/handle.h"
#include "os/proc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAME_ID "another filesystem with the same id is mounted (a copied image?)"

#define WATCH_WAY_POINTER(way) &(way),
static const struct watch_way *const ways[] = {WATCH_WAYS(WATCH_WAY_POINTER)};

/* Types on which programs lie, and which are known to take a mark. */
static const char *const exec_types[] = {
	"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs"};

/* ---- Building ---- */

/* The next way, from *i on, in which a filesystem may be watched: what is watched already
 * stays with its way. NULL if there is none. */
static const struct watch_way *next_way(const struct filesystem *fs, size_t *i)
{
	while (*i < countof(ways)) {
		const struct watch_way *way = ways[(*i)++];
		if (fs->mask ? way == fs->way : !way->refusal(fs->type, fs->has_root))
			return way;
	}
	return NULL;
}

/* Let a filesystem say what the landing says of it. */
static void describe(struct filesystem *fs, const struct landing_filesystem *of)
{
	fs->type = of->best->type;
	fs->point = of->best->point;
	fs->mount_id = of->best->id;
	fs->has_root = strcmp(of->best->root, "/") == 0 && of->best->is_visible;
	fs->kinds = of->kinds;
}

/* Find the routes to the mounts of the landing, and the filesystems on which they lead to mounts
 * that matter. Returns 0, or -1 with ENOMEM. */
static int find_routes(struct filesystems *f)
{
	const struct landing *l = &f->landing;
	bool *marks = calloc(l->mounts.count + 1, sizeof(*marks));
	int rc = marks ? routes_init(&f->routes, &l->mounts) : -1;
	for (uint32_t i = 0; rc == 0 && i < l->mounts.count; i++) {
		if (l->by_mount[i].kinds)
			routes_mark(&f->routes, i, marks);
	}
	for (size_t i = 0; rc == 0 && i < l->mounts.count; i++)
		f->items[l->by_mount[i].filesystem].leads |= marks[i];
	free(marks);
	return rc;
}

static int make_items(struct filesystems *f)
{
	f->count = f->landing.count;
	f->items = calloc(f->count + 1, sizeof(*f->items));
	/* Each may get another id in an update, and then needs a second slot. */
	if (!f->items || slots_init(&f->by_fsid, 2 * f->count) < 0)
		return -1;
	for (size_t i = 0; i < f->count; i++) {
		struct filesystem *fs = &f->items[i];
		*fs = (struct filesystem){.is_new = true, .fd = -1};
		describe(fs, &f->landing.filesystems[i]);
		size_t first = 0;
		if (!next_way(fs, &first))
			fs->refusal = ways[0]->refusal(fs->type, fs->has_root);
	}
	return find_routes(f);
}

/* A watched filesystem of that id, other than `but`; or NULL. */
static struct filesystem *find_fsid(
	const struct filesystems *f, uint64_t fsid, const struct filesystem *but)
{
	uint32_t hash = slots_hash_number(fsid), number;
	for (; f->count && (number = *slots_at(&f->by_fsid, hash)) != SLOTS_NONE;
		hash++) {
		struct filesystem *fs = &f->items[number];
		if (fs != but && fs->mask && fs->fsid == fsid)
			return fs;
	}
	return NULL;
}

/* Let a filesystem be found by its id. */
static void index_fsid(struct filesystems *f, const struct filesystem *fs)
{
	uint32_t hash = slots_hash_number(fs->fsid), *slot;
	uint32_t number = (uint32_t)(fs - f->items);
	while (*(slot = slots_at(&f->by_fsid, hash)) != SLOTS_NONE && *slot != number)
		hash++;
	*slot = number;
}

/* Open the root of a filesystem as it is mounted; -1 with errno (ESTALE if something else
 * is there). */
static int open_point(const char *point, int mount_id)
{
	struct handle handle;
	int found = -1;
	int fd = handle_open_dir(point);
	if (fd < 0)
		return -1;
	int error = handle_of(fd, ".", &handle, &found) < 0 ? errno : ESTALE;
	if (error == ESTALE && found == mount_id)
		return fd;
	fd_close(fd);
	errno = error;
	return -1;
}

/* Where a mount is now, if the mount table has changed and nobody has said so; NULL if it is
 * nowhere. */
static const char *fresh_point(struct filesystems *f, int mount_id)
{
	if (!f->fresh.text) {
		struct buf text = {0};
		int fd = proc_open_mounts();
		if (fd < 0 || proc_read_mounts(fd, &text) < 0 ||
			mounts_parse(&f->fresh, text.data, text.len) < 0)
			f->fresh = (struct mounts){0};
		buf_fini(&text);
		fd_close(fd);
	}
	for (size_t i = 0; i < f->fresh.count; i++) {
		if (f->fresh.items[i].id == mount_id)
			return f->fresh.items[i].point;
	}
	return NULL;
}

/* Open the root of a filesystem, wherever it is: a directory above may have been renamed since the
 * table was read. Returns a descriptor, or -1 with errno. */
static int open_root(struct filesystems *f, struct filesystem *fs)
{
	fs->open_point = fs->point;
	int fd = open_point(fs->point, fs->mount_id);
	int error = errno;
	if (fd >= 0)
		return fd;
	fs->open_point = fresh_point(f, fs->mount_id);
	fd = fs->open_point ? open_point(fs->open_point, fs->mount_id) : -1;
	f->is_behind |= fd >= 0;
	errno = error;
	return fd;
}

/* Find out how records will name the filesystem whose root is open, and let the tree know
 * the root. Returns 0, or -1 with errno; EEXIST: another filesystem has its id. */
static int identify(
	struct filesystems *f, struct filesystem *fs, int fd, struct dirtree *tree)
{
	struct handle h;
	uint64_t fsid;
	if (handle_fsid(fd, &fsid) < 0 || handle_of(fd, ".", &h, NULL) < 0)
		return -1;
	/* Another filesystem on the same device number. */
	if (fs->mask && fs->fsid != fsid)
		dirtree_forget(tree, fs->fsid);
	fs->fsid = fsid;
	if (find_fsid(f, fsid, fs)) {
		errno = EEXIST;
		return -1;
	}
	struct fanrec_handle handle = {.bytes = h.bytes, .len = h.len, .type = h.type};
	struct dirnode *root = dirtree_node(tree, fs->fsid, &handle);
	if (!root)
		return -1;
	dirtree_set_root(tree, root);
	return 0;
}

/* Give the filesystem this mask, or note why that cannot be. */
static void watch(struct filesystems *f, struct filesystem *fs, uint64_t mask, int group,
	struct dirtree *tree)
{
	int fd = open_root(f, fs);
	int error = fd < 0 || identify(f, fs, fd, tree) < 0 ? errno : 0;
	const struct watch_way *way;
	for (size_t i = 0; (way = next_way(fs, &i));) {
		if (!error && way->watch(group, fd, fs->mask, mask) == 0) {
			fs->way = way;
			fs->mask = mask;
			fs->refusal = NULL;
			fs->refusal_errno = 0;
			index_fsid(f, fs);
			break;
		}
		if (!fs->refusal) {
			fs->refusal_errno = error ? error : errno;
			fs->refusal = fs->refusal_errno == EEXIST
					      ? SAME_ID
					      : way->explain(fs->refusal_errno);
		}
	}
	fd_close(fd);
}

static bool may_hold_programs(const struct filesystems *f, const struct filesystem *fs)
{
	bool is_known = false;
	for (size_t i = 0; i < countof(exec_types); i++)
		is_known = is_known || strcmp(fs->type, exec_types[i]) == 0;
	return is_known && f->landing.filesystems[fs - f->items].may_execute;
}

static void update_mask(
	struct filesystems *f, struct filesystem *fs, int group, struct dirtree *tree)
{
	uint64_t mask = 0;
	if (fs->refusal)
		return;
	if (fs->kinds)
		mask = FANREC_MASK_BASE | fanrec_mask(fs->kinds);
	else if (may_hold_programs(f, fs))
		mask = FAN_OPEN_EXEC;
	if (fs->leads)
		mask |= FAN_RENAME | FAN_ONDIR;
	/* While renames were not reported, what is known of directories became wrong. */
	if ((mask & FAN_RENAME) && !(fs->mask & FAN_RENAME))
		dirtree_forget(tree, fs->fsid);
	/* Also where nothing has changed: unmounting and mounting again between two looks
	 * ends a mark, and the new mount may have the old one's number. */
	if (mask || fs->mask)
		watch(f, fs, mask, group, tree);
}

/* Carry over what was known of the filesystems that are still there. */
static void inherit(
	struct filesystems *f, const struct filesystems *old, struct dirtree *tree)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct filesystem *was = &old->items[i];
		uint32_t number =
			landing_find(&f->landing, old->landing.filesystems[i].dev);
		struct filesystem *is = number == LANDING_NONE ? NULL : &f->items[number];
		if (is && strcmp(is->type, was->type) == 0) {
			is->is_new = was->kinds == 0;
			is->fsid = was->fsid;
			is->mask = was->mask;
			is->way = was->way;
			if (is->mask)
				index_fsid(f, is);
		} else if (was->mask) {
			dirtree_forget(tree, was->fsid);
		}
	}
}

int filesystems_update(struct filesystems *f, const char *mountinfo, size_t len,
	const struct table *rules, int group, struct dirtree *tree)
{
	assert(group < 0 || tree);
	struct filesystems next = {0};
	if (landing_init(&next.landing, &f->landing, mountinfo, len, rules) < 0 ||
		make_items(&next) < 0) {
		filesystems_fini(&next);
		errno = ENOMEM;
		return -1;
	}
	if (tree)
		inherit(&next, f, tree);
	for (size_t i = 0; group >= 0 && i < next.count; i++)
		update_mask(&next, &next.items[i], group, tree);
	filesystems_fini(f);
	*f = next;
	mounts_fini(&f->fresh);
	f->routes.mounts = &f->landing.mounts;
	for (size_t i = 0; i < f->count; i++)
		f->items[i].all = f;
	return 0;
}

bool filesystems_lead(const struct filesystem *fs, const struct buf *inner)
{
	const struct filesystems *f = fs->all;
	uint64_t dev = f->landing.filesystems[filesystems_number(fs)].dev;
	return dirset_has(&f->routes.dirs, dev, inner->data, inner->len);
}

int filesystems_move(struct filesystem *fs, const struct buf *from, const struct buf *to,
	const struct table *rules)
{
	struct filesystems *f = fs->all, next = {.items = f->items, .count = f->count};
	uint64_t dev = f->landing.filesystems[filesystems_number(fs)].dev;
	struct buf text = {0};
	if (!filesystems_lead(fs, from))
		return 0;
	f->is_behind = true;
	int rc = routes_add_moved(&f->routes, dev, from->data, to->data, &text);
	if (rc == 0)
		rc = landing_init(&next.landing, &f->landing, text.data, text.len, rules);
	buf_fini(&text);
	if (rc < 0)
		return -1;
	/* The mounts have kept their order, so the filesystems have their numbers. */
	assert(next.landing.count == f->count);
	if (find_routes(&next) < 0) {
		landing_fini(&next.landing);
		return -1;
	}
	/* What is open was opened under points of the old one. */
	filesystems_close(f);
	landing_fini(&f->landing);
	routes_fini(&f->routes);
	f->landing = next.landing;
	f->routes = next.routes;
	/* The routes know the mounts by where they are kept. */
	f->routes.mounts = &f->landing.mounts;
	for (size_t i = 0; i < f->count; i++)
		describe(&f->items[i], &f->landing.filesystems[i]);
	return 0;
}

struct filesystem *filesystems_by_fsid(const struct filesystems *f, uint64_t fsid)
{
	return find_fsid(f, fsid, NULL);
}

struct filesystem *filesystems_of_mount(
	const struct filesystems *f, const struct mount *mount)
{
	size_t number = (size_t)(mount - f->landing.mounts.items);
	assert(number < f->landing.mounts.count);
	return &f->items[f->landing.by_mount[number].filesystem];
}

uint32_t filesystems_number(const struct filesystem *fs)
{
	return (uint32_t)(fs - fs->all->items);
}

int filesystems_open(struct filesystem *fs)
{
	struct filesystems *f = fs->all;
	if (fs->fd >= 0)
		return fs->fd;
	if (fs->is_out_of_reach) {
		errno = ESTALE;
		return -1;
	}
	fs->fd = open_root(f, fs);
	SLIST_INSERT_HEAD(&f->open, fs, next_open);
	fs->is_out_of_reach = fs->fd < 0;
	if (fs->is_out_of_reach)
		errno = ESTALE;
	return fs->fd;
}

void filesystems_close(struct filesystems *f)
{
	struct filesystem *fs;
	while ((fs = SLIST_FIRST(&f->open))) {
		SLIST_REMOVE_HEAD(&f->open, next_open);
		fd_close(fs->fd);
		fs->fd = -1;
		fs->is_out_of_reach = false;
	}
	mounts_fini(&f->fresh);
}

const struct filesystem *filesystems_refusing(
	const struct filesystems *f, const struct table *rules, uint32_t rule)
{
	struct landing_walk w = landing_walk(&f->landing, rules, rule);
	const struct mount *m, *first = NULL;
	while ((m = landing_next(&w))) {
		if (!filesystems_of_mount(f, m)->refusal)
			return NULL;
		if (!first || m < first)
			first = m;
	}
	return first ? filesystems_of_mount(f, first) : NULL;
}

bool filesystems_may_touch(const char *type)
{
	return !ways[0]->refusal(type, true);
}

const char *filesystems_how(const struct filesystem *fs)
{
	if (fs->refusal)
		return "not watched";
	if (!fs->kinds)
		return fs->mask & FAN_RENAME ? "renames and program starts only"
		       : fs->mask            ? "program starts only"
					     : "no rule concerns it";
	return fs->mask ? fs->way->name : "not watched yet";
}

void filesystems_fini(struct filesystems *f)
{
	filesystems_close(f);
	free(f->items);
	slots_fini(&f->by_fsid);
	routes_fini(&f->routes);
	landing_fini(&f->landing);
	*f = (struct filesystems){0};
}
