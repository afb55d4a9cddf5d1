/* SPDX-License-Identifier: MIT */
#include "os/lookup.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc has no function for it. */
static int open_entry(int dir_fd, const char *path, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | resolve,
	};
	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

/* Read a link's text. Returns 0, or -1 with errno. */
static int read_text(int fd, struct lookup *out)
{
	ssize_t len = readlinkat(fd, "", out->text, sizeof(out->text));
	if (len < 0)
		return -1;
	if (len == (ssize_t)sizeof(out->text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	out->text[len] = '\0';
	return 0;
}

int lookup_entry(const char *path, struct lookup *out)
{
	struct stat st;
	out->text[0] = '\0';
	int fd = open_entry(AT_FDCWD, path, 0);
	if (fd < 0)
		return -1;
	int rc = fstat(fd, &st);
	if (rc == 0 && S_ISLNK(st.st_mode))
		rc = read_text(fd, out);
	int saved = errno;
	fd_close(fd);
	if (rc < 0) {
		errno = saved;
		return -1;
	}
	out->mode = st.st_mode;
	out->uid = st.st_uid;
	return 0;
}

bool lookup_meets_link(int dir_fd, const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	bool is_link = false;
	size_t len = 0;
	while (!is_link && *(path += strspn(path, "/"))) {
		size_t name_len = strcspn(path, "/");
		if (len + name_len + 2 > sizeof(part))
			break;
		if (len)
			part[len++] = '/';
		memcpy(part + len, path, name_len);
		len += name_len;
		part[len] = '\0';
		path += name_len;
		int fd = open_entry(dir_fd, part, RESOLVE_NO_XDEV);
		if (fd < 0)
			break;
		is_link = fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
		fd_close(fd);
	}
	return is_link;
}

int lookup_handle(const char *path, struct handle *out)
{
	int fd = open_entry(AT_FDCWD, path, 0);
	if (fd < 0)
		return -1;
	int rc = handle_of(fd, ".", out, NULL);
	int saved = errno;
	fd_close(fd);
	errno = saved;
	return rc;
}
