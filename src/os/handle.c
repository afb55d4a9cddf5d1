/* SPDX-License-Identifier: MIT */
#include "os/handle.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct file_handle with room for the largest handle. */
union kernel_handle {
	struct file_handle head;
	unsigned char room[sizeof(struct file_handle) + HANDLE_MAX_BYTES];
};

int handle_of(int dir_fd, const char *path, struct handle *out, int *mount_id)
{
	union kernel_handle h = {.head.handle_bytes = HANDLE_MAX_BYTES};
	int id;
	if (name_to_handle_at(dir_fd, path, &h.head, mount_id ? mount_id : &id, 0) < 0)
		return -1;
	out->len = h.head.handle_bytes;
	out->type = h.head.handle_type;
	memcpy(out->bytes, h.room + sizeof(h.head), out->len);
	return 0;
}

int handle_open(int mount_fd, int32_t type, const void *bytes, uint32_t len)
{
	if (len > HANDLE_MAX_BYTES) {
		errno = EINVAL;
		return -1;
	}
	union kernel_handle h = {.head = {.handle_bytes = len, .handle_type = type}};
	memcpy(h.room + sizeof(h.head), bytes, len);
	return open_by_handle_at(mount_fd, &h.head, O_PATH | O_CLOEXEC);
}

int handle_open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
}

int handle_open_above(int dir_fd)
{
	return openat(dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int handle_open_below(int dir_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	return (int)syscall(SYS_openat2, dir_fd, *path ? path : ".", &how, sizeof(how));
}

int handle_fsid(int fd, uint64_t *fsid)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return -1;
	_Static_assert(sizeof(fs.f_fsid) == sizeof(*fsid), "fsid_t has two halves");
	memcpy(fsid, &fs.f_fsid, sizeof(*fsid));
	return 0;
}

ssize_t handle_path(int fd, char *out, size_t size)
{
	char link[32];
	struct stat st;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, out, size);
	/* Of what has gone meanwhile the kernel says "NAME (deleted)"; its last link went before
	 * that. */
	if (len >= 0 && (fstat(fd, &st) < 0 || st.st_nlink == 0)) {
		errno = ESTALE;
		return -1;
	}
	return len;
}

int handle_name_in(int parent_fd, const struct stat *child, char *out, size_t size)
{
	DIR *dir = fd_open_dir(parent_fd, ".");
	if (!dir)
		return -1;
	int rc = -1;
	struct dirent *e;
	errno = 0;
	while (rc < 0 && (e = readdir(dir))) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_ino == child->st_ino &&
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_dev == child->st_dev && st.st_ino == child->st_ino &&
			strlcpy(out, e->d_name, size) < size)
			rc = 0;
	}
	int error = errno ? errno : ENOENT;
	closedir(dir);
	errno = error;
	return rc;
}
