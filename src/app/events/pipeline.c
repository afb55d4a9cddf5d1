/* SPDX-License-Identifier: MIT */
#include "app/events/pipeline.h"

#include "app/events/below.h"
#include "app/events/fresh.h"
#include "app/events/matches.h"
#include "app/events/leading.h"
#include "app/events/places.h"
#include "os/clock.h"
#include "os/fd.h"

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

struct pipeline *pipeline_new(const struct pipeline_parts *parts)
{
	assert(parts->actors && parts->filesystems && parts->tree && parts->rules);
	assert(parts->entry_marks);
	assert(parts->before_resolve && parts->found);
	struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->parts = *parts;
	p->fresh = fresh_new(parts->wake_fd);
	if (!p->fresh || readbuf_open(&p->buffer, parts->buffer_fd) < 0) {
		int saved = errno;
		fresh_free(p->fresh);
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
	below_free(p);
	fresh_free(p->fresh);
	readbuf_close(&p->buffer);
	execorder_reset(&p->order, NULL, NULL);
	free(p->hits.rules);
	free(p->mounts.items);
	buf_fini(&p->path);
	buf_fini(&p->old_path);
	buf_fini(&p->shown);
	buf_fini(&p->below);
	buf_fini(&p->old_below);
	free(p);
}

struct pipeline_parts *pipeline_parts(struct pipeline *p)
{
	return &p->parts;
}

void pipeline_set_rules(struct pipeline *p, const struct table *next)
{
	fresh_set_rules(p, next);
	p->parts.rules = next;
}

uint64_t pipeline_next_ns(const struct pipeline *p)
{
	return p->next_ns;
}

uint64_t pipeline_due_ns(const struct pipeline *p)
{
	return fresh_due_ns(p);
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

static void scan(struct pipeline *p)
{
	struct fanrec r;
	unsigned bad = 0;
	while (fanrec_next(p->buffer.bytes, p->buffer.end, &p->scanned, &r, &bad)) {
		p->counters.read++;
		execorder_scan(&p->order, r.pid, exec_kind(&r));
		places_scan(p, &r);
	}
	p->counters.malformed += bad;
}

/* ---- Second pass: where, which rules, and who ---- */

static bool is_own(const struct pipeline *p, pid_t pid)
{
	return pid == p->parts.own_pids[0] || pid == p->parts.own_pids[1];
}

/* Whether a rule might want the record. */
static bool is_wanted(const struct pipeline *p, const struct facts *f)
{
	return f->fs && !is_own(p, f->rec.pid) &&
	       ((f->fs->kinds & event_asked_by(f->kinds)) || below_needs(p, f));
}

/* What may decide about changes that wait. */
#define SETTLING (EVENT_CLOSE_WRITE | EVENT_DELETE | EVENT_RENAME)

/* Resolve one record. Returns false if it must wait for others. */
static bool resolve_record(struct pipeline *p, struct facts *f, bool may_wait)
{
	const struct fanrec *r = &f->rec;
	f->fs = r->fsid ? filesystems_by_fsid(p->parts.filesystems, r->fsid) : NULL;
	f->kinds = fanrec_kinds(r->mask);
	if (f->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR)) {
		fresh_settle(p, f);
		p->counters.overflows += (f->kinds & EVENT_OVERFLOW) != 0;
		matches_whole(p, f);
		return true;
	}
	bool wanted = is_wanted(p, f), leads = leading_concern(p, f);
	bool known = (wanted || leads) && places_resolve(p, f);
	if (wanted && !known && may_wait)
		return false;
	f->order = execorder_pass(&p->order, r->pid, exec_kind(r));
	if (wanted && known && f->kinds & SETTLING)
		fresh_settle(p, f);
	if (wanted && known)
		below_find(p, f);
	else if (wanted)
		below_miss(p, f);
	p->counters.unresolved += wanted && !known;
	if (leads)
		leading_apply(p, f);
	if (f->fs && (f->fs->kinds || f->fs->leads))
		places_apply(p, r);
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

/* How many records are dealt with. */
static uint64_t settled(const struct pipeline *p)
{
	uint64_t fresh = fresh_oldest(p), below = below_oldest(p);
	uint64_t oldest = fresh < below ? fresh : below;
	return oldest <= p->counters.resolved ? oldest - 1 : p->counters.resolved;
}

int pipeline_turn(struct pipeline *p, struct clock_now now)
{
	if (!pipeline_has_waiting(p))
		begin_window(p);
	fresh_begin_turn(p);
	if (read_queue(p) < 0)
		return -1;
	scan(p);
	actors_drain(p->parts.actors);
	p->parts.before_resolve(p->parts.ctx);
	p->now = clock_now();
	p->moving_ns = 0;
	resolve_all(p);
	bool is_empty = p->window.complete && !pipeline_has_waiting(p);
	fresh_end_turn(p, is_empty);
	bool has_more = below_turn(p, is_empty);
	entry_marks_renew(p->parts.entry_marks, p->parts.filesystems, p->parts.group);
	filesystems_close(p->parts.filesystems);
	p->counters.settled = settled(p);
	p->counters.emptied += is_empty && p->counters.settled == p->counters.resolved;
	p->next_ns = 0;
	if (has_more)
		p->next_ns = now.monotonic_ns;
	else if (pipeline_has_waiting(p))
		p->next_ns = now.monotonic_ns + (p->window.complete ? WAIT_NS : 0);
	else if (is_loaded(p, now.monotonic_ns))
		p->next_ns = clock_monotonic_ns() + GATHER_NS;
	return 0;
}

void pipeline_end(struct pipeline *p)
{
	p->now = clock_now();
	if (p->walks)
		below_end(p);
}
