/* SPDX-License-Identifier: MIT */
#include "core/mounts.h"

#include "base/grow.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The byte that a backslash and three octal digits stand for, or 0. */
static char escaped_byte(const char *s)
{
	unsigned byte = 0;
	if (s[0] != '\\')
		return 0;
	for (size_t i = 1; i <= 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return 0;
		byte = byte * 8 + (unsigned)(s[i] - '0');
	}
	return byte <= UCHAR_MAX ? (char)byte : 0;
}

/* Undo the octal escapes (blank, tab, newline, backslash) that the kernel writes, in
 * place. */
static void unescape(char *s)
{
	char *to = s;
	for (const char *from = s; *from; to++) {
		char byte = escaped_byte(from);
		*to = byte ? byte : *from;
		from += byte ? 4 : 1;
	}
	*to = '\0';
}

/* Cut the next blank-separated word off *rest; NULL at the end. */
static char *word(char **rest)
{
	char *w;
	while ((w = strsep(rest, " "))) {
		if (*w)
			return w;
	}
	return NULL;
}

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);
	for (const char *o = options; o; o = strchr(o, ',')) {
		o += *o == ',';
		if (strncmp(o, name, len) == 0 && (o[len] == ',' || o[len] == '\0'))
			return true;
	}
	return false;
}

/* Parse one line; returns whether it is whole. The strings of *m point into the line. */
static bool parse_line(char *line, struct mount *m)
{
	char *rest = line;
	char *id = word(&rest), *parent = word(&rest), *dev = word(&rest);
	m->root = word(&rest);
	m->point = word(&rest);
	char *options = word(&rest);
	if (!options)
		return false;
	char *w;
	while ((w = word(&rest)) && strcmp(w, "-") != 0)
		;
	m->type = w ? word(&rest) : NULL;
	unsigned major, minor;
	if (!m->type || m->point[0] != '/' || sscanf(dev, "%u:%u", &major, &minor) != 2)
		return false;
	m->id = atoi(id);
	m->parent_id = atoi(parent);
	m->dev = (uint64_t)major << 32 | minor;
	m->is_noexec = has_option(options, "noexec");
	unescape(m->root);
	unescape(m->point);
	unescape(m->type);
	return true;
}

static int add(struct mounts *m, struct mount mount)
{
	if (grow(m->items, m->count) < 0)
		return -1;
	mount.root = strdup(mount.root);
	mount.point = strdup(mount.point);
	mount.type = strdup(mount.type);
	m->items[m->count++] = mount;
	return mount.root && mount.point && mount.type ? 0 : -1;
}

int mounts_parse(struct mounts *m, const char *text, size_t len)
{
	*m = (struct mounts){0};
	char *copy = strndup(text, len);
	if (!copy)
		return -1;
	char *rest = copy, *line;
	int rc = 0;
	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		struct mount mount = {0};
		if (parse_line(line, &mount))
			rc = add(m, mount);
	}
	free(copy);
	for (size_t i = 0; rc == 0 && i < m->count; i++)
		m->items[i].is_visible =
			mounts_find(m, m->items[i].point) == &m->items[i];
	if (rc < 0)
		mounts_fini(m);
	return rc;
}

static bool has_id(const struct mounts *m, int id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->items[i].id == id)
			return true;
	}
	return false;
}

/* The first mount of all, over which others may lie. */
static const struct mount *root_mount(const struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (strcmp(c->point, "/") == 0 &&
			(c->parent_id == c->id || !has_id(m, c->parent_id)))
			return c;
	}
	return NULL;
}

/* The mount on the directory path[0..len) of a mount, or NULL. */
static const struct mount *mounted_at(
	const struct mounts *m, const struct mount *parent, const char *path, size_t len)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (c->parent_id == parent->id && c != parent &&
			strncmp(c->point, path, len) == 0 && c->point[len] == '\0')
			return c;
	}
	return NULL;
}

const struct mount *mounts_find(const struct mounts *m, const char *path)
{
	const struct mount *at = root_mount(m), *over;
	size_t left = m->count; /* a text with an id twice may lead in a circle */
	if (!at)
		return NULL;
	while (left > 0 && (over = mounted_at(m, at, "/", 1))) {
		at = over;
		left--;
	}
	for (size_t i = 1; path[0] && path[i - 1]; i++) {
		if ((path[i] != '/' && path[i] != '\0') || i == 1)
			continue;
		while (left > 0 && (over = mounted_at(m, at, path, i))) {
			at = over;
			left--;
		}
	}
	return at;
}

bool mounts_is_within(const char *path, size_t path_len, const char *dir)
{
	size_t len = strlen(dir);
	if (len == 1 && dir[0] == '/')
		return true;
	return path_len >= len && memcmp(path, dir, len) == 0 &&
	       (path_len == len || path[len] == '/');
}

/* Whether another mount hides the path (as this mount shows it). */
static bool is_hidden(
	const struct mounts *m, const struct mount *mount, const char *path, size_t len)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (c->parent_id == mount->id && c != mount &&
			mounts_is_within(path, len, c->point))
			return true;
	}
	return false;
}

int mounts_show(const struct mounts *m, const struct mount *mount, const char *inner,
	size_t inner_len, struct buf *out)
{
	if (!mount->is_visible || !mounts_is_within(inner, inner_len, mount->root))
		return 0;
	size_t skip = mount->root[1] ? strlen(mount->root) : 0;
	size_t start = out->len;
	if (mount->point[1])
		buf_add_str(out, mount->point);
	buf_add(out, inner + skip, inner_len - skip);
	if (out->len == start)
		buf_add_str(out, "/");
	if (out->failed)
		return -1;
	/* Of a directory that is a mount point, the lower mount's own entry shows only in
	 * its parent; what is in it is hidden. */
	if (!is_hidden(m, mount, out->data + start, out->len - start))
		return 1;
	out->len = start;
	out->data[start] = '\0';
	return 0;
}

void mounts_fini(struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->items[i].root);
		free(m->items[i].point);
		free(m->items[i].type);
	}
	free(m->items);
	*m = (struct mounts){0};
}
