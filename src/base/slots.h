/* SPDX-License-Identifier: MIT */
/*
 * A hash table of numbers: the places of things in an array. What the things are, and which
 * two are equal, only its user knows.
 */
#ifndef FSMON_BASE_SLOTS_H
#define FSMON_BASE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_NONE UINT32_MAX
#define SLOTS_HASH UINT32_C(2166136261) /* of no bytes */

/* All zero has no room yet. */
struct slots {
	uint32_t *items; /* numbers, or SLOTS_NONE */
	uint32_t mask; /* how many there are, less one */
};

/* The hash (FNV-1a) of some bytes and one more. */
static inline uint32_t slots_hash(uint32_t hash, char byte)
{
	return (hash ^ (unsigned char)byte) * UINT32_C(16777619);
}

static inline uint32_t slots_hash_str(const char *s)
{
	uint32_t hash = SLOTS_HASH;
	while (*s)
		hash = slots_hash(hash, *s++);
	return hash;
}

/* A hash of a number, to go on with. */
static inline uint32_t slots_hash_number(uint64_t number)
{
	return (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Make room for so many numbers. Returns 0, or -1 with ENOMEM. On success slots_fini frees
 * it. */
static inline int slots_init(struct slots *s, size_t count)
{
	size_t room = 4;
	while (room < 2 * count)
		room *= 2;
	s->items = reallocarray(NULL, room, sizeof(*s->items));
	if (!s->items)
		return -1;
	memset(s->items, 0xff, room * sizeof(*s->items));
	s->mask = (uint32_t)(room - 1);
	return 0;
}

/*
 * Where a number of that hash may stand. Who looks for one asks for hash, hash + 1 and so
 * on, until it is the one or SLOTS_NONE, and may write a new number there.
 */
static inline uint32_t *slots_at(const struct slots *s, uint32_t hash)
{
	return &s->items[hash & s->mask];
}

/* Walks over the paths that lead to a path, "/a" and then "/a/b" to "/a/b", each with its
 * hash: the first `len` bytes. */
struct slots_path {
	const char *path;
	size_t path_len;
	size_t len;
	uint32_t hash;
};

static inline struct slots_path slots_path(const char *path, size_t len)
{
	return (struct slots_path){.path = path, .path_len = len, .hash = SLOTS_HASH};
}

/* Go on to the next; returns whether there was one. */
static inline bool slots_path_next(struct slots_path *p)
{
	if (p->len == p->path_len)
		return false;
	do
		p->hash = slots_hash(p->hash, p->path[p->len++]);
	while (p->len < p->path_len && p->path[p->len] != '/');
	return true;
}

static inline void slots_fini(struct slots *s)
{
	free(s->items);
	*s = (struct slots){0};
}

#endif
