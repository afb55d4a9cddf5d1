/* SPDX-License-Identifier: MIT */
#include "app/events/tell.h"

#include "app/watch/where.h"
#include "os/fd.h"

#include <assert.h>

/* What was deleted is gone, even where another link of it is left. */
static bool is_gone(const struct event *e)
{
	return (e->kinds & EVENT_DELETE) && !e->is_back;
}

/* Look at the file, if a rule wants to know what it is. */
static void fill_type(const struct pipeline *p, struct filesystem *fs, struct change *c)
{
	bool is_needed = false;
	for (size_t i = 0; i < c->hit_count && !is_needed; i++)
		is_needed = judge_needs_type(table_rule(p->parts.rules, c->hits[i].rule));
	if (!is_needed)
		return;
	struct fanrec_handle target = change_target(c);
	int fd = fs && !is_gone(&c->event) ? where_open(fs, &target) : -1;
	where_fill_type(fd, &c->event);
	fd_close(fd);
}

void tell_change(struct pipeline *p, struct filesystem *fs, struct change *c)
{
	assert(c->hit_count);
	fill_type(p, fs, c);
	p->parts.found(p->parts.ctx, c, p->now);
}
