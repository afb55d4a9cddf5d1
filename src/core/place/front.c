/* SPDX-License-Identifier: MIT */
#include "core/place/front.h"

#include "base/buf.h"
#include "base/grow.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Longer than this no path is that leads anywhere. */
#define LONG_MAX_BYTES ((size_t)4 * PATH_MAX)

/* Where the way has come to. */
struct way {
	struct front *front;
	const char *path; /* that is followed */
	front_look *look;
	void *ctx;
	struct buf done; /* a path without links */
	struct buf rest; /* what follows it, with a slash in front or empty */
	unsigned links;
};

/* Put text in place of what a buffer holds, which may be a part of it. */
static void replace(struct buf *b, const char *text, const char *more)
{
	struct buf made = {0};
	buf_add_str(&made, text);
	buf_add_str(&made, more);
	buf_fini(b);
	*b = made;
}

/* Take the first component off the rest. Returns its length, 0 at the end; its bytes are in front
 * of the rest as *name. */
static size_t next_component(const struct way *w, const char **name, const char **after)
{
	*name = w->rest.data + strspn(w->rest.data, "/");
	size_t len = strcspn(*name, "/");
	*after = *name + len;
	return len;
}

static void go_up(struct buf *path)
{
	char *slash = path->len ? strrchr(path->data, '/') : NULL;
	if (!slash)
		return;
	path->len = (size_t)(slash - path->data);
	*slash = '\0';
}

static bool is_word(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(name, word, len) == 0;
}

/* Go past components that lead no further down. Returns whether there are others. */
static bool skip_dots(struct way *w)
{
	const char *name, *after;
	size_t len;
	while ((len = next_component(w, &name, &after)) > 0) {
		if (is_word(name, len, ".."))
			go_up(&w->done);
		else if (!is_word(name, len, "."))
			return true;
		replace(&w->rest, after, "");
		if (w->rest.failed)
			return false;
	}
	return false;
}

static bool has_dots(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.")); at++) {
		size_t len = strcspn(at + 1, "/");
		if (len == 1 || (len == 2 && at[2] == '.'))
			return true;
	}
	return false;
}

/* Append components, with one slash in front of each; dots as if there were no links. */
static void add_components(struct buf *out, const char *path)
{
	for (size_t len; *(path += strspn(path, "/")); path += len) {
		len = strcspn(path, "/");
		if (is_word(path, len, "..")) {
			go_up(out);
		} else if (!is_word(path, len, ".")) {
			buf_add_str(out, "/");
			buf_add(out, path, len);
		}
	}
}

/* Note that the path stands for done and rest. Returns 0, or -1 with ENOMEM. */
static int add_lead(struct way *w)
{
	struct buf whole = {0};
	struct strlist *leads = &w->front->leads;
	buf_add_str(&whole, w->done.data);
	add_components(&whole, w->rest.data);
	const char *last = leads->count ? leads->items[leads->count - 1] : NULL;
	int rc = whole.failed                            ? -1
		 : last && strcmp(last, whole.data) == 0 ? 0
							 : strlist_add(leads, whole.data);
	buf_fini(&whole);
	return rc;
}

/* Note the entry at done. Returns 0, or -1 with ENOMEM. */
static int add_step(struct way *w, enum front_kind kind)
{
	struct front *f = w->front;
	size_t len = w->done.len;
	bool is_own = strncmp(w->path, w->done.data, len) != 0;
	char *copy = is_own ? strdup(w->done.data) : NULL;
	if ((is_own && !copy) || grow(f->steps, f->step_count) < 0) {
		free(copy);
		return -1;
	}
	f->steps[f->step_count++] = (struct front_step){
		.path = is_own ? copy : w->path,
		.len = (uint32_t)len,
		.kind = (uint8_t)kind,
		.is_own = is_own,
	};
	return 0;
}

size_t front_dir_len(const struct front_step *s)
{
	return (size_t)((const char *)memrchr(s->path, '/', s->len) - s->path);
}

/* Go on where a link leads. Returns 0, or -1 with ENOMEM. */
static int go_through(struct way *w, const char *text, const char *after)
{
	bool is_absolute = *text == '/';
	char *slashed = NULL;
	if (++w->links > FRONT_LINKS_MAX ||
		strlen(text) + strlen(after) + w->done.len > LONG_MAX_BYTES) {
		w->front->end = FRONT_LOOP;
		return 0;
	}
	buf_clear(&w->done);
	if (!is_absolute) {
		struct front_step *link = &w->front->steps[w->front->step_count - 1];
		buf_add(&w->done, link->path, front_dir_len(link));
	} else {
		buf_add_str(&w->done, "");
	}
	slashed = strdup(after);
	if (!slashed)
		return -1;
	replace(&w->rest, is_absolute ? "" : "/", text);
	buf_add_str(&w->rest, slashed);
	free(slashed);
	/* What dots further on mean, nobody knows yet. */
	skip_dots(w);
	if (w->done.failed || w->rest.failed)
		return -1;
	return has_dots(w->rest.data) ? 0 : add_lead(w);
}

/* Look up the next component. Returns 1, or 0 at the end of the way, or -1 with ENOMEM. */
static int go_step(struct way *w)
{
	const char *name, *after, *text = NULL;
	enum front_kind kind;
	size_t len = next_component(w, &name, &after);
	buf_add_str(&w->done, "/");
	buf_add(&w->done, name, len);
	if (w->done.failed || w->look(w->ctx, w->done.data, &kind, &text) < 0 ||
		add_step(w, kind) < 0)
		return -1;
	if (kind == FRONT_LINK) {
		if (go_through(w, text, after) < 0)
			return -1;
		return w->front->end != FRONT_LOOP;
	}
	bool goes_on = kind == FRONT_DIR || (kind == FRONT_OTHER && !*after);
	replace(&w->rest, after, "");
	if (!goes_on)
		w->front->end = kind == FRONT_STRANGER ? FRONT_REFUSED : FRONT_CUT;
	return w->rest.failed ? -1 : goes_on;
}

int front_follow(struct front *f, const char *path, front_look *look, void *ctx)
{
	assert(!*path || *path == '/');
	*f = (struct front){0};
	struct way w = {.front = f, .path = path, .look = look, .ctx = ctx};
	buf_add_str(&w.done, "");
	buf_add_str(&w.rest, path);
	int rc = w.done.failed || w.rest.failed ? -1 : 1;
	while (rc > 0 && skip_dots(&w))
		rc = go_step(&w);
	if (rc >= 0 && (w.rest.failed || w.done.failed))
		rc = -1;
	if (rc >= 0 && f->end == FRONT_LOOP)
		strlist_fini(&f->leads);
	else if (rc >= 0 && w.links)
		rc = add_lead(&w);
	buf_fini(&w.done);
	buf_fini(&w.rest);
	if (rc >= 0)
		return 0;
	front_fini(f);
	errno = ENOMEM;
	return -1;
}

static bool step_equals(const struct front_step *a, const struct front_step *b)
{
	return a->kind == b->kind && a->len == b->len &&
	       memcmp(a->path, b->path, a->len) == 0;
}

bool front_equals(const struct front *a, const struct front *b)
{
	bool same = a->end == b->end && a->step_count == b->step_count &&
		    a->leads.count == b->leads.count;
	for (size_t i = 0; same && i < a->leads.count; i++)
		same = strcmp(a->leads.items[i], b->leads.items[i]) == 0;
	for (size_t i = 0; same && i < a->step_count; i++)
		same = step_equals(&a->steps[i], &b->steps[i]);
	return same;
}

bool front_has_link(const struct front *f)
{
	for (size_t i = 0; i < f->step_count; i++) {
		if (f->steps[i].kind == FRONT_LINK || f->steps[i].kind == FRONT_STRANGER)
			return true;
	}
	return false;
}

void front_fini(struct front *f)
{
	for (size_t i = 0; i < f->step_count; i++) {
		if (f->steps[i].is_own)
			free((char *)f->steps[i].path);
	}
	free(f->steps);
	strlist_fini(&f->leads);
	*f = (struct front){0};
}
