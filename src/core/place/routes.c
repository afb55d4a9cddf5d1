/* SPDX-License-Identifier: MIT */
#include "core/place/routes.h"

#include "base/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "/" is left out where a path follows or goes before. */
static const char *unless_root(const char *path)
{
	return path[1] ? path : "";
}

/* The root of a mount within its filesystem. */
static struct dirset_path root_of(const struct mount *m)
{
	return (struct dirset_path){unless_root(m->root), ""};
}

/* The directory that a mount lies on, within the filesystem of the mount that it lies on. */
static struct dirset_path place_of(const struct mount *parent, const struct mount *m)
{
	const char *point = unless_root(m->point);
	size_t skip = strlen(unless_root(parent->point));
	bool is_below = mounts_is_within(m->point, strlen(m->point), parent->point);
	return (struct dirset_path){
		unless_root(parent->root), is_below ? point + skip : ""};
}

/* ---- Building ---- */

/* The slot of the mount with an id. */
static uint32_t *id_slot(const struct mounts *m, const struct slots *by_id, int id)
{
	uint32_t hash = slots_hash_number((uint64_t)id), *slot;
	while (*(slot = slots_at(by_id, hash)) != SLOTS_NONE && m->items[*slot].id != id)
		hash++;
	return slot;
}

static int find_parents(struct routes *w)
{
	const struct mounts *m = w->mounts;
	struct slots by_id;
	if (slots_init(&by_id, m->count) < 0)
		return -1;
	for (uint32_t i = 0; i < m->count; i++)
		*id_slot(m, &by_id, m->items[i].id) = i;
	for (uint32_t i = 0; i < m->count; i++) {
		uint32_t parent = *id_slot(m, &by_id, m->items[i].parent_id);
		w->parents[i] = parent == i ? SLOTS_NONE : parent;
	}
	slots_fini(&by_id);
	return 0;
}

/* Both paths that lead to a mount: of its root, and of where it lies, with the filesystem. */
struct both {
	struct dirset_path root, place;
	uint64_t dev, place_dev;
};

static struct both both_of(const struct routes *w, uint32_t number)
{
	const struct mount *m = &w->mounts->items[number];
	struct both b = {.root = root_of(m), .place = {"", ""}, .dev = m->dev};
	if (w->parents[number] != SLOTS_NONE) {
		const struct mount *parent = &w->mounts->items[w->parents[number]];
		b.place = place_of(parent, m);
		b.place_dev = parent->dev;
	}
	return b;
}

int routes_init(struct routes *w, const struct mounts *m)
{
	size_t count = 0;
	*w = (struct routes){.mounts = m};
	w->parents = calloc(m->count + 1, sizeof(*w->parents));
	if (!w->parents || find_parents(w) < 0)
		goto fail;
	for (uint32_t i = 0; i < m->count; i++) {
		struct both b = both_of(w, i);
		count += dirset_depth(b.root) + dirset_depth(b.place);
	}
	if (dirset_init(&w->dirs, count) < 0)
		goto fail;
	for (uint32_t i = 0; i < m->count; i++) {
		struct both b = both_of(w, i);
		dirset_add(&w->dirs, b.dev, b.root);
		dirset_add(&w->dirs, b.place_dev, b.place);
	}
	return 0;
fail:
	routes_fini(w);
	errno = ENOMEM;
	return -1;
}

void routes_fini(struct routes *w)
{
	free(w->parents);
	dirset_fini(&w->dirs);
	*w = (struct routes){0};
}

void routes_mark(const struct routes *w, uint32_t number, bool *marks)
{
	uint32_t parent = w->parents[number];
	size_t left = w->mounts->count; /* a text with an id twice may lead in a circle */
	for (; parent != SLOTS_NONE && !marks[parent] && left-- > 0;
		number = parent, parent = w->parents[number]) {
		/* Where something is mounted nobody can rename, only what is above. */
		struct both b = both_of(w, number);
		marks[parent] = dirset_depth(b.place) > 1;
	}
}

/* ---- After a directory has moved ---- */

struct moving {
	const struct routes *routes;
	uint64_t dev;
	const char *from, *to;
	char **points; /* of each mount: its new point; NULL: the old one */
	bool *is_done; /* of each mount: its point has been looked at */
	bool *is_lost; /* of each mount: it is not to be seen any more */
	uint32_t *chain; /* room for the mounts on the way from one to the first */
};

static bool is_moved(const struct moving *v, const char *path)
{
	return mounts_is_within(path, strlen(path), v->from);
}

/* Append a path as it is after the move. */
static void add_new_path(const struct moving *v, const char *path, struct buf *out)
{
	bool moves = is_moved(v, path);
	buf_add_str(out, moves ? v->to : "");
	buf_add_str(out, path + (moves ? strlen(v->from) : 0));
}

/* Where in its parent a mount lies, if that moves within the parent. Appends nothing if it has
 * gone out of what the parent shows. */
static void add_new_place(const struct moving *v, const struct mount *parent,
	const char *was, struct buf *out)
{
	struct buf now = {0};
	add_new_path(v, was, &now);
	if (!now.failed && mounts_is_within(now.data, now.len, parent->root))
		buf_add_str(out, now.data + strlen(unless_root(parent->root)));
	out->failed |= now.failed;
	buf_fini(&now);
}

/* Append where in its parent a mount lies after the move; nothing if it is lost. Returns whether
 * that may differ from before. */
static bool add_tail(const struct moving *v, const struct mount *parent,
	const struct mount *m, struct buf *out)
{
	struct dirset_path place = place_of(parent, m);
	struct buf was = {0};
	buf_printf(&was, "%s%s", place.head, place.tail);
	/* Where the parent's root moves as well, the place in it stays. */
	bool moves = parent->dev == v->dev && !is_moved(v, parent->root) && !was.failed &&
		     is_moved(v, was.data);
	if (moves)
		add_new_place(v, parent, was.data, out);
	else
		buf_add_str(out, place.tail);
	out->failed |= was.failed;
	buf_fini(&was);
	return moves;
}

/* Find out where a mount is to be seen; its parent's point has been looked at. Returns 0, or -1
 * with ENOMEM. */
static int place_mount(struct moving *v, uint32_t number)
{
	const struct mount *items = v->routes->mounts->items;
	uint32_t up = v->routes->parents[number];
	struct buf tail = {0}, point = {0};
	v->is_done[number] = true;
	if (up == SLOTS_NONE)
		return 0;
	bool moves = add_tail(v, &items[up], &items[number], &tail);
	bool failed = tail.failed;
	v->is_lost[number] = moves && tail.len == 0;
	if (!failed && !v->is_lost[number] && (moves || v->points[up])) {
		const char *above = v->points[up] ? v->points[up] : items[up].point;
		buf_printf(&point, "%s%s", unless_root(above), tail.data);
		failed = point.failed;
		v->points[number] = buf_take(&point);
	}
	buf_fini(&tail);
	return failed ? -1 : 0;
}

/* Place a mount, after those that it lies on. */
static int place_chain(struct moving *v, uint32_t number)
{
	size_t depth = 0;
	while (number != SLOTS_NONE && !v->is_done[number] &&
		depth < v->routes->mounts->count) {
		v->chain[depth++] = number;
		number = v->routes->parents[number];
	}
	while (depth > 0) {
		if (place_mount(v, v->chain[--depth]) < 0)
			return -1;
	}
	return 0;
}

/* Append a word with the escapes of mountinfo. */
static void add_word(struct buf *out, const char *word)
{
	for (; *word; word++) {
		if (strchr(" \t\n\\", *word))
			buf_printf(out, "\\%03o", (unsigned char)*word);
		else
			buf_add(out, word, 1);
	}
	buf_add(out, " ", 1);
}

static void add_line(const struct moving *v, uint32_t number, struct buf *out)
{
	const struct mount *m = &v->routes->mounts->items[number];
	struct buf root = {0};
	if (m->dev == v->dev)
		add_new_path(v, m->root, &root);
	/* What lies on no mount is never seen. */
	buf_printf(out, "%d %d %u:%u ", m->id, v->is_lost[number] ? -1 : m->parent_id,
		(unsigned)(m->dev >> 32), (unsigned)(m->dev & UINT32_MAX));
	add_word(out, root.len ? root.data : m->root);
	add_word(out, v->points[number] ? v->points[number] : m->point);
	buf_add_str(out, m->is_noexec ? "noexec - " : "rw - ");
	add_word(out, m->type);
	buf_add_str(out, "- -\n");
	out->failed |= root.failed;
	buf_fini(&root);
}

int routes_add_moved(const struct routes *w, uint64_t dev, const char *from,
	const char *to, struct buf *mountinfo)
{
	size_t count = w->mounts->count;
	assert(from[0] == '/' && from[1]);
	struct moving v = {.routes = w, .dev = dev, .from = from, .to = to};
	v.points = calloc(count + 1, sizeof(*v.points));
	v.is_done = calloc(count + 1, sizeof(*v.is_done));
	v.is_lost = calloc(count + 1, sizeof(*v.is_lost));
	v.chain = calloc(count + 1, sizeof(*v.chain));
	int rc = v.points && v.is_done && v.is_lost && v.chain ? 0 : -1;
	for (uint32_t i = 0; rc == 0 && i < count; i++)
		rc = place_chain(&v, i);
	for (uint32_t i = 0; rc == 0 && i < count; i++)
		add_line(&v, i, mountinfo);
	for (size_t i = 0; v.points && i < count; i++)
		free(v.points[i]);
	free(v.points);
	free(v.is_done);
	free(v.is_lost);
	free(v.chain);
	if (rc == 0 && !mountinfo->failed)
		return 0;
	errno = ENOMEM;
	return -1;
}
