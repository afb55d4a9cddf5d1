/* SPDX-License-Identifier: MIT */
#include "core/rule/view.h"

struct view view_of(struct change *c, uint32_t kind, const struct change_hit *hit)
{
	const struct event *e = &c->event;
	/* The kernel tells of a directory even if nobody looked. */
	enum event_type unseen = e->is_dir ? EVENT_TYPE_DIR : EVENT_TYPE_GONE;
	enum event_type type = e->type_known ? e->type : unseen;
	return (struct view){
		.change = c,
		.kind = kind,
		.type = kind == EVENT_DELETE ? EVENT_TYPE_GONE : type,
		.path = hit && hit->path ? hit->path : e->path,
		.old_path = hit && hit->old_path ? hit->old_path : e->old_path,
	};
}

const char *view_path(const struct view *v)
{
	const char *path = v->kind == EVENT_MOVED_FROM ? v->old_path : v->path;
	return path ? path : "";
}
