/* SPDX-License-Identifier: MIT */
#include "core/place/renames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* The halves of an exchange are queued one after the other, with a few records of other
 * processors between them. */
#define NEAR 16

struct file;

/* A step on its lists. */
struct noted {
	struct renames_step step; /* first, so that the one is the other */
	struct file *file;
	TAILQ_ENTRY(noted) all; /* renames.all */
	TAILQ_ENTRY(noted) same; /* file.steps */
	unsigned char bytes[]; /* of the record */
};

TAILQ_HEAD(noted_list, noted);

/* What was renamed. */
struct file {
	UT_hash_handle hh;
	uint64_t key; /* hash of its handle */
	struct noted_list steps; /* by ordinal */
	struct noted *found; /* the last that was asked for, or NULL */
};

struct renames {
	struct file *files;
	struct noted_list all; /* by ordinal */
};

struct renames *renames_new(void)
{
	struct renames *r = calloc(1, sizeof(*r));
	if (r)
		TAILQ_INIT(&r->all);
	return r;
}

void renames_free(struct renames *r)
{
	if (!r)
		return;
	renames_forget(r, UINT64_MAX);
	free(r);
}

/* ---- Noting ---- */

static uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* Eight at a time, the last with zeros, and their number: one by one takes as long as all else. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, at + i, len - i < sizeof(word) ? len - i : sizeof(word));
		hash = hash_word(hash, word);
	}
	return hash_word(hash, len);
}

static uint64_t hash_handle(uint64_t fsid, const struct fanrec_handle *h)
{
	uint64_t hash = hash_word(hash_word(1, fsid), (uint64_t)h->type);
	return hash_bytes(hash, h->bytes, h->len);
}

/* Never 0. */
static uint64_t hash_place(uint64_t fsid, const struct fanrec_place *place)
{
	uint64_t hash = hash_handle(fsid, &place->dir);
	return hash_bytes(hash, place->name, strlen(place->name)) | 1;
}

static struct file *find_file(struct renames *r, uint64_t key)
{
	struct file *f;
	HASH_FIND(hh, r->files, &key, sizeof(key), f);
	return f;
}

static struct file *add_file(struct renames *r, uint64_t key)
{
	struct file *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->key = key;
	TAILQ_INIT(&f->steps);
	HASH_ADD(hh, r->files, key, sizeof(f->key), f);
	if (f->hh.tbl)
		return f;
	free(f);
	errno = ENOMEM;
	return NULL;
}

static void forget_file(struct renames *r, struct file *f)
{
	if (!TAILQ_EMPTY(&f->steps))
		return;
	HASH_DEL(r->files, f);
	free(f);
}

int renames_add(struct renames *r, const struct fanrec *rec, uint64_t ordinal,
	const void *bytes, size_t len)
{
	bool is_rename = rec->new_place.dir.bytes;
	if (!rec->target.bytes || !rec->place.dir.bytes || (!is_rename && !r->files))
		return 0;
	uint64_t key = hash_handle(rec->fsid, &rec->target);
	struct file *f = find_file(r, key);
	if (!f && !is_rename)
		return 0;
	if (!f)
		f = add_file(r, key);
	struct noted *n = f ? malloc(sizeof(*n) + (is_rename ? len : 0)) : NULL;
	if (!n) {
		if (f)
			forget_file(r, f);
		return -1;
	}
	*n = (struct noted){.file = f};
	n->step = (struct renames_step){
		.ordinal = ordinal,
		.from = hash_place(rec->fsid, &rec->place),
		.to = is_rename ? hash_place(rec->fsid, &rec->new_place) : 0,
		.pid = rec->pid,
		.bytes = is_rename ? n->bytes : NULL,
		.len = is_rename ? len : 0,
	};
	if (is_rename)
		memcpy(n->bytes, bytes, len);
	TAILQ_INSERT_TAIL(&r->all, n, all);
	TAILQ_INSERT_TAIL(&f->steps, n, same);
	return 0;
}

void renames_forget(struct renames *r, uint64_t ordinal)
{
	struct noted *n;
	while ((n = TAILQ_FIRST(&r->all)) && n->step.ordinal < ordinal) {
		struct file *f = n->file;
		TAILQ_REMOVE(&r->all, n, all);
		TAILQ_REMOVE(&f->steps, n, same);
		if (f->found == n)
			f->found = NULL;
		free(n);
		forget_file(r, f);
	}
}

struct renames_step *renames_find(
	struct renames *r, const struct fanrec *rec, uint64_t ordinal)
{
	struct file *f = NULL;
	if (rec->target.bytes)
		f = find_file(r, hash_handle(rec->fsid, &rec->target));
	if (!f)
		return NULL;
	/* They are asked for one after another. */
	bool is_behind = f->found && f->found->step.ordinal <= ordinal;
	struct noted *n = is_behind ? f->found : TAILQ_FIRST(&f->steps);
	while (n && n->step.ordinal < ordinal)
		n = TAILQ_NEXT(n, same);
	if (!n || n->step.ordinal != ordinal)
		return NULL;
	f->found = n;
	return &n->step;
}

/* ---- Steps that may have been repeated ---- */

static const struct noted *noted_of(const struct renames_step *s)
{
	return (const struct noted *)s;
}

/* The step of the same file before one; only so many are looked at. */
static const struct noted *earlier(const struct noted *n, unsigned *left)
{
	return (*left)-- > 0 ? TAILQ_PREV(n, noted_list, same) : NULL;
}

bool renames_closes(const struct renames_step *s)
{
	unsigned left = RENAMES_STEPS_MAX;
	const struct noted *n = noted_of(s);
	while (s->to && (n = earlier(n, &left))) {
		if (n->step.from == s->to)
			return true;
	}
	return false;
}

/* Whether a place is where the step has led, or where a repeated one has. */
static bool is_among(const struct renames_step *s, const struct renames_repeat *repeats,
	size_t count, uint64_t place)
{
	bool is_so = place == s->to;
	for (size_t i = 0; i < count && !is_so; i++)
		is_so = repeats[i].step->to == place;
	return is_so;
}

size_t renames_repeats(
	const struct renames_step *s, struct renames_repeat out[RENAMES_STEPS_MAX])
{
	size_t count = 0;
	/* From each place that was reached, its own first. */
	for (size_t i = 0; i <= count; i++) {
		uint64_t from = i ? out[i - 1].step->to : s->to;
		unsigned left = RENAMES_STEPS_MAX;
		const struct noted *n = noted_of(s);
		while ((n = earlier(n, &left)) && count < RENAMES_STEPS_MAX) {
			if (n->step.from == from && n->step.to &&
				!is_among(s, out, count, n->step.to))
				out[count++] = (struct renames_repeat){&n->step, i};
		}
	}
	return count;
}

uint64_t renames_left_next(
	const struct renames_step *s, const struct renames_repeat *repeats, size_t count)
{
	const struct noted *n = noted_of(s);
	/* A file with several names may have lost another one. */
	while ((n = TAILQ_NEXT(n, same))) {
		if (is_among(s, repeats, count, n->step.from))
			return n->step.from;
	}
	return 0;
}

uint64_t renames_taken_next(
	const struct renames_step *s, const struct renames_repeat *repeats, size_t count)
{
	const struct noted *n = noted_of(s), *self = n;
	while ((n = TAILQ_NEXT(n, all))) {
		if (n->file != self->file && n->step.to &&
			is_among(s, repeats, count, n->step.to))
			return n->step.to;
	}
	return 0;
}

/* ---- Exchanges ---- */

bool renames_is_exchange(
	const struct renames_step *first, const struct renames_step *second)
{
	const struct noted *a = noted_of(first), *b = noted_of(second);
	if (first->ordinal > second->ordinal || first->pid != second->pid || !first->to ||
		first->from != second->to || first->to != second->from ||
		a->file == b->file)
		return false;
	/* Else the second can only have come to its place by a step between them, or after the
	 * first had left that. */
	const struct noted *next = TAILQ_NEXT(a, same);
	const struct noted *before = TAILQ_PREV(b, noted_list, same);
	return (!next || next->step.ordinal > second->ordinal) &&
	       (!before || before->step.ordinal < first->ordinal);
}

const struct renames_step *renames_first_half(const struct renames_step *second)
{
	const struct noted *n = noted_of(second);
	for (int i = 0; i < NEAR && (n = TAILQ_PREV(n, noted_list, all)); i++) {
		if (n->step.pid == second->pid)
			return renames_is_exchange(&n->step, second) ? &n->step : NULL;
	}
	return NULL;
}

const struct renames_step *renames_second_half(const struct renames_step *first)
{
	const struct noted *n = noted_of(first);
	for (int i = 0; i < NEAR && (n = TAILQ_NEXT(n, all)); i++) {
		if (n->step.pid == first->pid)
			return renames_is_exchange(first, &n->step) ? &n->step : NULL;
	}
	return NULL;
}
