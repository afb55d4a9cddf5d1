/* SPDX-License-Identifier: MIT */
#include "os/conffile.h"

#include "base/grow.h"
#include "os/fd.h"
#include "os/handle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as in the kernel */

/*
 * What looks at files returns 0, or -1 with errno where error->trouble is still CONFFILE_ERRNO.
 */
static int refuse(struct conffile_error *error, enum conffile_trouble trouble)
{
	error->trouble = trouble;
	return -1;
}

/* See that only root and the effective user decide about a file. */
static int judge(const struct stat *st, struct conffile_error *error)
{
	bool is_sticky_dir = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
	error->uid = st->st_uid;
	error->mode = st->st_mode & 07777;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(error, CONFFILE_FOREIGN);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !is_sticky_dir)
		return refuse(error, CONFFILE_WRITABLE);
	return 0;
}

static void name_place(int fd, struct conffile_error *error)
{
	int saved = errno;
	ssize_t len = handle_path(fd, error->place, sizeof(error->place) - 1);
	error->place[len > 0 ? len : 0] = '\0';
	errno = saved;
}

/* Judge a directory and all above it, climbing by "..". Closes fd. */
static int judge_above(int fd, struct conffile_error *error)
{
	struct stat st, below = {0};
	for (;;) {
		if (fstat(fd, &st) < 0)
			break;
		/* Nothing but the root is above itself. */
		if (st.st_dev == below.st_dev && st.st_ino == below.st_ino) {
			fd_close(fd);
			return 0;
		}
		int up = judge(&st, error) < 0 ? -1 : handle_open_above(fd);
		if (up < 0)
			break;
		fd_close(fd);
		fd = up;
		below = st;
	}
	name_place(fd, error);
	fd_close(fd);
	return -1;
}

/* A walk along a path, link by link. */
struct walk {
	int dir; /* O_PATH: where it has come to */
	int file; /* O_PATH: what it has found that is no directory, or -1 */
	unsigned links;
	char rest[PATH_MAX]; /* of the path */
};

/*
 * Go where a link leads. Who owns it or can replace it decides what is found, so it is
 * judged as a file is (but for its mode, which means nothing).
 */
static int follow(
	struct walk *w, int link, const struct stat *st, struct conffile_error *error)
{
	char path[PATH_MAX];
	struct stat owner_only = *st;
	owner_only.st_mode = S_IFLNK;
	if (judge(&owner_only, error) < 0)
		return -1;
	int dir = fcntl(w->dir, F_DUPFD_CLOEXEC, 0);
	if (dir < 0 || judge_above(dir, error) < 0)
		return -1;
	ssize_t len = readlinkat(link, "", path, sizeof(path));
	if (len < 0)
		return -1;
	if (++w->links > LINKS_MAX || (size_t)len + 1 + strlen(w->rest) >= sizeof(path)) {
		errno = w->links > LINKS_MAX ? ELOOP : ENAMETOOLONG;
		return -1;
	}
	path[len] = '/';
	strcpy(path + len + 1, w->rest);
	strcpy(w->rest, path);
	if (path[0] != '/')
		return 0;
	fd_close(w->dir);
	w->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->dir < 0 ? -1 : 0;
}

/* Go on by one name. */
static int step(struct walk *w, const char *name, struct conffile_error *error)
{
	struct stat st;
	int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fstat(fd, &st);
	if (rc == 0 && S_ISLNK(st.st_mode)) {
		rc = follow(w, fd, &st, error);
	} else if (rc == 0) {
		int *place = S_ISDIR(st.st_mode) ? &w->dir : &w->file;
		fd_close(*place);
		*place = fd;
		return 0;
	}
	fd_close(fd);
	return rc;
}

/* Walk to the end of the path. The caller closes both descriptors (-1: none). */
static int walk(struct walk *w, const char *path, struct conffile_error *error)
{
	*w = (struct walk){.file = -1};
	w->dir = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->dir < 0)
		return -1;
	if (strlcpy(w->rest, path, sizeof(w->rest)) >= sizeof(w->rest)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	char name[NAME_MAX + 1];
	for (;;) {
		const char *at = w->rest + strspn(w->rest, "/");
		size_t len = strcspn(at, "/");
		if (len == 0)
			return w->file < 0 ? refuse(error, CONFFILE_NOT_FILE) : 0;
		if (w->file >= 0 || len >= sizeof(name)) {
			errno = w->file >= 0 ? ENOTDIR : ENAMETOOLONG;
			return -1;
		}
		memcpy(name, at, len);
		name[len] = '\0';
		memmove(w->rest, at + len, strlen(at + len) + 1);
		if (step(w, name, error) < 0)
			return -1;
	}
}

/* Open the file at the end of a walk for reading, if it is a regular one. */
static int open_found(const struct walk *w, struct conffile_error *error)
{
	char link[32];
	struct stat st;
	if (fstat(w->file, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return refuse(error, CONFFILE_NOT_FILE);
	if (judge(&st, error) < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", w->file);
	return open(link, O_RDONLY | O_CLOEXEC);
}

static char *read_whole(int fd, size_t max, size_t *len, struct conffile_error *error)
{
	struct buf bytes = {0};
	if (fd_read_all(fd, max, &bytes) < 0) {
		if (errno == EFBIG)
			refuse(error, CONFFILE_TOO_LARGE);
		buf_fini(&bytes);
		return NULL;
	}
	*len = bytes.len;
	return buf_take(&bytes);
}

char *conffile_read(
	const char *path, size_t max, size_t *len, struct conffile_error *error)
{
	struct walk w;
	char *bytes = NULL;
	*error = (struct conffile_error){.trouble = CONFFILE_ERRNO};
	int fd = walk(&w, path, error) < 0 ? -1 : open_found(&w, error);
	if (fd >= 0) {
		if (judge_above(w.dir, error) == 0)
			bytes = read_whole(fd, max, len, error);
		w.dir = -1;
	}
	if (bytes)
		error->trouble = CONFFILE_OK;
	fd_close(fd);
	fd_close(w.file);
	fd_close(w.dir);
	return bytes;
}

/* A file that counts. */
struct found {
	char *path;
	const char *name; /* the end of the path */
	bool is_masked;
};

struct found_list {
	struct found *items;
	size_t count;
};

static bool is_mask(int dir_fd, const char *name)
{
	char target[16];
	ssize_t len = readlinkat(dir_fd, name, target, sizeof(target));
	return len == 9 && memcmp(target, "/dev/null", 9) == 0;
}

/* Add a file, or put it in the place of an earlier one of its name. */
static int add_found(struct found_list *l, const char *dir, int dir_fd, const char *name,
	bool may_mask)
{
	char *path;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -1;
	size_t at = 0;
	while (at < l->count && strcmp(l->items[at].name, name) != 0)
		at++;
	if (at == l->count && grow(l->items, l->count) < 0) {
		free(path);
		return -1;
	}
	if (at == l->count)
		l->items[l->count++] = (struct found){0};
	free(l->items[at].path);
	l->items[at] = (struct found){.path = path,
		.name = path + strlen(dir) + 1,
		.is_masked = may_mask && is_mask(dir_fd, name)};
	return 0;
}

static int list_dir(struct found_list *l, const char *path)
{
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	/* Where anybody may write, a link masks nothing: it is read, and refused. */
	struct conffile_error error;
	int fd = openat(dirfd(dir), ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool may_mask = fd >= 0 && judge_above(fd, &error) == 0;
	int rc = 0;
	struct dirent *e;
	while (rc == 0 && (errno = 0, e = readdir(dir))) {
		/* Hidden files are no rule files. */
		if (fnmatch("*.conf", e->d_name, FNM_PERIOD) == 0)
			rc = add_found(l, path, dirfd(dir), e->d_name, may_mask);
	}
	int saved = errno;
	closedir(dir);
	errno = saved;
	return rc < 0 || saved ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

int conffile_list(const struct strlist *dirs, struct strlist *out, const char **failed)
{
	struct found_list l = {0};
	int rc = 0;
	*failed = NULL;
	for (size_t i = 0; rc == 0 && i < dirs->count; i++) {
		*failed = dirs->items[i];
		rc = list_dir(&l, dirs->items[i]);
	}
	if (l.count)
		qsort(l.items, l.count, sizeof(*l.items), by_name);
	for (size_t i = 0; i < l.count; i++) {
		if (rc == 0 && !l.items[i].is_masked)
			rc = strlist_add(out, l.items[i].path);
	}
	for (size_t i = 0; i < l.count; i++)
		free(l.items[i].path);
	free(l.items);
	return rc;
}
