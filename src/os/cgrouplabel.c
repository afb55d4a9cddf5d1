/* SPDX-License-Identifier: MIT */
#include "os/cgrouplabel.h"

#include "os/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CGROUPLABEL_NAME "user.fsmon"
#define CGROUPLABEL_BYTES 256
#define CGROUPLABEL_DEPTH_MAX 16 /* of what hooks made below their cgroup */

struct cgrouplabel_walk {
	void (*found)(void *ctx, pid_t pid, const char *label);
	void *ctx;
	char label[CGROUPLABEL_BYTES];
};

void cgrouplabel_set(int dir_fd, const char *label)
{
	int saved = errno;
	if (fsetxattr(dir_fd, CGROUPLABEL_NAME, label, strlen(label), 0) < 0)
		fremovexattr(dir_fd, CGROUPLABEL_NAME);
	errno = saved;
}

/* Open a directory below another one, or that one itself ("."). */
static DIR *cgrouplabel_open(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Read the label of a cgroup; false: there is none. */
static bool cgrouplabel_get(struct cgrouplabel_walk *w, int dir_fd)
{
	ssize_t n = fgetxattr(dir_fd, CGROUPLABEL_NAME, w->label, sizeof(w->label) - 1);
	if (n < 0 || memchr(w->label, '\0', (size_t)n))
		return false;
	w->label[n] = '\0';
	return true;
}

static void cgrouplabel_find(const struct cgrouplabel_walk *w, int dir_fd)
{
	int pid, fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file) {
		fd_close(fd);
		return;
	}
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid > 0)
			w->found(w->ctx, pid, w->label);
	}
	fclose(file);
}

/* The cgroups in a directory: at depth 0 they have labels, below they share theirs. */
static void cgrouplabel_descend(struct cgrouplabel_walk *w, DIR *dir, int depth)
{
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		DIR *inner = cgrouplabel_open(dirfd(dir), e->d_name);
		if (!inner)
			continue;
		if (depth > 0 || cgrouplabel_get(w, dirfd(inner))) {
			cgrouplabel_find(w, dirfd(inner));
			if (depth < CGROUPLABEL_DEPTH_MAX)
				cgrouplabel_descend(w, inner, depth + 1);
		}
		closedir(inner);
	}
}

void cgrouplabel_each(const char *path,
	void (*found)(void *ctx, pid_t pid, const char *label), void *ctx)
{
	struct cgrouplabel_walk w = {.found = found, .ctx = ctx};
	DIR *dir = cgrouplabel_open(AT_FDCWD, path);
	if (!dir)
		return;
	cgrouplabel_descend(&w, dir, 0);
	closedir(dir);
}
