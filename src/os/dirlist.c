/* SPDX-License-Identifier: MIT */
#include "os/dirlist.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Find out whether it is a directory, where reading has not said so. Returns 0, or -1. */
static int fill_type(int dir_fd, const struct dirent *d, struct dirlist_entry *e)
{
	struct stat st;
	e->is_dir = d->d_type == DT_DIR;
	if (d->d_type != DT_UNKNOWN)
		return 0;
	if (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -1;
	e->is_dir = S_ISDIR(st.st_mode);
	return 0;
}

/* Fill in an entry. Returns 1, or 0 if it is none to tell of, or -1 with errno. */
static int look_at(
	int dir_fd, int mount_id, const struct dirent *d, struct dirlist_entry *e)
{
	int id;
	e->name = d->d_name;
	if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
		return 0;
	if (handle_of(dir_fd, e->name, &e->handle, &id) < 0 ||
		(id == mount_id && fill_type(dir_fd, d, e) < 0))
		return errno == ENOENT || errno == ESTALE ? 0 : -1;
	return id == mount_id;
}

static int read_all(int fd, DIR *dir,
	bool (*each)(void *ctx, const struct dirlist_entry *e), void *ctx)
{
	struct dirlist_entry e;
	const struct dirent *d;
	int mount_id;
	if (handle_of(fd, ".", &e.handle, &mount_id) < 0)
		return -1;
	for (errno = 0; (d = readdir(dir)); errno = 0) {
		int rc = look_at(fd, mount_id, d, &e);
		if (rc < 0)
			return -1;
		if (rc > 0 && !each(ctx, &e))
			return 0;
	}
	return errno ? -1 : 0;
}

int dirlist_read(int mount_fd, const struct handle *dir,
	bool (*each)(void *ctx, const struct dirlist_entry *e), void *ctx)
{
	int fd = handle_open(mount_fd, dir->type, dir->bytes, dir->len);
	DIR *stream = fd < 0 ? NULL : fd_open_dir(fd, ".");
	int error = errno;
	fd_close(fd);
	if (stream) {
		error = read_all(dirfd(stream), stream, each, ctx) < 0 ? errno : 0;
		closedir(stream);
	} else if (error == ENOENT) {
		error = ESTALE; /* it was removed after its handle was opened */
	}
	errno = error;
	return error ? -1 : 0;
}
