/* SPDX-License-Identifier: MIT */
#include "os/lease.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

/* Open for reading the very file that is open already, without a trace where that is allowed. */
static int open_again(int fd)
{
	char path[32];
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int file = open(path, flags | O_NOATIME);
	return file < 0 && errno == EPERM ? open(path, flags) : file;
}

int lease_has_writer(int fd)
{
	int file = open_again(fd);
	if (file < 0)
		return -1;
	/* Who comes to write breaks the lease, which is a signal to us: not one that kills. He
	 * waits until it is gone, which is at once. */
	int rc = fcntl(file, F_SETSIG, SIGURG);
	if (rc == 0)
		rc = fcntl(file, F_SETLEASE, F_RDLCK);
	fd_close(file);
	return rc < 0 && errno == EAGAIN ? 1 : rc;
}
