/* SPDX-License-Identifier: MIT */
#include "app/events/pipeline.h"

#include "app/watch/where.h"
#include "core/proc/execorder.h"
#include "core/record/fanrec.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/readbuf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More records than this in so short a time mean load: then let them gather for GATHER_NS,
 * as to read each at once costs several times as much. */
#define LOAD_RECORDS 64
#define LOAD_NS UINT64_C(10000000)
#define GATHER_NS UINT64_C(1000000)
/* A record whose directory is gone waits for the one that says where that was: so many turns
 * in which the queue is empty, and so long between two of them. */
#define WAITS_MAX 50
#define WAIT_NS UINT64_C(2000000)
/* Reads in one turn, so that a storm does not keep the turn from ending. */
#define READS_MAX 16

struct pipeline {
	struct pipeline_parts parts;
	struct readbuf buffer;
	size_t scanned; /* bytes of the buffer that went through the first pass */
	size_t inherited; /* bytes of it that an earlier worker has read */
	struct execorder order;
	struct proctable_window window; /* of all that is in the buffer */
	uint64_t empty_ns; /* when a read last left the queue empty */
	uint64_t read_ns; /* when the last read that brought records began */
	uint64_t next_ns; /* see pipeline_next_ns */
	uint64_t load_since_ns; /* when load_from records had been read */
	uint64_t load_from;
	bool was_loaded; /* in the time before that */
	unsigned waits; /* turns that the first record of the buffer has waited */
	bool is_full; /* the buffer has no more room: nothing can be waited for */
	struct clock_now now; /* when the records of this turn began to be resolved */
	struct table_hits hits;
	struct landing_list mounts; /* reused, as hits and those below */
	struct buf path, old_path, shown;
	struct pipeline_counters counters;
};

/* One record that is being resolved, and what has been found out about it. */
struct facts {
	struct fanrec rec;
	struct filesystem *fs;
	uint32_t kinds;
	bool has_path, has_old_path; /* p->path, p->old_path: within the filesystem */
	struct execorder_place order;
};

struct pipeline *pipeline_new(const struct pipeline_parts *parts)
{
	assert(parts->actors && parts->filesystems && parts->tree && parts->rules);
	assert(parts->before_resolve && parts->found);
	struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->parts = *parts;
	if (readbuf_open(&p->buffer, parts->buffer_fd) < 0) {
		int saved = errno;
		free(p);
		errno = saved;
		return NULL;
	}
	/* What an earlier worker has dealt with is not counted among what is to come. */
	p->scanned = readbuf_done(&p->buffer);
	p->inherited = p->buffer.end;
	p->window.before_ns = clock_monotonic_ns();
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	readbuf_close(&p->buffer);
	execorder_reset(&p->order, NULL, NULL);
	free(p->hits.rules);
	free(p->mounts.items);
	buf_fini(&p->path);
	buf_fini(&p->old_path);
	buf_fini(&p->shown);
	free(p);
}

struct pipeline_parts *pipeline_parts(struct pipeline *p)
{
	return &p->parts;
}

uint64_t pipeline_next_ns(const struct pipeline *p)
{
	return p->next_ns;
}

bool pipeline_has_waiting(const struct pipeline *p)
{
	return p->buffer.end > readbuf_done(&p->buffer);
}

const struct pipeline_counters *pipeline_counters(const struct pipeline *p)
{
	return &p->counters;
}

/* ---- Reading ---- */

static void note_opens(void *ctx, pid_t pid, uint32_t opens)
{
	struct pipeline *p = ctx;
	actors_note_opens(p->parts.actors, pid, &p->window, opens);
}

/* While the buffer is empty a new window can begin: at the last moment at which the queue
 * was seen empty, unless records have been read since. */
static void begin_window(struct pipeline *p)
{
	uint64_t seen_ns = actors_empty_ns(p->parts.actors);
	uint64_t empty_ns = seen_ns > p->empty_ns ? seen_ns : p->empty_ns;
	if (empty_ns <= p->window.after_ns || empty_ns < p->read_ns)
		return;
	execorder_reset(&p->order, note_opens, p);
	p->window.after_ns = empty_ns;
	if (p->window.before_ns < empty_ns)
		p->window.before_ns = empty_ns;
	actors_forget_past(p->parts.actors, empty_ns);
	dirtree_trim(p->parts.tree);
}

/* Read until the queue is empty or the turn has had enough. Returns 0, or -1 with errno.
 */
static int read_queue(struct pipeline *p)
{
	p->window.complete = false;
	for (int i = 0; i < READS_MAX && !p->window.complete; i++) {
		uint64_t before_ns = clock_monotonic_ns();
		ssize_t n = readbuf_read(&p->buffer, p->parts.group);
		if (n < 0 && errno != ENOBUFS)
			return -1;
		p->is_full = n < 0;
		if (p->is_full)
			break;
		p->window.before_ns = clock_monotonic_ns();
		p->window.complete = readbuf_has_all(&p->buffer);
		if (n > 0)
			p->read_ns = before_ns;
		if (p->window.complete)
			p->empty_ns = before_ns;
	}
	return 0;
}

static enum execorder_kind exec_kind(const struct fanrec *r)
{
	return execorder_kind(fanrec_kinds(r->mask) & EVENT_OPEN_EXEC, r->place.name);
}

/* ---- First pass: what the records say about directories and programs ---- */

static struct dirnode *node_of(
	struct pipeline *p, const struct fanrec *r, const struct fanrec_handle *h)
{
	return h->bytes ? dirtree_node(p->parts.tree, r->fsid, h) : NULL;
}

/* A record of a directory tells where that is: believe it if nothing else is known. */
static void scan_dir(struct pipeline *p, const struct fanrec *r)
{
	struct dirnode *self = node_of(p, r, &r->target);
	if (!self || dirtree_is_placed(self) || strcmp(r->place.name, ".") == 0)
		return;
	struct dirnode *parent = node_of(p, r, &r->place.dir);
	if (parent)
		dirtree_place(p->parts.tree, self, parent, r->place.name);
}

static bool tells_place(const struct fanrec *r)
{
	uint32_t kinds = fanrec_kinds(r->mask);
	return r->mask & FAN_ONDIR && r->place.name && r->target.bytes &&
	       (kinds & (EVENT_CREATE | EVENT_DELETE | EVENT_RENAME));
}

static void scan(struct pipeline *p)
{
	struct fanrec r;
	unsigned bad = 0;
	while (fanrec_next(p->buffer.bytes, p->buffer.end, &p->scanned, &r, &bad)) {
		p->counters.read++;
		execorder_scan(&p->order, r.pid, exec_kind(&r));
		if (tells_place(&r))
			scan_dir(p, &r);
	}
	p->counters.malformed += bad;
}

/* ---- Second pass: where ---- */

/*
 * Put the path of a place within its filesystem into *out. Returns false if its directory is
 * gone and no record that was read says where it had been.
 */
static bool resolve_place(struct pipeline *p, struct facts *f,
	const struct fanrec_place *place, struct buf *out)
{
	buf_clear(out);
	struct dirnode *dir = node_of(p, &f->rec, &place->dir);
	struct dirnode *unknown = dir ? dirtree_unknown(dir) : NULL;
	/* Each look-up places one node at least, or fails. */
	while (unknown && where_look_up(p->parts.tree, f->fs, unknown) == 0)
		unknown = dirtree_unknown(dir);
	if (!dir || unknown)
		return false;
	buf_add(out, "", 0); /* the root's path is empty, but there */
	dirtree_add_path(dir, out);
	if (strcmp(place->name, ".") != 0) {
		buf_add(out, "/", 1);
		buf_add_str(out, place->name);
	}
	return true;
}

/* A file that was made without a name is reported as "#inode": take the name that it has
 * now, or none. */
static void rename_linked(struct pipeline *p, struct facts *f)
{
	if (f->rec.place.name[0] != '#' || (f->kinds & EVENT_DELETE))
		return;
	buf_clear(&p->shown);
	if (where_add_linked_path(f->fs, &f->rec.target, f->rec.place.name, &p->shown) ==
		0) {
		buf_clear(&p->path);
		buf_add(&p->path, p->shown.data, p->shown.len);
	} else if (errno == ESTALE) {
		f->has_path = false;
	}
}

/* Find the paths of a record. Returns false if one is not known yet. */
static bool resolve_paths(struct pipeline *p, struct facts *f)
{
	const struct fanrec *r = &f->rec;
	bool is_rename = r->new_place.dir.bytes;
	if (!r->place.dir.bytes && !is_rename)
		return true;
	if (is_rename) {
		if (!resolve_place(p, f, &r->new_place, &p->path))
			return false;
		f->has_path = true;
	}
	if (r->place.dir.bytes) {
		struct buf *out = is_rename ? &p->old_path : &p->path;
		if (!resolve_place(p, f, &r->place, out))
			return false;
		*(is_rename ? &f->has_old_path : &f->has_path) = true;
	}
	if (!is_rename)
		rename_linked(p, f);
	return true;
}

/* Let the tree know how things are after the record. */
static void apply_to_tree(struct pipeline *p, const struct fanrec *r)
{
	if (!tells_place(r) || strcmp(r->place.name, ".") == 0)
		return;
	const struct fanrec_place *place =
		r->new_place.dir.bytes ? &r->new_place : &r->place;
	struct dirnode *self = node_of(p, r, &r->target);
	struct dirnode *parent = node_of(p, r, &place->dir);
	if (self && parent)
		dirtree_place(p->parts.tree, self, parent, place->name);
}

/* ---- Second pass: which rules, and who ---- */

/* Note in *change, which is made if need be, the rules that match a path within the filesystem as
 * one mount shows it. Returns 0, or -1 with ENOMEM. */
static int match_mount(struct pipeline *p, const struct facts *f,
	const struct mount *mount, const struct buf *inner, bool is_old,
	struct change **change)
{
	const struct mounts *mounts = &p->parts.filesystems->landing.mounts;
	buf_clear(&p->shown);
	if (mounts_add_path(mount, inner->data, inner->len, &p->shown) < 0 ||
		table_match(p->parts.rules, p->shown.data, p->shown.len, f->kinds,
			&p->hits) < 0)
		return -1;
	if (!p->hits.count || mounts_hide(mounts, mount, p->shown.data, p->shown.len))
		return 0;
	if (!*change)
		*change = change_new(NULL, NULL);
	for (size_t k = 0; *change && k < p->hits.count; k++) {
		if (change_add_hit(*change, p->hits.rules[k], is_old, p->shown.data) < 0)
			return -1;
	}
	return *change ? 0 : -1;
}

/* The same with every mount that shows it. */
static int match_path(struct pipeline *p, const struct facts *f, const struct buf *inner,
	bool is_old, struct change **change)
{
	const struct landing *l = &p->parts.filesystems->landing;
	if (inner->failed || landing_of_path(l, filesystems_number(f->fs), inner->data,
				     inner->len, f->kinds, &p->mounts) < 0)
		return -1;
	for (size_t i = 0; i < p->mounts.count; i++) {
		const struct mount *mount = &l->mounts.items[p->mounts.items[i]];
		if (match_mount(p, f, mount, inner, is_old, change) < 0)
			return -1;
	}
	return 0;
}

/* A path within the filesystem as some mount shows it, whether a rule matches it or not; NULL
 * if none does. */
static char *any_shown_path(
	const struct pipeline *p, const struct facts *f, const struct buf *inner)
{
	struct buf shown = {0};
	if (landing_show(&p->parts.filesystems->landing, filesystems_number(f->fs),
		    inner->data, inner->len, &shown) > 0)
		return buf_take(&shown);
	buf_fini(&shown);
	return NULL;
}

static void count_actor(struct pipeline *p, const struct actor *a)
{
	if (a->attribution == ACTOR_EXACT)
		p->counters.exact++;
	else if (a->attribution == ACTOR_PARTIAL)
		p->counters.partial++;
	else
		p->counters.unknown++;
}

/* Find out who did it. Returns 0, or -1 with ENOMEM. */
static int attribute(struct pipeline *p, struct facts *f, struct actor *out)
{
	struct proctable_window w = p->window;
	w.order = f->order;
	w.spans = (f->kinds & (f->kinds - 1)) != 0;
	if (actors_who(p->parts.actors, f->rec.pid, f->rec.pidfd, &w, out) < 0)
		return -1;
	count_actor(p, out);
	return 0;
}

/* Look at the file, if a rule wants to know what it is. */
static void fill_type(const struct pipeline *p, struct filesystem *fs, struct change *c)
{
	bool is_needed = false;
	for (size_t i = 0; i < c->hit_count && !is_needed; i++)
		is_needed = judge_needs_type(
			table_rule(p->parts.rules, c->hits[i].rule), &c->event);
	if (!is_needed)
		return;
	struct fanrec_handle target = change_target(c);
	int fd = where_open(fs, &target);
	where_fill_type(fd, &c->event);
	fd_close(fd);
}

/* Complete a change that some rule matched, and hand it on. Returns 0, or -1 with ENOMEM. */
static int hand_on(struct pipeline *p, struct facts *f, struct change *c)
{
	const struct fanrec *r = &f->rec;
	assert(f->fs && c->hit_count);
	if (attribute(p, f, &c->actor) < 0)
		return -1;
	c->event.kinds = f->kinds;
	c->event.is_dir = r->mask & FAN_ONDIR;
	c->event.time_ns = p->now.realtime_ns;
	if (f->has_path)
		c->event.path = any_shown_path(p, f, &p->path);
	if (f->has_old_path)
		c->event.old_path = any_shown_path(p, f, &p->old_path);
	c->fsid = r->fsid;
	c->target_type = r->target.type;
	c->target_len = r->target.bytes ? r->target.len : 0;
	if (c->target_len)
		memcpy(c->target, r->target.bytes, c->target_len);
	fill_type(p, f->fs, c);
	p->parts.found(p->parts.ctx, c, p->now);
	return 0;
}

/* Find the rules that match the paths of a record, and hand on what they match. */
static void match(struct pipeline *p, struct facts *f)
{
	struct change *c = NULL;
	uint32_t kinds = f->kinds;
	/* Whatever could be a rename or an unwritten create for some rule. */
	if (kinds & EVENT_RENAME)
		f->kinds |= EVENT_RENAMES;
	if (kinds & EVENT_CREATE)
		f->kinds |= EVENT_CREATE_UNWRITTEN;
	int rc = 0;
	if (f->has_path)
		rc = match_path(p, f, &p->path, false, &c);
	if (rc == 0 && f->has_old_path)
		rc = match_path(p, f, &p->old_path, true, &c);
	f->kinds = kinds;
	if (rc == 0 && c)
		rc = hand_on(p, f, c);
	if (rc < 0)
		p->counters.dropped++;
	change_unref(c);
}

/* Hand on what has happened to a whole filesystem, or to all of them: it concerns each rule that
 * lands there. */
static void match_whole(struct pipeline *p, struct facts *f)
{
	const struct landing *l = &p->parts.filesystems->landing;
	uint32_t fs = f->fs ? filesystems_number(f->fs) : LANDING_NONE;
	struct change *c = change_new(f->fs ? f->fs->point : "/", NULL);
	int rc = c ? 0 : -1;
	for (uint32_t i = 0; rc == 0 && i < table_count(p->parts.rules); i++) {
		const struct rule *r = table_rule(p->parts.rules, i);
		bool wants = f->kinds & EVENT_OVERFLOW
				     ? r->on_overflow == RULE_OVERFLOW_RUN
				     : (r->events & f->kinds) != 0;
		if (r->enabled && wants && landing_has(l, p->parts.rules, i, fs))
			rc = change_add_hit(c, i, false, c->event.path);
	}
	if (rc == 0 && c->hit_count) {
		c->event.kinds = f->kinds;
		c->event.time_ns = p->now.realtime_ns;
		c->event.type_known = true;
		c->actor = (struct actor)ACTOR_NOBODY;
		p->parts.found(p->parts.ctx, c, p->now);
	} else if (rc < 0) {
		p->counters.dropped++;
	}
	change_unref(c);
}

static bool is_own(const struct pipeline *p, pid_t pid)
{
	return pid == p->parts.own_pids[0] || pid == p->parts.own_pids[1];
}

/* Whether a rule might want the record. */
static bool is_wanted(const struct pipeline *p, const struct facts *f)
{
	return f->fs && f->fs->kinds && !is_own(p, f->rec.pid) &&
	       (fanrec_kinds(fanrec_mask(f->fs->kinds)) & f->kinds);
}

/* Resolve one record. Returns false if it must wait for others. */
static bool resolve_record(struct pipeline *p, struct facts *f, bool may_wait)
{
	const struct fanrec *r = &f->rec;
	f->fs = r->fsid ? filesystems_by_fsid(p->parts.filesystems, r->fsid) : NULL;
	f->kinds = fanrec_kinds(r->mask);
	if (f->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR)) {
		p->counters.overflows += (f->kinds & EVENT_OVERFLOW) != 0;
		match_whole(p, f);
		return true;
	}
	bool wanted = is_wanted(p, f);
	bool known = wanted && resolve_paths(p, f);
	if (wanted && !known && may_wait)
		return false;
	f->order = execorder_pass(&p->order, r->pid, exec_kind(r));
	if (known)
		match(p, f);
	p->counters.unresolved += wanted && !known;
	if (f->fs && f->fs->kinds)
		apply_to_tree(p, r);
	return true;
}

/* Resolve the records of the buffer, in order, up to one that must wait. */
static void resolve_all(struct pipeline *p)
{
	size_t at = readbuf_done(&p->buffer);
	struct facts f = {0};
	bool may_wait = !p->is_full && (!p->window.complete || p->waits < WAITS_MAX);
	for (;;) {
		size_t start = at;
		f = (struct facts){0};
		if (!fanrec_next(p->buffer.bytes, p->buffer.end, &at, &f.rec, NULL))
			break;
		/* Such a descriptor was one of that worker, and is gone with it. */
		if (start < p->inherited)
			f.rec.pidfd = -1;
		if (!resolve_record(p, &f, may_wait)) {
			p->waits += p->window.complete;
			readbuf_set_done(&p->buffer, start);
			return;
		}
		fd_close(f.rec.pidfd);
		p->counters.resolved++;
		p->waits = 0;
	}
	readbuf_reset(&p->buffer);
	p->scanned = p->inherited = 0;
}

/* Whether so many records have come in the last while, or that before it, that they had better
 * gather. */
static bool is_loaded(struct pipeline *p, uint64_t now_ns)
{
	bool is_much = p->counters.read - p->load_from > LOAD_RECORDS;
	bool is_loaded = is_much || p->was_loaded;
	if (now_ns - p->load_since_ns > LOAD_NS) {
		p->was_loaded = is_much;
		p->load_since_ns = now_ns;
		p->load_from = p->counters.read;
	}
	return is_loaded;
}

int pipeline_turn(struct pipeline *p, struct clock_now now)
{
	if (!pipeline_has_waiting(p))
		begin_window(p);
	if (read_queue(p) < 0)
		return -1;
	scan(p);
	actors_drain(p->parts.actors);
	p->parts.before_resolve(p->parts.ctx);
	p->now = clock_now();
	resolve_all(p);
	filesystems_close(p->parts.filesystems);
	p->counters.emptied += p->window.complete && !pipeline_has_waiting(p);
	p->next_ns = 0;
	if (pipeline_has_waiting(p))
		p->next_ns = now.monotonic_ns + (p->window.complete ? WAIT_NS : 0);
	else if (is_loaded(p, now.monotonic_ns))
		p->next_ns = clock_monotonic_ns() + GATHER_NS;
	return 0;
}
