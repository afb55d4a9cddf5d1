/* SPDX-License-Identifier: MIT */
#include "app/events/below.h"

#include "app/asker.h"
#include "app/events/matches.h"
#include "app/log.h"
#include "core/place/subtree.h"
#include "os/dirlist.h"
#include "os/fanotify.h"
#include "os/fd.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Directories that are listed, or wait for it. */
#define WALKS_MAX 1024
/* So many entries are listed, at least, before the descriptor of the filesystem is closed, which
 * an unmount waits for. */
#define CHUNK 4096
/* In one turn so many entries are handed on, and for so long. */
#define TURN_MAX 256
#define TURN_NS UINT64_C(1000000)
/* What records tell is remembered in so many bytes, for all walks. */
#define SEEN_MAX_BYTES (2 * SUBTREE_MAX_BYTES)

/* Filesystem and handle of a directory. */
struct dir_key {
	uint64_t fsid;
	struct handle handle; /* as long as it is */
};

/* One directory that was renamed. */
struct walk {
	/* While it is asked these are the thread's. */
	struct ask ask; /* first */
	int mount_fd; /* closed when it is answered */
	struct subtree_list list; /* the directory itself, and what is below it */
	size_t listed; /* of the list, the directories up to here have been read */
	bool is_listed; /* all have been */
	int error; /* errno where that failed */

	/* And these are not. */
	STAILQ_ENTRY(walk) next; /* below.walks */
	UT_hash_handle hh; /* below.by_dir: the first of those with the same directory */
	struct walk *same; /* the next of these */
	struct dir_key key;
	bool is_asked;
	bool is_cut; /* one event is to stand for all that has not been told */
	struct subtree_paths seen; /* what records have told of, and all below that */
	char *path, *old_path; /* within the filesystem; NULL: not known */
	struct actor actor;
	uint64_t time_ns;
	uint64_t ordinal; /* of the record of the rename */
	uint64_t barrier; /* records up to this one may be older than the list */
	size_t told; /* of the list, so much has been handed on */
	struct subtree_paths handed; /* the paths of these */
	/* The one whose directory was exchanged with this one's, or with one above that, until it
	 * has ended; and where in that: "" or NULL in itself. */
	const struct walk *partner;
	char *partner_rest;
	struct subtree_paths exchanged; /* the paths of its entries */
	/* What was made and what was moved to the old place since, by the paths below that. */
	struct subtree_paths made, moved;
};

struct below {
	struct asker *asker;
	STAILQ_HEAD(, walk) walks; /* in the order of the renames: the first is at work */
	size_t count;
	struct walk *by_dir; /* hash */
	size_t seen_bytes; /* of what records have told, in all walks */
	bool is_full; /* that has been said */
};

/* ---- In the thread ---- */

/* Whose entries are being added, and to what. */
struct listing {
	struct walk *walk;
	const char *dir;
};

static bool add_listed(void *ctx, const struct dirlist_entry *e)
{
	struct listing *l = ctx;
	const struct subtree_entry entry = {
		.is_dir = e->is_dir,
		.handle = {.bytes = e->handle.bytes,
			.len = e->handle.len,
			.type = e->handle.type},
	};
	if (subtree_list_add(&l->walk->list, l->dir, e->name, &entry) == 0)
		return true;
	l->walk->error = errno;
	return false;
}

/* List one directory. One that is gone had become empty, of which there are records. */
static void list_dir(struct walk *w, const struct subtree_entry *e)
{
	struct handle dir = {.len = e->handle.len, .type = e->handle.type};
	struct listing l = {.walk = w, .dir = strdup(e->rest)};
	memcpy(dir.bytes, e->handle.bytes, dir.len);
	if (!l.dir)
		w->error = ENOMEM;
	else if (dirlist_read(w->mount_fd, &dir, add_listed, &l) < 0 && errno != ESTALE)
		w->error = errno;
	free((char *)l.dir);
}

static void list_some(struct ask *a)
{
	struct walk *w = (struct walk *)a;
	size_t until = w->list.count + CHUNK;
	struct subtree_entry e;
	while (!w->error && !w->is_listed && w->list.count < until) {
		w->is_listed = !subtree_list_next(&w->list, &w->listed, &e);
		if (!w->is_listed && e.is_dir)
			list_dir(w, &e);
	}
	fd_close(w->mount_fd);
	w->mount_fd = -1;
}

/* ---- Walks ---- */

static unsigned key_len(const struct dir_key *key)
{
	return (unsigned)(offsetof(struct dir_key, handle.bytes) + key->handle.len);
}

static bool make_key(
	struct dir_key *key, uint64_t fsid, const struct fanrec_handle *handle)
{
	if (!handle->bytes || handle->len > sizeof(key->handle.bytes))
		return false;
	key->fsid = fsid;
	key->handle.len = handle->len;
	key->handle.type = handle->type;
	memcpy(key->handle.bytes, handle->bytes, handle->len);
	return true;
}

/* The first of the walks of a directory, or NULL. */
static struct walk *find_walk(
	const struct below *b, uint64_t fsid, const struct fanrec_handle *handle)
{
	struct walk *w = NULL;
	struct dir_key key;
	if (make_key(&key, fsid, handle))
		HASH_FIND(hh, b->by_dir, &key, key_len(&key), w);
	return w;
}

static struct fanrec_handle handle_of_walk(const struct walk *w)
{
	return (struct fanrec_handle){.bytes = w->key.handle.bytes,
		.len = w->key.handle.len,
		.type = w->key.handle.type};
}

/* Let a walk be found by its directory. Returns 0, or -1 with ENOMEM. */
static int index_walk(struct below *b, struct walk *w)
{
	struct fanrec_handle handle = handle_of_walk(w);
	struct walk *first = find_walk(b, w->key.fsid, &handle);
	if (first) {
		/* The oldest first, so that they are told in order. */
		while (first->same)
			first = first->same;
		first->same = w;
		return 0;
	}
	HASH_ADD(hh, b->by_dir, key, key_len(&w->key), w);
	return w->hh.tbl ? 0 : -1;
}

static void unindex_walk(struct below *b, const struct walk *w)
{
	struct fanrec_handle handle = handle_of_walk(w);
	struct walk *first = find_walk(b, w->key.fsid, &handle), *next;
	if (first != w) {
		while (first && first->same != w)
			first = first->same;
		if (first)
			first->same = w->same;
		return;
	}
	HASH_DEL(b->by_dir, first);
	next = w->same;
	if (next)
		HASH_ADD(hh, b->by_dir, key, key_len(&next->key), next);
	/* Without memory no record finds them any more. */
	for (; next && !next->hh.tbl; next = next->same)
		next->is_cut = true;
}

static void free_walk(struct walk *w)
{
	fd_close(w->mount_fd);
	subtree_list_fini(&w->list);
	subtree_paths_fini(&w->seen);
	subtree_paths_fini(&w->handed);
	subtree_paths_fini(&w->exchanged);
	subtree_paths_fini(&w->made);
	subtree_paths_fini(&w->moved);
	actor_fini(&w->actor);
	free(w->path);
	free(w->old_path);
	free(w->partner_rest);
	free(w);
}

static struct matches_moved moved_of(const struct walk *w)
{
	return (struct matches_moved){.fsid = w->key.fsid,
		.path = w->path,
		.old_path = w->old_path,
		.actor = &w->actor,
		.time_ns = w->time_ns};
}

/* Whom an entry is for, by what is at its old path now. */
static struct matches_scope scope_of(const struct walk *w, const char *rest)
{
	struct matches_scope scope = {0};
	if (subtree_paths_have(&w->made, rest))
		scope.taken |= EVENT_CREATE | EVENT_UNWRITTEN | EVENT_CLOSE_WRITE;
	if (subtree_paths_have(&w->moved, rest) ||
		subtree_paths_have(&w->exchanged, rest))
		scope.taken |= EVENT_MOVED_TO;
	return scope;
}

static struct below *get_below(struct pipeline *p)
{
	struct below *b = p->walks ? p->walks : calloc(1, sizeof(*b));
	if (b && !p->walks)
		STAILQ_INIT(&b->walks);
	p->walks = b;
	if (b && !b->asker)
		b->asker = asker_new(list_some, p->parts.wake_fd);
	return b && b->asker ? b : NULL;
}

/* A walk, with a copy of what it is about; NULL with ENOMEM or EINVAL. */
static struct walk *new_walk(
	const struct matches_moved *m, const struct subtree_entry *dir)
{
	struct walk *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->mount_fd = -1;
	w->time_ns = m->time_ns;
	w->path = m->path ? strdup(m->path) : NULL;
	w->old_path = m->old_path ? strdup(m->old_path) : NULL;
	if (actor_copy(&w->actor, m->actor) < 0 || (m->path && !w->path) ||
		(m->old_path && !w->old_path) ||
		!make_key(&w->key, m->fsid, &dir->handle) ||
		subtree_list_add(&w->list, "", "", dir) < 0) {
		free_walk(w);
		return NULL;
	}
	/* It is itself no entry. */
	w->told = w->list.bytes.len;
	return w;
}

/* One event of the directory has to do for all that is below it; why: NULL if that has been said. */
static void tell_covering(struct pipeline *p, const struct matches_moved *m,
	const struct subtree_entry *dir, const char *why)
{
	char *path = why ? matches_shown_path(p, m) : NULL;
	if (why)
		log_warn("the directory %s was renamed, and for all that is in it there "
			 "is one "
			 "event, with FSMON_TRUNCATED: %s",
			path ? path : "(not visible)", why);
	free(path);
	matches_moved(p, m, dir, (struct matches_scope){.covers_below = true});
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* The walk of the directory with which that of `w`, the newest, was exchanged; or NULL. Of an
 * exchange there are two records, between which there may be some of other things. */
static const struct walk *find_partner(const struct below *b, const struct walk *w)
{
	const struct walk *other, *last = NULL;
	STAILQ_FOREACH (other, &b->walks, next) {
		if (other->ordinal < w->ordinal && other->key.fsid == w->key.fsid)
			last = other;
	}
	bool is_partner = last && is_same(last->path, w->old_path) &&
			  is_same(last->old_path, w->path);
	return is_partner ? last : NULL;
}

/* Have what is below a directory listed. Returns the walk, or NULL: one event stands for all. */
static struct walk *begin_walk(struct pipeline *p, const struct matches_moved *m,
	const struct subtree_entry *dir)
{
	struct below *b = get_below(p);
	if (b && b->count >= WALKS_MAX) {
		tell_covering(p, m, dir,
			b->is_full ? NULL : "too many directories are being listed");
		b->is_full = true;
		return NULL;
	}
	struct walk *w = b ? new_walk(m, dir) : NULL;
	if (!w || index_walk(b, w) < 0) {
		tell_covering(p, m, dir, strerror(errno));
		if (w)
			free_walk(w);
		return NULL;
	}
	w->ordinal = p->counters.resolved + 1;
	STAILQ_INSERT_TAIL(&b->walks, w, next);
	b->count++;
	return w;
}

/* ---- What records tell meanwhile ---- */

/* One thing that a record tells of an entry. */
struct told {
	const struct buf *path; /* within the filesystem */
	const struct fanrec_place *place;
	bool is_source; /* of a rename: what is in it goes with it */
	bool has_been; /* there was an entry before, which goes now */
};

/* What has come to the old place of a walk's directory holds for a part of it as well. */
static void inherit(
	struct below *b, struct walk *part, const struct walk *of, const char *rest)
{
	if (!part)
		return;
	const char *above = of->partner_rest ? of->partner_rest : "";
	struct buf in_partner = {0};
	buf_printf(&in_partner, "%s%s", above, rest);
	part->partner_rest = buf_take(&in_partner);
	part->partner = part->partner_rest ? of->partner : NULL;
	/* Without memory something is told once too often. */
	int rc = subtree_paths_copy_below(&part->exchanged, &of->exchanged, rest);
	rc |= subtree_paths_copy_below(&part->made, &of->made, rest);
	rc |= subtree_paths_copy_below(&part->moved, &of->moved, rest);
	part->partner = rc < 0 ? NULL : part->partner;
	b->seen_bytes += part->made.bytes + part->moved.bytes;
}

/* What is in a directory was renamed with that of the walk, before it was itself renamed to where
 * the walk's directory does not have it any more: that makes a walk of its own. */
static void begin_part(struct pipeline *p, struct walk *w, const char *rest,
	const struct fanrec_handle *target)
{
	struct matches_moved m = moved_of(w);
	const struct subtree_entry dir = {.rest = "", .is_dir = true, .handle = *target};
	struct buf path = {0}, old_path = {0};
	buf_printf(&path, "%s%s", m.path ? m.path : "", rest);
	buf_printf(&old_path, "%s%s", m.old_path ? m.old_path : "", rest);
	m.path = m.path ? path.data : NULL;
	m.old_path = m.old_path ? old_path.data : NULL;
	if (path.failed || old_path.failed)
		w->is_cut = true;
	else if (matches_may_be_below(p, &m))
		inherit(p->walks, begin_walk(p, &m, &dir), w, rest);
	buf_fini(&path);
	buf_fini(&old_path);
}

/* Put a path into a set of a walk's, if there is room in all. Returns 0, or -1 with ENOMEM or
 * E2BIG. */
static int put_path(struct below *b, struct subtree_paths *to, const char *rest,
	const struct fanrec_handle *came)
{
	size_t before = to->bytes;
	if (b->seen_bytes > SEEN_MAX_BYTES) {
		errno = E2BIG;
		return -1;
	}
	int rc = subtree_paths_put(to, rest, came);
	b->seen_bytes += to->bytes - before;
	return rc;
}

static void forget_paths(struct below *b, struct subtree_paths *of)
{
	b->seen_bytes -= of->bytes;
	subtree_paths_fini(of);
}

/* Let a walk know of an entry of its directory's that comes or goes. */
static void note_in(struct pipeline *p, const struct facts *f, struct walk *w,
	const struct told *t, const char *rest)
{
	const struct fanrec_handle none = {0};
	const struct fanrec_handle *target = &f->rec.target;
	if (w->is_cut || subtree_paths_have_above(&w->seen, rest))
		return;
	bool goes = t->is_source || (f->kinds & EVENT_DELETE);
	const struct subtree_entry e = {.rest = rest,
		.is_dir = f->rec.mask & FAN_ONDIR,
		.handle = goes ? *target : none};
	bool is_new = !subtree_paths_have(&w->seen, rest) &&
		      !subtree_paths_have(&w->handed, rest);
	/* What came after the rename is not the walk's. */
	bool is_part = t->is_source && e.is_dir && target->bytes &&
		       !subtree_paths_have_from(&w->seen, rest, target);
	if (is_new && t->has_been) {
		const struct matches_moved m = moved_of(w);
		matches_moved(p, &m, &e, scope_of(w, rest));
	}
	if (put_path(p->walks, &w->seen, rest, t->is_source ? &none : target) < 0)
		w->is_cut = true;
	if (is_part)
		begin_part(p, w, rest, target);
}

/* The same with all walks whose directory the entry is below. */
static void note(struct pipeline *p, const struct facts *f, const struct told *t)
{
	size_t name_len = strlen(t->place->name);
	const char *start = t->path->data, *rest = start + t->path->len;
	if (t->path->len <= name_len || strcmp(rest - name_len, t->place->name) != 0)
		return; /* the directory itself, or a file that has got a name since */
	struct dirnode *dir = dirtree_node(p->parts.tree, f->rec.fsid, &t->place->dir);
	for (; dir; dir = dirtree_parent(dir)) {
		struct fanrec_handle handle = dirtree_handle(dir);
		struct walk *w = find_walk(p->walks, f->rec.fsid, &handle);
		while (rest > start && *--rest != '/')
			continue;
		for (; w; w = w->same)
			note_in(p, f, w, t, rest);
	}
}

/* Something has come to a path: perhaps to where an entry of a walk was before. */
static void note_taken(struct pipeline *p, const struct facts *f)
{
	const struct fanrec_handle none = {0};
	struct walk *w;
	STAILQ_FOREACH (w, &p->walks->walks, next) {
		size_t len = w->old_path ? strlen(w->old_path) : 0;
		if (w->key.fsid != f->rec.fsid || len == 0 || p->path.len <= len ||
			p->path.data[len] != '/' ||
			memcmp(p->path.data, w->old_path, len) != 0)
			continue;
		struct subtree_paths *to = f->kinds & EVENT_RENAME ? &w->moved : &w->made;
		/* Without room it is told once too often. */
		if (put_path(p->walks, to, p->path.data + len, &none) < 0)
			continue;
	}
}

bool below_needs(const struct pipeline *p, const struct facts *f)
{
	return p->walks && p->walks->by_dir &&
	       (f->kinds & (EVENT_CREATE | EVENT_DELETE | EVENT_RENAME));
}

void below_miss(struct pipeline *p, const struct facts *f)
{
	struct walk *w;
	if (!below_needs(p, f))
		return;
	STAILQ_FOREACH (w, &p->walks->walks, next)
		w->is_cut = w->is_cut || w->key.fsid == f->rec.fsid;
}

/* Heed what a record tells of what is being listed. */
static void note_record(struct pipeline *p, const struct facts *f)
{
	bool is_rename = f->kinds & EVENT_RENAME;
	const struct told from = {
		.path = &p->old_path,
		.place = &f->rec.place,
		.is_source = true,
		.has_been = true,
	};
	const struct told to = {
		.path = &p->path,
		.place = is_rename ? &f->rec.new_place : &f->rec.place,
		.has_been = f->kinds & (EVENT_DELETE | EVENT_RENAME),
	};
	if (f->has_old_path)
		note(p, f, &from);
	if (f->has_path)
		note(p, f, &to);
	if (f->has_path && (f->kinds & (EVENT_CREATE | EVENT_RENAME)))
		note_taken(p, f);
}

/* A directory was renamed. */
static void note_directory(struct pipeline *p, const struct facts *f)
{
	struct actor actor;
	const struct matches_moved m = {
		.fsid = f->rec.fsid,
		.path = f->has_path ? p->path.data : NULL,
		.old_path = f->has_old_path ? p->old_path.data : NULL,
		.actor = &actor,
		.time_ns = p->now.realtime_ns,
	};
	const struct subtree_entry dir = {
		.rest = "", .is_dir = true, .handle = f->rec.target};
	if (!matches_may_be_below(p, &m))
		return;
	if (matches_who(p, f, &actor) < 0) {
		p->counters.dropped++;
		return;
	}
	struct walk *w = begin_walk(p, &m, &dir);
	if (w) {
		w->ordinal = f->ordinal;
		w->partner = find_partner(p->walks, w);
	}
	actor_fini(&actor);
}

void below_find(struct pipeline *p, struct facts *f)
{
	if (below_needs(p, f))
		note_record(p, f);
	matches_find(p, f);
	if ((f->kinds & EVENT_RENAME) && (f->rec.mask & FAN_ONDIR) && f->rec.target.bytes)
		note_directory(p, f);
}

/* ---- Handing on ---- */

/* What a walk has handed on is now where those exchanged with it had their entries. */
static void let_partners_know(struct below *b, const struct walk *w)
{
	struct walk *other;
	STAILQ_FOREACH (other, &b->walks, next) {
		if (other->partner != w)
			continue;
		other->partner = NULL;
		/* Without memory something is told once too often. */
		if (subtree_paths_copy_below(&other->exchanged, &w->handed,
			    other->partner_rest ? other->partner_rest : "") < 0)
			continue;
	}
}

static void end_walk(struct below *b, struct walk *w)
{
	assert(!w->is_asked && w == STAILQ_FIRST(&b->walks));
	STAILQ_REMOVE_HEAD(&b->walks, next);
	unindex_walk(b, w);
	forget_paths(b, &w->seen);
	forget_paths(b, &w->made);
	forget_paths(b, &w->moved);
	let_partners_know(b, w);
	b->count--;
	b->is_full = b->is_full && b->count > WALKS_MAX / 2;
	free_walk(w);
}

/* Have some more of a walk listed. */
static void ask(struct pipeline *p, struct walk *w)
{
	struct filesystem *fs = filesystems_by_fsid(p->parts.filesystems, w->key.fsid);
	int fd = fs ? filesystems_open(fs) : -1;
	errno = fs ? errno : ENODEV;
	w->mount_fd = fd < 0 ? -1 : fd_dup(fd);
	if (w->mount_fd < 0) {
		w->error = errno;
		return;
	}
	w->is_asked = true;
	asker_put(p->walks->asker, &w->ask);
}

/* Take in what the thread has found. What was queued until now may be older than that, and is to
 * be heeded first. */
static void take_answers(struct pipeline *p)
{
	struct ask *a;
	while ((a = asker_take(p->walks->asker))) {
		struct walk *w = (struct walk *)a;
		ssize_t queued = fanotify_depth(p->parts.group);
		w->is_asked = false;
		w->barrier = p->counters.read + (queued > 0 ? (uint64_t)queued : 0);
	}
}

/* Hand on entries, as many as there is time for. Returns whether that were all. */
static bool tell_some(
	struct pipeline *p, struct walk *w, unsigned *left, uint64_t until_ns)
{
	const struct fanrec_handle nothing = {0};
	const struct matches_moved m = moved_of(w);
	struct subtree_entry e;
	while (*left > 0 && clock_monotonic_ns() <= until_ns) {
		if (!subtree_list_next(&w->list, &w->told, &e))
			return true;
		--*left;
		if (subtree_paths_have(&w->seen, e.rest) ||
			subtree_paths_have_above(&w->seen, e.rest))
			continue;
		matches_moved(p, &m, &e, scope_of(w, e.rest));
		/* Without memory it may be told twice. */
		if (subtree_paths_put(&w->handed, e.rest, &nothing) < 0)
			continue;
	}
	return false;
}

/* One event of its directory stands for the rest of a walk. */
static void tell_rest(struct pipeline *p, const struct walk *w, const char *why)
{
	const struct matches_moved m = moved_of(w);
	const struct subtree_entry dir = {
		.rest = "", .is_dir = true, .handle = handle_of_walk(w)};
	tell_covering(p, &m, &dir, why);
}

static void cut_walk(struct pipeline *p, struct walk *w)
{
	bool is_much = !w->error || w->error == E2BIG;
	tell_rest(p, w,
		is_much ? "there are more than 100,000 entries, or too much happens there"
			: strerror(w->error));
	end_walk(p->walks, w);
}

bool below_turn(struct pipeline *p, bool is_empty)
{
	struct below *b = p->walks;
	struct walk *w;
	unsigned left = TURN_MAX;
	uint64_t until_ns = clock_monotonic_ns() + TURN_NS;
	if (!b || !b->asker)
		return false;
	/* What was queued when the thread answered has been seen by now. */
	if (is_empty && (w = STAILQ_FIRST(&b->walks)))
		w->barrier = 0;
	take_answers(p);
	while ((w = STAILQ_FIRST(&b->walks)) && !w->is_asked) {
		if (w->error || w->is_cut)
			cut_walk(p, w);
		else if (!w->is_listed)
			ask(p, w);
		else if (p->counters.resolved < w->barrier)
			return false;
		else if (tell_some(p, w, &left, until_ns))
			end_walk(b, w);
		else
			return true;
	}
	return false;
}

uint64_t below_oldest(const struct pipeline *p)
{
	struct walk *w = p->walks ? STAILQ_FIRST(&p->walks->walks) : NULL;
	return w ? w->ordinal : UINT64_MAX;
}

void below_end(struct pipeline *p)
{
	const char *why = "fsmon ends before it has looked at them";
	struct walk *w;
	STAILQ_FOREACH (w, &p->walks->walks, next) {
		tell_rest(p, w, why);
		why = NULL;
	}
}

void below_free(struct pipeline *p)
{
	struct below *b = p->walks;
	struct walk *w;
	if (!b)
		return;
	bool has_ended = asker_free(b->asker);
	HASH_CLEAR(hh, b->by_dir);
	while ((w = STAILQ_FIRST(&b->walks))) {
		/* What a thread is still at, which cannot be called back, is left to it. */
		STAILQ_REMOVE_HEAD(&b->walks, next);
		if (has_ended || !w->is_asked)
			free_walk(w);
	}
	free(b);
	p->walks = NULL;
}
