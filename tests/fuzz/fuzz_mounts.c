/* SPDX-License-Identifier: MIT */
/* Any bytes as the text of mountinfo, and a path (the first line) that is looked up and
 * shown. */
#include "core/mounts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a mount shows a path as lies at or below its mount point, and nothing is written
 * where it shows nothing. */
static void check_shown(
	const struct mounts *m, const struct mount *mount, const char *path, size_t len)
{
	struct buf b = {0};
	if (len > 0 && path[0] != '/')
		return; /* no path within a filesystem */
	buf_add_str(&b, "x");
	int rc = mounts_show(m, mount, path, len, &b);
	if (rc < 0 || (rc == 0 && strcmp(b.data, "x") != 0) ||
		(rc == 1 && !mounts_is_within(b.data + 1, b.len - 1, mount->point)))
		abort();
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mounts m;
	const uint8_t *end = memchr(data, '\n', size);
	size_t len = end ? (size_t)(end - data) : size;
	char *path = strndup((const char *)data, len);
	if (!path || mounts_parse(&m, (const char *)data + len, size - len) < 0)
		abort();
	len = strlen(path);
	const struct mount *at = mounts_find(&m, path);
	if (at && (at < m.items || at >= m.items + m.count))
		abort();
	for (size_t i = 0; i < m.count; i++)
		check_shown(&m, &m.items[i], path, len);
	mounts_fini(&m);
	free(path);
	return 0;
}
