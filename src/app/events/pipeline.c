/* SPDX-License-Identifier: MIT */
#include "app/events/pipeline.h"

#include "app/watch/where.h"
#include "core/proc/execorder.h"
#include "core/record/fanmask.h"
#include "os/clock.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/readbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More records than this in so short a time mean load: then let them gather for GATHER_NS,
 * as to read each at once costs several times as much. */
#define LOAD_RECORDS 64
#define LOAD_NS UINT64_C(10000000)
#define GATHER_NS UINT64_C(1000000)
/* A directory that is gone, and whose delete record is not there yet, is looked for so
 * often. */
#define STALL_MAX 50
#define STALL_NS UINT64_C(2000000)
/* Reads in one turn, so that a storm does not keep the turn from ending. */
#define READS_MAX 16

struct pipeline {
	struct pipeline_parts parts;
	struct readbuf buffer;
	size_t scanned; /* bytes of the buffer whose records the tree and `order` have
			   seen */
	struct execorder *order;
	struct proctable_window window; /* of all that is in the buffer */
	uint64_t empty_ns; /* the queue was empty then, as seen by the latest read */
	uint64_t read_ns; /* when the queue was read last */
	uint64_t next_ns;
	uint64_t load_since_ns; /* when load_from records had been read */
	uint64_t load_from;
	bool was_loaded; /* in the time before that */
	unsigned stalls;
	bool is_full; /* the buffer has no more room: nothing can be waited for */
	struct table_hits hits;
	struct landing_list mounts; /* reused, as hits and those below */
	struct buf path, old_path, shown;
	struct pipeline_counters counters;
};

/* One record on its way, with what was found out about it. */
struct passage {
	struct fanrec rec;
	struct filesystem *fs;
	uint32_t kinds;
	bool has_path,
		has_old_path; /* p->path, p->old_path hold the path in the filesystem */
	struct execorder_place order;
};

struct pipeline *pipeline_new(const struct pipeline_parts *parts)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->parts = *parts;
	p->order = execorder_new();
	if (!p->order || readbuf_open(&p->buffer, parts->buffer_fd) < 0) {
		int saved = p->order ? errno : ENOMEM;
		execorder_free(p->order);
		free(p);
		errno = saved;
		return NULL;
	}
	/* What an earlier worker has dealt with is not counted among what is to come. */
	p->scanned = readbuf_done(&p->buffer);
	p->window.before_ns = clock_monotonic_ns();
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	readbuf_close(&p->buffer);
	execorder_free(p->order);
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

bool pipeline_is_holding(const struct pipeline *p)
{
	return p->buffer.end > readbuf_done(&p->buffer);
}

const struct pipeline_counters *pipeline_counters(const struct pipeline *p)
{
	return &p->counters;
}

/* ---- Reading ---- */

static void carry_opens(void *ctx, pid_t pid, uint32_t opens)
{
	struct pipeline *p = ctx;
	actors_carry_opens(p->parts.actors, pid, &p->window, opens);
}

/* The buffer is empty: begin a new window where the queue was seen empty since the last
 * read. */
static void begin_window(struct pipeline *p)
{
	uint64_t seen_ns = actors_empty_ns(p->parts.actors);
	uint64_t empty_ns = seen_ns > p->empty_ns ? seen_ns : p->empty_ns;
	if (empty_ns <= p->window.after_ns || empty_ns < p->read_ns)
		return;
	execorder_reset(p->order, carry_opens, p);
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
	return execorder_kind(fanmask_kinds(r->mask) & EVENT_OPEN_EXEC, r->place.name);
}

/* ---- First pass: what the records say about directories and programs ---- */

static struct dirnode *node_of(
	struct pipeline *p, const struct fanrec *r, const struct fanrec_handle *h)
{
	return h->bytes ? dirtree_node(p->parts.tree, r->fsid, h) : NULL;
}

/* A directory record tells its own place: take it if no other is known. */
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
	uint32_t kinds = fanmask_kinds(r->mask);
	return fanmask_is_dir(r->mask) && r->place.name && r->target.bytes &&
	       (kinds & (EVENT_CREATE | EVENT_DELETE | EVENT_RENAME));
}

static void scan(struct pipeline *p)
{
	struct fanrec r;
	unsigned bad = 0;
	while (fanrec_next(p->buffer.bytes, p->buffer.end, &p->scanned, &r, &bad)) {
		p->counters.read++;
		execorder_scan(p->order, r.pid, exec_kind(&r));
		if (tells_place(&r))
			scan_dir(p, &r);
	}
	p->counters.malformed += bad;
}

/* ---- Second pass: where ---- */

/*
 * Put the path of a place within its filesystem into *out. Returns 1, or 0 if its
 * directory is gone and no record that was read says where it had been.
 */
static int resolve_place(struct pipeline *p, struct passage *e,
	const struct fanrec_place *place, struct buf *out)
{
	buf_clear(out);
	struct dirnode *dir = node_of(p, &e->rec, &place->dir);
	struct dirnode *unknown = dir ? dirtree_unknown(dir) : NULL;
	/* Each look-up places one node at least, or fails. */
	while (unknown && where_look(p->parts.tree, e->fs, unknown) == 0)
		unknown = dirtree_unknown(dir);
	if (!dir || unknown)
		return 0;
	buf_add(out, "", 0); /* the root's path is empty, but there */
	dirtree_path(dir, out);
	if (strcmp(place->name, ".") != 0) {
		buf_add(out, "/", 1);
		buf_add_str(out, place->name);
	}
	return 1;
}

/* A file that was made without a name is reported as "#inode": take the name that it has
 * now, or none. */
static void rename_linked(struct pipeline *p, struct passage *e)
{
	if (e->rec.place.name[0] != '#' || (e->kinds & EVENT_DELETE))
		return;
	buf_clear(&p->shown);
	if (where_linked_path(e->fs, &e->rec.target, e->rec.place.name, &p->shown) == 0) {
		buf_clear(&p->path);
		buf_add(&p->path, p->shown.data, p->shown.len);
	} else if (errno == ESTALE) {
		e->has_path = false;
	}
}

/* Find the paths of a record. Returns 1, or 0 if one is not known yet. */
static int resolve_paths(struct pipeline *p, struct passage *e)
{
	const struct fanrec *r = &e->rec;
	bool is_rename = r->new_place.dir.bytes;
	if (!r->place.dir.bytes && !is_rename)
		return 1;
	if (is_rename) {
		if (!resolve_place(p, e, &r->new_place, &p->path))
			return 0;
		e->has_path = true;
	}
	if (r->place.dir.bytes) {
		struct buf *out = is_rename ? &p->old_path : &p->path;
		if (!resolve_place(p, e, &r->place, out))
			return 0;
		*(is_rename ? &e->has_old_path : &e->has_path) = true;
	}
	if (!is_rename)
		rename_linked(p, e);
	return 1;
}

/* Keep the tree as the record leaves it. */
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

/* One way in which a path within the filesystem is seen, against the rules. */
static int match_mount(struct pipeline *p, const struct passage *e,
	const struct mount *mount, const struct buf *inner, bool is_old,
	struct change **change)
{
	const struct mounts *mounts = &p->parts.filesystems->landing.mounts;
	buf_clear(&p->shown);
	if (mounts_add_path(mount, inner->data, inner->len, &p->shown) < 0 ||
		table_match(p->parts.rules, p->shown.data, p->shown.len, e->kinds,
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

/* Every way in which a path within the filesystem is seen, against the rules. */
static int match_shown(struct pipeline *p, const struct passage *e,
	const struct buf *inner, bool is_old, struct change **change)
{
	const struct landing *l = &p->parts.filesystems->landing;
	if (inner->failed || landing_of_path(l, filesystems_number(e->fs), inner->data,
				     inner->len, e->kinds, &p->mounts) < 0)
		return -1;
	for (size_t i = 0; i < p->mounts.count; i++) {
		const struct mount *mount = &l->mounts.items[p->mounts.items[i]];
		if (match_mount(p, e, mount, inner, is_old, change) < 0)
			return -1;
	}
	return 0;
}

/* Make the other side of a rename's path, which no rule matched, visible as well. */
static char *show_anyhow(
	const struct pipeline *p, const struct passage *e, const struct buf *inner)
{
	struct buf shown = {0};
	if (landing_show(&p->parts.filesystems->landing, filesystems_number(e->fs),
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

/* Say who did it. */
static int attribute(struct pipeline *p, struct passage *e, struct actor *out)
{
	struct proctable_window w = p->window;
	w.opens_before = e->order.opens_before;
	w.opens_after = e->order.opens_after;
	w.opens_linker = e->order.opens_linker;
	w.groups_before = e->order.groups_before;
	w.groups_after = e->order.groups_after;
	w.spans = (e->kinds & (e->kinds - 1)) != 0;
	if (actors_who(p->parts.actors, e->rec.pid, e->rec.pidfd, &w, out) < 0)
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

/* Complete a change that some rule matched, and hand it on. */
static int complete(struct pipeline *p, struct passage *e, struct change *c)
{
	const struct fanrec *r = &e->rec;
	if (attribute(p, e, &c->actor) < 0)
		return -1;
	c->event.kinds = e->kinds;
	c->event.is_dir = fanmask_is_dir(r->mask);
	c->event.time_ns = clock_realtime_ns();
	if (e->has_path)
		c->event.path = show_anyhow(p, e, &p->path);
	if (e->has_old_path)
		c->event.old_path = show_anyhow(p, e, &p->old_path);
	c->fsid = r->fsid;
	c->target_type = r->target.type;
	c->target_len = r->target.bytes ? r->target.len : 0;
	if (c->target_len)
		memcpy(c->target, r->target.bytes, c->target_len);
	fill_type(p, e->fs, c);
	p->parts.found(p->parts.ctx, c);
	return 0;
}

static void match(struct pipeline *p, struct passage *e)
{
	struct change *c = NULL;
	uint32_t kinds = e->kinds;
	/* Whatever could be a rename or an unwritten create for some rule. */
	if (kinds & EVENT_RENAME)
		e->kinds |= EVENT_RENAMES;
	if (kinds & EVENT_CREATE)
		e->kinds |= EVENT_CREATE_UNWRITTEN;
	int rc = 0;
	if (e->has_path)
		rc = match_shown(p, e, &p->path, false, &c);
	if (rc == 0 && e->has_old_path)
		rc = match_shown(p, e, &p->old_path, true, &c);
	e->kinds = kinds;
	if (rc == 0 && c)
		rc = complete(p, e, c);
	if (rc < 0)
		p->counters.dropped++;
	change_unref(c);
}

/* An event of a whole filesystem (or of all): for each rule that it concerns. */
static void match_whole(struct pipeline *p, struct passage *e)
{
	const struct landing *l = &p->parts.filesystems->landing;
	uint32_t fs = e->fs ? filesystems_number(e->fs) : LANDING_NONE;
	struct change *c = change_new(e->fs ? e->fs->point : "/", NULL);
	int rc = c ? 0 : -1;
	for (uint32_t i = 0; rc == 0 && i < table_count(p->parts.rules); i++) {
		const struct rule *r = table_rule(p->parts.rules, i);
		bool wants = e->kinds & EVENT_OVERFLOW
				     ? r->on_overflow == RULE_OVERFLOW_RUN
				     : (r->events & e->kinds) != 0;
		if (r->enabled && wants && landing_has(l, p->parts.rules, i, fs))
			rc = change_add_hit(c, i, false, c->event.path);
	}
	if (rc == 0 && c->hit_count) {
		c->event.kinds = e->kinds;
		c->event.time_ns = clock_realtime_ns();
		c->event.type_known = true;
		c->actor = (struct actor)ACTOR_NOBODY;
		p->parts.found(p->parts.ctx, c);
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
static bool is_wanted(const struct pipeline *p, const struct passage *e)
{
	return e->fs && e->fs->kinds && !is_own(p, e->rec.pid) &&
	       (fanmask_kinds(fanmask_of_kinds(e->fs->kinds)) & e->kinds);
}

/* Resolve one record. Returns 1, or 0 if it must wait for others. */
static int pass(struct pipeline *p, struct passage *e, bool may_wait)
{
	const struct fanrec *r = &e->rec;
	e->fs = r->fsid ? filesystems_by_fsid(p->parts.filesystems, r->fsid) : NULL;
	e->kinds = fanmask_kinds(r->mask);
	if (e->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR)) {
		p->counters.overflows += (e->kinds & EVENT_OVERFLOW) != 0;
		match_whole(p, e);
		return 1;
	}
	bool wanted = is_wanted(p, e);
	bool known = wanted && resolve_paths(p, e);
	if (wanted && !known && may_wait)
		return 0;
	e->order = execorder_pass(p->order, r->pid, exec_kind(r));
	if (known)
		match(p, e);
	p->counters.unresolved += wanted && !known;
	if (e->fs && e->fs->kinds)
		apply_to_tree(p, r);
	return 1;
}

/* Resolve the records of the buffer, in order, up to one that must wait. */
static void resolve(struct pipeline *p)
{
	size_t at = readbuf_done(&p->buffer);
	struct passage e = {0};
	bool may_wait = !p->is_full && (!p->window.complete || p->stalls < STALL_MAX);
	for (;;) {
		size_t start = at;
		e = (struct passage){0};
		if (!fanrec_next(p->buffer.bytes, p->buffer.end, &at, &e.rec, NULL))
			break;
		if (!pass(p, &e, may_wait)) {
			p->stalls += p->window.complete;
			readbuf_set_done(&p->buffer, start);
			return;
		}
		fd_close(e.rec.pidfd);
		p->counters.resolved++;
		p->stalls = 0;
	}
	readbuf_reset(&p->buffer);
	p->scanned = 0;
}

/* Whether many records have come of late. */
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

int pipeline_turn(struct pipeline *p)
{
	uint64_t start_ns = clock_monotonic_ns();
	if (!pipeline_is_holding(p))
		begin_window(p);
	if (read_queue(p) < 0)
		return -1;
	scan(p);
	actors_drain(p->parts.actors);
	p->parts.before_resolve(p->parts.ctx);
	resolve(p);
	filesystems_close(p->parts.filesystems);
	p->counters.emptied += p->window.complete && !pipeline_is_holding(p);
	p->next_ns = 0;
	if (pipeline_is_holding(p))
		p->next_ns = start_ns + (p->window.complete ? STALL_NS : 0);
	else if (is_loaded(p, start_ns))
		p->next_ns = clock_monotonic_ns() + GATHER_NS;
	return 0;
}
