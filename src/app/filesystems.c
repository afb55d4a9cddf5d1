/* SPDX-License-Identifier: MIT */
#include "app/filesystems.h"

#include "core/fanmask.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROOT                                                                          \
	"only a part of it is mounted (a bind mount or a subvolume); mount its root as " \
	"well"
#define KERNEL_KEPT "the kernel keeps it in memory and reports no changes of it"
#define ELSEWHERE "its files change elsewhere too, where this kernel does not see it"
#define NO_HANDLES "its files have no handles that a filesystem mark needs"
#define SAME_ID "another filesystem with the same id is mounted (a copied image?)"

/* Types that are refused before the kernel is asked, with the reason. */
static const struct {
	const char *type;
	const char *reason;
} refused[] = {
	{"9p", ELSEWHERE},
	{"afs", ELSEWHERE},
	{"autofs", KERNEL_KEPT},
	{"binfmt_misc", KERNEL_KEPT},
	{"bpf", KERNEL_KEPT},
	{"ceph", ELSEWHERE},
	{"cgroup", KERNEL_KEPT},
	{"cgroup2", KERNEL_KEPT},
	{"cifs", ELSEWHERE},
	{"configfs", KERNEL_KEPT},
	{"debugfs", KERNEL_KEPT},
	{"devpts", KERNEL_KEPT},
	{"efivarfs", KERNEL_KEPT},
	{"fuse", NO_HANDLES},
	{"fuseblk", NO_HANDLES},
	{"fusectl", KERNEL_KEPT},
	{"hugetlbfs", KERNEL_KEPT},
	{"mqueue", KERNEL_KEPT},
	{"nfs", ELSEWHERE},
	{"nfs4", ELSEWHERE},
	{"nfsd", KERNEL_KEPT},
	{"nsfs", KERNEL_KEPT},
	{"proc", KERNEL_KEPT},
	{"pstore", KERNEL_KEPT},
	{"rpc_pipefs", KERNEL_KEPT},
	{"securityfs", KERNEL_KEPT},
	{"selinuxfs", KERNEL_KEPT},
	{"smb3", ELSEWHERE},
	{"sysfs", KERNEL_KEPT},
	{"tracefs", KERNEL_KEPT},
};

/* Types on which programs lie, and which are known to take a mark. */
static const char *const exec_types[] = {
	"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs"};

static const char *type_refusal(const char *type)
{
	if (strncmp(type, "fuse.", 5) == 0)
		return NO_HANDLES;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (strcmp(type, refused[i].type) == 0)
			return refused[i].reason;
	}
	return NULL;
}

static const char *errno_refusal(int error)
{
	switch (error) {
	case EXDEV:
		return NO_ROOT;
	case EOPNOTSUPP:
	case ENODEV:
		return NO_HANDLES;
	case EEXIST:
		return SAME_ID;
	case EPERM:
		return "fsmon lacks the privilege (CAP_SYS_ADMIN) to watch it";
	case ENOSPC:
		return "the limit of fanotify marks is reached "
		       "(fs.fanotify.max_user_marks)";
	default:
		return "the kernel refused it";
	}
}

static bool may_hold_programs(const struct filesystem *fs, const struct mounts *m)
{
	bool is_known = false;
	for (size_t i = 0; i < sizeof(exec_types) / sizeof(*exec_types); i++)
		is_known = is_known || strcmp(fs->type, exec_types[i]) == 0;
	for (size_t i = 0; is_known && i < m->count; i++) {
		if (m->items[i].dev == fs->dev && !m->items[i].is_noexec)
			return true;
	}
	return false;
}

bool filesystems_concerns(
	const struct filesystems *f, const struct glob *glob, const struct mount *mount)
{
	size_t rest;
	const char *front = glob_literal_front(glob, &rest);
	if (!mount->is_visible)
		return false;
	if (mounts_find(&f->mounts, *front ? front : "/") == mount)
		return true;
	size_t len = strlen(mount->point);
	const char *point = len == 1 ? "" : mount->point;
	return mounts_is_within(mount->point, len, *front ? front : "/") &&
	       glob_may_match_below(glob, point, strlen(point));
}

/* Add the kinds that each rule asks for to the filesystems that it concerns. */
static void add_kinds(struct filesystems *f, const struct table *rules)
{
	for (uint32_t i = 0; rules && i < table_count(rules); i++) {
		const struct rule *r = table_rule(rules, i);
		const struct glob *glob;
		for (size_t k = 0; r->enabled && (glob = table_glob(rules, i, k)); k++) {
			for (size_t m = 0; m < f->mounts.count; m++) {
				struct filesystem *fs = &f->items[f->by_mount[m]];
				if ((fs->kinds & r->events) != r->events &&
					filesystems_concerns(
						f, glob, &f->mounts.items[m]))
					fs->kinds |= r->events;
			}
		}
	}
}

/* The mount through which a filesystem is best seen: one of its root, and visible. */
static bool is_better(const struct mount *a, const struct mount *b)
{
	int a_rank = 2 * (strcmp(a->root, "/") == 0) + a->is_visible;
	int b_rank = 2 * (strcmp(b->root, "/") == 0) + b->is_visible;
	return a_rank > b_rank;
}

static struct filesystem *find_dev(struct filesystem *items, size_t count, uint64_t dev)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].dev == dev)
			return &items[i];
	}
	return NULL;
}

/* Group the mounts by filesystem. */
static int group_mounts(struct filesystems *f)
{
	const struct mounts *m = &f->mounts;
	const struct mount **best = calloc(m->count + 1, sizeof(*best));
	f->items = calloc(m->count + 1, sizeof(*f->items));
	f->by_mount = calloc(m->count + 1, sizeof(*f->by_mount));
	if (!best || !f->items || !f->by_mount)
		goto fail;
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *mount = &m->items[i];
		struct filesystem *fs = find_dev(f->items, f->count, mount->dev);
		if (!fs) {
			fs = &f->items[f->count++];
			*fs = (struct filesystem){
				.dev = mount->dev, .is_new = true, .fd = -1};
		}
		f->by_mount[i] = (size_t)(fs - f->items);
		if (!best[f->by_mount[i]] || is_better(mount, best[f->by_mount[i]]))
			best[f->by_mount[i]] = mount;
	}
	for (size_t i = 0; i < f->count; i++) {
		struct filesystem *fs = &f->items[i];
		fs->type = strdup(best[i]->type);
		fs->point = strdup(best[i]->point);
		fs->mount_id = best[i]->id;
		if (!fs->type || !fs->point)
			goto fail;
		fs->refusal = type_refusal(fs->type);
		if (!fs->refusal &&
			(strcmp(best[i]->root, "/") != 0 || !best[i]->is_visible))
			fs->refusal = NO_ROOT;
	}
	free(best);
	return 0;
fail:
	free(best);
	errno = ENOMEM;
	return -1;
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

static bool has_same_id(const struct filesystems *f, const struct filesystem *fs)
{
	for (size_t i = 0; i < f->count; i++) {
		if (&f->items[i] != fs && f->items[i].mask &&
			f->items[i].fsid == fs->fsid)
			return true;
	}
	return false;
}

/* Mark the filesystem whose root is open, and let the tree know the root. Returns 0, or
 * -1 with errno; EEXIST: another one has its id. */
static int mark(struct filesystems *f, struct filesystem *fs, int fd, uint64_t mask,
	int group, struct dirtree *tree)
{
	struct handle h;
	uint64_t fsid;
	if (handle_fsid(fd, &fsid) < 0 || handle_of(fd, ".", &h, NULL) < 0)
		return -1;
	/* Another filesystem on the same device number. */
	if (fs->mask && fs->fsid != fsid)
		dirtree_forget(tree, fs->fsid);
	fs->fsid = fsid;
	if (has_same_id(f, fs)) {
		errno = EEXIST;
		return -1;
	}
	if (fanotify_watch(group, fd, fs->mask, mask) < 0)
		return -1;
	struct fanrec_handle handle = {.bytes = h.bytes, .len = h.len, .type = h.type};
	struct dirnode *root = dirtree_node(tree, fs->fsid, &handle);
	if (!root)
		return -1;
	dirtree_set_root(tree, root);
	return 0;
}

/* Make the filesystem's mask so, or note why that cannot be. */
static void watch(struct filesystems *f, struct filesystem *fs, uint64_t mask, int group,
	struct dirtree *tree)
{
	int fd = open_point(fs->point, fs->mount_id);
	if (fd >= 0 && mark(f, fs, fd, mask, group, tree) == 0) {
		fs->mask = mask;
	} else {
		fs->refusal = errno_refusal(errno);
		fs->refusal_errno = errno;
	}
	fd_close(fd);
}

static void update_mask(
	struct filesystems *f, struct filesystem *fs, int group, struct dirtree *tree)
{
	uint64_t mask = 0;
	if (fs->refusal)
		return;
	if (fs->kinds)
		mask = FANMASK_BASE | fanmask_of_kinds(fs->kinds);
	else if (may_hold_programs(fs, &f->mounts))
		mask = FANMASK_EXEC;
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
		struct filesystem *is = find_dev(f->items, f->count, was->dev);
		if (is && strcmp(is->type, was->type) == 0) {
			is->is_new = was->kinds == 0;
			is->fsid = was->fsid;
			is->mask = was->mask;
		} else if (was->mask) {
			dirtree_forget(tree, was->fsid);
		}
	}
}

int filesystems_update(struct filesystems *f, const char *mountinfo, size_t len,
	const struct table *rules, int group, struct dirtree *tree)
{
	struct filesystems next = {0};
	if (mounts_parse(&next.mounts, mountinfo, len) < 0 || group_mounts(&next) < 0) {
		filesystems_fini(&next);
		errno = ENOMEM;
		return -1;
	}
	add_kinds(&next, rules);
	if (tree)
		inherit(&next, f, tree);
	for (size_t i = 0; group >= 0 && i < next.count; i++)
		update_mask(&next, &next.items[i], group, tree);
	filesystems_fini(f);
	*f = next;
	return 0;
}

struct filesystem *filesystems_by_fsid(const struct filesystems *f, uint64_t fsid)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->items[i].mask && f->items[i].fsid == fsid)
			return &f->items[i];
	}
	return NULL;
}

int filesystems_open(struct filesystem *fs)
{
	if (fs->fd < 0)
		fs->fd = open_point(fs->point, fs->mount_id);
	return fs->fd;
}

void filesystems_close(struct filesystems *f)
{
	for (size_t i = 0; i < f->count; i++) {
		fd_close(f->items[i].fd);
		f->items[i].fd = -1;
	}
}

static bool rule_concerns(const struct filesystems *f, const struct table *rules,
	uint32_t rule, const struct mount *mount)
{
	const struct glob *glob;
	for (size_t k = 0; (glob = table_glob(rules, rule, k)); k++) {
		if (filesystems_concerns(f, glob, mount))
			return true;
	}
	return false;
}

const struct filesystem *filesystems_refusing(
	const struct filesystems *f, const struct table *rules, uint32_t rule)
{
	const struct filesystem *first = NULL;
	for (size_t i = 0; i < f->mounts.count; i++) {
		const struct filesystem *fs = &f->items[f->by_mount[i]];
		if (!rule_concerns(f, rules, rule, &f->mounts.items[i]))
			continue;
		if (!fs->refusal)
			return NULL;
		if (!first)
			first = fs;
	}
	return first;
}

const char *filesystems_how(const struct filesystem *fs)
{
	if (fs->refusal)
		return "not watched";
	if (!fs->kinds)
		return fs->mask ? "program starts only" : "no rule concerns it";
	return fs->mask ? "filesystem mark" : "not watched yet";
}

void filesystems_fini(struct filesystems *f)
{
	filesystems_close(f);
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].type);
		free(f->items[i].point);
	}
	free(f->items);
	free(f->by_mount);
	mounts_fini(&f->mounts);
	*f = (struct filesystems){0};
}
