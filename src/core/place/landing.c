/* SPDX-License-Identifier: MIT */
#include "core/place/landing.h"

#include "base/grow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t number_of(const struct landing *l, const struct mount *m)
{
	return (uint32_t)(m - l->mounts.items);
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

/* How well a filesystem is seen through one of its mounts. */
static int rank(const struct mount *m)
{
	return 2 * (strcmp(m->root, "/") == 0) + m->is_visible;
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
		if (rank(m) > rank(fs->best))
			fs->best = m;
		l->by_mount[i].filesystem = *slot;
	}
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

/* ---- The mounts of a rule ---- */

/* Whether a mount lies below the literal front of a glob, and the glob may match there. */
static bool may_match_in(const struct glob *glob, const char *front, size_t front_len,
	const struct mount *m)
{
	const char *point = m->point;
	return strncmp(point, front, front_len) == 0 && point[front_len] == '/' &&
	       point[1] && glob_may_match_below(glob, point, strlen(point));
}

struct landing_walk landing_walk(
	const struct landing *l, const struct table *rules, uint32_t rule)
{
	assert(rule < table_count(rules));
	return (struct landing_walk){.landing = l, .rules = rules, .rule = rule};
}

static const struct mount *next_below(struct landing_walk *w)
{
	const struct mounts *m = &w->landing->mounts;
	size_t rest;
	const char *front = glob_literal_front(w->glob, &rest);
	size_t front_len = strlen(front);
	while (w->next_mount < m->count) {
		const struct mount *c = &m->items[w->next_mount++];
		if (c->is_visible && may_match_in(w->glob, front, front_len, c))
			return c;
	}
	w->glob = NULL;
	return NULL;
}

const struct mount *landing_next(struct landing_walk *w)
{
	const struct landing *l = w->landing;
	const struct mount *m = w->glob ? next_below(w) : NULL;
	bool may_be_below = w->rule >= l->rule_count || l->has_below[w->rule];
	const struct glob *glob;
	size_t rest;
	while (!m && (glob = table_glob(w->rules, w->rule, w->next_glob))) {
		w->next_glob++;
		w->glob = may_be_below ? glob : NULL;
		w->next_mount = 0;
		m = mounts_find(&l->mounts, glob_literal_front(glob, &rest));
		if (!m && w->glob)
			m = next_below(w);
	}
	return m;
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

int landing_of_rule(const struct landing *l, const struct table *rules, uint32_t rule,
	struct landing_list *list)
{
	struct landing_walk w = landing_walk(l, rules, rule);
	const struct mount *m;
	bool *is_there = calloc(l->mounts.count + 1, sizeof(*is_there));
	int rc = is_there ? 0 : -1;
	list->count = 0;
	while (rc == 0 && (m = landing_next(&w)))
		is_there[number_of(l, m)] = true;
	for (uint32_t i = 0; rc == 0 && i < l->mounts.count; i++)
		rc = is_there[i] ? list_add(list, i) : 0;
	free(is_there);
	return rc;
}

/* ---- What the rules ask for ---- */

/* Write down all of the rules that decides where they land. */
static int write_rules(struct landing *l, const struct table *rules)
{
	for (uint32_t i = 0; i < table_count(rules); i++) {
		const struct rule *r = table_rule(rules, i);
		const struct glob *glob;
		buf_printf(&l->rules_text, "%d %u", r->enabled, r->events);
		for (size_t k = 0; (glob = table_glob(rules, i, k)); k++)
			buf_add(&l->rules_text, glob_text(glob),
				strlen(glob_text(glob)) + 1);
	}
	return l->rules_text.failed ? -1 : 0;
}

/* Take over what is known of mounts on the same points, if the rules are the same. */
static void take_over(struct landing *l, const struct landing *old)
{
	if (old->rules_text.len == 0 || old->rules_text.len != l->rules_text.len ||
		memcmp(old->rules_text.data, l->rules_text.data, l->rules_text.len) != 0)
		return;
	memcpy(l->has_below, old->has_below, l->rule_count * sizeof(*l->has_below));
	for (size_t i = 0; i < l->mounts.count; i++) {
		const struct mount *m = &l->mounts.items[i];
		const struct mount *was = mounts_find(&old->mounts, m->point);
		if (!m->is_visible || !was || strcmp(was->point, m->point) != 0)
			continue;
		l->by_mount[i].below = old->by_mount[number_of(old, was)].below;
		l->by_mount[i].is_judged = true;
	}
}

/* Note at each mount what the rule asks for there. */
static void add_rule(struct landing *l, const struct table *rules, uint32_t rule)
{
	const struct rule *r = table_rule(rules, rule);
	uint32_t kinds = r->enabled ? r->events : 0;
	const struct glob *glob;
	size_t rest;
	for (size_t k = 0; (glob = table_glob(rules, rule, k)); k++) {
		const char *front = glob_literal_front(glob, &rest);
		const struct mount *m = mounts_find(&l->mounts, front);
		size_t front_len = strlen(front);
		if (m)
			l->by_mount[number_of(l, m)].kinds |= kinds;
		for (size_t i = 0; i < l->mounts.count; i++) {
			struct landing_mount *by = &l->by_mount[i];
			bool is_known =
				l->has_below[rule] && (by->below & kinds) == kinds;
			if (by->is_judged || is_known ||
				!may_match_in(
					glob, front, front_len, &l->mounts.items[i]))
				continue;
			by->below |= kinds;
			l->has_below[rule] = true;
		}
	}
}

/* Note at each mount and each filesystem what the rules that land there ask for. */
static int add_rules(
	struct landing *l, const struct landing *old, const struct table *rules)
{
	l->rule_count = rules ? table_count(rules) : 0;
	l->has_below = calloc(l->rule_count + 1, sizeof(*l->has_below));
	if (!l->has_below || (rules && write_rules(l, rules) < 0))
		return -1;
	for (size_t i = 0; i < l->mounts.count; i++)
		l->by_mount[i].is_judged = !l->mounts.items[i].is_visible;
	if (old)
		take_over(l, old);
	for (uint32_t i = 0; i < l->rule_count; i++)
		add_rule(l, rules, i);
	for (size_t i = 0; i < l->mounts.count; i++) {
		struct landing_mount *by = &l->by_mount[i];
		by->kinds |= by->below;
		l->filesystems[by->filesystem].kinds |= by->kinds;
	}
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
		const struct mount *m = &l->mounts.items[*slot];
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
		const struct mount *m = &l->mounts.items[i];
		struct landing_mount *by = &l->by_mount[i];
		struct landing_filesystem *fs = &l->filesystems[by->filesystem];
		size_t len = strlen(m->root);
		if (!m->is_visible)
			continue;
		uint32_t *slot = root_slot(
			l, by->filesystem, m->root, len, slots_hash_str(m->root));
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
	struct slots_path path;
	bool is_begun;
};

static struct root_walk root_walk(
	const struct landing *l, uint32_t filesystem, const char *inner, size_t len)
{
	assert(filesystem < l->count);
	return (struct root_walk){
		.landing = l, .filesystem = filesystem, .path = slots_path(inner, len)};
}

/* The first of the mounts with the next root, or LANDING_NONE at the end. */
static uint32_t next_root(struct root_walk *w)
{
	const struct landing *l = w->landing;
	size_t longest = l->filesystems[w->filesystem].longest_root;
	uint32_t first = LANDING_NONE;
	if (!w->is_begun)
		first = *root_slot(l, w->filesystem, "/", 1, slots_hash_str("/"));
	w->is_begun = true;
	while (first == LANDING_NONE && w->path.len < longest &&
		slots_path_next(&w->path))
		first = *root_slot(
			l, w->filesystem, w->path.path, w->path.len, w->path.hash);
	return first;
}

/* Add the mounts with one root: all, or those on which rules with one of the kinds land. */
static int add_root(const struct landing *l, uint32_t first, bool is_all, uint32_t kinds,
	struct landing_list *list)
{
	uint32_t i = first;
	while (i != LANDING_NONE &&
		(is_all || (i = l->by_mount[i].wanted) != LANDING_NONE)) {
		const struct landing_mount *by = &l->by_mount[i];
		if ((is_all || (by->kinds & kinds)) && list_add(list, i) < 0)
			return -1;
		i = by->next;
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
		if (add_root(l, first, w.path.len == len, kinds, list) < 0)
			return -1;
	}
	list_sort(list);
	return 0;
}

int landing_show(const struct landing *l, uint32_t filesystem, const char *inner,
	size_t len, struct buf *out)
{
	struct root_walk w = root_walk(l, filesystem, inner, len);
	const struct mount *items = l->mounts.items;
	uint32_t best = LANDING_NONE, i;
	size_t start = out->len;
	while ((i = next_root(&w)) != LANDING_NONE) {
		/* Of each root the first that shows it, if it comes before those so far. */
		for (; i < best; i = l->by_mount[i].next) {
			int rc = mounts_show(&l->mounts, &items[i], inner, len, out);
			if (rc < 0)
				return -1;
			if (rc > 0)
				best = i;
			out->len = start;
		}
	}
	return best == LANDING_NONE
		       ? 0
		       : mounts_show(&l->mounts, &items[best], inner, len, out);
}

/* ---- Building ---- */

int landing_init(struct landing *l, const struct landing *old, const char *mountinfo,
	size_t len, const struct table *rules)
{
	*l = (struct landing){0};
	if (mounts_parse(&l->mounts, mountinfo, len) < 0)
		return -1;
	size_t count = l->mounts.count;
	l->by_mount = calloc(count + 1, sizeof(*l->by_mount));
	l->filesystems = calloc(count + 1, sizeof(*l->filesystems));
	if (!l->by_mount || !l->filesystems || slots_init(&l->by_dev, count) < 0 ||
		slots_init(&l->by_root, count) < 0)
		goto fail;
	find_filesystems(l);
	if (add_rules(l, old, rules) < 0)
		goto fail;
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
	free(l->has_below);
	buf_fini(&l->rules_text);
	mounts_fini(&l->mounts);
	*l = (struct landing){0};
}
