/* SPDX-License-Identifier: MIT */
#include "core/rule/change.h"

#include "base/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct change *change_new(const char *path, const char *old_path)
{
	struct change *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->refs = 1;
	c->event.actor = &c->actor;
	if (path)
		c->event.path = strdup(path);
	if (old_path)
		c->event.old_path = strdup(old_path);
	if ((path && !c->event.path) || (old_path && !c->event.old_path)) {
		change_unref(c);
		return NULL;
	}
	return c;
}

static struct change_hit *hit_of(struct change *c, uint32_t rule)
{
	for (size_t i = 0; i < c->hit_count; i++) {
		if (c->hits[i].rule == rule)
			return &c->hits[i];
	}
	if (grow(c->hits, c->hit_count) < 0)
		return NULL;
	c->hits[c->hit_count] = (struct change_hit){.rule = rule};
	return &c->hits[c->hit_count++];
}

/* Copy a path that is not the event's own, unless there is one already. */
static int keep_path(char **slot, const char *own, const char *path)
{
	if (*slot || (own && strcmp(own, path) == 0))
		return 0;
	*slot = strdup(path);
	return *slot ? 0 : -1;
}

int change_add_hit(struct change *c, uint32_t rule, bool is_old, const char *path)
{
	struct change_hit *h = hit_of(c, rule);
	if (!h)
		return -1;
	if (is_old) {
		h->is_old = true;
		return keep_path(&h->old_path, c->event.old_path, path);
	}
	h->is_new = true;
	return keep_path(&h->path, c->event.path, path);
}

void change_renumber(struct change *c, const int64_t *map)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->hit_count; i++) {
		struct change_hit hit = c->hits[i];
		if (map[hit.rule] >= 0) {
			hit.rule = (uint32_t)map[hit.rule];
			c->hits[kept++] = hit;
		} else {
			free(hit.path);
			free(hit.old_path);
		}
	}
	c->hit_count = kept;
}

struct change *change_ref(struct change *c)
{
	c->refs++;
	return c;
}

void change_unref(struct change *c)
{
	assert(!c || c->refs > 0);
	if (!c || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->hit_count; i++) {
		free(c->hits[i].path);
		free(c->hits[i].old_path);
	}
	free(c->hits);
	free((char *)c->event.path);
	free((char *)c->event.old_path);
	actor_fini(&c->actor);
	free(c);
}

struct fanrec_handle change_target(const struct change *c)
{
	return (struct fanrec_handle){
		.bytes = c->target_len ? c->target : NULL,
		.len = c->target_len,
		.type = c->target_type,
	};
}
