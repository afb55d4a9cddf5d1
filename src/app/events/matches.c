/* SPDX-License-Identifier: MIT */
#include "app/events/matches.h"

#include "app/watch/where.h"
#include "os/fd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Whether a rule has heard by the first half of an exchange what has come to the path that the
 * second half has left: then it does not hear that this went, as if nothing was there now. */
static bool is_told_by_first_half(const struct pipeline *p, const struct facts *f,
	const struct change *c, uint32_t rule)
{
	bool is_new = false;
	for (size_t i = 0; i < c->hit_count && !is_new; i++)
		is_new = c->hits[i].rule == rule && c->hits[i].is_new;
	return f->is_second_half && !is_new &&
	       (table_rule(p->parts.rules, rule)->events & EVENT_MOVED_TO);
}

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
		if (is_old && is_told_by_first_half(p, f, *change, p->hits.rules[k]))
			continue;
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

int matches_who(struct pipeline *p, const struct facts *f, struct actor *out)
{
	struct proctable_window w = p->window;
	w.order = f->order;
	w.spans = f->is_merged || (f->kinds & (f->kinds - 1)) != 0;
	return actors_who(p->parts.actors, f->rec.pid, f->rec.pidfd, &w, out);
}

/* The same, unless it has been found out: then it is taken from there. */
static int attribute(struct pipeline *p, struct facts *f, struct actor *out)
{
	if (f->actor) {
		*out = *f->actor;
		*f->actor = (struct actor)ACTOR_NOBODY;
	} else if (matches_who(p, f, out) < 0) {
		return -1;
	}
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

void matches_find(struct pipeline *p, struct facts *f)
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
	f->is_hit = c && c->hit_count;
	if (rc == 0 && f->is_hit)
		rc = hand_on(p, f, c);
	if (rc < 0)
		p->counters.dropped++;
	change_unref(c);
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
		uint32_t rule = p->hits.rules[i];
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
