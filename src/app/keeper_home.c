/* SPDX-License-Identifier: MIT */
#include "app/keeper_home.h"

#include "core/mounts.h"
#include "os/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define KEEPER_HOME_PREFIX "fsmon.hooks"

/* The path of the own cgroup in the v2 hierarchy, in `text`; NULL with errno. */
static const char *keeper_home_own(char *text, size_t size)
{
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ssize_t n = read(fd, text, size - 1);
	int saved = errno;
	close(fd);
	errno = saved;
	if (n < 0)
		return NULL;
	text[n] = '\0';
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	}
	errno = ENOENT;
	return NULL;
}

/* Try one mount. NULL with errno. */
static struct cgroup_home *keeper_home_try(
	const struct mounts *mounts, const struct mount *m, const char *own)
{
	struct buf path = {0};
	struct cgroup_home *h = NULL;
	size_t len = strcmp(own, "/") == 0 ? 0 : strlen(own);
	int shown = mounts_show(mounts, m, own, len, &path);
	if (shown > 0)
		h = cgroup_home_open(path.data, own, KEEPER_HOME_PREFIX);
	else if (shown == 0)
		errno = ENOENT;
	int saved = errno;
	buf_fini(&path);
	errno = saved;
	return h;
}

static struct cgroup_home *keeper_home_find(const struct mounts *mounts, const char *own)
{
	struct cgroup_home *h = NULL;
	errno = ENOENT;
	for (size_t i = 0; i < mounts->count && !h; i++) {
		if (strcmp(mounts->items[i].type, "cgroup2") == 0)
			h = keeper_home_try(mounts, &mounts->items[i], own);
	}
	return h;
}

struct cgroup_home *keeper_home_open(void)
{
	char text[2 * PATH_MAX];
	const char *own = keeper_home_own(text, sizeof(text));
	int fd = own ? mountinfo_open() : -1;
	if (fd < 0)
		return NULL;
	struct buf table = {0};
	struct mounts mounts = {0};
	struct cgroup_home *h = NULL;
	if (mountinfo_read(fd, &table) == 0 &&
		mounts_parse(&mounts, table.data, table.len) == 0)
		h = keeper_home_find(&mounts, own);
	int saved = errno;
	close(fd);
	mounts_fini(&mounts);
	buf_fini(&table);
	errno = saved;
	return h;
}
