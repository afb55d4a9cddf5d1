/* SPDX-License-Identifier: MIT */
/*
 * The insides of the process table. A life is a process from its fork to its exit; its states
 * are what exec, name and user changes set apart; an image is what it was running.
 */
#ifndef FSMON_CORE_PROC_LIFE_H
#define FSMON_CORE_PROC_LIFE_H

#include "core/proc/procrec.h"
#include "core/proc/proctext.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)*(const pid_t *)(key))
#define uthash_nonfatal_oom(life) ((life)->unhashed = true)
#include <uthash.h>

#define LIFE_LINEAGE_MAX 32
#define LIFE_NEVER UINT64_MAX

/*
 * What a process was running: everything that /proc knows better than the records. Shared
 * by all states and children for which nothing of it has changed.
 */
struct life_image {
	uint32_t refs;
	struct program program;
	bool is_kthread;
	uint64_t owner; /* serial of the life in which /proc was read */
	uint64_t read_ns; /* when that was done; 0: nothing of it is from /proc */
};

/* What a process was from one change to the next. */
struct life_state {
	uint64_t since_ns;
	bool is_exec; /* it began with an exec */
	uint32_t uid; /* ACTOR_ID_UNKNOWN: unknown */
	uint32_t euid; /* likewise */
	enum procrec_counted counted; /* if it began with a change of users, */
	uint64_t queued; /* so many records of file events had been queued then */
	struct life_image *image;
};

/* FAN_OPEN_EXEC records of earlier windows whose exec may not have come to its end. */
struct life_opens {
	uint32_t count;
	uint64_t from_ns; /* they were queued after this … */
	uint64_t read_ns; /* … and before this */
};

/* A process from its fork to its exit. */
struct life {
	pid_t pid;
	uint64_t serial;
	uint64_t fork_ns; /* 0: before the table knew it */
	uint64_t exit_ns; /* 0: alive */
	uint64_t known_from_ns; /* nothing is known about earlier moments */
	uint64_t scan_t0_ns; /* when /proc was scanned for it; 0: never */
	uint64_t scan_t1_ns;
	uint64_t start_ns; /* about when it was forked, by /proc; 0: unknown */

	struct life_state *states; /* oldest first */
	size_t state_count;
	uint64_t last_exec_ns; /* the latest exec, also if its state is forgotten */
	uint64_t past_exec_ns; /* the latest exec whose state is forgotten */
	struct life_opens opens;

	struct life *parent; /* who forked it; NULL: unknown; holds a reference */
	struct life_image *birth_image; /* what the parent was then */
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
	uint32_t exits_awaited; /* EXIT records to come of earlier lives of the pid */

	struct life *older; /* previous life of the pid that is still in the table */
	TAILQ_ENTRY(life) dead_link; /* proctable.dead, when exit_ns is set */
	TAILQ_ENTRY(life) changed_link; /* proctable.changed */
	UT_hash_handle hh; /* proctable.by_pid: the newest life of each pid */
};

TAILQ_HEAD(life_list, life);

struct proctable {
	struct life *by_pid;
	struct life_list dead; /* in the order in which they ended */
	struct life_list changed;
	size_t max_lives;
	uint64_t next_serial;
	uint64_t lost_ns; /* the last loss; 0: none */
	uint64_t evicted_exit_ns; /* the latest end of a life that was evicted */
	bool tasks_lost;
	uint64_t passed; /* file events up to this ordinal are dealt with */
	struct {
		size_t lives; /* processes, dead ones included that may still matter */
		size_t ancestors; /* dead ones kept as ancestors only */
		uint64_t evicted; /* given up for want of room */
		uint64_t lost; /* calls of proctable_lost */
	} counts;
};

/* A new image with one reference: a copy of another one with another name ("": unknown), or
 * for NULL one of which nothing else is known. Returns NULL with ENOMEM. */
struct life_image *life_image_new(const struct life_image *from, const char *comm);

/* Take or give back a reference. Taking returns the image; giving back allows NULL. */
struct life_image *life_image_ref(struct life_image *image);
void life_image_unref(struct life_image *image);

/* Take over what /proc said about a life. */
void life_image_take(
	struct life_image *image, struct proc_snapshot *snap, const struct life *owner);

/* The newest life of a pid, or NULL. */
struct life *life_find(const struct proctable *t, pid_t pid);

/* A new life without states, as the newest of its pid; makes room by evicting. NULL with
 * ENOMEM, or with ENOSPC if there is no room. */
struct life *life_new(struct proctable *t, pid_t pid);

/* Begin a state. The image's reference is taken over, also on failure; an image that is NULL
 * for want of memory is such a failure. Returns 0, or -1 with ENOMEM. */
int life_push(struct proctable *t, struct life *life, struct life_state state);

/* The state in force; NULL only for a life that is being made. */
struct life_state *life_last(const struct life *life);

/* Forget the first `count` states. */
void life_forget(struct proctable *t, struct life *life, size_t count);

/* Make `parent` the one who forked it; both keep that until the child is freed. */
void life_adopt(struct proctable *t, struct life *life, struct life *parent);

/* The process ended, or did not after all. */
void life_end(struct proctable *t, struct life *life, uint64_t exit_ns);
void life_revive(struct proctable *t, struct life *life);

/* Another process has the pid now, or will. */
void life_supersede(struct proctable *t, struct life *life, uint64_t now_ns);

/* Take a life out of the table; it is freed, or kept as an ancestor. */
void life_remove(struct proctable *t, struct life *life);

#endif
