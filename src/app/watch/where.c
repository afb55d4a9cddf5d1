/* SPDX-License-Identifier: MIT */
#include "app/watch/where.h"

#include "os/fd.h"
#include "os/handle.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* More directories above one another than anybody has: the climb ends. */
#define CLIMB_MAX 100000u

int where_open(struct filesystem *fs, const struct fanrec_handle *handle)
{
	int root = filesystems_open(fs);
	if (root < 0 || !handle->bytes) {
		errno = ESTALE;
		return -1;
	}
	int fd = handle_open(root, handle->type, handle->bytes, handle->len);
	struct stat st;
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_nlink == 0)) {
		fd_close(fd);
		errno = ESTALE;
		return -1;
	}
	return fd;
}

/*
 * Where the climb is: a directory, its node, and its path, which is cut as the climb goes
 * up, so that its last component is always the name of the directory.
 */
struct climb {
	int fd;
	struct dirnode *node;
	char path[PATH_MAX + 1];
	bool has_path;
};

static void read_path(struct climb *c)
{
	ssize_t len = handle_path(c->fd, c->path, sizeof(c->path));
	c->has_path = len > 0 && len < (ssize_t)sizeof(c->path) && c->path[0] == '/';
	if (c->has_path)
		c->path[len] = '\0';
}

/* Take the directory's name off the path, or ask its parent where the path is too long.
 */
static int take_name(struct climb *c, int parent_fd, char *name, size_t size)
{
	char *slash = c->has_path ? strrchr(c->path, '/') : NULL;
	if (slash && slash[1] && strlen(slash + 1) < size) {
		strcpy(name, slash + 1);
		*slash = '\0';
		return 0;
	}
	struct stat st;
	c->has_path = false;
	if (fstat(c->fd, &st) < 0 || handle_name_in(parent_fd, &st, name, size) < 0)
		return -1;
	return 0;
}

/* Place one directory and step to its parent. */
static int climb_step(struct climb *c, struct dirtree *tree, uint64_t fsid)
{
	struct handle h;
	char name[NAME_MAX + 1];
	if (handle_of(c->fd, "..", &h, NULL) < 0)
		return -1;
	struct fanrec_handle handle = {.bytes = h.bytes, .len = h.len, .type = h.type};
	struct dirnode *parent = dirtree_node(tree, fsid, &handle);
	int up = handle_open_above(c->fd);
	if (!parent || up < 0)
		goto fail;
	if (take_name(c, up, name, sizeof(name)) < 0 ||
		dirtree_guess(tree, c->node, parent, name) < 0)
		goto fail;
	fd_close(c->fd);
	c->fd = up;
	c->node = parent;
	if (!c->has_path)
		read_path(c);
	return 0;
fail:;
	fd_close(up);
	return -1;
}

int where_look_up(struct dirtree *tree, struct filesystem *fs, struct dirnode *n)
{
	assert(!dirtree_is_placed(n));
	struct fanrec_handle handle = dirtree_handle(n);
	struct climb c = {.node = n};
	c.fd = where_open(fs, &handle);
	if (c.fd < 0)
		return -1;
	read_path(&c);
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < CLIMB_MAX && !dirtree_is_placed(c.node); i++)
		rc = climb_step(&c, tree, fs->fsid);
	fd_close(c.fd);
	return rc;
}

bool where_has(struct filesystem *fs, const struct fanrec_place *place,
	const struct fanrec_handle *handle)
{
	struct handle h;
	int mount_id;
	int fd = where_open(fs, &place->dir);
	bool has = fd >= 0 && handle_of(fd, place->name, &h, &mount_id) == 0 &&
		   mount_id == fs->mount_id && h.type == handle->type &&
		   h.len == handle->len && memcmp(h.bytes, handle->bytes, h.len) == 0;
	fd_close(fd);
	return has;
}

static enum event_type type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return EVENT_TYPE_FILE;
	case S_IFDIR:
		return EVENT_TYPE_DIR;
	case S_IFLNK:
		return EVENT_TYPE_SYMLINK;
	default:
		return EVENT_TYPE_OTHER;
	}
}

void where_fill_type(int fd, struct event *e)
{
	struct stat st;
	e->type_known = true;
	e->type = EVENT_TYPE_GONE;
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	e->type = type_of(st.st_mode);
	e->nlink = (uint32_t)st.st_nlink;
	e->size_bytes = (uint64_t)st.st_size;
}

bool where_has_entry(struct filesystem *fs, const struct fanrec_place *place,
	const struct fanrec_handle *target)
{
	/* Mostly no name of the file is left at all, and that is the cheaper question. */
	int file = where_open(fs, target);
	int dir = file < 0 ? -1 : where_open(fs, &place->dir);
	struct handle h;
	bool has_entry = dir >= 0 && handle_of(dir, place->name, &h, NULL) == 0 &&
			 h.type == target->type && h.len == target->len &&
			 memcmp(h.bytes, target->bytes, h.len) == 0;
	fd_close(file);
	fd_close(dir);
	return has_entry;
}

/* Whether the handle is of this inode: every filesystem puts the number's low half into
 * it as a word. */
static bool is_handle_of(const struct fanrec_handle *handle, uint64_t ino)
{
	for (size_t i = 0; i + sizeof(uint32_t) <= handle->len; i += sizeof(uint32_t)) {
		uint32_t word;
		memcpy(&word, handle->bytes + i, sizeof(word));
		if (word == (uint32_t)ino)
			return true;
	}
	return false;
}

int where_add_linked_path(struct filesystem *fs, const struct fanrec_handle *handle,
	const char *name, struct buf *out)
{
	char *end;
	unsigned long long ino = name[0] == '#' ? strtoull(name + 1, &end, 10) : 0;
	char path[PATH_MAX + 1];
	int rc = -1;
	if (!ino || *end || !handle->bytes || !is_handle_of(handle, ino)) {
		errno = ENOENT;
		return -1;
	}
	int fd = where_open(fs, handle);
	if (fd < 0)
		return -1;
	ssize_t len = handle_path(fd, path, sizeof(path) - 1);
	size_t skip = strcmp(fs->open_point, "/") == 0 ? 0 : strlen(fs->open_point);
	if (len > (ssize_t)skip) {
		path[len] = '\0';
		const char *base = strrchr(path, '/');
		if (base && strcmp(base + 1, name) != 0)
			rc = buf_add(out, path + skip, (size_t)len - skip);
	}
	fd_close(fd);
	if (rc < 0)
		errno = ENOENT;
	return rc;
}
