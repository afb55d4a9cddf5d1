/* SPDX-License-Identifier: MIT */
#include "os/errout.h"

#include "os/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool errout_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	unsigned long long dev, ino;
	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

size_t errout_write(const char *bytes, size_t len, int wait_ms)
{
	while (len > 0) {
		if (wait_ms >= 0 && !fd_wait(STDERR_FILENO, POLLOUT, wait_ms))
			break;
		ssize_t n = write(STDERR_FILENO, bytes, len);
		if (n < 0 && errno == EAGAIN) {
			fd_wait(STDERR_FILENO, POLLOUT, -1);
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
