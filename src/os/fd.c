/* SPDX-License-Identifier: MIT */
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
}

int fd_dup(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

bool fd_wait(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int ready;
	do {
		ready = poll(&p, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

int fd_read_all(int fd, size_t max, struct buf *out)
{
	char chunk[8192];
	for (size_t len = 0;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		len += (size_t)n;
		if (len > max) {
			errno = EFBIG;
			return -1;
		}
		if (buf_add(out, chunk, (size_t)n) < 0)
			return -1;
	}
}

size_t fd_write_all(int fd, const char *bytes, size_t len, int wait_ms)
{
	while (len > 0) {
		if (wait_ms >= 0 && !fd_wait(fd, POLLOUT, wait_ms))
			break;
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EAGAIN) {
			fd_wait(fd, POLLOUT, -1);
			continue;
		}
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return len;
}

bool fd_is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	unsigned long long dev, ino;
	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

DIR *fd_open_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		fd_close(fd);
	return dir;
}
