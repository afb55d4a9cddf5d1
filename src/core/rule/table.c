/* SPDX-License-Identifier: MIT */
#include "core/rule/table.h"

#include "base/buf.h"
#include "base/grow.h"
#include "base/slots.h"
#include "core/rule/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* One glob of one rule. */
struct entry {
	const struct glob *glob;
	uint32_t rule;
};

/* The globs that share a literal front. */
struct front {
	UT_hash_handle hh;
	const char *text; /* the literal front, owned by the first glob */
	struct entry *entries;
	size_t count;
};

/* A name and the number of its rule. */
struct name {
	const char *text; /* owned by the rule */
	uint32_t rule;
};

struct table {
	struct rule **rules;
	size_t count;
	/* For each rule NULL, or for each glob of path and exclude NULL or its moved form. */
	struct glob ***moved;
	struct name *names; /* of all rules, sorted */
	struct front *fronts; /* hash by text */
	size_t longest_front; /* bytes */
	struct front **sorted; /* the fronts by text, for those below a directory */
};

static size_t glob_count(const struct rule *r)
{
	return r->path.count + r->exclude.count;
}

/* A glob of `path` or `exclude` where it was moved to, or NULL. */
static struct glob *moved_glob(const struct table *t, uint32_t number, size_t index)
{
	return t->moved[number] ? t->moved[number][index] : NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

struct table *table_new(struct rule **rules, size_t count)
{
	struct table *t = calloc(1, sizeof(*t));
	if (!t) {
		keys_free_rules(rules, count);
		return NULL;
	}
	t->rules = rules;
	t->count = count;
	t->moved = calloc(count + 1, sizeof(*t->moved));
	t->names = calloc(count + 1, sizeof(*t->names));
	if (!t->moved || !t->names || table_index(t) < 0) {
		table_free(t);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		t->names[i] = (struct name){rules[i]->name, i};
	qsort(t->names, count, sizeof(*t->names), compare_names);
	return t;
}

static void drop_fronts(struct table *t)
{
	struct front *f, *next;
	free(t->sorted);
	t->sorted = NULL;
	HASH_ITER (hh, t->fronts, f, next) {
		HASH_DEL(t->fronts, f);
		free(f->entries);
		free(f);
	}
}

void table_free(struct table *t)
{
	if (!t)
		return;
	drop_fronts(t);
	for (uint32_t i = 0; t->moved && i < t->count; i++) {
		for (size_t k = 0; k < glob_count(t->rules[i]); k++)
			glob_free(moved_glob(t, i, k));
		free(t->moved[i]);
	}
	free(t->moved);
	free(t->names);
	keys_free_rules(t->rules, t->count);
	free(t);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

const struct rule *table_rule(const struct table *t, uint32_t number)
{
	assert(number < t->count);
	return t->rules[number];
}

int64_t table_find(const struct table *t, const char *name)
{
	const struct name key = {.text = name};
	const struct name *found =
		bsearch(&key, t->names, t->count, sizeof(key), compare_names);
	return found ? (int64_t)found->rule : -1;
}

int64_t *table_map(const struct table *now, const struct table *next)
{
	size_t count = now ? table_count(now) : 0;
	int64_t *map = calloc(count + 1, sizeof(*map));
	for (uint32_t i = 0; map && i < count; i++) {
		map[i] = table_find(next, table_rule(now, i)->name);
		if (map[i] >= 0 && !table_rule(next, (uint32_t)map[i])->enabled)
			map[i] = -1;
	}
	return map;
}

const struct glob *table_glob(const struct table *t, uint32_t number, size_t index)
{
	assert(number < t->count);
	const struct rule *r = t->rules[number];
	if (index >= r->path.count)
		return NULL;
	struct glob *moved = moved_glob(t, number, index);
	return moved ? moved : r->path.items[index];
}

int table_move(struct table *t, uint32_t number, size_t index, const char *front)
{
	const struct rule *r = t->rules[number];
	assert(number < t->count && index < glob_count(r));
	struct glob *was = moved_glob(t, number, index);
	struct glob *moved = NULL;
	size_t rest;
	if (front ? was && strcmp(glob_literal_front(was, &rest), front) == 0 : !was)
		return 0;
	if (!t->moved[number] &&
		!(t->moved[number] = calloc(glob_count(r), sizeof(**t->moved))))
		return -1;
	if (front) {
		moved = glob_with_front(index < r->path.count
						? r->path.items[index]
						: r->exclude.items[index - r->path.count],
			front);
		if (!moved)
			return -1;
	}
	/* The index may point to the old one: it is rebuilt before the next match. */
	drop_fronts(t);
	glob_free(was);
	t->moved[number][index] = moved;
	return 0;
}

static struct front *front_of(struct table *t, const char *text)
{
	uint32_t hash = slots_hash_str(text);
	size_t len = strlen(text);
	struct front *f;
	HASH_FIND_BYHASHVALUE(hh, t->fronts, text, len, hash, f);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->text = text;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->fronts, f->text, len, hash, f);
	if (!f->hh.tbl) {
		free(f);
		errno = ENOMEM;
		return NULL;
	}
	if (len > t->longest_front)
		t->longest_front = len;
	return f;
}

static int index_glob(struct table *t, uint32_t number, const struct glob *glob)
{
	size_t rest;
	struct front *f = front_of(t, glob_literal_front(glob, &rest));
	if (!f)
		return -1;
	if (grow(f->entries, f->count) < 0)
		return -1;
	f->entries[f->count++] = (struct entry){glob, number};
	return 0;
}

static int compare_fronts(const void *a, const void *b)
{
	return strcmp(
		(*(struct front *const *)a)->text, (*(struct front *const *)b)->text);
}

static int sort_fronts(struct table *t)
{
	size_t count = HASH_COUNT(t->fronts), used = 0;
	struct front *f, *next;
	t->sorted = calloc(count + 1, sizeof(struct front *));
	if (!t->sorted)
		return -1;
	HASH_ITER (hh, t->fronts, f, next)
		t->sorted[used++] = f;
	qsort(t->sorted, count, sizeof(struct front *), compare_fronts);
	return 0;
}

int table_index(struct table *t)
{
	drop_fronts(t);
	t->longest_front = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct glob *glob;
		for (size_t k = 0; t->rules[i]->enabled && (glob = table_glob(t, i, k));
			k++) {
			if (index_glob(t, i, glob) < 0)
				return -1;
		}
	}
	return sort_fronts(t);
}

/*
 * The `exclude` that a path meets, or NULL. One whose front was moved holds as it was
 * written, too: its last part may be a link that is itself to be passed over.
 */
static const struct glob *find_exclude(
	const struct table *t, uint32_t number, const char *path, size_t len)
{
	const struct rule *r = t->rules[number];
	for (size_t i = 0; i < r->exclude.count; i++) {
		const struct glob *moved = moved_glob(t, number, r->path.count + i);
		if (moved && glob_matches(moved, path, len))
			return moved;
		if (glob_matches(r->exclude.items[i], path, len))
			return r->exclude.items[i];
	}
	return NULL;
}

/* Add a number, keeping the order. */
static int hits_add(struct table_hits *hits, uint32_t number)
{
	size_t at = hits->count;
	while (at > 0 && hits->rules[at - 1] >= number)
		at--;
	if (at < hits->count && hits->rules[at] == number)
		return 0;
	if (grow(hits->rules, hits->count) < 0)
		return -1;
	memmove(hits->rules + at + 1, hits->rules + at,
		(hits->count - at) * sizeof(*hits->rules));
	hits->rules[at] = number;
	hits->count++;
	return 0;
}

static int match_front(const struct table *t, const struct front *f, const char *path,
	size_t len, uint32_t kinds, struct table_hits *hits)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct entry *e = &f->entries[i];
		const struct rule *r = t->rules[e->rule];
		if (!(r->events & kinds) || !glob_matches(e->glob, path, len) ||
			find_exclude(t, e->rule, path, len))
			continue;
		if (hits_add(hits, e->rule) < 0)
			return -1;
	}
	return 0;
}

int table_match(const struct table *t, const char *path, size_t len, uint32_t kinds,
	struct table_hits *hits)
{
	hits->count = 0;
	uint32_t hash = SLOTS_HASH;
	for (size_t i = 0; i <= len && i <= t->longest_front; i++) {
		if (i == len || path[i] == '/') {
			struct front *f;
			HASH_FIND_BYHASHVALUE(hh, t->fronts, path, i, hash, f);
			if (f && match_front(t, f, path, len, kinds, hits) < 0)
				return -1;
		}
		if (i < len)
			hash = slots_hash(hash, path[i]);
	}
	return 0;
}

/* ---- What is below a directory ---- */

/* Whether a glob that matches a path in a directory matches all that is below the directory: it
 * ends in two stars, which stand for any components. */
static bool takes_all(const struct glob *g, const struct buf *inside)
{
	const char *text = g ? glob_text(g) : "";
	size_t len = strlen(text);
	return len >= 3 && strcmp(text + len - 3, "/**") == 0 &&
	       glob_matches(g, inside->data, inside->len);
}

/* Whether an `exclude` holds for all that is below a directory; `inside` is a path in it. */
static bool is_all_excluded(
	const struct table *t, uint32_t number, const struct buf *inside)
{
	const struct rule *r = t->rules[number];
	for (size_t i = 0; i < r->exclude.count; i++) {
		if (takes_all(r->exclude.items[i], inside) ||
			takes_all(moved_glob(t, number, r->path.count + i), inside))
			return true;
	}
	return false;
}

static int match_front_below(const struct table *t, const struct front *f,
	const struct buf *inside, size_t dir_len, uint32_t kinds, struct table_hits *hits)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct entry *e = &f->entries[i];
		if (!(t->rules[e->rule]->events & kinds) ||
			!glob_may_match_below(e->glob, inside->data, dir_len) ||
			is_all_excluded(t, e->rule, inside))
			continue;
		if (hits_add(hits, e->rule) < 0)
			return -1;
	}
	return 0;
}

/* Where a front stands to those below a directory: before them, among them, or behind. */
static int compare_below(const struct front *f, const char *dir, size_t len)
{
	int order = strncmp(f->text, dir, len);
	return order ? order : (unsigned char)f->text[len] - '/';
}

/* The place among the sorted fronts of the first that is not before those below a directory. */
static size_t first_below(const struct table *t, const char *dir, size_t len)
{
	size_t low = 0, high = HASH_COUNT(t->fronts);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_below(t->sorted[middle], dir, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int table_match_below(const struct table *t, const char *dir, size_t len, uint32_t kinds,
	struct table_hits *hits)
{
	struct slots_path above = slots_path(dir, len);
	struct buf inside = {0};
	struct front *f;
	int rc = buf_add(&inside, dir, len);
	/* A name that no set of a glob is likely to be about. */
	rc = rc < 0 ? rc : buf_add_str(&inside, "/\001");
	hits->count = 0;
	do {
		HASH_FIND_BYHASHVALUE(hh, t->fronts, dir, above.len, above.hash, f);
		if (rc == 0 && f)
			rc = match_front_below(t, f, &inside, len, kinds, hits);
	} while (slots_path_next(&above));
	for (size_t i = first_below(t, dir, len);
		rc == 0 && i < HASH_COUNT(t->fronts) &&
		compare_below(t->sorted[i], dir, len) == 0;
		i++)
		rc = match_front_below(t, t->sorted[i], &inside, len, kinds, hits);
	buf_fini(&inside);
	return rc;
}

enum judge_verdict table_judge_path(const struct table *t, uint32_t number,
	const char *path, size_t len, const struct glob **decided)
{
	const struct glob *by, *exclude = NULL;
	for (size_t i = 0; (by = table_glob(t, number, i)); i++) {
		if (glob_matches(by, path, len))
			break;
	}
	if (by)
		exclude = find_exclude(t, number, path, len);
	if (decided)
		*decided = exclude ? exclude : by;
	return exclude ? JUDGE_EXCLUDED : by ? JUDGE_MATCH : JUDGE_NO_PATH;
}
