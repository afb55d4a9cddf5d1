/* SPDX-License-Identifier: MIT */
#include "app/events/symlinks.h"

#include "app/asker.h"
#include "app/watch/where.h"
#include "base/grow.h"
#include "core/place/mounts.h"
#include "os/fd.h"
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

/* A front on whose way an entry is. */
struct use {
	uint32_t number; /* of the front */
	bool is_link; /* the entry is a link, or one comes behind it */
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

/* The id of the filesystem on which a directory is, or 0 if nothing is heard of it. */
static uint64_t fsid_of(const struct symlinks *s, const char *dir)
{
	const struct mount *m = mounts_find(&s->filesystems->landing.mounts, dir);
	const struct filesystem *fs = m ? filesystems_of_mount(s->filesystems, m) : NULL;
	return fs && fs->mask ? fs->fsid : 0;
}

/* Let an entry be known. Returns 0, or -1 with ENOMEM. */
static int index_step(struct symlinks *s, const char *path, struct use use)
{
	const char *slash = strrchr(path, '/');
	char *dir = strndup(path, (size_t)(slash - path));
	const struct handle *h = dir ? fronts_dir(s->fronts, dir) : NULL;
	uint64_t fsid = h ? fsid_of(s, dir) : 0;
	struct key key;
	int rc = dir ? 0 : -1;
	if (fsid) {
		struct fanrec_handle handle = {
			.bytes = h->bytes, .len = h->len, .type = h->type};
		struct step *step = make_key(&key, fsid, &handle, slash + 1)
					    ? step_of(s, &key)
					    : NULL;
		rc = step && grow(step->uses, step->count) == 0 ? 0 : -1;
		if (rc == 0) {
			step->uses[step->count++] = use;
			s->names |= name_bit(slash + 1);
		}
	}
	free(dir);
	return rc;
}

static int index_front(struct symlinks *s, uint32_t number)
{
	const struct front *f = &fronts_at(s->fronts, number)->front;
	struct use use = {.number = number};
	for (size_t i = f->step_count; i-- > 0;) {
		enum front_kind kind = f->steps[i].kind;
		use.is_link = use.is_link || kind == FRONT_LINK || kind == FRONT_STRANGER;
		if (index_step(s, f->steps[i].path, use) < 0)
			return -1;
	}
	return 0;
}

int symlinks_index(struct symlinks *s)
{
	drop_steps(s);
	fronts_trim(s->fronts);
	for (uint32_t i = 0; fronts_at(s->fronts, i); i++) {
		if (index_front(s, i) < 0)
			return -1;
	}
	return 0;
}

/* ---- Records ---- */

static const struct step *step_at(const struct symlinks *s, const struct fanrec *r,
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

/* Whether what a front leads to may have changed with an entry on its way. */
static bool matters(const struct symlinks *s, const struct use *u, bool may_link)
{
	return may_link || front_has_link(&fronts_at(s->fronts, u->number)->front);
}

/* Whether the front as such has changed with the entry, and not only what is in it. */
static bool is_told(const struct fanrec *r, const struct use *u)
{
	return !(r->mask & FAN_ONDIR) || ((r->mask & FAN_RENAME) && u->is_link);
}

/* Note what has happened to an entry. Returns whether rules are to be told. */
static bool note_step(struct symlinks *s, const struct step *step, const struct fanrec *r,
	struct filesystem *fs, uint64_t ordinal)
{
	bool told = false;
	bool may_link = (r->mask & FAN_ONDIR) || may_be_link(r, fs);
	for (size_t i = 0; i < step->count; i++) {
		const struct use *u = &step->uses[i];
		told = told || is_told(r, u);
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
	bool told = false;
	if (!s || !s->steps || !fs || !(r->mask & (FAN_CREATE | FAN_DELETE | FAN_RENAME)))
		return false;
	const struct step *from = step_at(s, r, &r->place);
	const struct step *to = step_at(s, r, &r->new_place);
	if (from)
		told = note_step(s, from, r, fs, ordinal);
	if (to)
		told = note_step(s, to, r, fs, ordinal) || told;
	return told;
}

const char *symlinks_told(const struct symlinks *s, const struct fanrec *r,
	const struct fanrec_place *place, size_t i)
{
	const struct step *step = step_at(s, r, place);
	for (size_t k = 0; step && k < step->count; k++) {
		if (is_told(r, &step->uses[k]) && i-- == 0)
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
