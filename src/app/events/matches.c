/* SPDX-License-Identifier: MIT */
#include "app/events/matches.h"

#include "app/events/fresh.h"
#include "app/events/tell.h"
#include "app/watch/where.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What the rules that match are told: at once; or when it is known that no close-write follows, as
 * they asked for nothing else. Each NULL: there is no such rule. */
struct found {
	struct change *now, *later;
};

/* What rules are looked for, and what was found so far. */
struct search {
	const struct filesystem *fs;
	uint32_t kinds; /* one of which they must ask for */
	/* table_match, or table_match_below: their globs may match what is below. */
	int (*match)(const struct table *t, const char *path, size_t len, uint32_t kinds,
		struct table_hits *hits);
	uint32_t taken; /* by their old paths none that ask for one of these are */
	struct facts *facts; /* of the record; NULL: what is below a renamed directory */
	struct found found;
};

/* Whether what the rule asked for depends on what becomes of the file. What was done to a file
 * without a name may come before the create of its name, and is to be told once with that. */
static bool is_for_later(const struct facts *f, uint32_t kinds, const struct rule *r)
{
	uint32_t asked = r->events & kinds;
	if (f->rec.mask & FAN_ONDIR || !f->rec.target.bytes)
		return false;
	if (f->is_back)
		asked &= ~(uint32_t)EVENT_DELETE;
	return asked == EVENT_UNWRITTEN || (f->is_linked && r->events & EVENT_UNWRITTEN);
}

/* What was deleted, and more happened to it: the record does not say what came last. */
static void ask_if_back(struct facts *f)
{
	const uint32_t others = EVENT_ALL & ~(uint32_t)EVENT_DELETE;
	f->is_back = (f->kinds & EVENT_DELETE) && (f->kinds & others) &&
		     where_has_entry(f->fs, &f->rec.place, &f->rec.target);
}

static int add_hit(struct pipeline *p, struct search *s, uint32_t rule, bool is_old,
	const char *path)
{
	struct found *found = &s->found;
	struct change **c = &found->now;
	if (s->facts && !found->now && !found->later)
		ask_if_back(s->facts);
	if (s->facts &&
		is_for_later(s->facts, s->kinds, table_rule(p->parts.rules, rule)))
		c = &found->later;
	if (!*c)
		*c = change_new(NULL, NULL);
	return *c ? change_add_hit(*c, rule, is_old, path) : -1;
}

/* Whether a rule has heard by the first half of an exchange what has come to the path that the
 * second half has left: then it does not hear that this went, as if nothing was there now. */
static bool is_told_by_first_half(
	const struct pipeline *p, const struct search *s, uint32_t rule)
{
	const struct change *c = s->found.now;
	bool is_new = false;
	for (size_t i = 0; c && i < c->hit_count && !is_new; i++)
		is_new = c->hits[i].rule == rule && c->hits[i].is_new;
	return s->facts && s->facts->is_second_half && !is_new &&
	       (table_rule(p->parts.rules, rule)->events & EVENT_MOVED_TO);
}

/* Whether a rule is not to hear that something went from an old path. */
static bool is_told_already(
	const struct pipeline *p, const struct search *s, uint32_t rule)
{
	return (table_rule(p->parts.rules, rule)->events & s->taken) ||
	       is_told_by_first_half(p, s, rule);
}

/* Note the rules that match a path within the filesystem as one mount shows it. Returns 0, or -1
 * with ENOMEM. */
static int match_mount(struct pipeline *p, struct search *s, const struct mount *mount,
	const struct buf *inner, bool is_old)
{
	const struct mounts *mounts = &p->parts.filesystems->landing.mounts;
	buf_clear(&p->shown);
	if (mounts_add_path(mount, inner->data, inner->len, &p->shown) < 0 ||
		s->match(p->parts.rules, p->shown.data, p->shown.len, s->kinds,
			&p->hits) < 0)
		return -1;
	if (!p->hits.count || mounts_hide(mounts, mount, p->shown.data, p->shown.len))
		return 0;
	for (size_t k = 0; k < p->hits.count; k++) {
		const struct table_hit *hit = &p->hits.items[k];
		if (is_old && is_told_already(p, s, hit->rule))
			continue;
		buf_clear(&p->called);
		if (table_hit_path(hit, p->shown.data, p->shown.len, &p->called) < 0 ||
			add_hit(p, s, hit->rule, is_old, p->called.data) < 0)
			return -1;
	}
	return 0;
}

/* The same with every mount that shows it; `at` is the length of the path, or that of a directory
 * above it that was renamed: a mount of what is in that shows the same paths as before. */
static int match_path(struct pipeline *p, struct search *s, const struct buf *inner,
	size_t at, bool is_old)
{
	const struct landing *l = &p->parts.filesystems->landing;
	bool is_below = at < inner->len || s->match == table_match_below;
	if (inner->failed || landing_of_path(l, filesystems_number(s->fs), inner->data,
				     at, s->kinds, &p->mounts) < 0)
		return -1;
	for (size_t i = 0; i < p->mounts.count; i++) {
		const struct mount *mount = &l->mounts.items[p->mounts.items[i]];
		if (is_below && strlen(mount->root) >= at)
			continue;
		if (match_mount(p, s, mount, inner, is_old) < 0)
			return -1;
	}
	return 0;
}

/*
 * Note the rules whose paths lead through the entry: to them it is the path that they name which
 * has changed. Where a glob matches the entry itself that is noted already. Returns 0, or -1 with
 * ENOMEM.
 */
static int match_way(struct pipeline *p, struct search *s,
	const struct fanrec_place *place, bool is_old)
{
	const struct fanrec *r = &s->facts->rec;
	const char *front;
	for (size_t i = 0; (front = symlinks_told(p->parts.symlinks, r, place, i)); i++) {
		const char *path = *front ? front : "/";
		if (table_match_front(p->parts.rules, front, s->kinds, &p->hits) < 0)
			return -1;
		for (size_t k = 0; k < p->hits.count; k++) {
			uint32_t rule = p->hits.items[k].rule;
			if (is_old && is_told_already(p, s, rule))
				continue;
			if (add_hit(p, s, rule, is_old, path) < 0)
				return -1;
		}
	}
	return 0;
}

/* The same with both places of a record. */
static int match_ways(struct pipeline *p, struct search *s)
{
	const struct fanrec *r = &s->facts->rec;
	bool is_rename = r->new_place.dir.bytes;
	if (is_rename && match_way(p, s, &r->new_place, false) < 0)
		return -1;
	return match_way(p, s, &r->place, is_rename);
}

/* A path within the filesystem as some mount shows it, whether a rule matches it or not; NULL
 * if none does. */
static char *any_shown_path(
	const struct pipeline *p, const struct filesystem *fs, const struct buf *inner)
{
	struct buf shown = {0};
	if (landing_show(&p->parts.filesystems->landing, filesystems_number(fs),
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

int matches_who(struct pipeline *p, const struct facts *f, struct actor *out)
{
	struct proctable_window w = p->window;
	w.order = f->order;
	w.ordinal = f->ordinal;
	w.spans = f->is_merged || (f->kinds & (f->kinds - 1)) != 0;
	/* Of a file that was opened, written and closed that user is wanted who opened it; whoever
	 * deletes it does so for himself. */
	w.users_span = w.spans && (f->kinds & EVENT_DELETE);
	return f->actor ? actor_copy(out, f->actor)
			: actors_who(p->parts.actors, f->rec.pid, f->rec.pidfd, &w, out);
}

static void set_target(
	struct change *c, uint64_t fsid, const struct fanrec_handle *target)
{
	c->fsid = fsid;
	c->target_type = target->type;
	c->target_len = target->bytes ? target->len : 0;
	if (c->target_len)
		memcpy(c->target, target->bytes, c->target_len);
}

/* Complete a change that some rule matched. Returns 0, or -1 with ENOMEM. */
static int fill_change(struct pipeline *p, struct facts *f, struct change *c)
{
	const struct fanrec *r = &f->rec;
	assert(f->fs && c->hit_count);
	if (matches_who(p, f, &c->actor) < 0)
		return -1;
	count_actor(p, &c->actor);
	c->event.kinds = f->kinds;
	c->event.is_dir = r->mask & FAN_ONDIR;
	c->event.time_ns = p->now.realtime_ns;
	if (f->has_path)
		c->event.path = any_shown_path(p, f->fs, &p->path);
	if (f->has_old_path)
		c->event.old_path = any_shown_path(p, f->fs, &p->old_path);
	set_target(c, r->fsid, &r->target);
	c->event.is_back = f->is_back;
	return 0;
}

/* Find the rules that match. Returns 0, or -1 with ENOMEM. */
static int find_rules(struct pipeline *p, const struct facts *f, struct search *s)
{
	int rc = 0;
	if (f->has_path)
		rc = match_path(p, s, &p->path, p->path.len, false);
	if (rc == 0 && f->has_old_path)
		rc = match_path(p, s, &p->old_path, p->old_path.len, true);
	if (rc == 0 && f->is_on_way)
		rc = match_ways(p, s);
	return rc;
}

/* Each of these returns 0, or -1 with ENOMEM. */
static int tell_now(struct pipeline *p, struct facts *f, struct change *c)
{
	if (fill_change(p, f, c) < 0)
		return -1;
	/* Nothing is written to a directory; and without a handle nobody can be asked. */
	c->event.is_unwritten = c->event.is_dir || !c->target_len;
	tell_change(p, f->fs, c);
	if (f->kinds & EVENT_CLOSE_WRITE)
		fresh_note_close(p, c);
	return 0;
}

static int tell_later(struct pipeline *p, struct facts *f, struct change *c)
{
	enum fresh_fate fate = fresh_fate(p, f);
	if (fate == FRESH_COVERED)
		return 0;
	if (fill_change(p, f, c) < 0)
		return -1;
	c->event.is_unwritten = true;
	if (!(f->kinds & EVENT_CREATE) && fresh_is_closed(p, c))
		return 0;
	if (fate == FRESH_COMPLETE)
		tell_change(p, f->fs, c);
	else
		fresh_put(p, f, c);
	return 0;
}

void matches_find(struct pipeline *p, struct facts *f)
{
	struct search s = {.fs = f->fs,
		.kinds = event_asked_by(f->kinds),
		.match = table_match,
		.facts = f};
	int rc = find_rules(p, f, &s);
	f->is_hit = s.found.now || s.found.later;
	if (rc == 0 && s.found.now)
		rc = tell_now(p, f, s.found.now);
	if (rc == 0 && s.found.later)
		rc = tell_later(p, f, s.found.later);
	if (rc < 0)
		p->counters.dropped++;
	change_unref(s.found.now);
	change_unref(s.found.later);
}

/* Hand on what nobody did. */
static void tell_by_nobody(struct pipeline *p, struct change *c, uint32_t kinds)
{
	c->event.kinds = kinds;
	c->event.time_ns = p->now.realtime_ns;
	c->event.type_known = true;
	c->actor = (struct actor)ACTOR_NOBODY;
	p->parts.found(p->parts.ctx, c, p->now);
}

/* ---- Below a directory that was renamed ---- */

/* The paths within the filesystem of what is below the directory, "": of itself. */
static void join_paths(
	struct pipeline *p, const struct matches_moved *m, const char *rest)
{
	buf_clear(&p->below);
	buf_clear(&p->old_below);
	if (m->path)
		buf_add_str(&p->below, m->path);
	buf_add_str(&p->below, rest);
	if (m->old_path)
		buf_add_str(&p->old_below, m->old_path);
	buf_add_str(&p->old_below, rest);
}

/* Find what matches the joined paths. Returns 0, or -1 with ENOMEM. */
static int match_moved(
	struct pipeline *p, const struct matches_moved *m, struct search *s)
{
	int rc = 0;
	if (m->path)
		rc = match_path(p, s, &p->below, strlen(m->path), false);
	if (rc == 0 && m->old_path)
		rc = match_path(p, s, &p->old_below, strlen(m->old_path), true);
	return rc;
}

char *matches_shown_path(struct pipeline *p, const struct matches_moved *m)
{
	const struct filesystem *fs = filesystems_by_fsid(p->parts.filesystems, m->fsid);
	join_paths(p, m, "");
	return fs ? any_shown_path(p, fs, m->path ? &p->below : &p->old_below) : NULL;
}

bool matches_may_be_below(struct pipeline *p, const struct matches_moved *m)
{
	struct search s = {.fs = filesystems_by_fsid(p->parts.filesystems, m->fsid),
		.kinds = EVENT_RENAMES,
		.match = table_match_below};
	join_paths(p, m, "");
	bool may = s.fs && (match_moved(p, m, &s) < 0 || s.found.now);
	change_unref(s.found.now);
	return may;
}

void matches_moved(struct pipeline *p, const struct matches_moved *m,
	const struct subtree_entry *e, struct matches_scope scope)
{
	struct filesystem *fs = filesystems_by_fsid(p->parts.filesystems, m->fsid);
	struct search s = {.fs = fs,
		.kinds = EVENT_RENAMES,
		.match = scope.covers_below ? table_match_below : table_match,
		.taken = scope.taken};
	join_paths(p, m, e->rest);
	int rc = fs ? match_moved(p, m, &s) : 0;
	struct change *c = s.found.now;
	if (rc == 0 && c)
		rc = actor_copy(&c->actor, m->actor);
	if (rc == 0 && c) {
		count_actor(p, &c->actor);
		c->event.kinds = EVENT_RENAME;
		c->event.is_dir = e->is_dir;
		c->event.covers_below = scope.covers_below;
		c->event.time_ns = m->time_ns;
		if (m->path)
			c->event.path = any_shown_path(p, fs, &p->below);
		if (m->old_path)
			c->event.old_path = any_shown_path(p, fs, &p->old_below);
		set_target(c, m->fsid, &e->handle);
		tell_change(p, fs, c);
	}
	if (rc < 0)
		p->counters.dropped++;
	change_unref(c);
}

/* ---- Whole filesystems ---- */

void matches_whole(struct pipeline *p, struct facts *f)
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
	if (rc == 0 && c->hit_count)
		tell_by_nobody(p, c, f->kinds);
	else if (rc < 0)
		p->counters.dropped++;
	change_unref(c);
}

/* Note the rules of one mount for matches_add_lost. */
static int add_lost_on(struct pipeline *p, const struct mount *mount, const char *dir,
	const struct buf *path, uint32_t kinds, struct change **change)
{
	struct buf shown = {0};
	const char *told =
		mounts_is_within(dir, strlen(dir), mount->root) ? dir : path->data;
	buf_clear(&p->shown);
	int rc = mounts_add_path(mount, path->data, path->len, &p->shown);
	if (rc == 0)
		rc = table_match(
			p->parts.rules, p->shown.data, p->shown.len, kinds, &p->hits);
	if (rc == 0)
		rc = mounts_add_path(mount, told, strlen(told), &shown);
	if (rc == 0 && p->hits.count && !*change)
		rc = (*change = change_new(shown.data, NULL)) ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < p->hits.count; i++) {
		uint32_t rule = p->hits.items[i].rule;
		if (table_rule(p->parts.rules, rule)->on_overflow == RULE_OVERFLOW_RUN)
			rc = change_add_hit(*change, rule, false, shown.data);
	}
	buf_fini(&shown);
	return rc;
}

int matches_add_lost(struct pipeline *p, struct filesystem *fs, const char *dir,
	const struct buf *path, uint32_t kinds, struct change **change)
{
	const struct landing *l = &p->parts.filesystems->landing;
	if (path->failed || landing_of_path(l, filesystems_number(fs), path->data,
				    path->len, kinds, &p->mounts) < 0)
		return -1;
	for (size_t i = 0; i < p->mounts.count; i++) {
		const struct mount *mount = &l->mounts.items[p->mounts.items[i]];
		if (add_lost_on(p, mount, dir, path, kinds, change) < 0)
			return -1;
	}
	return 0;
}

void matches_tell_lost(struct pipeline *p, struct change *c)
{
	tell_by_nobody(p, c, EVENT_OVERFLOW);
}
