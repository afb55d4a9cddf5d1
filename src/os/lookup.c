/* SPDX-License-Identifier: MIT */
#include "os/lookup.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc has no function for it. */
static int open_entry(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
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
	int fd = open_entry(path);
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

int lookup_handle(const char *path, struct handle *out)
{
	int fd = open_entry(path);
	if (fd < 0)
		return -1;
	int rc = handle_of(fd, ".", out, NULL);
	int saved = errno;
	fd_close(fd);
	errno = saved;
	return rc;
}
