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

/* Whether only root and the effective user decide about the file. */
static enum conffile_trouble judge(const struct stat *st, struct conffile_error *error)
{
	bool is_sticky_dir = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		error->uid = st->st_uid;
		return CONFFILE_FOREIGN;
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !is_sticky_dir) {
		error->mode = st->st_mode & 07777;
		return CONFFILE_WRITABLE;
	}
	return CONFFILE_OK;
}

static void name_place(int fd, struct conffile_error *error)
{
	ssize_t len = handle_path(fd, error->place, sizeof(error->place) - 1);
	error->place[len > 0 ? len : 0] = '\0';
}

/* Check the directory and all above it, climbing by "..". Closes fd. */
static enum conffile_trouble judge_above(int fd, struct conffile_error *error)
{
	enum conffile_trouble trouble = CONFFILE_OK;
	struct stat st, above;
	if (fstat(fd, &st) < 0)
		trouble = CONFFILE_ERRNO;
	while (trouble == CONFFILE_OK) {
		trouble = judge(&st, error);
		if (trouble != CONFFILE_OK)
			break;
		int up = handle_open_above(fd);
		if (up < 0 || fstat(up, &above) < 0) {
			trouble = CONFFILE_ERRNO;
		} else if (above.st_dev == st.st_dev && above.st_ino == st.st_ino) {
			fd_close(up);
			break;
		}
		if (up >= 0) {
			fd_close(fd);
			fd = up;
			st = above;
		}
	}
	int saved = errno;
	if (trouble != CONFFILE_OK)
		name_place(fd, error);
	fd_close(fd);
	errno = saved;
	return trouble;
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
static enum conffile_trouble follow(
	struct walk *w, int link, const struct stat *st, struct conffile_error *error)
{
	char path[PATH_MAX];
	struct stat owner_only = *st;
	owner_only.st_mode = S_IFLNK;
	enum conffile_trouble trouble = judge(&owner_only, error);
	if (trouble != CONFFILE_OK)
		return trouble;
	int dir = fcntl(w->dir, F_DUPFD_CLOEXEC, 0);
	trouble = dir < 0 ? CONFFILE_ERRNO : judge_above(dir, error);
	if (trouble != CONFFILE_OK)
		return trouble;
	ssize_t len = readlinkat(link, "", path, sizeof(path));
	if (len < 0)
		return CONFFILE_ERRNO;
	if (++w->links > LINKS_MAX || (size_t)len + 1 + strlen(w->rest) >= sizeof(path)) {
		errno = w->links > LINKS_MAX ? ELOOP : ENAMETOOLONG;
		return CONFFILE_ERRNO;
	}
	path[len] = '/';
	strcpy(path + len + 1, w->rest);
	strcpy(w->rest, path);
	if (path[0] != '/')
		return CONFFILE_OK;
	fd_close(w->dir);
	w->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->dir < 0 ? CONFFILE_ERRNO : CONFFILE_OK;
}

/* Go on by one name. */
static enum conffile_trouble step(
	struct walk *w, const char *name, struct conffile_error *error)
{
	struct stat st;
	int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	enum conffile_trouble trouble = CONFFILE_OK;
	if (fd < 0)
		return CONFFILE_ERRNO;
	if (fstat(fd, &st) < 0) {
		trouble = CONFFILE_ERRNO;
	} else if (S_ISLNK(st.st_mode)) {
		trouble = follow(w, fd, &st, error);
	} else if (S_ISDIR(st.st_mode)) {
		fd_close(w->dir);
		w->dir = fd;
		return CONFFILE_OK;
	} else {
		w->file = fd;
		return CONFFILE_OK;
	}
	fd_close(fd);
	return trouble;
}

/* Walk to the end of the path. The caller closes both descriptors (-1: none). */
static enum conffile_trouble walk(
	struct walk *w, const char *path, struct conffile_error *error)
{
	*w = (struct walk){.file = -1};
	w->dir = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->dir < 0)
		return CONFFILE_ERRNO;
	if (strlcpy(w->rest, path, sizeof(w->rest)) >= sizeof(w->rest)) {
		errno = ENAMETOOLONG;
		return CONFFILE_ERRNO;
	}
	char name[NAME_MAX + 1];
	for (;;) {
		const char *at = w->rest + strspn(w->rest, "/");
		size_t len = strcspn(at, "/");
		if (len == 0)
			return w->file < 0 ? CONFFILE_NOT_FILE : CONFFILE_OK;
		if (w->file >= 0 || len >= sizeof(name)) {
			errno = w->file >= 0 ? ENOTDIR : ENAMETOOLONG;
			return CONFFILE_ERRNO;
		}
		memcpy(name, at, len);
		name[len] = '\0';
		memmove(w->rest, at + len, strlen(at + len) + 1);
		enum conffile_trouble trouble = step(w, name, error);
		if (trouble != CONFFILE_OK)
			return trouble;
	}
}

/* Open the file at the end of a walk for reading, if it is a regular one. */
static enum conffile_trouble open_found(
	const struct walk *w, int *fd, struct conffile_error *error)
{
	char link[32];
	struct stat st;
	if (fstat(w->file, &st) < 0)
		return CONFFILE_ERRNO;
	if (!S_ISREG(st.st_mode))
		return CONFFILE_NOT_FILE;
	enum conffile_trouble trouble = judge(&st, error);
	if (trouble != CONFFILE_OK)
		return trouble;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", w->file);
	*fd = open(link, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? CONFFILE_ERRNO : CONFFILE_OK;
}

static char *read_whole(int fd, size_t max, size_t *len, struct conffile_error *error)
{
	struct buf bytes = {0};
	if (fd_read_all(fd, max, &bytes) < 0) {
		error->trouble = errno == EFBIG ? CONFFILE_TOO_LARGE : CONFFILE_ERRNO;
		buf_fini(&bytes);
		return NULL;
	}
	*len = bytes.len;
	char *text = buf_take(&bytes);
	if (!text)
		error->trouble = CONFFILE_ERRNO;
	return text;
}

char *conffile_read(
	const char *path, size_t max, size_t *len, struct conffile_error *error)
{
	struct walk w;
	int fd = -1;
	char *bytes = NULL;
	*error = (struct conffile_error){0};
	error->trouble = walk(&w, path, error);
	if (error->trouble == CONFFILE_OK)
		error->trouble = open_found(&w, &fd, error);
	if (error->trouble == CONFFILE_OK) {
		error->trouble = judge_above(w.dir, error);
		w.dir = -1;
	}
	if (error->trouble == CONFFILE_OK)
		bytes = read_whole(fd, max, len, error);
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
	/* Where anybody may write, a mask is not one: it is read, and refused. */
	struct conffile_error error;
	int fd = openat(dirfd(dir), ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool may_mask = fd >= 0 && judge_above(fd, &error) == CONFFILE_OK;
	int rc = 0;
	struct dirent *e;
	while (rc == 0 && (errno = 0, e = readdir(dir))) {
		/* Hidden files are none. */
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
