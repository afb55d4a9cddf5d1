/* SPDX-License-Identifier: MIT */
#include "os/fd.h"

#include <errno.h>
#include <unistd.h>

void fd_close(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
}
