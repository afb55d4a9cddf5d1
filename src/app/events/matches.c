/* SPDX-License-Identifier: MIT */
#include "app/events/matches.h"

#include "app/watch/where.h"
#include "os/fd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What rules are looked for, and what was found so far. */
struct search {
	const struct filesystem *fs;
	uint32_t kinds; /* one of which they must ask for */
	/* table_match, or table_match_below: their globs may match what is below. */
	int (*match)(const struct table *t, const char *path, size_t len, uint32_t kinds,
		struct table_hits *hits);
	uint32_t taken; /* by their old paths none that ask for one of these are */
	struct change *change; /* what they match, made when there is a first one */
};

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
	if (!s->change)
		s->change = change_new(NULL, NULL);
	for (size_t k = 0; s->change && k < p->hits.count; k++) {
		uint32_t rule = p->hits.rules[k];
		if (is_old && (table_rule(p->parts.rules, rule)->events & s->taken))
			continue;
		if (change_add_hit(s->change, rule, is_old, p->shown.data) < 0)
			return -1;
	}
	return s->change ? 0 : -1;
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
	w.spans = (f->kinds & (f->kinds - 1)) != 0;
	return actors_who(p->parts.actors, f->rec.pid, f->rec.pidfd, &w, out);
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

/* Hand on a change that some rule matched, of which but the file itself all is known. */
static void hand_on(struct pipeline *p, struct filesystem *fs, struct change *c,
	const struct fanrec_handle *target)
{
	assert(fs && c->hit_count);
	count_actor(p, &c->actor);
	c->fsid = fs->fsid;
	c->target_type = target->type;
	c->target_len = target->bytes ? target->len : 0;
	if (c->target_len)
		memcpy(c->target, target->bytes, c->target_len);
	fill_type(p, fs, c);
	p->parts.found(p->parts.ctx, c, p->now);
}

/* Complete the change that a record is. Returns 0, or -1 with ENOMEM. */
static int hand_on_record(struct pipeline *p, struct facts *f, struct change *c)
{
	if (matches_who(p, f, &c->actor) < 0)
		return -1;
	c->event.kinds = f->kinds;
	c->event.is_dir = f->rec.mask & FAN_ONDIR;
	c->event.time_ns = p->now.realtime_ns;
	if (f->has_path)
		c->event.path = any_shown_path(p, f->fs, &p->path);
	if (f->has_old_path)
		c->event.old_path = any_shown_path(p, f->fs, &p->old_path);
	hand_on(p, f->fs, c, &f->rec.target);
	return 0;
}

void matches_find(struct pipeline *p, struct facts *f)
{
	struct search s = {.fs = f->fs, .kinds = f->kinds, .match = table_match};
	/* Whatever could be a rename or an unwritten create for some rule. */
	if (f->kinds & EVENT_RENAME)
		s.kinds |= EVENT_RENAMES;
	if (f->kinds & EVENT_CREATE)
		s.kinds |= EVENT_CREATE_UNWRITTEN;
	int rc = 0;
	if (f->has_path)
		rc = match_path(p, &s, &p->path, p->path.len, false);
	if (rc == 0 && f->has_old_path)
		rc = match_path(p, &s, &p->old_path, p->old_path.len, true);
	if (rc == 0 && s.change)
		rc = hand_on_record(p, f, s.change);
	if (rc < 0)
		p->counters.dropped++;
	change_unref(s.change);
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
	bool may = s.fs && (match_moved(p, m, &s) < 0 || s.change);
	change_unref(s.change);
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
	bool is_hit = s.change && s.change->hit_count;
	if (rc == 0 && is_hit)
		rc = actor_copy(&s.change->actor, m->actor);
	if (rc == 0 && is_hit) {
		s.change->event.kinds = EVENT_RENAME;
		s.change->event.is_dir = e->is_dir;
		s.change->event.covers_below = scope.covers_below;
		s.change->event.time_ns = m->time_ns;
		if (m->path)
			s.change->event.path = any_shown_path(p, fs, &p->below);
		if (m->old_path)
			s.change->event.old_path = any_shown_path(p, fs, &p->old_below);
		hand_on(p, fs, s.change, &e->handle);
	}
	if (rc < 0)
		p->counters.dropped++;
	change_unref(s.change);
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
