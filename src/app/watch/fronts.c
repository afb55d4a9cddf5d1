/* SPDX-License-Identifier: MIT */
#include "app/watch/fronts.h"

#include "app/watch/filesystems.h"
#include "base/grow.h"
#include "core/place/mounts.h"
#include "os/fd.h"
#include "os/lookup.h"
#include "os/proc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What was seen at a path: each is looked at once while fronts are found. */
struct seen {
	UT_hash_handle hh;
	enum front_kind kind;
	mode_t mode;
	uid_t uid;
	char *text; /* of a link; else NULL */
	struct handle *handle; /* of a directory with entries that matter; else NULL */
	bool is_used;
	struct fronts_dir dir; /* if it has a handle */
	char path[]; /* "" is the root */
};

struct named_item {
	UT_hash_handle hh;
	struct fronts_item item;
	char text[];
};

struct fronts {
	struct named_item *by_text;
	struct named_item **items;
	size_t count;
	struct seen *seen; /* by path */
	struct mounts mounts; /* while fronts are found */
};

struct fronts *fronts_new(void)
{
	return calloc(1, sizeof(struct fronts));
}

static void drop_seen(struct fronts *f, struct seen *s)
{
	HASH_DEL(f->seen, s);
	free(s->text);
	free(s->handle);
	free(s);
}

void fronts_free(struct fronts *f)
{
	if (!f)
		return;
	struct seen *s, *next;
	HASH_ITER (hh, f->seen, s, next)
		drop_seen(f, s);
	HASH_CLEAR(hh, f->by_text);
	for (size_t i = 0; i < f->count; i++) {
		front_fini(&f->items[i]->item.front);
		free(f->items[i]);
	}
	free(f->items);
	free(f);
}

/* ---- The set ---- */

struct fronts_item *fronts_get(const struct fronts *f, const char *text)
{
	struct named_item *n;
	HASH_FIND_STR(f->by_text, text, n);
	return n ? &n->item : NULL;
}

struct fronts_item *fronts_at(const struct fronts *f, size_t number)
{
	return number < f->count ? &f->items[number]->item : NULL;
}

int fronts_add(struct fronts *f, const char *text)
{
	if (fronts_get(f, text))
		return 0;
	size_t size = strlen(text) + 1;
	struct named_item *n = calloc(1, sizeof(*n) + size);
	if (!n || grow(f->items, f->count) < 0)
		goto fail;
	memcpy(n->text, text, size);
	n->item.text = n->text;
	HASH_ADD_STR(f->by_text, text, n);
	if (!n->hh.tbl)
		goto fail;
	f->items[f->count++] = n;
	return 0;
fail:
	free(n);
	errno = ENOMEM;
	return -1;
}

static int add_globs(struct fronts *f, const struct rule_globs *globs)
{
	size_t rest;
	for (size_t i = 0; i < globs->count; i++) {
		if (fronts_add(f, glob_literal_front(globs->items[i], &rest)) < 0)
			return -1;
	}
	return 0;
}

int fronts_add_table(struct fronts *f, const struct table *t)
{
	for (uint32_t i = 0; i < table_count(t); i++) {
		const struct rule *r = table_rule(t, i);
		if (add_globs(f, &r->path) < 0 || add_globs(f, &r->exclude) < 0)
			return -1;
	}
	return 0;
}

/* ---- Looking ---- */

/* What is seen at a path, or NULL if it was not looked at. */
static struct seen *find_seen(const struct fronts *f, const char *path, size_t len)
{
	struct seen *s;
	HASH_FIND(hh, f->seen, path, len, s);
	return s;
}

/* Whether a look at the path might wait for somebody else. */
static bool may_wait(const struct fronts *f, const char *path)
{
	const struct mount *m = mounts_find(&f->mounts, path);
	return m && !filesystems_may_touch(m->type);
}

static enum front_kind kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? FRONT_DIR : S_ISLNK(mode) ? FRONT_LINK : FRONT_OTHER;
}

/* Look at a path for the first time. NULL with ENOMEM. */
static struct seen *see(struct fronts *f, const char *path, size_t len)
{
	struct lookup look;
	struct seen *s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	memcpy(s->path, path, len);
	s->kind = FRONT_MISSING;
	if (may_wait(f, s->path)) {
		s->kind = FRONT_UNTOUCHED;
	} else if (lookup_entry(len ? s->path : "/", &look) == 0) {
		s->kind = kind_of(look.mode);
		s->mode = look.mode;
		s->uid = look.uid;
		s->text = s->kind == FRONT_LINK ? strdup(look.text) : NULL;
	}
	if (s->kind != FRONT_LINK || s->text)
		HASH_ADD(hh, f->seen, path, len, s);
	if (s->hh.tbl)
		return s;
	free(s->text);
	free(s);
	errno = ENOMEM;
	return NULL;
}

static struct seen *seen_at(struct fronts *f, const char *path, size_t len)
{
	struct seen *s = find_seen(f, path, len);
	return s ? s : see(f, path, len);
}

static size_t dir_len(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

/* Whether a link is one that somebody may have put there to lead others astray. */
static bool is_strange(const struct seen *link, const struct seen *dir)
{
	const mode_t anybody = S_ISVTX | S_IWOTH;
	return (dir->mode & anybody) == anybody && link->uid != dir->uid &&
	       link->uid != 0 && link->uid != geteuid();
}

static int look(void *ctx, const char *path, enum front_kind *kind, const char **text)
{
	struct fronts *f = ctx;
	const struct seen *s = seen_at(f, path, strlen(path));
	const struct seen *dir = s ? seen_at(f, path, dir_len(path)) : NULL;
	if (!dir)
		return -1;
	*kind = s->kind == FRONT_LINK && is_strange(s, dir) ? FRONT_STRANGER : s->kind;
	*text = s->text;
	return 0;
}

/* Get the handle of the directory in which an entry was looked up. Returns 0, or -1 with ENOMEM. A
 * directory without one is on a filesystem that reports nothing. */
static int identify_dir(struct fronts *f, const struct front_step *step)
{
	struct seen *dir = seen_at(f, step->path, front_dir_len(step));
	struct handle h;
	if (!dir)
		return -1;
	if (dir->handle || dir->kind != FRONT_DIR ||
		lookup_handle(*dir->path ? dir->path : "/", &h) < 0)
		return 0;
	dir->handle = malloc(sizeof(h));
	if (!dir->handle)
		return -1;
	*dir->handle = h;
	dir->dir = (struct fronts_dir){
		.seen = dir, .path = dir->path, .handle = dir->handle};
	return 0;
}

static int find_one(struct fronts *f, struct fronts_item *item)
{
	front_fini(&item->front);
	if (front_follow(&item->front, item->text, look, f) < 0)
		return -1;
	for (size_t i = 0; i < item->front.step_count; i++) {
		if (identify_dir(f, &item->front.steps[i]) < 0)
			return -1;
	}
	return 0;
}

/* Of what was seen only handles are worth keeping. */
static void forget_seen(struct fronts *f)
{
	struct seen *s, *next;
	HASH_ITER (hh, f->seen, s, next) {
		if (!s->handle)
			drop_seen(f, s);
	}
}

int fronts_find(struct fronts *f)
{
	struct buf text = {0};
	int fd = proc_open_mounts();
	int rc = fd >= 0 ? proc_read_mounts(fd, &text) : -1;
	if (rc == 0)
		rc = mounts_parse(&f->mounts, text.data, text.len);
	for (size_t i = 0; rc == 0 && i < f->count; i++)
		rc = find_one(f, &f->items[i]->item);
	forget_seen(f);
	mounts_fini(&f->mounts);
	buf_fini(&text);
	fd_close(fd);
	return rc;
}

/* ---- What was found ---- */

struct fronts_dir *fronts_dir(const struct fronts *f, const struct front_step *step)
{
	struct seen *s = find_seen(f, step->path, front_dir_len(step));
	return s && s->handle ? &s->dir : NULL;
}

struct fronts_dir *fronts_next_dir(const struct fronts *f, struct fronts_dir *dir)
{
	struct seen *s = f->seen;
	if (dir)
		s = dir->seen->hh.next;
	while (s && !s->handle)
		s = s->hh.next;
	return s ? &s->dir : NULL;
}

int fronts_add_trouble(const struct fronts_item *item, struct buf *out)
{
	const struct front *f = &item->front;
	if (f->end == FRONT_LOOP)
		return buf_printf(out,
			"%s leads in a circle of links, or through more than %d",
			item->text, FRONT_LINKS_MAX);
	if (f->end != FRONT_REFUSED)
		return 0;
	const struct front_step *link = &f->steps[f->step_count - 1];
	return buf_printf(out,
		"%s is not followed: the link %.*s is a stranger's, in a directory where "
		"anybody may make one",
		item->text, (int)link->len, link->path);
}

const struct strlist *fronts_leads(void *f, const char *front)
{
	const struct fronts_item *item = fronts_get(f, front);
	return item ? &item->front.leads : NULL;
}

static bool leads_equal(const struct strlist *a, const struct strlist *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

/* Take a directory over, in place of what was known of its path. Returns whether it is another. */
static bool take_dir(struct fronts *f, struct seen *s)
{
	size_t len = strlen(s->path);
	struct seen *was = find_seen(f, s->path, len);
	bool is_other = !was || !was->handle || was->handle->type != s->handle->type ||
			was->handle->len != s->handle->len ||
			memcmp(was->handle->bytes, s->handle->bytes, s->handle->len) != 0;
	if (was) {
		*was->handle = *s->handle;
		return is_other;
	}
	struct seen *copy = calloc(1, sizeof(*copy) + len + 1);
	if (!copy)
		return true;
	memcpy(copy->path, s->path, len);
	copy->kind = s->kind;
	copy->handle = s->handle;
	copy->dir = (struct fronts_dir){
		.seen = copy, .path = copy->path, .handle = copy->handle};
	s->handle = NULL;
	HASH_ADD(hh, f->seen, path, len, copy);
	if (!copy->hh.tbl) {
		free(copy->handle);
		free(copy);
	}
	return true;
}

/* Have the steps of a front point into the text of the same front in another set. */
static void move_steps(struct front *f, const char *text)
{
	for (size_t i = 0; i < f->step_count; i++) {
		if (!f->steps[i].is_own)
			f->steps[i].path = text;
	}
}

static enum fronts_change take_item(struct fronts_item *to, struct fronts_item *from)
{
	if (front_equals(&to->front, &from->front))
		return FRONTS_SAME;
	bool same_leads = leads_equal(&to->front.leads, &from->front.leads);
	bool is_nowhere =
		from->front.end == FRONT_LOOP || from->front.end == FRONT_REFUSED;
	to->is_news = is_nowhere && to->front.end != from->front.end;
	struct front was = to->front;
	to->front = from->front;
	from->front = was;
	move_steps(&to->front, to->text);
	move_steps(&from->front, from->text);
	to->is_stale = true;
	return same_leads ? FRONTS_STEPS : FRONTS_LEADS;
}

enum fronts_change fronts_take(struct fronts *f, struct fronts *found)
{
	enum fronts_change change = FRONTS_SAME;
	struct seen *s, *next;
	bool are_dirs_same = true;
	HASH_ITER (hh, found->seen, s, next)
		are_dirs_same = !take_dir(f, s) && are_dirs_same;
	if (!are_dirs_same)
		change = FRONTS_STEPS;
	for (size_t i = 0; i < found->count; i++) {
		struct fronts_item *from = &found->items[i]->item;
		struct fronts_item *to = fronts_get(f, from->text);
		enum fronts_change one = to ? take_item(to, from) : FRONTS_SAME;
		if (to && !are_dirs_same)
			to->is_stale = true;
		change = one > change ? one : change;
	}
	fronts_free(found);
	return change;
}

void fronts_trim(struct fronts *f)
{
	struct seen *s, *next;
	HASH_ITER (hh, f->seen, s, next)
		s->is_used = false;
	for (size_t i = 0; i < f->count; i++) {
		const struct front *front = &f->items[i]->item.front;
		for (size_t k = 0; k < front->step_count; k++) {
			const struct front_step *step = &front->steps[k];
			s = find_seen(f, step->path, front_dir_len(step));
			if (s)
				s->is_used = true;
		}
	}
	HASH_ITER (hh, f->seen, s, next) {
		if (!s->is_used)
			drop_seen(f, s);
	}
}
