/* SPDX-License-Identifier: MIT */
#include "app/events/fresh.h"

#include "app/asker.h"
#include "app/events/tell.h"
#include "app/watch/where.h"
#include "base/slots.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/handle.h"
#include "os/lease.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* So many changes wait at most: beyond, the oldest is told, perhaps too early. */
#define FRESH_MAX 4096
/* So many questions are open at once: each keeps a descriptor, and with it a mount busy. */
#define ASKED_MAX 64
/* So long an answer may take: who waits for it then is told, perhaps too early. */
#define PATIENCE_NS UINT64_C(1000000000)
/* So many closes are remembered in a turn, the latest. */
#define CLOSED_MAX 64u
/* Chains of those with the same hash. */
#define CHAINS 1024

enum fresh_state {
	FRESH_NEW, /* nobody has been asked yet */
	FRESH_ASKED, /* the question is the thread's */
	FRESH_FREE, /* nobody had it open for writing: a close before that is in the queue */
	FRESH_HELD, /* somebody has */
	FRESH_OVER, /* the question is the thread's, and of no interest any more */
};

struct fresh_change {
	struct ask ask; /* first */
	int fd; /* the thread's: the file, O_PATH; -1: it has answered */
	int has_writer; /* the thread's answer, as of lease_has_writer */
	enum fresh_state state;
	bool was_passed; /* NEW: a turn has ended since */
	bool asks_again; /* ASKED: the file was closed since */
	struct change *change;
	uint64_t ordinal; /* of the record that it waits since */
	uint64_t since_ns; /* likewise, in CLOCK_MONOTONIC */
	pid_t pid;
	struct handle dir; /* of the entry */
	char *path; /* of the entry, within its filesystem */
	TAILQ_ENTRY(fresh_change) next; /* in the list of its state */
	LIST_ENTRY(fresh_change) same; /* in its chain, unless OVER */
};

TAILQ_HEAD(fresh_list, fresh_change);
LIST_HEAD(fresh_chain, fresh_change);

struct fresh {
	struct asker *asker;
	struct fresh_list open; /* NEW, ASKED, FREE, in the order of their records */
	struct fresh_list held;
	struct fresh_list over;
	struct fresh_chain chains[CHAINS];
	size_t count; /* in open and held */
	size_t asked; /* questions that the thread has */
	struct change *closed[CLOSED_MAX]; /* a ring of what was told in this turn */
	size_t closed_count; /* in this turn */
};

static void answer(struct ask *a)
{
	struct fresh_change *e = (struct fresh_change *)a;
	e->has_writer = lease_has_writer(e->fd);
	fd_close(e->fd);
	e->fd = -1;
}

struct fresh *fresh_new(int wake_fd)
{
	struct fresh *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	TAILQ_INIT(&t->open);
	TAILQ_INIT(&t->held);
	TAILQ_INIT(&t->over);
	t->asker = asker_new(answer, wake_fd);
	if (t->asker)
		return t;
	free(t);
	return NULL;
}

static void release(struct fresh_change *e)
{
	change_unref(e->change);
	free(e->path);
	free(e);
}

static void release_all(struct fresh_list *list)
{
	struct fresh_change *e;
	while ((e = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, e, next);
		fd_close(e->fd);
		release(e);
	}
}

static size_t kept_closes(const struct fresh *t)
{
	return t->closed_count < CLOSED_MAX ? t->closed_count : CLOSED_MAX;
}

static void forget_closes(struct fresh *t)
{
	for (size_t i = kept_closes(t); i > 0; i--)
		change_unref(t->closed[i - 1]);
	t->closed_count = 0;
}

void fresh_free(struct fresh *t)
{
	if (t)
		forget_closes(t);
	/* A thread that nobody can call back keeps what it was given. */
	if (!t || !asker_free(t->asker))
		return;
	release_all(&t->open);
	release_all(&t->held);
	release_all(&t->over);
	free(t);
}

/* ---- Changes that come and go ---- */

static struct fresh_list *list_of(struct fresh *t, enum fresh_state state)
{
	return state == FRESH_HELD ? &t->held : state == FRESH_OVER ? &t->over : &t->open;
}

static void set_state(struct fresh *t, struct fresh_change *e, enum fresh_state state)
{
	struct fresh_list *from = list_of(t, e->state), *to = list_of(t, state);
	e->state = state;
	if (from == to)
		return;
	TAILQ_REMOVE(from, e, next);
	TAILQ_INSERT_TAIL(to, e, next);
}

/* It waits no more. A question is released when the thread gives it back. */
static void drop(struct fresh *t, struct fresh_change *e)
{
	LIST_REMOVE(e, same);
	t->count--;
	if (e->state == FRESH_ASKED) {
		set_state(t, e, FRESH_OVER);
		return;
	}
	TAILQ_REMOVE(list_of(t, e->state), e, next);
	release(e);
}

static void tell(struct pipeline *p, struct fresh_change *e)
{
	struct change *c = change_ref(e->change);
	drop(p->fresh, e);
	tell_change(p, filesystems_by_fsid(p->parts.filesystems, c->fsid), c);
	change_unref(c);
}

static struct fresh_chain *chain_of(struct fresh *t, const struct fanrec_handle *target)
{
	uint32_t hash = SLOTS_HASH;
	for (uint32_t i = 0; i < target->len; i++)
		hash = slots_hash(hash, (char)target->bytes[i]);
	return &t->chains[hash % CHAINS];
}

static bool has_bytes(
	const struct fanrec_handle *h, int32_t type, uint32_t len, const void *bytes)
{
	return h->bytes && h->type == type && h->len == len &&
	       memcmp(h->bytes, bytes, len) == 0;
}

static bool is_same_file(const struct fresh_change *e, const struct fanrec *r)
{
	const struct change *c = e->change;
	return c->fsid == r->fsid &&
	       has_bytes(&r->target, c->target_type, c->target_len, c->target);
}

/* Whether the record is about the very entry. A directory above may have been renamed, and a file
 * that was made without a name is reported by another one, so either will do. */
static bool is_same_entry(
	const struct pipeline *p, const struct facts *f, const struct fresh_change *e)
{
	const struct fanrec_place *place = &f->rec.place;
	bool is_old = f->rec.new_place.dir.bytes;
	const struct buf *path = is_old ? &p->old_path : &p->path;
	if ((is_old ? f->has_old_path : f->has_path) && path->data &&
		strcmp(path->data, e->path) == 0)
		return true;
	return place->name && strcmp(place->name, strrchr(e->path, '/') + 1) == 0 &&
	       has_bytes(&place->dir, e->dir.type, e->dir.len, e->dir.bytes);
}

static struct fresh_change *first_of(const struct pipeline *p, const struct fanrec *r)
{
	struct fresh *t = p->fresh;
	return t->count && r->target.bytes ? LIST_FIRST(chain_of(t, &r->target)) : NULL;
}

/* Whether the same process has done something to the same entry, and that waits already. */
static bool has_other(const struct pipeline *p, const struct facts *f)
{
	const struct fresh_change *e = first_of(p, &f->rec);
	for (; e; e = LIST_NEXT(e, same)) {
		if (e->pid == f->rec.pid && is_same_file(e, &f->rec) &&
			is_same_entry(p, f, e))
			return true;
	}
	return false;
}

/* Open the file, *fd, if it is one that can be written. */
static enum fresh_fate open_fresh(struct filesystem *fs,
	const struct fanrec_handle *target, bool is_created, int *fd)
{
	struct event now = {0};
	*fd = -1;
	if (!fs || filesystems_open(fs) < 0)
		return FRESH_COMPLETE;
	*fd = where_open(fs, target);
	/* Where no name is left, the record that says so is in the queue or was read. */
	if (*fd < 0)
		return errno == ESTALE ? FRESH_COVERED : FRESH_COMPLETE;
	where_fill_type(*fd, &now);
	if (now.type == EVENT_TYPE_FILE)
		return FRESH_WAITS;
	fd_close(*fd);
	*fd = -1;
	/* A pipe or device is another one by its creation, and not by what is written to it. */
	return is_created ? FRESH_COMPLETE : FRESH_COVERED;
}

enum fresh_fate fresh_fate(const struct pipeline *p, const struct facts *f)
{
	int fd;
	if (has_other(p, f))
		return FRESH_COVERED;
	enum fresh_fate fate =
		open_fresh(f->fs, &f->rec.target, f->kinds & EVENT_CREATE, &fd);
	fd_close(fd);
	return fate;
}

/* Make the record's. Returns NULL with ENOMEM. */
static struct fresh_change *fresh_change_new(
	const struct pipeline *p, const struct facts *f, struct change *c)
{
	const struct fanrec_handle *dir = &f->rec.place.dir;
	struct fresh_change *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->fd = -1;
	e->ordinal = f->ordinal;
	e->since_ns = p->now.monotonic_ns;
	e->pid = f->rec.pid;
	e->dir.type = dir->type;
	e->dir.len = dir->len;
	memcpy(e->dir.bytes, dir->bytes, dir->len);
	e->path = strdup(p->path.data);
	e->change = change_ref(c);
	if (e->path)
		return e;
	release(e);
	return NULL;
}

void fresh_put(struct pipeline *p, const struct facts *f, struct change *c)
{
	struct fresh *t = p->fresh;
	assert(f->has_path && f->rec.place.dir.bytes && f->rec.target.bytes);
	struct fresh_change *e = fresh_change_new(p, f, c);
	if (!e) {
		p->counters.dropped++;
		return;
	}
	TAILQ_INSERT_TAIL(&t->open, e, next);
	LIST_INSERT_HEAD(chain_of(t, &f->rec.target), e, same);
	if (++t->count > FRESH_MAX)
		tell(p, TAILQ_EMPTY(&t->held) ? TAILQ_FIRST(&t->open)
					      : TAILQ_FIRST(&t->held));
}

/* ---- Closes ---- */

void fresh_note_close(struct pipeline *p, struct change *c)
{
	struct fresh *t = p->fresh;
	struct change **slot = &t->closed[t->closed_count % CLOSED_MAX];
	if (t->closed_count >= CLOSED_MAX)
		change_unref(*slot);
	*slot = change_ref(c);
	t->closed_count++;
}

static bool is_same_target(const struct change *a, const struct change *b)
{
	return a->fsid == b->fsid && a->target_type == b->target_type &&
	       a->target_len == b->target_len &&
	       memcmp(a->target, b->target, a->target_len) == 0;
}

static const struct change_hit *find_hit(const struct change *c, uint32_t rule)
{
	for (size_t i = 0; i < c->hit_count; i++) {
		if (c->hits[i].rule == rule)
			return &c->hits[i];
	}
	return NULL;
}

/* Whether whoever is to hear of a change hears of the close. */
static bool is_told_to_all(
	const struct pipeline *p, const struct change *close, const struct change *c)
{
	bool is_same_process = close->actor.pid == c->actor.pid;
	if (!is_same_target(close, c) || close->actor.tag != c->actor.tag ||
		!close->event.path || !c->event.path ||
		strcmp(close->event.path, c->event.path) != 0)
		return false;
	for (size_t i = 0; i < c->hit_count; i++) {
		uint32_t rule = c->hits[i].rule;
		const struct rule *r = table_rule(p->parts.rules, rule);
		if (!find_hit(close, rule) || !(r->events & EVENT_CLOSE_WRITE) ||
			(!is_same_process && judge_needs_actor(r)))
			return false;
	}
	return true;
}

bool fresh_is_closed(const struct pipeline *p, const struct change *c)
{
	const struct fresh *t = p->fresh;
	for (size_t i = kept_closes(t); i > 0; i--) {
		if (is_told_to_all(p, t->closed[i - 1], c))
			return true;
	}
	return false;
}

/* ---- What the records say ---- */

/* Whether the same hook is behind the process, or none: else what it does may not be told to a
 * rule that is to hear of the change. */
static bool is_of_same_hook(
	struct pipeline *p, const struct facts *f, const struct fresh_change *e)
{
	struct actor a = {0};
	bool is_same = actors_who(p->parts.actors, f->rec.pid, f->rec.pidfd, &p->window,
			       &a) == 0 &&
		       a.tag == e->change->actor.tag;
	actor_fini(&a);
	return is_same;
}

/* Whether the report of this record, which is about the very entry, will do for the change too:
 * all that want to hear of the one hear of the other. */
static bool is_told_by(
	struct pipeline *p, const struct facts *f, const struct fresh_change *e)
{
	if (e->pid == f->rec.pid)
		return true;
	for (size_t i = 0; i < e->change->hit_count; i++) {
		if (judge_needs_actor(
			    table_rule(p->parts.rules, e->change->hits[i].rule)))
			return false;
	}
	return is_of_same_hook(p, f, e);
}

/* Somebody has closed the file: it may be complete now. */
static void ask_again(struct pipeline *p, struct fresh_change *e)
{
	e->asks_again = e->state == FRESH_ASKED;
	if (e->state != FRESH_HELD)
		return;
	e->ordinal = p->counters.resolved + 1;
	e->since_ns = p->now.monotonic_ns;
	set_state(p->fresh, e, FRESH_NEW);
}

/* Records of closes may be missing. */
static void ask_all_again(struct pipeline *p)
{
	struct fresh_change *e;
	while ((e = TAILQ_FIRST(&p->fresh->held)))
		ask_again(p, e);
	TAILQ_FOREACH (e, &p->fresh->open, next)
		ask_again(p, e);
}

static void settle(struct pipeline *p, const struct facts *f, struct fresh_change *e)
{
	bool is_closed = f->kinds & EVENT_CLOSE_WRITE;
	bool is_same = is_same_entry(p, f, e);
	if (is_same && (is_told_by(p, f, e) || (!is_closed && e->state == FRESH_HELD)))
		drop(p->fresh, e);
	else if (is_same && !is_closed)
		tell(p, e);
	else if (is_closed)
		ask_again(p, e);
}

void fresh_settle(struct pipeline *p, const struct facts *f)
{
	if (f->kinds & EVENT_OVERFLOW)
		ask_all_again(p);
	struct fresh_change *e = first_of(p, &f->rec), *next;
	for (; e; e = next) {
		next = LIST_NEXT(e, same);
		if (is_same_file(e, &f->rec))
			settle(p, f, e);
	}
}

/* ---- Questions and answers ---- */

void fresh_begin_turn(struct pipeline *p)
{
	struct fresh *t = p->fresh;
	struct fresh_change *e;
	forget_closes(t);
	while ((e = (struct fresh_change *)asker_take(t->asker))) {
		t->asked--;
		if (e->state == FRESH_OVER) {
			TAILQ_REMOVE(&t->over, e, next);
			release(e);
		} else if (e->has_writer <= 0) {
			set_state(t, e, FRESH_FREE);
		} else {
			set_state(t, e, e->asks_again ? FRESH_NEW : FRESH_HELD);
		}
	}
}

static void ask(struct pipeline *p, struct fresh_change *e)
{
	struct fresh *t = p->fresh;
	struct filesystem *fs =
		filesystems_by_fsid(p->parts.filesystems, e->change->fsid);
	struct fanrec_handle target = change_target(e->change);
	switch (open_fresh(fs, &target, true, &e->fd)) {
	case FRESH_COVERED:
		drop(t, e);
		return;
	case FRESH_COMPLETE:
		tell(p, e);
		return;
	case FRESH_WAITS:
		e->asks_again = false;
		set_state(t, e, FRESH_ASKED);
		t->asked++;
		asker_put(t->asker, &e->ask);
	}
}

/* A file is mostly closed soon after it was made: while there are records to be read, that of its
 * close may be one of them. */
static bool may_wait(struct fresh_change *e, bool is_read)
{
	bool was_passed = e->was_passed;
	e->was_passed = true;
	return !is_read && !was_passed;
}

/* Whether its answer is not waited for any longer. */
static bool is_late(const struct pipeline *p, const struct fresh_change *e)
{
	return p->now.monotonic_ns - e->since_ns > PATIENCE_NS;
}

void fresh_end_turn(struct pipeline *p, bool is_dealt_with)
{
	struct fresh *t = p->fresh;
	if (!t->count)
		return;
	bool is_read = fanotify_is_empty(p->parts.group);
	struct fresh_change *e, *next;
	TAILQ_FOREACH_SAFE (e, &t->open, next, next) {
		if (e->state == FRESH_FREE ? is_dealt_with : is_late(p, e))
			tell(p, e);
		else if (e->state == FRESH_NEW && t->asked < ASKED_MAX &&
			 !may_wait(e, is_read))
			ask(p, e);
	}
}

/* The question that is of no interest any more and keeps a descriptor open, if it is not late:
 * whoever waits for all that was before may want to unmount the filesystem. */
static const struct fresh_change *first_over(const struct pipeline *p)
{
	const struct fresh_change *e = TAILQ_FIRST(&p->fresh->over);
	return e && !is_late(p, e) ? e : NULL;
}

uint64_t fresh_oldest(const struct pipeline *p)
{
	const struct fresh_change *e = TAILQ_FIRST(&p->fresh->open);
	const struct fresh_change *over = first_over(p);
	uint64_t oldest = e ? e->ordinal : UINT64_MAX;
	return over && over->ordinal < oldest ? over->ordinal : oldest;
}

uint64_t fresh_due_ns(const struct pipeline *p)
{
	const struct fresh_change *e = TAILQ_FIRST(&p->fresh->open);
	const struct fresh_change *over = first_over(p);
	while (e && e->state == FRESH_FREE)
		e = TAILQ_NEXT(e, next);
	uint64_t since_ns = e ? e->since_ns : UINT64_MAX;
	if (over && over->since_ns < since_ns)
		since_ns = over->since_ns;
	return since_ns == UINT64_MAX ? UINT64_MAX : since_ns + PATIENCE_NS + 1;
}

void fresh_set_rules(struct pipeline *p, const struct table *next)
{
	struct fresh *t = p->fresh;
	struct fresh_change *e, *after;
	int64_t *map = t->count ? table_map(p->parts.rules, next) : NULL;
	for (int i = 0; i < 2; i++) {
		struct fresh_list *list = i ? &t->held : &t->open;
		TAILQ_FOREACH_SAFE (e, list, next, after) {
			if (map)
				change_renumber(e->change, map);
			if (!map || !e->change->hit_count)
				drop(t, e);
		}
	}
	free(map);
	/* What is watched may have been less for a while. */
	ask_all_again(p);
}
