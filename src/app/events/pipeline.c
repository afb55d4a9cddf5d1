/* SPDX-License-Identifier: MIT */
#include "app/events/pipeline.h"

#include "app/events/aside.h"
#include "app/events/below.h"
#include "app/events/gaps.h"
#include "app/events/fresh.h"
#include "app/events/matches.h"
#include "app/events/leading.h"
#include "app/events/places.h"
#include "app/events/repeats.h"
#include "base/countof.h"
#include "os/clock.h"
#include "os/fanotify.h"
#include "os/fd.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

/* More records than this in so short a time mean load: then let them gather for GATHER_NS,
 * as to read each at once costs several times as much. */
#define LOAD_RECORDS 64
#define LOAD_NS UINT64_C(10000000)
#define GATHER_NS UINT64_C(1000000)
/* Reads in a row, and rounds of reading and resolving in one turn, so that a storm does not keep
 * the turn from ending. */
#define READS_MAX 128
#define ROUNDS_MAX 64

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
	p->repeats = repeats_new();
	p->aside = aside_new();
	p->gaps = gaps_new();
	if (!p->repeats || !p->aside || !p->gaps) {
		pipeline_free(p);
		errno = ENOMEM;
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
	repeats_free(p->repeats);
	aside_free(p->aside);
	gaps_free(p->gaps);
	execorder_reset(&p->order, NULL, NULL);
	free(p->hits.items);
	free(p->mounts.items);
	buf_fini(&p->path);
	buf_fini(&p->old_path);
	buf_fini(&p->shown);
	buf_fini(&p->called);
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
	uint64_t aside_ns = aside_due_ns(p), gaps_ns = gaps_due_ns(p);
	uint64_t due_ns = fresh_due_ns(p);
	due_ns = aside_ns < due_ns ? aside_ns : due_ns;
	return gaps_ns < due_ns ? gaps_ns : due_ns;
}

/* Where the records of the buffer begin that have not been resolved. */
static size_t first_waiting(const struct pipeline *p)
{
	size_t done = readbuf_done(&p->buffer);
	return done > p->kept ? done : p->kept;
}

bool pipeline_has_waiting(const struct pipeline *p)
{
	return p->buffer.end > first_waiting(p) || p->is_asking;
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
	repeats_begin_window(p);
	dirtree_trim(p->parts.tree);
}

static enum execorder_kind exec_kind(const struct fanrec *r)
{
	return execorder_kind(fanrec_kinds(r->mask) & EVENT_OPEN_EXEC, r->place.name);
}

static void scan(struct pipeline *p)
{
	struct fanrec r;
	unsigned bad = 0;
	const unsigned char *bytes = p->buffer.bytes;
	for (size_t at = p->scanned;
		fanrec_next(bytes, p->buffer.end, &p->scanned, &r, &bad);
		at = p->scanned) {
		p->counters.read++;
		execorder_scan(&p->order, r.pid, exec_kind(&r));
		places_scan(p, &r);
		if (r.mask & (FAN_RENAME | FAN_DELETE))
			repeats_scan(p, &r, bytes + at, p->scanned - at);
	}
	p->counters.malformed += bad;
}

/* Read until the queue is empty or the turn has had enough. Returns 0, or -1 with errno.
 */
static int read_queue(struct pipeline *p)
{
	p->window.complete = false;
	for (int i = 0; i < READS_MAX && !p->window.complete; i++) {
		uint64_t before_ns = clock_monotonic_ns();
		actors_begin_read(p->parts.actors);
		ssize_t n = readbuf_read(&p->buffer, p->parts.group);
		scan(p);
		actors_end_read(p->parts.actors, p->counters.read);
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

/* Something was looked up: it is to be believed when all that is in the queue now has been
 * read. Without room for that it has to do as it is. */
static void begin_asking(struct pipeline *p)
{
	ssize_t depth = p->is_full ? 0 : fanotify_depth(p->parts.group);
	p->is_asking = true;
	p->asked_until = p->counters.read + (depth > 0 ? (uint64_t)depth : 0);
}

/* Whether all has been read that what was looked up has to wait for. */
static bool end_asking(struct pipeline *p)
{
	if (p->is_asking && !p->window.complete && !p->is_full &&
		p->counters.read < p->asked_until)
		return false;
	if (p->is_asking)
		dirtree_confirm(p->parts.tree);
	p->is_asking = false;
	return true;
}

/* Whether the tree of directories has to know where the target is. */
static bool is_known_dir(const struct facts *f)
{
	return f->fs && (f->fs->kinds || f->fs->leads) && (f->rec.mask & FAN_ONDIR);
}

/* Let the tree of directories, and what hangs on it, know how things are after a record. */
static void apply(struct pipeline *p, const struct facts *f, bool leads)
{
	if (leads)
		leading_apply(p, f);
	if (f->fs && (f->fs->kinds || f->fs->leads))
		places_apply(p, &f->rec);
}

/* A step that has no record of its own: all that it is about was known before. */
static void resolve_repeat(struct pipeline *p, struct facts *f)
{
	bool wanted = is_wanted(p, f) || gaps_wants(p, f), leads = leading_concern(p, f);
	bool is_known = (wanted || leads) && places_resolve(p, f) == PLACES_KNOWN;
	gaps_note_rename(p, f, aside_oldest(p));
	if (wanted && is_known)
		fresh_settle(p, f);
	if (wanted && is_known)
		below_find(p, f);
	p->counters.unresolved += wanted && !is_known;
	apply(p, f, leads);
}

/* All such steps behind the record that was resolved last. */
static void resolve_repeats(struct pipeline *p)
{
	struct facts again;
	while (repeats_next(p, &again))
		resolve_repeat(p, &again);
}

/* Resolve the record of these bytes. Returns false if something was looked up for it, so that it
 * has to be resolved once more. */
static bool resolve_record(
	struct pipeline *p, struct facts *f, const void *bytes, size_t len)
{
	const struct fanrec *r = &f->rec;
	f->fs = r->fsid ? filesystems_by_fsid(p->parts.filesystems, r->fsid) : NULL;
	f->kinds = fanrec_kinds(r->mask);
	if (f->kinds & (EVENT_OVERFLOW | EVENT_FS_ERROR)) {
		fresh_settle(p, f);
		p->counters.overflows += (f->kinds & EVENT_OVERFLOW) != 0;
		/* What became of links is lost as well. */
		if ((f->kinds & EVENT_OVERFLOW) && p->parts.symlinks)
			symlinks_ask_all(p->parts.symlinks);
		matches_whole(p, f);
		return true;
	}
	bool wanted = is_wanted(p, f) || gaps_wants(p, f), leads = leading_concern(p, f);
	if (wanted || is_known_dir(f) || repeats_oldest(p) != UINT64_MAX)
		repeats_find(p, f);
	enum places_found found = PLACES_UNKNOWN;
	if (wanted || leads)
		found = places_resolve(p, f);
	if (found == PLACES_ASKED)
		return false;
	f->is_on_way = symlinks_note(p->parts.symlinks, r, f->fs, f->ordinal);
	f->order = execorder_pass(&p->order, r->pid, exec_kind(r));
	gaps_note_rename(p, f, aside_oldest(p));
	if (wanted && found == PLACES_KNOWN && f->kinds & FRESH_SETTLING)
		fresh_settle(p, f);
	if (wanted && (found == PLACES_KNOWN || f->is_on_way)) {
		below_find(p, f);
	} else if (wanted) {
		below_miss(p, f);
		aside_put(p, f, bytes, len);
	}
	apply(p, f, leads);
	return true;
}

/* Resolve the records of the buffer, in order. Returns false if one of them has to be resolved
 * once more, when more has been read. */
static bool resolve_all(struct pipeline *p)
{
	size_t at = first_waiting(p);
	struct facts f = {0};
	for (;;) {
		size_t start = at;
		f = (struct facts){.ordinal = p->counters.resolved + 1};
		if (!fanrec_next(p->buffer.bytes, p->buffer.end, &at, &f.rec, NULL))
			break;
		/* Such a descriptor was one of that worker, and is gone with it. */
		if (start < p->inherited)
			f.rec.pidfd = -1;
		if (!resolve_record(p, &f, p->buffer.bytes + start, at - start)) {
			readbuf_set_done(&p->buffer, start);
			return false;
		}
		fd_close(f.rec.pidfd);
		p->counters.resolved++;
		if (!repeats_add(p, &f)) {
			readbuf_set_done(&p->buffer, at);
			return false;
		}
		resolve_repeats(p);
	}
	readbuf_reset(&p->buffer);
	aside_keep(p);
	p->scanned = p->kept = p->buffer.end;
	p->inherited = 0;
	return true;
}

/*
 * Read, and resolve what was read. Returns 0 if that is done; 1 if more has to be read for it at
 * once; or -1 with errno.
 */
static int play_round(struct pipeline *p)
{
	if (read_queue(p) < 0)
		return -1;
	/* What is read later than process records waits for more of them. */
	actors_drain(p->parts.actors);
	p->parts.before_resolve(p->parts.ctx);
	p->now = clock_now();
	if (!end_asking(p))
		return 1;
	resolve_repeats(p);
	if (aside_resolve(p) && resolve_all(p))
		return 0;
	begin_asking(p);
	return 1;
}

/* How many records, from the first on, nothing is open of. */
static uint64_t settled(const struct pipeline *p)
{
	const uint64_t oldest[] = {aside_oldest(p), gaps_oldest(p), repeats_oldest(p),
		fresh_oldest(p), below_oldest(p), symlinks_oldest(p->parts.symlinks)};
	uint64_t open = p->counters.resolved + 1;
	for (size_t i = 0; i < countof(oldest); i++)
		open = MIN(open, oldest[i]);
	return open - 1;
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
	fresh_begin_turn(p);
	p->moving_ns = 0;
	int more = 1;
	for (int i = 0; i < ROUNDS_MAX && more > 0; i++)
		more = play_round(p);
	bool is_empty = more == 0 && p->window.complete && !pipeline_has_waiting(p);
	bool has_more = false;
	if (more >= 0) {
		fresh_end_turn(p, is_empty);
		has_more = below_turn(p, is_empty && aside_oldest(p) == UINT64_MAX);
	}
	entry_marks_renew(p->parts.entry_marks, p->parts.filesystems, p->parts.group);
	filesystems_close(p->parts.filesystems);
	if (more < 0)
		return -1;
	gaps_tell(p);
	actors_passed(p->parts.actors, p->counters.resolved);
	p->counters.settled = settled(p);
	p->counters.emptied += is_empty && p->counters.settled == p->counters.resolved;
	p->next_ns = 0;
	if (more || has_more)
		p->next_ns = now.monotonic_ns;
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
