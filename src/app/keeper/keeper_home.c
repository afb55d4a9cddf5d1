/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper_home.h"

#include "core/place/mounts.h"
#include "os/fd.h"
#include "os/mountinfo.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define HOME_PREFIX "fsmon.hooks"

/* Try one mount. NULL with errno. */
static struct cgroup_home *try_mount(
	const struct mounts *mounts, const struct mount *m, const char *own)
{
	struct buf path = {0};
	struct cgroup_home *h = NULL;
	size_t len = strcmp(own, "/") == 0 ? 0 : strlen(own);
	int shown = mounts_show(mounts, m, own, len, &path);
	if (shown > 0)
		h = cgroup_home_open(path.data, own, HOME_PREFIX);
	else if (shown == 0)
		errno = ENOENT;
	buf_fini(&path);
	return h;
}

static struct cgroup_home *find(const struct mounts *mounts, const char *own)
{
	struct cgroup_home *h = NULL;
	errno = ENOENT;
	for (size_t i = 0; i < mounts->count && !h; i++) {
		if (strcmp(mounts->items[i].type, "cgroup2") == 0)
			h = try_mount(mounts, &mounts->items[i], own);
	}
	return h;
}

struct cgroup_home *keeper_home_open(void)
{
	char text[2 * PATH_MAX];
	const char *own = cgroup_own(text, sizeof(text));
	int fd = own ? mountinfo_open() : -1;
	if (fd < 0)
		return NULL;
	struct buf table = {0};
	struct mounts mounts = {0};
	struct cgroup_home *h = NULL;
	if (mountinfo_read(fd, &table) == 0 &&
		mounts_parse(&mounts, table.data, table.len) == 0)
		h = find(&mounts, own);
	fd_close(fd);
	mounts_fini(&mounts);
	buf_fini(&table);
	return h;
}
