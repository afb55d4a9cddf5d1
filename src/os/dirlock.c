/* SPDX-License-Identifier: MIT */
#include "os/dirlock.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Find in /proc/locks who holds the lock; 0: it is not there. Keeps errno. */
static pid_t find_holder(int fd)
{
	int saved = errno;
	pid_t holder = 0;
	struct stat st;
	char line[256];
	FILE *locks = fstat(fd, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
	while (locks && holder == 0 && fgets(line, sizeof(line), locks)) {
		int pid;
		unsigned device_major, device_minor;
		unsigned long inode;
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &device_major,
			    &device_minor, &inode) == 4 &&
			makedev(device_major, device_minor) == st.st_dev &&
			inode == st.st_ino && pid > 0)
			holder = pid;
	}
	if (locks)
		fclose(locks);
	errno = saved;
	return holder;
}

int dirlock_take(const char *path, pid_t *holder)
{
	*holder = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		*holder = find_holder(fd);
	fd_close(fd);
	return -1;
}
