/* SPDX-License-Identifier: MIT */
#include "core/place/subtree.h"

#include "base/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* ---- Entries ---- */

/* What lies before the path (with its NUL) and the handle of an entry. */
struct head {
	uint32_t rest_size;
	uint32_t handle_len;
	int32_t handle_type;
	bool is_dir;
};

int subtree_list_add(struct subtree_list *l, const char *dir, const char *name,
	const struct subtree_entry *e)
{
	size_t dir_len = strlen(dir), name_len = strlen(name);
	const struct head head = {
		.rest_size = (uint32_t)(dir_len + (name_len ? 1 + name_len : 0) + 1),
		.handle_len = e->handle.len,
		.handle_type = e->handle.type,
		.is_dir = e->is_dir,
	};
	assert(e->handle.bytes && e->handle.len <= FANREC_HANDLE_MAX);
	if (l->count > SUBTREE_MAX || l->bytes.len > SUBTREE_MAX_BYTES) {
		errno = E2BIG;
		return -1;
	}
	l->count++;
	buf_add(&l->bytes, &head, sizeof(head));
	buf_add(&l->bytes, dir, dir_len);
	if (name_len)
		buf_add(&l->bytes, "/", 1);
	buf_add(&l->bytes, name, name_len + 1);
	return buf_add(&l->bytes, e->handle.bytes, e->handle.len);
}

bool subtree_list_next(const struct subtree_list *l, size_t *at, struct subtree_entry *e)
{
	struct head head;
	assert(*at <= l->bytes.len);
	if (*at == l->bytes.len)
		return false;
	const char *start = l->bytes.data + *at;
	memcpy(&head, start, sizeof(head));
	const char *rest = start + sizeof(head);
	*e = (struct subtree_entry){
		.rest = rest,
		.is_dir = head.is_dir,
		.handle = {.bytes = (const unsigned char *)rest + head.rest_size,
			.len = head.handle_len,
			.type = head.handle_type},
	};
	*at += sizeof(head) + head.rest_size + head.handle_len;
	return true;
}

void subtree_list_fini(struct subtree_list *l)
{
	buf_fini(&l->bytes);
	l->count = 0;
}

/* ---- Paths ---- */

struct subtree_path {
	UT_hash_handle hh;
	uint64_t came; /* hash of the handle of what has come there; 0: nothing has */
	char text[];
};

/* FNV-1a of a handle, for which 32 bits would be too few: two alike would be taken for one. */
static uint64_t hash_of(const struct fanrec_handle *h)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (uint32_t i = 0; h->bytes && i < h->len; i++)
		hash = (hash ^ h->bytes[i]) * UINT64_C(1099511628211);
	return h->bytes ? hash : 0;
}

static struct subtree_path *find(
	const struct subtree_paths *p, const char *rest, size_t len, uint32_t hash)
{
	struct subtree_path *found;
	HASH_FIND_BYHASHVALUE(hh, p->items, rest, len, hash, found);
	return found;
}

static struct subtree_path *find_str(const struct subtree_paths *p, const char *rest)
{
	return p->items ? find(p, rest, strlen(rest), slots_hash_str(rest)) : NULL;
}

static struct subtree_path *add(struct subtree_paths *p, const char *rest)
{
	uint32_t hash = slots_hash_str(rest);
	size_t len = strlen(rest);
	if (HASH_COUNT(p->items) >= SUBTREE_MAX || p->bytes > SUBTREE_MAX_BYTES) {
		errno = E2BIG;
		return NULL;
	}
	struct subtree_path *path = calloc(1, sizeof(*path) + len + 1);
	if (!path)
		return NULL;
	memcpy(path->text, rest, len + 1);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, p->items, path->text, len, hash, path);
	if (!path->hh.tbl) {
		free(path);
		errno = ENOMEM;
		return NULL;
	}
	p->bytes += sizeof(*path) + len + 1;
	return path;
}

int subtree_paths_put(
	struct subtree_paths *p, const char *rest, const struct fanrec_handle *came)
{
	struct subtree_path *path = find_str(p, rest);
	if (!path && !(path = add(p, rest)))
		return -1;
	path->came = hash_of(came);
	return 0;
}

bool subtree_paths_have(const struct subtree_paths *p, const char *rest)
{
	return find_str(p, rest);
}

bool subtree_paths_have_above(const struct subtree_paths *p, const char *rest)
{
	struct slots_path at = slots_path(rest, strlen(rest));
	while (p->items && slots_path_next(&at) && at.len < at.path_len) {
		if (find(p, rest, at.len, at.hash))
			return true;
	}
	return false;
}

bool subtree_paths_have_from(
	const struct subtree_paths *p, const char *rest, const struct fanrec_handle *came)
{
	const struct subtree_path *path = find_str(p, rest);
	return path && path->came && path->came == hash_of(came);
}

int subtree_paths_copy_below(
	struct subtree_paths *to, const struct subtree_paths *from, const char *rest)
{
	const struct fanrec_handle nothing = {0};
	size_t len = strlen(rest);
	for (struct subtree_path *path = from->items; path; path = path->hh.next) {
		if (strncmp(path->text, rest, len) != 0 || path->text[len] != '/')
			continue;
		if (subtree_paths_put(to, path->text + len, &nothing) < 0)
			return -1;
	}
	return 0;
}

void subtree_paths_fini(struct subtree_paths *p)
{
	struct subtree_path *path, *next;
	HASH_ITER (hh, p->items, path, next) {
		HASH_DEL(p->items, path);
		free(path);
	}
	*p = (struct subtree_paths){0};
}
