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

/* One glob of one rule, as it was written or as it leads elsewhere. */
struct entry {
	const struct glob *glob;
	const struct glob *written; /* NULL: it is as it was written */
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

/* A glob where its literal front leads. */
struct form {
	struct glob *glob;
	const struct glob *written; /* of the rule */
};

struct forms {
	struct form *items;
	size_t count;
};

/* Where the globs of a rule lead. */
struct led {
	struct forms path, exclude;
};

/* What is made anew whenever fronts lead elsewhere. */
struct index {
	struct led *led; /* for each rule */
	struct front *fronts; /* hash by text */
	size_t longest_front; /* bytes */
	struct front **sorted; /* the fronts by text, for those below a directory */
};

struct table {
	struct rule **rules;
	size_t count;
	struct name *names; /* of all rules, sorted */
	struct index index;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static void free_forms(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++)
		glob_free(f->items[i].glob);
	free(f->items);
}

static void free_index(struct index *index, size_t rule_count)
{
	struct front *f, *next;
	HASH_ITER (hh, index->fronts, f, next) {
		HASH_DEL(index->fronts, f);
		free(f->entries);
		free(f);
	}
	for (size_t i = 0; index->led && i < rule_count; i++) {
		free_forms(&index->led[i].path);
		free_forms(&index->led[i].exclude);
	}
	free(index->led);
	free(index->sorted);
	*index = (struct index){0};
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
	t->names = calloc(count + 1, sizeof(*t->names));
	if (!t->names || table_lead(t, NULL, NULL) < 0) {
		table_free(t);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		t->names[i] = (struct name){rules[i]->name, i};
	qsort(t->names, count, sizeof(*t->names), compare_names);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free_index(&t->index, t->count);
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
	const struct forms *led = &t->index.led[number].path;
	if (index < r->path.count)
		return r->path.items[index];
	index -= r->path.count;
	return index < led->count ? led->items[index].glob : NULL;
}

/* ---- Where globs lead, and the index ---- */

/* Add a form of a glob for each front that stands for its own. Returns 0, or -1 with ENOMEM. */
static int add_forms(
	struct forms *f, const struct glob *written, const struct strlist *leads)
{
	size_t rest;
	const char *front = glob_literal_front(written, &rest);
	for (size_t i = 0; leads && i < leads->count; i++) {
		if (strcmp(leads->items[i], front) == 0)
			continue;
		struct glob *glob = glob_with_front(written, leads->items[i]);
		/* What leads to the root, and goes on with nothing, matches nothing there. */
		if (!glob && errno == EINVAL)
			continue;
		if (!glob || grow(f->items, f->count) < 0) {
			glob_free(glob);
			return -1;
		}
		f->items[f->count++] = (struct form){glob, written};
	}
	return 0;
}

static int lead_globs(
	struct forms *f, const struct rule_globs *globs, table_leads *leads, void *ctx)
{
	size_t rest;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < globs->count; i++) {
		const struct glob *g = globs->items[i];
		rc = add_forms(f, g, leads(ctx, glob_literal_front(g, &rest)));
	}
	return rc;
}

static struct front *front_of(struct index *index, const char *text)
{
	uint32_t hash = slots_hash_str(text);
	size_t len = strlen(text);
	struct front *f;
	HASH_FIND_BYHASHVALUE(hh, index->fronts, text, len, hash, f);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->text = text;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, index->fronts, f->text, len, hash, f);
	if (!f->hh.tbl) {
		free(f);
		errno = ENOMEM;
		return NULL;
	}
	if (len > index->longest_front)
		index->longest_front = len;
	return f;
}

static int index_glob(struct index *index, uint32_t number, const struct glob *glob,
	const struct glob *written)
{
	size_t rest;
	struct front *f = front_of(index, glob_literal_front(glob, &rest));
	if (!f)
		return -1;
	if (grow(f->entries, f->count) < 0)
		return -1;
	f->entries[f->count++] = (struct entry){glob, written, number};
	return 0;
}

static int compare_fronts(const void *a, const void *b)
{
	return strcmp(
		(*(struct front *const *)a)->text, (*(struct front *const *)b)->text);
}

static int sort_fronts(struct index *index)
{
	size_t count = HASH_COUNT(index->fronts), used = 0;
	struct front *f, *next;
	index->sorted = calloc(count + 1, sizeof(struct front *));
	if (!index->sorted)
		return -1;
	HASH_ITER (hh, index->fronts, f, next)
		index->sorted[used++] = f;
	qsort(index->sorted, count, sizeof(struct front *), compare_fronts);
	return 0;
}

static int index_rule(struct index *index, uint32_t number, const struct rule *r)
{
	const struct forms *led = &index->led[number].path;
	int rc = 0;
	for (size_t k = 0; rc == 0 && k < r->path.count; k++)
		rc = index_glob(index, number, r->path.items[k], NULL);
	for (size_t k = 0; rc == 0 && k < led->count; k++)
		rc = index_glob(index, number, led->items[k].glob, led->items[k].written);
	return rc;
}

int table_lead(struct table *t, table_leads *leads, void *ctx)
{
	struct index next = {.led = calloc(t->count + 1, sizeof(*next.led))};
	int rc = next.led ? 0 : -1;
	for (uint32_t i = 0; rc == 0 && i < t->count; i++) {
		const struct rule *r = t->rules[i];
		if (leads)
			rc = lead_globs(&next.led[i].path, &r->path, leads, ctx);
		if (rc == 0 && leads)
			rc = lead_globs(&next.led[i].exclude, &r->exclude, leads, ctx);
		if (rc == 0 && r->enabled)
			rc = index_rule(&next, i, r);
	}
	if (rc == 0)
		rc = sort_fronts(&next);
	if (rc < 0) {
		free_index(&next, t->count);
		errno = ENOMEM;
		return -1;
	}
	free_index(&t->index, t->count);
	t->index = next;
	return 0;
}

/* ---- Matching ---- */

/* The `exclude`, as it was written, that a path meets in one of its forms, or NULL. */
static const struct glob *find_exclude(
	const struct table *t, uint32_t number, const char *path, size_t len)
{
	const struct rule *r = t->rules[number];
	const struct forms *led = &t->index.led[number].exclude;
	for (size_t i = 0; i < led->count; i++) {
		if (glob_matches(led->items[i].glob, path, len))
			return led->items[i].written;
	}
	for (size_t i = 0; i < r->exclude.count; i++) {
		if (glob_matches(r->exclude.items[i], path, len))
			return r->exclude.items[i];
	}
	return NULL;
}

/* How the author of a rule calls a path that was found where a front leads. */
static struct table_hit hit_through(
	uint32_t rule, const struct glob *glob, const struct glob *written)
{
	struct table_hit hit = {.rule = rule};
	size_t rest;
	if (written) {
		hit.front = glob_literal_front(written, &rest);
		hit.skip = strlen(glob_literal_front(glob, &rest));
	}
	return hit;
}

int table_hit_path(
	const struct table_hit *hit, const char *path, size_t len, struct buf *out)
{
	assert(hit->skip <= len);
	if (hit->front)
		buf_add_str(out, hit->front);
	buf_add(out, path + hit->skip, len - hit->skip);
	return out->failed ? -1 : 0;
}

/* The `exclude` that such a path meets, whichever way it is called; NULL if none. *failed is
 * set when out of memory. */
static const struct glob *find_exclude_through(const struct table *t,
	const struct table_hit *hit, const char *path, size_t len, bool *failed)
{
	const struct glob *found = find_exclude(t, hit->rule, path, len);
	if (found || !hit->front || !t->rules[hit->rule]->exclude.count)
		return found;
	struct buf called = {0};
	if (table_hit_path(hit, path, len, &called) < 0)
		*failed = true;
	else
		found = find_exclude(t, hit->rule, called.data, called.len);
	buf_fini(&called);
	return found;
}

/* Add a rule, keeping the order. Of several ways to a path the one without links is taken. */
static int hits_add(struct table_hits *hits, const struct table_hit *hit)
{
	size_t at = hits->count;
	while (at > 0 && hits->items[at - 1].rule >= hit->rule)
		at--;
	if (at < hits->count && hits->items[at].rule == hit->rule) {
		if (!hit->front)
			hits->items[at] = *hit;
		return 0;
	}
	if (grow(hits->items, hits->count) < 0)
		return -1;
	memmove(hits->items + at + 1, hits->items + at,
		(hits->count - at) * sizeof(*hits->items));
	hits->items[at] = *hit;
	hits->count++;
	return 0;
}

static int match_front(const struct table *t, const struct front *f, const char *path,
	size_t len, uint32_t kinds, struct table_hits *hits)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct entry *e = &f->entries[i];
		bool failed = false;
		if (!(t->rules[e->rule]->events & kinds) ||
			!glob_matches(e->glob, path, len))
			continue;
		struct table_hit hit = hit_through(e->rule, e->glob, e->written);
		if (find_exclude_through(t, &hit, path, len, &failed))
			continue;
		if (failed || hits_add(hits, &hit) < 0)
			return -1;
	}
	return 0;
}

static const struct front *find_front(
	const struct table *t, const char *text, size_t len, uint32_t hash)
{
	struct front *f;
	HASH_FIND_BYHASHVALUE(hh, t->index.fronts, text, len, hash, f);
	return f;
}

int table_match(const struct table *t, const char *path, size_t len, uint32_t kinds,
	struct table_hits *hits)
{
	hits->count = 0;
	uint32_t hash = SLOTS_HASH;
	for (size_t i = 0; i <= len && i <= t->index.longest_front; i++) {
		if (i == len || path[i] == '/') {
			const struct front *f = find_front(t, path, i, hash);
			if (f && match_front(t, f, path, len, kinds, hits) < 0)
				return -1;
		}
		if (i < len)
			hash = slots_hash(hash, path[i]);
	}
	return 0;
}

int table_match_front(
	const struct table *t, const char *front, uint32_t kinds, struct table_hits *hits)
{
	size_t len = strlen(front);
	const struct front *f = find_front(t, front, len, slots_hash_str(front));
	hits->count = 0;
	for (size_t i = 0; f && i < f->count; i++) {
		const struct entry *e = &f->entries[i];
		struct table_hit hit = {.rule = e->rule};
		if (e->written || !(t->rules[e->rule]->events & kinds) ||
			find_exclude(t, e->rule, front, len))
			continue;
		if (hits_add(hits, &hit) < 0)
			return -1;
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
	const struct forms *led = &t->index.led[number].exclude;
	for (size_t i = 0; i < r->exclude.count; i++) {
		if (takes_all(r->exclude.items[i], inside))
			return true;
	}
	for (size_t i = 0; i < led->count; i++) {
		if (takes_all(led->items[i].glob, inside))
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
		struct table_hit hit = hit_through(e->rule, e->glob, e->written);
		/* A directory above a front is not known by another name. */
		if (hit.skip > dir_len)
			hit = (struct table_hit){.rule = e->rule};
		if (hits_add(hits, &hit) < 0)
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
	size_t low = 0, high = HASH_COUNT(t->index.fronts);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_below(t->index.sorted[middle], dir, len) < 0)
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
		HASH_FIND_BYHASHVALUE(hh, t->index.fronts, dir, above.len, above.hash, f);
		if (rc == 0 && f)
			rc = match_front_below(t, f, &inside, len, kinds, hits);
	} while (slots_path_next(&above));
	for (size_t i = first_below(t, dir, len);
		rc == 0 && i < HASH_COUNT(t->index.fronts) &&
		compare_below(t->index.sorted[i], dir, len) == 0;
		i++)
		rc = match_front_below(t, t->index.sorted[i], &inside, len, kinds, hits);
	buf_fini(&inside);
	return rc;
}

enum judge_verdict table_judge_path(const struct table *t, uint32_t number,
	const char *path, size_t len, const struct glob **decided)
{
	const struct rule *r = t->rules[number];
	const struct forms *led = &t->index.led[number].path;
	const struct glob *by = NULL, *exclude = NULL;
	struct table_hit hit = {.rule = number};
	bool failed = false;
	for (size_t i = 0; !by && i < r->path.count; i++) {
		if (glob_matches(r->path.items[i], path, len))
			by = r->path.items[i];
	}
	for (size_t i = 0; !by && i < led->count; i++) {
		if (!glob_matches(led->items[i].glob, path, len))
			continue;
		by = led->items[i].written;
		hit = hit_through(number, led->items[i].glob, by);
	}
	if (by)
		exclude = find_exclude_through(t, &hit, path, len, &failed);
	if (decided)
		*decided = exclude ? exclude : by;
	return exclude ? JUDGE_EXCLUDED : by ? JUDGE_MATCH : JUDGE_NO_PATH;
}
