/* SPDX-License-Identifier: MIT */
/*
 * The renames that were read of late, by what was renamed. The kernel merges a record into one
 * that is still unread and says the same of the same file by the same process: of d to e, e to d
 * and d to e again come the first two. So wherever a rename leads back to a place that was left
 * before, others may have followed that no record of their own tells of.
 */
#ifndef FSMON_CORE_PLACE_RENAMES_H
#define FSMON_CORE_PLACE_RENAMES_H

#include "core/proc/execorder.h"
#include "core/record/fanrec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file may have taken so many steps before it came back to where it was. */
#define RENAMES_STEPS_MAX 16u

/* A record with which a file left a place: a rename, or its deletion. */
struct renames_step {
	uint64_t ordinal; /* of the record among all */
	uint64_t from, to; /* hashes of the two places; `to` is 0 of a deletion */
	pid_t pid;
	struct execorder_place order; /* for the user, as what follows */
	bool is_hit; /* some rule matches one of its places */
	const void *bytes; /* the record, copied; of a rename only */
	size_t len;
};

struct renames; /* opaque */

/* NULL with ENOMEM. */
struct renames *renames_new(void);

/* Free all; NULL is allowed. */
void renames_free(struct renames *r);

/*
 * Note a record that was read: of a rename, or of a deletion, which is noted if the file is known.
 * `bytes` are those of the record, and are copied. Ordinals ascend. Returns 0, or -1 with ENOMEM.
 */
int renames_add(struct renames *r, const struct fanrec *rec, uint64_t ordinal,
	const void *bytes, size_t len);

/* Forget all records before that one. */
void renames_forget(struct renames *r, uint64_t ordinal);

/* The step that was noted for a record, or NULL. It lives until it is forgotten. */
struct renames_step *renames_find(
	struct renames *r, const struct fanrec *rec, uint64_t ordinal);

/* Whether a rename leads its file back to a place that it had left before, so that it may have
 * taken the same steps once more. */
bool renames_closes(const struct renames_step *s);

/* A step that may have been taken once more. */
struct renames_repeat {
	const struct renames_step *step;
	size_t before; /* the number, from 1 on, of the one that leads to it; 0: none has to */
};

/*
 * The steps that stand before a step and begin where it has led, or where one of them has, each
 * place once, nearest first. They are put into *out. Returns how many.
 */
size_t renames_repeats(
	const struct renames_step *s, struct renames_repeat out[RENAMES_STEPS_MAX]);

/*
 * What later records tell of where the file was after a step, which has led to a place, or by some
 * of these repeated ones to another. Returns the hash of the one place that it left next; else of
 * the one that another file took next, so it had gone from there, or was replaced there; else 0.
 */
uint64_t renames_left_next(
	const struct renames_step *s, const struct renames_repeat *repeats, size_t count);
uint64_t renames_taken_next(
	const struct renames_step *s, const struct renames_repeat *repeats, size_t count);

/* An exchange of two files comes as two renames of one process. Whether one step and a later one
 * are these. */
bool renames_is_exchange(
	const struct renames_step *first, const struct renames_step *second);

/* The step that makes an exchange with this one, and stands before it or behind it; NULL: none. */
const struct renames_step *renames_first_half(const struct renames_step *second);
const struct renames_step *renames_second_half(const struct renames_step *first);

#endif
