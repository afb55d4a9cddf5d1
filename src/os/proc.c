/* SPDX-License-Identifier: MIT */
#include "os/proc.h"

#include "base/grow.h"
#include "os/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int proc_open(pid_t pid)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

ssize_t proc_read(int dir, const char *name, char *buf, size_t size_bytes)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;

	size_t len = 0;
	ssize_t n = 0;
	while (len < size_bytes) {
		n = read(fd, buf + len, size_bytes - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	fd_close(fd);
	return n < 0 ? -1 : (ssize_t)len;
}

ssize_t proc_readlink(int dir, const char *name, char *buf, size_t size_bytes)
{
	static const char mark[] = " (deleted)";
	const size_t mark_len = sizeof(mark) - 1;

	ssize_t n = readlinkat(dir, name, buf, size_bytes);
	if (n < 0)
		return -1;
	if ((size_t)n >= size_bytes) {
		errno = ENAMETOOLONG;
		return -1;
	}
	size_t len = (size_t)n;
	struct stat st;
	/* The mark may be part of the name, unless the file has no name left. */
	if (len > mark_len && memcmp(buf + len - mark_len, mark, mark_len) == 0 &&
		fstatat(dir, name, &st, 0) == 0 && st.st_nlink == 0)
		len -= mark_len;
	buf[len] = '\0';
	return (ssize_t)len;
}

int proc_compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
	return (x > y) - (x < y);
}

int proc_pids(pid_t **pids, size_t *count)
{
	DIR *dir = opendir("/proc");
	if (!dir)
		return -1;

	struct dirent *entry;
	*pids = NULL;
	*count = 0;
	while ((errno = 0, entry = readdir(dir))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (*end != '\0' || pid <= 0)
			continue;
		if (grow(*pids, *count) < 0)
			break;
		(*pids)[(*count)++] = (pid_t)pid;
	}
	int error = errno;
	closedir(dir);
	if (error) {
		free(*pids);
		*pids = NULL;
		errno = error;
		return -1;
	}
	if (*count > 0)
		qsort(*pids, *count, sizeof(**pids), proc_compare);
	return 0;
}

int proc_open_mounts(void)
{
	return open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

int proc_read_mounts(int fd, struct buf *out)
{
	buf_clear(out);
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd_read_all(fd, SIZE_MAX, out);
}

int proc_open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_reap(pid_t pid)
{
	int status = 0, saved = errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	errno = saved;
	return status;
}

int proc_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

bool proc_is_there(int pidfd)
{
	return proc_signal(pidfd, 0) == 0 || errno == EPERM;
}

void proc_allow_files(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}
