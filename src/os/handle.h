/* SPDX-License-Identifier: MIT */
/* File handles: name_to_handle_at(2), open_by_handle_at(2), and what an open file says.
 */
#ifndef FSMON_OS_HANDLE_H
#define FSMON_OS_HANDLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define HANDLE_MAX_BYTES 128

/* A handle's type, length and bytes, as struct file_handle has them. */
struct handle {
	uint32_t len;
	int32_t type;
	unsigned char bytes[HANDLE_MAX_BYTES];
};

/*
 * The handle of a path relative to an open directory ("." is the directory itself), and,
 * unless NULL, the id of its mount as in mountinfo. Symbolic links are not followed.
 * Returns 0, or -1 with errno of name_to_handle_at(2).
 */
int handle_of(int dir_fd, const char *path, struct handle *out, int *mount_id);

/*
 * Open the file of a handle, with O_PATH. mount_fd is any ordinary (not O_PATH) descriptor on its
 * filesystem, and decides under which mount the path of the result is seen. Returns a
 * descriptor, or -1 with errno: ESTALE if the file is gone, EPERM without
 * CAP_DAC_READ_SEARCH.
 */
int handle_open(int mount_fd, int32_t type, const void *bytes, uint32_t len);

/* Open a directory for handle_of and as the mount_fd of others, and for what is marked; or the
 * directory above an open one, with O_PATH. Each returns a descriptor for the caller to close, or
 * -1 with errno of open(2). */
int handle_open_dir(const char *path);
int handle_open_above(int dir_fd);

/*
 * Open with O_PATH the directory at a path below an open one; "" is that itself. Neither links nor
 * mounts are gone through, so this never waits for anybody but the filesystem itself. Returns a
 * descriptor, or -1 with errno of openat2(2): ENOENT, ENOTDIR, EXDEV a mount, ELOOP a link.
 */
int handle_open_below(int dir_fd, const char *path);

/* The filesystem's id as fanotify reports it. Returns 0, or -1 with errno of fstatfs(2).
 */
int handle_fsid(int fd, uint64_t *fsid);

/*
 * The path of an open file, from /proc/self/fd. Returns its length (size or more: cut),
 * or -1 with errno: ENAMETOOLONG if it is longer than PATH_MAX, ESTALE if no name of the file
 * is left. Not NUL-terminated beyond `size`.
 */
ssize_t handle_path(int fd, char *out, size_t size);

/*
 * The name under which a directory lists the file of that inode, by reading it. For paths
 * that are too long for /proc. Returns 0, or -1 with ENOENT or errno of the reading.
 */
int handle_name_in(int parent_fd, const struct stat *child, char *out, size_t size);

#endif
