/* SPDX-License-Identifier: MIT */
#include "core/place/dirset.h"

#include <errno.h>

/* The number that stands for a hash in slots. */
static uint32_t number_of(uint32_t hash)
{
	return hash == SLOTS_NONE ? 0 : hash;
}

static uint32_t number_of_dir(uint64_t dev, uint32_t hash)
{
	return number_of(hash + slots_hash_number(dev));
}

/* The slot of a number that stands for a hash. */
static uint32_t *number_slot(const struct slots *s, uint32_t number)
{
	uint32_t *slot, at = number;
	while (*(slot = slots_at(s, at)) != SLOTS_NONE && *slot != number)
		at++;
	return slot;
}

static void add_dir(struct dirset *s, uint64_t dev, uint32_t hash, uint32_t name_hash)
{
	uint32_t number = number_of_dir(dev, hash), name = number_of(name_hash);
	*number_slot(&s->dirs, number) = number;
	*number_slot(&s->names, name) = name;
}

size_t dirset_depth(struct dirset_path path)
{
	size_t count = 0;
	for (const char *c = path.head; *c; c++)
		count += *c == '/';
	for (const char *c = path.tail; *c; c++)
		count += *c == '/';
	return count;
}

int dirset_init(struct dirset *s, size_t count)
{
	*s = (struct dirset){0};
	if (slots_init(&s->dirs, count) == 0 && slots_init(&s->names, count) == 0)
		return 0;
	dirset_fini(s);
	errno = ENOMEM;
	return -1;
}

void dirset_add(struct dirset *s, uint64_t dev, struct dirset_path path)
{
	uint32_t hash = SLOTS_HASH, name_hash = SLOTS_HASH;
	size_t len = 0;
	const char *const pieces[] = {path.head, path.tail};
	for (size_t i = 0; i < 2; i++) {
		for (const char *c = pieces[i]; *c; c++, len++) {
			if (*c == '/' && len > 0)
				add_dir(s, dev, hash, name_hash);
			hash = slots_hash(hash, *c);
			name_hash = *c == '/' ? SLOTS_HASH : slots_hash(name_hash, *c);
		}
	}
	if (len > 0)
		add_dir(s, dev, hash, name_hash);
}

bool dirset_has(const struct dirset *s, uint64_t dev, const char *inner, size_t len)
{
	uint32_t hash = SLOTS_HASH;
	if (!s->dirs.items)
		return false;
	for (size_t i = 0; i < len; i++)
		hash = slots_hash(hash, inner[i]);
	return *number_slot(&s->dirs, number_of_dir(dev, hash)) != SLOTS_NONE;
}

bool dirset_has_name(const struct dirset *s, const char *name)
{
	return s->names.items &&
	       *number_slot(&s->names, number_of(slots_hash_str(name))) != SLOTS_NONE;
}

void dirset_fini(struct dirset *s)
{
	slots_fini(&s->dirs);
	slots_fini(&s->names);
}
