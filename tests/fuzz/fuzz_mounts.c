/* SPDX-License-Identifier: MIT */
/* Any bytes as the text of mountinfo, and a path (the first line) that is looked up and
 * shown, by each mount and by each filesystem. */
#include "core/place/landing.h"

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

/* A filesystem shows a path if one of its mounts does. */
static void check_landing(const char *text, size_t size, const char *path, size_t len)
{
	struct landing l;
	struct landing_list list = {0};
	if (landing_init(&l, NULL, text, size, NULL) < 0)
		abort();
	for (uint32_t fs = 0; fs < l.count && (len == 0 || path[0] == '/'); fs++) {
		struct buf shown = {0}, by_any = {0};
		int any = 0, rc = landing_show(&l, fs, path, len, &shown);
		for (size_t i = 0; i < l.mounts.count && any == 0; i++) {
			if (l.by_mount[i].filesystem == fs)
				any = mounts_show(&l.mounts, &l.mounts.items[i], path,
					len, &by_any);
		}
		if (any != rc || (rc && strcmp(shown.data, by_any.data) != 0) ||
			landing_of_path(&l, fs, path, len, UINT32_MAX, &list) < 0)
			abort();
		buf_fini(&shown);
		buf_fini(&by_any);
	}
	free(list.items);
	landing_fini(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mounts m;
	const uint8_t *end = memchr(data, '\n', size);
	size_t len = end ? (size_t)(end - data) : size;
	const char *text = (const char *)data + len;
	size_t text_len = size - len;
	char *path = strndup((const char *)data, len);
	if (!path || mounts_parse(&m, text, text_len) < 0)
		abort();
	len = strlen(path);
	const struct mount *at = mounts_find(&m, path);
	if (at && (at < m.items || at >= m.items + m.count))
		abort();
	for (size_t i = 0; i < m.count; i++)
		check_shown(&m, &m.items[i], path, len);
	mounts_fini(&m);
	check_landing(text, text_len, path, len);
	free(path);
	return 0;
}
