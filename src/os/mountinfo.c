/* SPDX-License-Identifier: MIT */
#include "os/mountinfo.h"

#include "os/fd.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

int mountinfo_open(void)
{
	return open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

int mountinfo_read(int fd, struct buf *out)
{
	buf_clear(out);
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd_read_all(fd, SIZE_MAX, out);
}
