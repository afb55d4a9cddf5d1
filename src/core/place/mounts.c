/* SPDX-License-Identifier: MIT */
#include "core/place/mounts.h"

#include "base/grow.h"

#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

/* Undo the octal escapes (blank, tab, newline, backslash) that the kernel writes, in
 * place. */
static void unescape(char *s)
{
	char *to = s;
	for (const char *from = s; *from; to++) {
		int byte = 0;
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3)
			byte = (from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0';
		bool is_escape = byte > 0 && byte <= UCHAR_MAX;
		*to = is_escape ? (char)byte : *from;
		from += is_escape ? 4 : 1;
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

/* "8:1" as one number. Returns whether it is that. */
static bool parse_dev(const char *text, uint64_t *dev)
{
	char *colon, *end;
	uint64_t major = strtoul(text, &colon, 10);
	if (colon == text || *colon != ':')
		return false;
	*dev = major << 32 | (uint32_t)strtoul(colon + 1, &end, 10);
	return end > colon + 1;
}

/* Parse one line; returns whether it is whole. The strings of *m point into the line. */
static bool parse_line(char *line, struct mount *m)
{
	char *rest = line;
	char *id = word(&rest), *parent = word(&rest), *dev = word(&rest);
	char *root = word(&rest), *point = word(&rest), *options = word(&rest);
	if (!options)
		return false;
	char *w;
	while ((w = word(&rest)) && strcmp(w, "-") != 0)
		;
	char *type = w ? word(&rest) : NULL;
	if (!type || point[0] != '/' || !parse_dev(dev, &m->dev))
		return false;
	m->id = atoi(id);
	m->parent_id = atoi(parent);
	m->is_noexec = hasmntopt(&(struct mntent){.mnt_opts = options}, "noexec");
	unescape(root);
	unescape(point);
	unescape(type);
	m->root = root;
	m->point = point;
	m->type = type;
	return true;
}

/* ---- What is mounted on what ---- */

/* The slot of the mount on the directory path[0..len), whose hash is given, of another. */
static uint32_t *place_slot(const struct mounts *m, int parent_id, const char *path,
	size_t len, uint32_t hash)
{
	uint32_t *slot;
	hash += slots_hash_number((uint64_t)parent_id);
	for (; *(slot = slots_at(&m->by_place, hash)) != SLOTS_NONE; hash++) {
		const struct mount *c = &m->items[*slot];
		if (c->parent_id == parent_id && strncmp(c->point, path, len) == 0 &&
			c->point[len] == '\0')
			break;
	}
	return slot;
}

static uint64_t length_bit(size_t len)
{
	return UINT64_C(1) << (len < 63 ? len : 63);
}

/* The mount on that directory of a mount, or NULL. */
static struct mount *mounted_at(const struct mounts *m, const struct mount *parent,
	const char *path, size_t len, uint32_t hash)
{
	if (!(parent->lengths & length_bit(len)))
		return NULL;
	uint32_t number = *place_slot(m, parent->id, path, len, hash);
	return number == SLOTS_NONE ? NULL : &m->items[number];
}

static bool has_id(const struct mounts *m, int id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->items[i].id == id)
			return true;
	}
	return false;
}

static const struct mount *find_root(const struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (strcmp(c->point, "/") == 0 &&
			(c->parent_id == c->id || !has_id(m, c->parent_id)))
			return c;
	}
	return NULL;
}

/* The mount that lies on the whole of a mount, or NULL. */
static struct mount *mount_over(const struct mounts *m, const struct mount *mount)
{
	const char *point = mount->point;
	return mounted_at(m, mount, point, strlen(point), slots_hash_str(point));
}

/* Find the top of a mount, and of those on the way to it. */
static void find_top(struct mounts *m, struct mount *mount)
{
	struct mount *top = mount, *next;
	size_t left = m->count; /* a text with an id twice may lead in a circle */
	while (top->top == SLOTS_NONE && left-- > 0 && (next = mount_over(m, top)))
		top = next;
	uint32_t number = top->top == SLOTS_NONE ? (uint32_t)(top - m->items) : top->top;
	for (; mount && mount->top == SLOTS_NONE; mount = mount_over(m, mount))
		mount->top = number;
}

/* The slot of the first mount that lies on the mount of an id. */
static uint32_t *on_slot(const struct mounts *m, const struct slots *by_parent, int id)
{
	uint32_t hash = slots_hash_number((uint64_t)id), *slot;
	while (*(slot = slots_at(by_parent, hash)) != SLOTS_NONE &&
		m->items[*slot].parent_id != id)
		hash++;
	return slot;
}

/* Note how long the points of what is mounted on each mount are. */
static int note_lengths(struct mounts *m)
{
	struct slots by_parent = {0};
	uint64_t *lengths =
		calloc(m->count + 1, sizeof(*lengths)); /* by the first of them */
	int rc = lengths ? slots_init(&by_parent, m->count) : -1;
	for (uint32_t i = 0; rc == 0 && i < m->count; i++) {
		uint32_t *first = on_slot(m, &by_parent, m->items[i].parent_id);
		if (*first == SLOTS_NONE)
			*first = i;
		lengths[*first] |= length_bit(strlen(m->items[i].point));
	}
	for (size_t i = 0; rc == 0 && i < m->count; i++) {
		uint32_t first = *on_slot(m, &by_parent, m->items[i].id);
		m->items[i].lengths = first == SLOTS_NONE ? 0 : lengths[first];
	}
	slots_fini(&by_parent);
	free(lengths);
	return rc;
}

static int make_tree(struct mounts *m)
{
	if (note_lengths(m) < 0 || slots_init(&m->by_place, m->count) < 0)
		return -1;
	m->root = find_root(m);
	for (uint32_t i = 0; i < m->count; i++) {
		struct mount *c = &m->items[i];
		uint32_t *slot = place_slot(m, c->parent_id, c->point, strlen(c->point),
			slots_hash_str(c->point));
		c->top = SLOTS_NONE;
		/* The very first root is its own parent, and lies on nothing. */
		if (*slot == SLOTS_NONE && c->parent_id != c->id)
			*slot = i;
	}
	for (size_t i = 0; i < m->count; i++)
		find_top(m, &m->items[i]);
	for (size_t i = 0; i < m->count; i++)
		m->items[i].is_visible =
			mounts_find(m, m->items[i].point) == &m->items[i];
	return 0;
}

int mounts_parse(struct mounts *m, const char *text, size_t len)
{
	*m = (struct mounts){.text = strndup(text, len)};
	if (!m->text)
		return -1;
	char *rest = m->text, *line;
	int rc = 0;
	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		struct mount mount = {0};
		if (!parse_line(line, &mount))
			continue;
		rc = grow(m->items, m->count);
		if (rc == 0)
			m->items[m->count++] = mount;
	}
	if (rc == 0)
		rc = make_tree(m);
	if (rc < 0)
		mounts_fini(m);
	return rc;
}

const struct mount *mounts_find(const struct mounts *m, const char *path)
{
	const struct mount *at = m->root ? &m->items[m->root->top] : NULL, *next;
	struct slots_path p = slots_path(path, strlen(path));
	while (at && slots_path_next(&p)) {
		if ((next = mounted_at(m, at, path, p.len, p.hash)))
			at = &m->items[next->top];
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

/* ---- What a mount shows ---- */

bool mounts_hide(
	const struct mounts *m, const struct mount *mount, const char *path, size_t len)
{
	struct slots_path p = slots_path(path, len);
	if (!mount->lengths)
		return false;
	if (mounted_at(m, mount, "/", 1, slots_hash_str("/")))
		return true;
	while (slots_path_next(&p)) {
		if (mounted_at(m, mount, path, p.len, p.hash))
			return true;
	}
	return false;
}

int mounts_add_path(
	const struct mount *mount, const char *inner, size_t inner_len, struct buf *out)
{
	size_t skip = mount->root[1] ? strlen(mount->root) : 0;
	size_t start = out->len;
	if (mount->point[1])
		buf_add_str(out, mount->point);
	buf_add(out, inner + skip, inner_len - skip);
	if (out->len == start)
		buf_add_str(out, "/");
	return out->failed ? -1 : 0;
}

int mounts_show(const struct mounts *m, const struct mount *mount, const char *inner,
	size_t inner_len, struct buf *out)
{
	size_t start = out->len;
	if (!mount->is_visible || !mounts_is_within(inner, inner_len, mount->root))
		return 0;
	if (mounts_add_path(mount, inner, inner_len, out) < 0)
		return -1;
	/* Of a directory that is a mount point, the lower mount's own entry shows only in
	 * its parent; what is in it is hidden. */
	if (!mounts_hide(m, mount, out->data + start, out->len - start))
		return 1;
	out->len = start;
	out->data[start] = '\0';
	return 0;
}

void mounts_fini(struct mounts *m)
{
	slots_fini(&m->by_place);
	free(m->items);
	free(m->text);
	*m = (struct mounts){0};
}
