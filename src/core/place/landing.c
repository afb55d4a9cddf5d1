/* SPDX-License-Identifier: MIT */
#include "core/place/landing.h"

#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t number_of(const struct landing *l, const struct mount *m)
{
	return (uint32_t)(m - l->mounts.items);
}

static const struct mount *mount_of(const struct landing *l, uint32_t number)
{
	return &l->mounts.items[number];
}

/* ---- Filesystems ---- */

static uint32_t *dev_slot(const struct landing *l, uint64_t dev)
{
	uint32_t *slot, hash = slots_hash_number(dev);
	for (; *(slot = slots_at(&l->by_dev, hash)) != SLOTS_NONE; hash++) {
		if (l->filesystems[*slot].dev == dev)
			break;
	}
	return slot;
}

uint32_t landing_find(const struct landing *l, uint64_t dev)
{
	return l->count ? *dev_slot(l, dev) : LANDING_NONE;
}

static bool is_better(const struct mount *a, const struct mount *b)
{
	int a_rank = 2 * (strcmp(a->root, "/") == 0) + a->is_visible;
	int b_rank = 2 * (strcmp(b->root, "/") == 0) + b->is_visible;
	return a_rank > b_rank;
}

/* Group the mounts by filesystem. */
static void find_filesystems(struct landing *l)
{
	for (size_t i = 0; i < l->mounts.count; i++) {
		const struct mount *m = &l->mounts.items[i];
		uint32_t *slot = dev_slot(l, m->dev);
		if (*slot == SLOTS_NONE) {
			*slot = l->count++;
			l->filesystems[*slot] =
				(struct landing_filesystem){.dev = m->dev, .best = m};
		}
		struct landing_filesystem *fs = &l->filesystems[*slot];
		fs->may_execute |= !m->is_noexec;
		if (is_better(m, fs->best))
			fs->best = m;
		l->by_mount[i] = (struct landing_mount){.filesystem = *slot};
	}
}

/* ---- Mounts in order ---- */

static int compare_points(const void *a, const void *b, void *ctx)
{
	const struct landing *l = ctx;
	return strcmp(mount_of(l, *(const uint32_t *)a)->point,
		mount_of(l, *(const uint32_t *)b)->point);
}

/* The root mount lies below nothing, and is not among them. */
static void sort_points(struct landing *l)
{
	for (uint32_t i = 0; i < l->mounts.count; i++) {
		if (l->mounts.items[i].is_visible && l->mounts.items[i].point[1])
			l->by_point[l->point_count++] = i;
	}
	qsort_r(l->by_point, l->point_count, sizeof(*l->by_point), compare_points, l);
}

/* How a path stands to what lies below a directory ("" is the root): less than 0 if it
 * comes before, 0 if it is among it. */
static int compare_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	int order = strncmp(path, dir, len);
	return order ? order : (unsigned char)path[len] - '/';
}

/* Where among by_point those begin that lie below a directory. */
static size_t first_below(const struct landing *l, const char *dir)
{
	size_t from = 0, to = l->point_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (compare_below(mount_of(l, l->by_point[middle])->point, dir) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* ---- Lists ---- */

static int list_add(struct landing_list *list, uint32_t number)
{
	if (grow(list->items, list->count) < 0)
		return -1;
	list->items[list->count++] = number;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Put the numbers in order, each once. */
static void list_sort(struct landing_list *list)
{
	size_t to = 0;
	if (list->count < 2)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_numbers);
	for (size_t i = 1; i < list->count; i++) {
		if (list->items[i] != list->items[to])
			list->items[++to] = list->items[i];
	}
	list->count = to + 1;
}

/* ---- What is known of globs ---- */

static const struct landing_known *find_known(
	const struct landing *l, uint32_t rule, size_t index, const struct glob *glob)
{
	if (rule >= l->rule_count || l->known_of[rule] + index >= l->known_of[rule + 1])
		return NULL;
	const struct landing_known *k = &l->known[l->known_of[rule] + index];
	if (k->text == LANDING_NONE ||
		strcmp(l->texts.data + k->text, glob_text(glob)) != 0)
		return NULL;
	return k;
}

/* How the mounts of an earlier landing have become those of this one. */
struct handover {
	const struct landing *old;
	uint32_t *numbers; /* for each old mount its number now, or LANDING_NONE */
	uint32_t *came; /* those that are new, in the order of by_point */
	size_t came_count;
};

/* Compare the mount points, which are in the same order. */
static int find_handover(
	struct handover *h, const struct landing *l, const struct landing *old)
{
	size_t k = 0;
	*h = (struct handover){.old = old,
		.numbers = calloc(old->mounts.count + 1, sizeof(uint32_t)),
		.came = calloc(l->point_count + 1, sizeof(uint32_t))};
	if (!h->numbers || !h->came)
		return -1;
	memset(h->numbers, 0xff, old->mounts.count * sizeof(uint32_t));
	for (size_t i = 0; i < l->point_count; i++) {
		const char *point = mount_of(l, l->by_point[i])->point;
		int order = 1;
		while (k < old->point_count &&
			(order = strcmp(mount_of(old, old->by_point[k])->point, point)) <
				0)
			k++;
		if (k < old->point_count && order == 0)
			h->numbers[old->by_point[k]] = l->by_point[i];
		else
			h->came[h->came_count++] = l->by_point[i];
	}
	return 0;
}

static void handover_fini(struct handover *h)
{
	free(h->numbers);
	free(h->came);
}

/* Add to the pairs those of the points that lie below the glob's front, where it may match. */
static int add_points(
	struct landing *l, const struct glob *glob, const uint32_t *points, size_t count)
{
	size_t rest;
	const char *front = glob_literal_front(glob, &rest);
	for (size_t i = 0; i < count; i++) {
		const char *point = mount_of(l, points[i])->point;
		int order = compare_below(point, front);
		if (order > 0)
			break;
		if (order == 0 && glob_may_match_below(glob, point, strlen(point)) &&
			list_add(&l->pairs, points[i]) < 0)
			return -1;
	}
	return 0;
}

/* Add to the pairs those that were known before, as far as their mounts are still there. */
static int add_passed(
	struct landing *l, const struct handover *h, const struct landing_known *known)
{
	for (uint32_t i = 0; i < known->count; i++) {
		uint32_t number = h->numbers[h->old->pairs.items[known->first + i]];
		if (number != LANDING_NONE && list_add(&l->pairs, number) < 0)
			return -1;
	}
	return 0;
}

/* Find out about one glob. Returns 0, or -1 with ENOMEM. */
static int learn(struct landing *l, const struct handover *h, uint32_t rule, size_t index,
	const struct glob *glob)
{
	size_t rest, start = l->pairs.count;
	size_t first = first_below(l, glob_literal_front(glob, &rest));
	struct landing_known *to = &l->known[l->known_of[rule] + index];
	const struct landing_known *from = find_known(h->old, rule, index, glob);
	*to = (struct landing_known){.text = LANDING_NONE};
	if (first == l->point_count || start == LANDING_PAIRS_MAX)
		return 0;
	int rc = from ? add_passed(l, h, from) : 0;
	if (rc == 0)
		rc = from ? add_points(l, glob, h->came, h->came_count)
			  : add_points(
				    l, glob, l->by_point + first, l->point_count - first);
	if (rc < 0)
		return -1;
	if (l->pairs.count > LANDING_PAIRS_MAX) {
		l->pairs.count = start;
		return 0;
	}
	*to = (struct landing_known){(uint32_t)l->texts.len, (uint32_t)start,
		(uint32_t)(l->pairs.count - start)};
	return buf_add(&l->texts, glob_text(glob), strlen(glob_text(glob)) + 1);
}

static int learn_all(
	struct landing *l, const struct landing *old, const struct table *rules)
{
	static const struct landing none;
	struct handover h;
	size_t count = 0;
	l->rule_count = rules ? (uint32_t)table_count(rules) : 0;
	l->known_of = calloc((size_t)l->rule_count + 1, sizeof(*l->known_of));
	for (uint32_t i = 0; l->known_of && i < l->rule_count; i++) {
		count += table_rule(rules, i)->path.count;
		l->known_of[i + 1] = (uint32_t)count;
	}
	l->known = calloc(count + 1, sizeof(*l->known));
	int rc = find_handover(&h, l, old ? old : &none);
	if (!l->known_of || !l->known)
		rc = -1;
	for (uint32_t i = 0; i < l->rule_count; i++) {
		const struct glob *glob;
		for (size_t k = 0; rc == 0 && (glob = table_glob(rules, i, k)); k++)
			rc = learn(l, &h, i, k, glob);
	}
	handover_fini(&h);
	return rc;
}

/* ---- The mounts of a rule ---- */

struct landing_walk landing_walk(
	const struct landing *l, const struct table *rules, uint32_t rule)
{
	return (struct landing_walk){.landing = l, .rules = rules, .rule = rule};
}

/* Begin with the mounts below the front of the next glob; returns the mount to which the
 * front itself leads, or NULL. */
static const struct mount *begin_glob(struct landing_walk *w, const struct glob *glob)
{
	const struct landing *l = w->landing;
	size_t rest;
	const char *front = glob_literal_front(glob, &rest);
	const struct landing_known *known = find_known(l, w->rule, w->next, glob);
	size_t first = known ? known->first : first_below(l, front);
	w->next++;
	w->glob = glob;
	w->is_known = known;
	w->points = known ? l->pairs.items + first : l->by_point + first;
	w->left = known ? known->count : l->point_count - first;
	return mounts_find(&l->mounts, front);
}

/* Whether all these kinds are asked for on a mount; none never are. */
static bool has_kinds(const struct landing *l, uint32_t mount, uint32_t kinds)
{
	return kinds && (l->by_mount[mount].kinds & kinds) == kinds;
}

/* The next mount below the front of the walk's glob, on which the glob may match something
 * and the kinds are lacking; NULL at the end. */
static const struct mount *next_below(struct landing_walk *w, uint32_t kinds)
{
	const struct landing *l = w->landing;
	size_t rest;
	const char *front = glob_literal_front(w->glob, &rest);
	while (w->left > 0) {
		uint32_t number = *w->points;
		const struct mount *m = mount_of(l, number);
		if (!w->is_known && compare_below(m->point, front) != 0)
			break;
		w->points++;
		w->left--;
		if (!has_kinds(l, number, kinds) &&
			(w->is_known || glob_may_match_below(
						w->glob, m->point, strlen(m->point))))
			return m;
	}
	w->glob = NULL;
	return NULL;
}

/* The next mount of a walk. Those may be left out on which all of the kinds are asked for. */
static const struct mount *next_lacking(struct landing_walk *w, uint32_t kinds)
{
	const struct mount *m = w->glob ? next_below(w, kinds) : NULL;
	const struct glob *glob;
	while (!m && (glob = table_glob(w->rules, w->rule, w->next))) {
		m = begin_glob(w, glob);
		if (!m)
			m = next_below(w, kinds);
	}
	return m;
}

const struct mount *landing_next(struct landing_walk *w)
{
	return next_lacking(w, 0);
}

bool landing_has(const struct landing *l, const struct table *rules, uint32_t rule,
	uint32_t filesystem)
{
	struct landing_walk w = landing_walk(l, rules, rule);
	const struct mount *m;
	while ((m = landing_next(&w))) {
		if (filesystem == LANDING_NONE ||
			l->by_mount[number_of(l, m)].filesystem == filesystem)
			return true;
	}
	return false;
}

/* Note at each mount, and so at each filesystem, what the rules that land there ask for. */
static void add_kinds(struct landing *l, const struct table *rules)
{
	for (uint32_t i = 0; rules && i < table_count(rules); i++) {
		const struct rule *r = table_rule(rules, i);
		struct landing_walk w = landing_walk(l, rules, i);
		const struct mount *m;
		while (r->enabled && (m = next_lacking(&w, r->events))) {
			struct landing_mount *to = &l->by_mount[number_of(l, m)];
			to->kinds |= r->events;
			l->filesystems[to->filesystem].kinds |= r->events;
		}
	}
}

int landing_of_rule(const struct landing *l, const struct table *rules, uint32_t rule,
	struct landing_list *list)
{
	struct landing_walk w = landing_walk(l, rules, rule);
	const struct mount *m;
	list->count = 0;
	while ((m = landing_next(&w))) {
		if (list_add(list, number_of(l, m)) < 0)
			return -1;
	}
	list_sort(list);
	return 0;
}

/* ---- The mounts of a path ---- */

/* The slot of the mounts of a filesystem with a root, whose hash is given. */
static uint32_t *root_slot(const struct landing *l, uint32_t filesystem, const char *root,
	size_t len, uint32_t hash)
{
	uint32_t *slot;
	hash += slots_hash_number(filesystem);
	for (; *(slot = slots_at(&l->by_root, hash)) != SLOTS_NONE; hash++) {
		const struct mount *m = mount_of(l, *slot);
		if (l->by_mount[*slot].filesystem == filesystem &&
			strncmp(m->root, root, len) == 0 && m->root[len] == '\0')
			break;
	}
	return slot;
}

/* Chain the visible mounts that have filesystem and root in common, in their order. */
static void chain_roots(struct landing *l)
{
	for (uint32_t i = (uint32_t)l->mounts.count; i-- > 0;) {
		const struct mount *m = mount_of(l, i);
		struct landing_mount *by = &l->by_mount[i];
		struct landing_filesystem *fs = &l->filesystems[by->filesystem];
		uint32_t hash = SLOTS_HASH;
		size_t len = 0;
		if (!m->is_visible)
			continue;
		for (; m->root[len]; len++)
			hash = slots_hash(hash, m->root[len]);
		uint32_t *slot = root_slot(l, by->filesystem, m->root, len, hash);
		by->next = *slot;
		by->wanted = by->kinds             ? i
			     : *slot == SLOTS_NONE ? LANDING_NONE
						   : l->by_mount[*slot].wanted;
		*slot = i;
		if (len > fs->longest_root)
			fs->longest_root = len;
	}
}

/* Walks over the roots of a filesystem that hold a path, the shortest first. */
struct root_walk {
	const struct landing *landing;
	uint32_t filesystem;
	const char *inner;
	size_t len;
	size_t at; /* bytes of `inner` that are behind */
	uint32_t hash; /* of them */
	bool is_begun;
};

/* The first of the mounts with the next root, or LANDING_NONE at the end. */
static uint32_t next_root(struct root_walk *w)
{
	const struct landing *l = w->landing;
	size_t longest = l->filesystems[w->filesystem].longest_root;
	uint32_t first = LANDING_NONE;
	if (!w->is_begun)
		first = *root_slot(l, w->filesystem, "/", 1, slots_hash(SLOTS_HASH, '/'));
	w->is_begun = true;
	while (first == LANDING_NONE && w->at < w->len && w->at < longest) {
		w->hash = slots_hash(w->hash, w->inner[w->at++]);
		if (w->at > 1 && (w->at == w->len || w->inner[w->at] == '/'))
			first = *root_slot(l, w->filesystem, w->inner, w->at, w->hash);
	}
	return first;
}

static struct root_walk root_walk(
	const struct landing *l, uint32_t filesystem, const char *inner, size_t len)
{
	return (struct root_walk){.landing = l,
		.filesystem = filesystem,
		.inner = inner,
		.len = len,
		.hash = SLOTS_HASH};
}

/* Add the mounts with one root on which rules with one of the kinds land. */
static int add_wanted(const struct landing *l, uint32_t first, uint32_t kinds,
	struct landing_list *list)
{
	const struct landing_mount *by;
	for (uint32_t i = l->by_mount[first].wanted; i != LANDING_NONE;
		i = by->next == LANDING_NONE ? LANDING_NONE
					     : l->by_mount[by->next].wanted) {
		by = &l->by_mount[i];
		if ((by->kinds & kinds) && list_add(list, i) < 0)
			return -1;
	}
	return 0;
}

static int add_all(const struct landing *l, uint32_t first, struct landing_list *list)
{
	for (uint32_t i = first; i != LANDING_NONE; i = l->by_mount[i].next) {
		if (list_add(list, i) < 0)
			return -1;
	}
	return 0;
}

int landing_of_path(const struct landing *l, uint32_t filesystem, const char *inner,
	size_t len, uint32_t kinds, struct landing_list *list)
{
	struct root_walk w = root_walk(l, filesystem, inner, len);
	uint32_t first;
	list->count = 0;
	while ((first = next_root(&w)) != LANDING_NONE) {
		/* A glob may match the mount point itself, and nothing below it. */
		bool is_whole = w.at == len;
		if ((is_whole ? add_all(l, first, list)
			      : add_wanted(l, first, kinds, list)) < 0)
			return -1;
	}
	list_sort(list);
	return 0;
}

int landing_show(const struct landing *l, uint32_t filesystem, const char *inner,
	size_t len, struct buf *out)
{
	struct root_walk w = root_walk(l, filesystem, inner, len);
	uint32_t best = LANDING_NONE, i;
	size_t start = out->len;
	while ((i = next_root(&w)) != LANDING_NONE) {
		/* Of each root the first that shows it, if it comes before those so far. */
		for (; i < best; i = l->by_mount[i].next) {
			int rc = mounts_show(&l->mounts, mount_of(l, i), inner, len, out);
			if (rc < 0)
				return -1;
			if (rc > 0)
				best = i;
			out->len = start;
		}
	}
	if (best == LANDING_NONE)
		return 0;
	return mounts_show(&l->mounts, mount_of(l, best), inner, len, out);
}

/* ---- Building ---- */

static int make_room(struct landing *l)
{
	size_t count = l->mounts.count;
	l->by_mount = calloc(count + 1, sizeof(*l->by_mount));
	l->filesystems = calloc(count + 1, sizeof(*l->filesystems));
	l->by_point = calloc(count + 1, sizeof(*l->by_point));
	if (!l->by_mount || !l->filesystems || !l->by_point)
		return -1;
	return slots_init(&l->by_dev, count) < 0 || slots_init(&l->by_root, count) < 0
		       ? -1
		       : 0;
}

int landing_init(struct landing *l, const struct landing *old, const char *mountinfo,
	size_t len, const struct table *rules)
{
	*l = (struct landing){0};
	if (mounts_parse(&l->mounts, mountinfo, len) < 0 || make_room(l) < 0)
		goto fail;
	find_filesystems(l);
	sort_points(l);
	if (learn_all(l, old, rules) < 0)
		goto fail;
	add_kinds(l, rules);
	chain_roots(l);
	return 0;
fail:
	landing_fini(l);
	errno = ENOMEM;
	return -1;
}

void landing_fini(struct landing *l)
{
	slots_fini(&l->by_dev);
	slots_fini(&l->by_root);
	free(l->by_mount);
	free(l->filesystems);
	free(l->by_point);
	free(l->known);
	free(l->known_of);
	free(l->pairs.items);
	buf_fini(&l->texts);
	mounts_fini(&l->mounts);
	*l = (struct landing){0};
}
