/* SPDX-License-Identifier: MIT */
/* The insides of the process table: images, states, lives. Only its own files include
 * this. */
#ifndef FSMON_CORE_PROC_PROCTABLE_STATE_H
#define FSMON_CORE_PROC_PROCTABLE_STATE_H

#include "core/proc/proctable.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)*(const pid_t *)(key))
#define uthash_nonfatal_oom(life) ((life)->unhashed = true)
#include <uthash.h>

#define PROCTABLE_LINEAGE_MAX 32
#define PROCTABLE_NEVER UINT64_MAX

/*
 * What a process was running: everything that /proc knows better than the records. Shared
 * by all states and children for which nothing of it has changed.
 */
struct proctable_image {
	uint32_t refs;
	struct program program;
	bool is_kthread;
	uint64_t owner; /* serial of the life in which /proc was read */
	uint64_t read_t1_ns; /* when that was done; 0: what an exec replaces is not from
				/proc */
};

/* What a process was from one change to the next. */
struct proctable_state {
	uint64_t since_ns;
	bool is_exec; /* it began with an exec */
	uint32_t uid; /* ACTOR_ID_UNKNOWN: unknown */
	uint32_t euid; /* likewise */
	struct proctable_image *image;
};

/* FAN_OPEN_EXEC records of earlier windows whose exec may not have come to its end. */
struct proctable_carry {
	uint32_t opens;
	uint64_t from_ns; /* they were queued after this … */
	uint64_t read_ns; /* … and before this */
};

/* A process from its fork to its exit. */
struct proctable_life {
	pid_t pid;
	uint64_t serial;
	uint64_t fork_ns; /* 0: before the table knew it */
	uint64_t exit_ns; /* 0: alive */
	uint64_t known_from_ns; /* nothing is known about earlier moments */
	uint64_t scan_t0_ns; /* when /proc was scanned for it; 0: never */
	uint64_t scan_t1_ns;
	uint64_t start_ns; /* about when it was forked, by /proc; 0: unknown */

	struct proctable_state *states; /* oldest first */
	size_t state_count;
	uint64_t last_exec_ns; /* the latest exec, also if its state is forgotten */
	uint64_t past_exec_ns; /* the latest exec whose state is forgotten */
	struct proctable_carry carry;

	struct proctable_life
		*parent; /* who forked it; NULL: unknown; holds a reference */
	struct proctable_image *birth_image; /* what the parent was then */
	uint32_t children; /* references by lives that it forked */
	bool has_ppid;
	pid_t ppid;
	uint64_t tag;
	uint32_t depth;

	bool in_table; /* false: kept as an ancestor only, without states */
	bool superseded; /* a later fork has given the pid away */
	bool has_task; /* its taskstats record has come */
	bool threads_remain; /* the first thread has ended, others have not */
	bool in_changed; /* is on the list of lives with more than one state */
	bool unhashed; /* could not be put into the index */
	uint32_t late_exits; /* EXIT records still to come of earlier lives of the pid */

	struct proctable_life
		*older; /* previous life of the pid that is still in the table */
	TAILQ_ENTRY(proctable_life) dead_link; /* proctable.dead, when exit_ns is set */
	TAILQ_ENTRY(proctable_life) changed_link; /* proctable.changed */
	UT_hash_handle hh; /* proctable.by_pid: the newest life of each pid */
};

TAILQ_HEAD(proctable_lives, proctable_life);

struct proctable {
	struct proctable_life *by_pid;
	struct proctable_lives dead; /* in the order in which they ended */
	struct proctable_lives changed;
	size_t max_lives;
	uint64_t next_serial;
	uint64_t lost_ns; /* the last loss; 0: none */
	uint64_t evicted_exit_ns; /* the latest end of a life that was evicted */
	uint64_t scan_since_ns;
	bool tasks_lost;
	struct proctable_counts counts;
};

/* A new image with one reference: a copy of another one with another name ("": unknown), or
 * for NULL one of which nothing else is known. Returns NULL with ENOMEM. */
struct proctable_image *proctable_image_new(
	const struct proctable_image *from, const char *comm);

/* Take or give back a reference. Taking returns the image; giving back allows NULL. */
struct proctable_image *proctable_image_ref(struct proctable_image *image);
void proctable_image_unref(struct proctable_image *image);

/* Take over what /proc said about the life with that serial. */
void proctable_image_read(
	struct proctable_image *image, struct proc_snapshot *snap, uint64_t owner);

/*
 * The program changed at `ts_ns`, to what `next` says (NULL: nobody could look): forget
 * of `image` what may have been read from /proc after that already.
 */
void proctable_image_doubt_exec(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns,
	const struct proc_snapshot *next);

/* Likewise when only the name changed. */
void proctable_image_doubt_comm(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns, const char *next);

/* Likewise when the pid went to another process. */
void proctable_image_doubt_fork(
	struct proctable_image *image, const struct proctable_life *life, uint64_t ts_ns);

/* The newest life of a pid, or NULL. */
struct proctable_life *proctable_find(const struct proctable *t, pid_t pid);

/* A new life without states, as the newest of its pid; makes room by evicting. NULL with
 * ENOMEM, or with ENOSPC if there is no room. */
struct proctable_life *proctable_life_new(struct proctable *t, pid_t pid);

/* Begin a state. The image's reference is taken over, also on failure. Returns 0, or -1
 * with ENOMEM. */
int proctable_life_push(
	struct proctable *t, struct proctable_life *life, struct proctable_state state);

/* The state in force; NULL only for a life that is being made. */
struct proctable_state *proctable_life_last(const struct proctable_life *life);

/* Forget the first `count` states. */
void proctable_life_forget(
	struct proctable *t, struct proctable_life *life, size_t count);

/* Make `parent` the one who forked it; both keep that until the child is freed. */
void proctable_life_adopt(
	struct proctable *t, struct proctable_life *life, struct proctable_life *parent);

/* The process ended, or did not after all. */
void proctable_life_end(
	struct proctable *t, struct proctable_life *life, uint64_t exit_ns);
void proctable_life_revive(struct proctable *t, struct proctable_life *life);

/* Take a life out of the table; it is freed, or kept as an ancestor. */
void proctable_life_remove(struct proctable *t, struct proctable_life *life);

#endif
