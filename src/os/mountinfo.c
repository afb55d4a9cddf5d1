/* SPDX-License-Identifier: MIT */
#include "os/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int mountinfo_open(void)
{
	return open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

int mountinfo_read(int fd, struct buf *out)
{
	char chunk[8192];
	buf_clear(out);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		if (buf_add(out, chunk, (size_t)n) < 0)
			return -1;
	}
}
