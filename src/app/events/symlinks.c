/* SPDX-License-Identifier: MIT */
#include "app/events/symlinks.h"

#include "app/asker.h"
#include "app/watch/where.h"
#include "base/grow.h"
#include "core/place/mounts.h"
#include "os/fd.h"
#include "os/lookup.h"
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Somebody who changes a link over and over gets this pause between two answers. */
#define PAUSE_NS 5000000

#define NONE UINT64_MAX
#define NO_CAUSE               \
	{                      \
		.oldest = NONE \
	}

/* While nobody knows where a way leads now, so many entries in new directories are known. */
#define NEW_MAX 1024

/* A front on whose way an entry is. */
struct use {
	uint32_t number; /* of the front */
	bool is_link; /* the entry is a link, or one comes behind it */
	bool is_told; /* it has changed with the record that was noted last */
	const char *way; /* begins with the entry's path; the front's */
	size_t len; /* of that path */
};

/* An entry on the way of fronts. */
struct step {
	UT_hash_handle hh;
	struct use *uses;
	size_t count;
	size_t key_len;
	unsigned char key[];
};

/* An entry as it is looked up: filesystem, type and bytes of the directory's handle, name. */
struct key {
	size_t len;
	unsigned char bytes[sizeof(uint64_t) + sizeof(int32_t) + FANREC_HANDLE_MAX +
			    NAME_MAX + 1];
};

struct question {
	struct ask ask;
	struct fronts *fronts;
	bool pauses;
	int rc;
};

/* Why something is found out. */
struct cause {
	uint64_t oldest; /* record; NONE: it was no record */
	bool is_all;
};

struct symlinks {
	struct asker *asker;
	const struct filesystems *filesystems;
	struct fronts *fronts;
	struct step *steps; /* hash by key */
	bool is_indexed; /* they are all there */
	bool is_blind; /* some front leads where nobody looks, or where there are no handles */
	unsigned new_count; /* entries that were added since symlinks_index */
	uint64_t names; /* a bit for each name among the keys (name_bit) */
	struct question *asked; /* the thread's */
	struct question *answered; /* the answer that waits to be taken */
	bool is_stale; /* some front is */
	unsigned differences; /* in how many answers in a row */
	/* Of what is to be asked, is asked, and is asked once more because the answer was different:
	 * the oldest record that led to it, and whether symlinks_ask_all did. */
	struct cause wanted, asking, confirming;
};

/* ---- The thread ---- */

static void answer(struct ask *a)
{
	struct question *q = (struct question *)a;
	if (q->pauses)
		thread_pause(PAUSE_NS);
	q->rc = fronts_find(q->fronts);
}

static void free_question(struct question *q)
{
	if (q)
		fronts_free(q->fronts);
	free(q);
}

struct symlinks *symlinks_new(int wake_fd, const struct filesystems *filesystems)
{
	struct symlinks *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->filesystems = filesystems;
	s->wanted = s->asking = s->confirming = (struct cause)NO_CAUSE;
	s->fronts = fronts_new();
	if (s->fronts)
		s->asker = asker_new(answer, wake_fd);
	if (s->asker)
		return s;
	int saved = errno;
	fronts_free(s->fronts);
	free(s);
	errno = saved;
	return NULL;
}

static void drop_steps(struct symlinks *s)
{
	struct step *step, *next;
	HASH_ITER (hh, s->steps, step, next) {
		HASH_DEL(s->steps, step);
		free(step->uses);
		free(step);
	}
	s->names = 0;
	s->new_count = 0;
	s->is_indexed = false;
}

void symlinks_free(struct symlinks *s)
{
	if (!s)
		return;
	if (asker_free(s->asker))
		free_question(s->asked);
	free_question(s->answered);
	drop_steps(s);
	fronts_free(s->fronts);
	free(s);
}

struct fronts *symlinks_fronts(const struct symlinks *s)
{
	return s->fronts;
}

/* ---- The entries ---- */

/* Few names share a bit, so that one look at it is enough for most records. */
static uint64_t name_bit(const char *name)
{
	unsigned second = name[0] ? (unsigned char)name[1] : 0;
	return UINT64_C(1) << (((unsigned char)name[0] * 7 + second * 3) & 63);
}

/* Make the key of an entry. Returns false if no entry is like that. */
static bool make_key(
	struct key *key, uint64_t fsid, const struct fanrec_handle *dir, const char *name)
{
	size_t name_len = strlen(name);
	unsigned char *at = key->bytes;
	if (!dir->bytes || dir->len > FANREC_HANDLE_MAX || name_len > NAME_MAX)
		return false;
	at = mempcpy(at, &fsid, sizeof(fsid));
	at = mempcpy(at, &dir->type, sizeof(dir->type));
	at = mempcpy(at, dir->bytes, dir->len);
	at = mempcpy(at, name, name_len + 1);
	key->len = (size_t)(at - key->bytes);
	return true;
}

static struct step *find_step(const struct symlinks *s, const struct key *key)
{
	struct step *step;
	HASH_FIND(hh, s->steps, key->bytes, key->len, step);
	return step;
}

static struct step *step_of(struct symlinks *s, const struct key *key)
{
	struct step *step = find_step(s, key);
	if (step)
		return step;
	step = calloc(1, sizeof(*step) + key->len);
	if (!step)
		return NULL;
	memcpy(step->key, key->bytes, key->len);
	HASH_ADD_KEYPTR(hh, s->steps, step->key, key->len, step);
	if (step->hh.tbl)
		return step;
	free(step);
	errno = ENOMEM;
	return NULL;
}

/* Let an entry be known. Returns 0, or -1 with ENOMEM. */
static int add_use(struct symlinks *s, uint64_t fsid, const struct fanrec_handle *dir,
	const char *name, const struct use *use)
{
	struct key key;
	struct step *step = make_key(&key, fsid, dir, name) ? step_of(s, &key) : NULL;
	if (!step || grow(step->uses, step->count) < 0)
		return -1;
	step->uses[step->count++] = *use;
	s->names |= name_bit(name);
	return 0;
}

static int index_step(
	struct symlinks *s, const struct front_step *step, const struct use *use)
{
	const struct fronts_dir *dir = fronts_dir(s->fronts, step);
	size_t dir_len = front_dir_len(step);
	if (!dir || !dir->fsid)
		return 0;
	struct fanrec_handle handle = {.bytes = dir->handle->bytes,
		.len = dir->handle->len,
		.type = dir->handle->type};
	char *name = strndup(step->path + dir_len + 1, step->len - dir_len - 1);
	int rc = name ? add_use(s, dir->fsid, &handle, name, use) : -1;
	free(name);
	return rc;
}

static int index_front(struct symlinks *s, uint32_t number)
{
	const struct front *f = &fronts_at(s->fronts, number)->front;
	struct use use = {.number = number};
	for (size_t i = f->step_count; i-- > 0;) {
		enum front_kind kind = f->steps[i].kind;
		use.is_link = use.is_link || kind == FRONT_LINK || kind == FRONT_STRANGER;
		use.way = f->steps[i].path;
		use.len = f->steps[i].len;
		s->is_blind = s->is_blind || kind == FRONT_UNTOUCHED ||
			      !fronts_dir(s->fronts, &f->steps[i]);
		if (index_step(s, &f->steps[i], &use) < 0)
			return -1;
	}
	return 0;
}

/* Find out on which mount and filesystem a directory is now. Returns whether that is another. */
static bool place_dir(const struct symlinks *s, struct fronts_dir *dir)
{
	const struct mount *m = mounts_find(&s->filesystems->landing.mounts, dir->path);
	const struct filesystem *fs = m ? filesystems_of_mount(s->filesystems, m) : NULL;
	const struct fronts_dir was = *dir;
	dir->mount_id = m ? m->id : -1;
	dir->fsid = fs && fs->mask ? fs->fsid : 0;
	bool differs = was.mount_id != dir->mount_id || was.fsid != dir->fsid;
	/* At the first time the front was found with the mounts as they are. */
	dir->has_moved = differs && was.mount_id;
	return differs;
}

/* Whether other mounts may let a front lead elsewhere: those on the directories on its way, or, if
 * it leads where nobody looks, any. */
static bool is_moved(const struct symlinks *s, const struct front *f)
{
	for (size_t i = 0; i < f->step_count; i++) {
		const struct fronts_dir *dir = fronts_dir(s->fronts, &f->steps[i]);
		if (!dir || dir->has_moved || f->steps[i].kind == FRONT_UNTOUCHED)
			return true;
	}
	return false;
}

/* Ask for what other mounts may let lead elsewhere. */
static void ask_moved(struct symlinks *s)
{
	struct fronts_item *item;
	for (size_t i = 0; (item = fronts_at(s->fronts, i)); i++) {
		if (!is_moved(s, &item->front))
			continue;
		item->is_stale = s->is_stale = true;
		s->wanted.is_all = true;
	}
}

int symlinks_index(struct symlinks *s)
{
	bool differs = false, moved = s->is_indexed && s->is_blind;
	struct fronts_dir *dir = NULL;
	if (!s->is_indexed)
		fronts_trim(s->fronts);
	while ((dir = fronts_next_dir(s->fronts, dir))) {
		differs = place_dir(s, dir) || differs;
		moved = moved || dir->has_moved;
	}
	if (moved)
		ask_moved(s);
	if (s->is_indexed && !differs)
		return 0;
	drop_steps(s);
	s->is_blind = false;
	for (uint32_t i = 0; fronts_at(s->fronts, i); i++) {
		if (index_front(s, i) < 0)
			return -1;
	}
	s->is_indexed = true;
	return 0;
}

/* ---- Records ---- */

static struct step *step_at(const struct symlinks *s, const struct fanrec *r,
	const struct fanrec_place *place)
{
	struct key key;
	if (!place->name || !(s->names & name_bit(place->name)) ||
		!make_key(&key, r->fsid, &place->dir, place->name))
		return NULL;
	return find_step(s, &key);
}

/* Whether the entry of a record may be a link: what an inode is it stays. */
static bool may_be_link(const struct fanrec *r, struct filesystem *fs)
{
	struct event e = {0};
	int fd = where_open(fs, &r->target);
	where_fill_type(fd, &e);
	fd_close(fd);
	return fd < 0 || e.type == EVENT_TYPE_SYMLINK;
}

/* What follows the entry on one of the ways of a front, its text being one, or NULL: the i-th of
 * them, of which there are one more than `leads`. */
static const char *rest_of(const struct fronts_item *item, const struct use *u, size_t i)
{
	const char *way = i ? item->front.leads.items[i - 1] : item->text;
	bool is_on_it = strncmp(way, u->way, u->len) == 0 && way[u->len] == '/';
	return is_on_it ? way + u->len : NULL;
}

/* A directory has come to where an entry is: the next entry on each way is in it. Until its path
 * is found again, that it changes would not be seen. */
static void expect_next(struct symlinks *s, const struct fanrec *r, const struct use *u)
{
	const struct fronts_item *item = fronts_at(s->fronts, u->number);
	for (size_t i = 0; i <= item->front.leads.count; i++) {
		const char *rest = rest_of(item, u, i);
		size_t len = rest ? strcspn(rest + 1, "/") : 0;
		char name[NAME_MAX + 1];
		struct use next = {.number = u->number};
		if (!len || len > NAME_MAX || s->new_count >= NEW_MAX)
			continue;
		memcpy(name, rest + 1, len);
		name[len] = '\0';
		next.way = rest - u->len;
		next.len = u->len + 1 + len;
		s->new_count += add_use(s, r->fsid, &r->target, name, &next) == 0;
	}
}

/* Whether a directory that has come there brings a link that is on the way. */
static bool brings_link(const struct symlinks *s, const struct fanrec *r,
	struct filesystem *fs, const struct use *u)
{
	const struct fronts_item *item = fronts_at(s->fronts, u->number);
	int fd = where_open(fs, &r->target);
	bool is_link = false;
	for (size_t i = 0; fd >= 0 && !is_link && i <= item->front.leads.count; i++) {
		const char *rest = rest_of(item, u, i);
		is_link = rest && lookup_meets_link(fd, rest);
	}
	fd_close(fd);
	return is_link;
}

/* Whether the front as such has changed with the entry, and not only what is in it: that is so
 * with a link, and with the directory that one is in. */
static bool is_told(const struct symlinks *s, const struct fanrec *r,
	struct filesystem *fs, const struct use *u, bool came)
{
	if (!(r->mask & FAN_ONDIR))
		return true;
	return (r->mask & FAN_RENAME) &&
	       (u->is_link || (came && brings_link(s, r, fs, u)));
}

/* Whether what a front leads to may have changed with an entry on its way. */
static bool matters(const struct symlinks *s, const struct use *u, bool may_link)
{
	return may_link || front_has_link(&fronts_at(s->fronts, u->number)->front);
}

/* Note what has happened to an entry; `came`: something is there now. Returns whether rules are to
 * be told. */
static bool note_step(struct symlinks *s, struct step *step, const struct fanrec *r,
	struct filesystem *fs, bool came, uint64_t ordinal)
{
	bool told = false, is_dir = r->mask & FAN_ONDIR;
	bool may_link = is_dir || may_be_link(r, fs);
	for (size_t i = 0; i < step->count; i++) {
		struct use *u = &step->uses[i];
		u->is_told = is_told(s, r, fs, u, came);
		told = told || u->is_told;
		if (is_dir && came)
			expect_next(s, r, u);
		if (!matters(s, u, may_link))
			continue;
		fronts_at(s->fronts, u->number)->is_stale = true;
		s->is_stale = true;
		s->wanted.oldest = MIN(s->wanted.oldest, ordinal);
	}
	return told;
}

bool symlinks_note(struct symlinks *s, const struct fanrec *r, struct filesystem *fs,
	uint64_t ordinal)
{
	const uint64_t came = FAN_CREATE | FAN_RENAME;
	bool told = false;
	if (!s || !s->steps || !fs || !(r->mask & (FAN_CREATE | FAN_DELETE | FAN_RENAME)))
		return false;
	struct step *to = step_at(s, r, &r->new_place);
	if (to)
		told = note_step(s, to, r, fs, true, ordinal);
	struct step *at = step_at(s, r, &r->place);
	if (at)
		told = note_step(s, at, r, fs,
			       !r->new_place.dir.bytes && (r->mask & came), ordinal) ||
		       told;
	return told;
}

const char *symlinks_told(const struct symlinks *s, const struct fanrec *r,
	const struct fanrec_place *place, size_t i)
{
	const struct step *step = step_at(s, r, place);
	for (size_t k = 0; step && k < step->count; k++) {
		if (step->uses[k].is_told && i-- == 0)
			return fronts_at(s->fronts, step->uses[k].number)->text;
	}
	return NULL;
}

/* ---- Questions and answers ---- */

static void make_all_stale(struct symlinks *s)
{
	struct fronts_item *item;
	for (size_t i = 0; (item = fronts_at(s->fronts, i)); i++)
		item->is_stale = s->is_stale = true;
}

void symlinks_set(struct symlinks *s, struct fronts *fronts)
{
	drop_steps(s);
	fronts_free(s->fronts);
	s->fronts = fronts;
	make_all_stale(s);
}

void symlinks_ask_all(struct symlinks *s)
{
	make_all_stale(s);
	s->wanted.is_all = s->is_stale;
	s->differences++; /* this may come over and over, too */
}

/* Make the question for all fronts that are stale. NULL with ENOMEM. */
static struct question *make_question(const struct symlinks *s)
{
	struct question *q = calloc(1, sizeof(*q));
	struct fronts_item *item;
	int rc = q && (q->fronts = fronts_new()) ? 0 : -1;
	for (size_t i = 0; rc == 0 && (item = fronts_at(s->fronts, i)); i++)
		rc = item->is_stale ? fronts_add(q->fronts, item->text) : 0;
	if (rc == 0)
		return q;
	free_question(q);
	return NULL;
}

void symlinks_ask(struct symlinks *s)
{
	struct fronts_item *item;
	if (!s->is_stale || s->asked || s->answered)
		return;
	struct question *q = make_question(s);
	if (!q)
		return;
	q->pauses = s->differences > 1;
	for (size_t i = 0; (item = fronts_at(s->fronts, i)); i++)
		item->is_stale = false;
	s->is_stale = false;
	s->asking = s->wanted;
	s->wanted = (struct cause)NO_CAUSE;
	s->asked = q;
	asker_put(s->asker, &q->ask);
}

bool symlinks_has_answer(struct symlinks *s)
{
	struct ask *a = s->asked ? asker_take(s->asker) : NULL;
	if (a) {
		s->answered = s->asked;
		s->asked = NULL;
	}
	return s->answered != NULL;
}

/* Have found out once more what could not be found out. */
static void ask_again(struct symlinks *s, const struct fronts *fronts)
{
	struct fronts_item *item, *found;
	for (size_t i = 0; (item = fronts_at(fronts, i)); i++) {
		if ((found = fronts_get(s->fronts, item->text)))
			found->is_stale = true;
	}
}

enum fronts_change symlinks_take(struct symlinks *s)
{
	struct question *q = s->answered;
	struct fronts_item *item;
	enum fronts_change change = FRONTS_SAME;
	assert(q);
	s->answered = NULL;
	bool failed = q->rc < 0;
	if (failed) {
		ask_again(s, q->fronts);
		fronts_free(q->fronts);
	} else {
		change = fronts_take(s->fronts, q->fronts);
	}
	if (change != FRONTS_SAME)
		drop_steps(s); /* they point to what was found before */
	free(q);
	bool is_different = failed || change != FRONTS_SAME;
	s->differences = is_different ? s->differences + 1 : 0;
	for (size_t i = 0; (item = fronts_at(s->fronts, i)); i++)
		s->is_stale = s->is_stale || item->is_stale;
	/* No record is open for longer than two answers: whoever changes a link over and over
	 * would hold up `fsmon sync` for ever. */
	s->confirming = is_different ? s->asking : (struct cause)NO_CAUSE;
	s->asking = (struct cause)NO_CAUSE;
	return change;
}

uint64_t symlinks_oldest(const struct symlinks *s)
{
	if (!s)
		return NONE;
	return MIN(s->wanted.oldest, MIN(s->asking.oldest, s->confirming.oldest));
}

bool symlinks_is_behind(const struct symlinks *s)
{
	return s->wanted.is_all || s->asking.is_all || s->confirming.is_all;
}
