/* SPDX-License-Identifier: MIT */
#include "os/dirlock.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TRY_MS 20 /* between two tries */

/* Whether nothing is left of a process but its status: such a one has no program. */
static bool is_gone(int pid)
{
	char path[64], program[8];
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, program, sizeof(program)) < 0 && errno == ENOENT;
}

/* Find in /proc/locks who took the lock; 0: it is gone, or not to be seen from here. */
static pid_t find_holder(int fd)
{
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
			inode == st.st_ino && pid > 0 && !is_gone(pid))
			holder = pid;
	}
	if (locks)
		fclose(locks);
	return holder;
}

int dirlock_take(const char *path, int patience_ms, pid_t *holder)
{
	*holder = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;
		if (error == EWOULDBLOCK)
			*holder = find_holder(fd);
		if (error != EWOULDBLOCK || *holder || patience_ms <= 0) {
			errno = error;
			fd_close(fd);
			return -1;
		}
		usleep(TRY_MS * 1000);
		patience_ms -= TRY_MS;
	}
	return fd;
}
