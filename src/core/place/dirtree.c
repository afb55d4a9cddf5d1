/* SPDX-License-Identifier: MIT */
#include "core/place/dirtree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What a node is found by. */
struct dirkey {
	uint64_t fsid;
	uint32_t len;
	int32_t type;
	unsigned char bytes[FANREC_HANDLE_MAX]; /* len of them are stored and compared */
};

#define DIRKEY_LEN(handle_len) (offsetof(struct dirkey, bytes) + (handle_len))

struct dirnode {
	UT_hash_handle hh;
	TAILQ_ENTRY(dirnode) age; /* dirtree.by_age */
	struct dirnode *parent; /* NULL: root or unknown */
	char *name; /* NULL: root or unknown */
	uint64_t asked; /* when it was asked for last, in dirtree.asked */
	uint32_t refs; /* one for each child, one for a root */
	uint32_t
		guessed; /* when its place was guessed, in dirtree.round; 0: it was told */
	bool is_root;
	bool is_gone; /* and no look-up will place it */
	struct dirkey key; /* last: allocated only as long as the handle */
};

struct dirtree {
	struct dirnode *by_key;
	TAILQ_HEAD(, dirnode) by_age; /* asked for longest ago first */
	uint64_t asked; /* how often a node was asked for */
	uint32_t round; /* of guesses that are not confirmed */
	size_t max_nodes;
};

struct dirtree *dirtree_new(size_t max_nodes)
{
	struct dirtree *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	TAILQ_INIT(&t->by_age);
	t->max_nodes = max_nodes;
	t->round = 1;
	return t;
}

/* Take a node off its parent. */
static void detach(struct dirnode *n)
{
	if (n->parent)
		n->parent->refs--;
	free(n->name);
	n->parent = NULL;
	n->name = NULL;
	n->guessed = 0;
	n->is_gone = false;
}

static void drop(struct dirtree *t, struct dirnode *n)
{
	detach(n);
	HASH_DEL(t->by_key, n);
	TAILQ_REMOVE(&t->by_age, n, age);
	free(n);
}

void dirtree_free(struct dirtree *t)
{
	if (!t)
		return;
	HASH_CLEAR(hh, t->by_key);
	struct dirnode *n;
	while ((n = TAILQ_FIRST(&t->by_age))) {
		TAILQ_REMOVE(&t->by_age, n, age);
		free(n->name);
		free(n);
	}
	free(t);
}

/* Make a node; the caller puts it on the list by age. */
static struct dirnode *add(struct dirtree *t, const struct dirkey *key)
{
	size_t key_len = DIRKEY_LEN(key->len);
	size_t size = offsetof(struct dirnode, key) + key_len;
	struct dirnode *n = malloc(size < sizeof(*n) ? sizeof(*n) : size);
	if (!n)
		return NULL;
	memset(n, 0, offsetof(struct dirnode, key));
	memcpy(&n->key, key, key_len);
	HASH_ADD_KEYPTR(hh, t->by_key, &n->key, (unsigned)key_len, n);
	if (!n->hh.tbl) {
		free(n);
		errno = ENOMEM;
		return NULL;
	}
	return n;
}

struct dirnode *dirtree_node(
	struct dirtree *t, uint64_t fsid, const struct fanrec_handle *handle)
{
	struct dirkey key = {.fsid = fsid, .len = handle->len, .type = handle->type};
	if (handle->len > sizeof(key.bytes)) {
		errno = EINVAL;
		return NULL;
	}
	memcpy(key.bytes, handle->bytes, handle->len);
	struct dirnode *n;
	HASH_FIND(hh, t->by_key, &key, (unsigned)DIRKEY_LEN(key.len), n);
	if (n)
		TAILQ_REMOVE(&t->by_age, n, age);
	else
		n = add(t, &key);
	if (n) {
		TAILQ_INSERT_TAIL(&t->by_age, n, age);
		n->asked = ++t->asked;
	}
	return n;
}

void dirtree_set_root(struct dirtree *t, struct dirnode *n)
{
	(void)t;
	detach(n);
	if (!n->is_root)
		n->refs++; /* a root stays */
	n->is_root = true;
}

static bool is_below(const struct dirnode *n, const struct dirnode *top)
{
	for (; n; n = n->parent) {
		if (n == top)
			return true;
	}
	return false;
}

int dirtree_place(
	struct dirtree *t, struct dirnode *n, struct dirnode *parent, const char *name)
{
	(void)t;
	if (n->is_root)
		return 0;
	if (is_below(parent, n)) {
		detach(n);
		errno = ELOOP;
		return -1;
	}
	if (n->parent == parent && strcmp(n->name, name) == 0) {
		n->guessed = 0;
		return 0;
	}
	char *copy = strdup(name);
	if (!copy)
		return -1;
	parent->refs++;
	detach(n);
	n->parent = parent;
	n->name = copy;
	return 0;
}

int dirtree_guess(
	struct dirtree *t, struct dirnode *n, struct dirnode *parent, const char *name)
{
	int rc = dirtree_place(t, n, parent, name);
	if (rc == 0)
		n->guessed = t->round;
	return rc;
}

void dirtree_confirm(struct dirtree *t)
{
	t->round++;
}

struct dirnode *dirtree_parent(const struct dirnode *n)
{
	return n->parent;
}

bool dirtree_is_placed(const struct dirnode *n)
{
	return n->is_root || n->parent;
}

bool dirtree_is_guess(const struct dirtree *t, const struct dirnode *n)
{
	return n->parent && n->guessed == t->round;
}

void dirtree_set_gone(struct dirnode *n)
{
	assert(!dirtree_is_placed(n));
	n->is_gone = true;
}

bool dirtree_is_gone(const struct dirnode *n)
{
	return n->is_gone;
}

struct dirnode *dirtree_unknown(struct dirnode *n)
{
	while (n->parent)
		n = n->parent;
	return n->is_root ? NULL : n;
}

int dirtree_add_path(const struct dirnode *n, struct buf *out)
{
	size_t len = 0;
	const struct dirnode *top = n;
	for (; top->parent; top = top->parent)
		len += 1 + strlen(top->name);
	size_t end = out->len + len;
	/* Make room, then fill it from its end. */
	while (out->len < end && !out->failed) {
		static const char filler[256] = {0};
		size_t more = end - out->len;
		buf_add(out, filler, more < sizeof(filler) ? more : sizeof(filler));
	}
	if (out->failed) {
		errno = ENOMEM;
		return -1;
	}
	for (const struct dirnode *p = n; p->parent; p = p->parent) {
		size_t name_len = strlen(p->name);
		end -= name_len;
		memcpy(out->data + end, p->name, name_len);
		out->data[--end] = '/';
	}
	return 0;
}

struct fanrec_handle dirtree_handle(const struct dirnode *n)
{
	return (struct fanrec_handle){
		.bytes = n->key.bytes, .len = n->key.len, .type = n->key.type};
}

/* Whether the tree is over its bound and nothing needs the node. */
static bool is_too_much(const struct dirtree *t, const struct dirnode *n)
{
	return n->refs == 0 && HASH_COUNT(t->by_key) > t->max_nodes;
}

void dirtree_trim(struct dirtree *t)
{
	struct dirnode *n = TAILQ_FIRST(&t->by_age), *next;
	for (; n && HASH_COUNT(t->by_key) > t->max_nodes; n = next) {
		next = TAILQ_NEXT(n, age);
		/* With it go those above that had only to wait for it. */
		for (uint64_t asked = n->asked;
			n && n->asked <= asked && is_too_much(t, n);) {
			struct dirnode *parent = n->parent;
			drop(t, n);
			n = parent;
		}
	}
}

void dirtree_forget(struct dirtree *t, uint64_t fsid)
{
	struct dirnode *n, *next;
	for (n = TAILQ_FIRST(&t->by_age); n; n = TAILQ_NEXT(n, age)) {
		if (n->key.fsid != fsid)
			continue;
		detach(n);
		if (n->is_root)
			n->refs--;
		n->is_root = false;
	}
	for (n = TAILQ_FIRST(&t->by_age); n; n = next) {
		next = TAILQ_NEXT(n, age);
		if (n->key.fsid == fsid && n->refs == 0)
			drop(t, n);
	}
}

size_t dirtree_count(const struct dirtree *t)
{
	return HASH_COUNT(t->by_key);
}
