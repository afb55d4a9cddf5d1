/* SPDX-License-Identifier: MIT */
/*
 * All processes, and what each of them was at what time. A pid is not an identity: the
 * table keeps lives, from fork to exit, and in a life the states that exec, name and user
 * changes set apart. It is owned by one thread. Times are CLOCK_MONOTONIC.
 */
#ifndef FSMON_CORE_PROC_PROCTABLE_H
#define FSMON_CORE_PROC_PROCTABLE_H

#include "core/proc/actor.h"
#include "core/proc/execorder.h"
#include "core/proc/procrec.h"
#include "core/proc/proctext.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proctable;

/*
 * What the queue of file events tells about the moment of one event of a process P.
 *
 * A successful exec leaves at least one FAN_OPEN_EXEC record before the process goes on,
 * so these records order execs and other file events, as far as they are watched where
 * programs lie.
 */
struct proctable_window {
	uint64_t after_ns; /* the queue was seen empty then, before the event was read */
	uint64_t before_ns; /* the read that brought the event had returned then */
	/* Its place among the records of P since after_ns: best with those of the dynamic
	 * linker told apart, as then each exec of a binary leaves exactly one. */
	struct execorder_place order;
	uint64_t
		ordinal; /* its place among all records of the queue, from 1; 0: unknown */
	bool complete; /* the queue was read to its end: nothing behind it is missing */
	bool spans; /* the record is several merged events, at its place and later */
	bool users_span; /* and it is not the first of them whose users are wanted */
};

/* Make an empty table for at most max_lives processes. NULL with ENOMEM. */
__attribute__((warn_unused_result)) struct proctable *proctable_new(size_t max_lives);

/* Free a table; NULL is allowed. */
void proctable_free(struct proctable *t);

/*
 * Apply one record, in the order in which the socket gave them; a taskstats record after
 * all of the connector's that were there when it was received. `snap` is what /proc said
 * because of an EXEC (or of a FORK by a thread), or NULL; its strings are taken over and
 * are NULL afterwards. Returns 0, or -1 with ENOMEM: the record is lost then, as
 * proctable_lost says.
 */
int proctable_apply(
	struct proctable *t, const struct procrec *rec, struct proc_snapshot *snap);

/*
 * Take in a scan of /proc, made while records were being gathered already: add each process,
 * end. `since_ns` is the time from which on no record is missing (the subscription, or the
 * last loss; 0: not known). Processes in the table that were alive before the scan and are not
 * added have ended. Adding takes over the strings. Returns 0, or -1 with ENOMEM (that process
 * stays unknown). Tags and lineage survive a later scan.
 */
int proctable_scan_add(
	struct proctable *t, struct proc_snapshot *snap, uint64_t since_ns);
void proctable_scan_end(struct proctable *t, uint64_t now_ns);

/*
 * Records were lost at some time before now_ns: all that the table knows is in doubt
 * until the next scan, and nothing is said any more about an event that may have come
 * before now_ns.
 */
void proctable_lost(struct proctable *t, uint64_t now_ns);

/* Taskstats records were lost: from now on one that could mean two lives of a pid means
 * none. */
void proctable_lost_tasks(struct proctable *t);

/*
 * Who the process `pid` was at an event. Fills *out, whose strings the caller frees with
 * actor_fini, with what all states have in common that it can have been in; what they do
 * not agree on is left empty. The real users that it can have had are then listed. The parent is the one that forked it. out->attribution is
 * ACTOR_EXACT if name, users and parent are known and, of all but kernel threads,
 * executable and command line; ACTOR_UNKNOWN if no life of the pid fits, or several that
 * differ. Returns 0, or -1 with ENOMEM.
 */
int proctable_who(const struct proctable *t, pid_t pid, const struct proctable_window *w,
	struct actor *out);

/*
 * The window `w` is over: its caller counted `count` FAN_OPEN_EXEC records of pid in it, and
 * forgets them as the next window begins. The last of them may belong to an exec that has not
 * come to its end: note them. Of `w` after_ns is used, and as before_ns the last read that
 * brought some of these records. To be called for each such pid, before proctable_forget_past.
 */
void proctable_note_opens(
	struct proctable *t, pid_t pid, const struct proctable_window *w, uint32_t count);

/*
 * The queue of file events was seen empty at empty_ns and all that had been in it is
 * dealt with: forget dead lives and past states that no later event can mean.
 */
void proctable_forget_past(struct proctable *t, uint64_t empty_ns);

/*
 * All records of file events up to this ordinal are dealt with. While the queue is never seen
 * empty this bounds what is remembered of a process that changes its users all the time.
 */
void proctable_passed(struct proctable *t, uint64_t ordinal);

/*
 * Tag the current life of pid, and all that descend from it already, as run `tag` of a
 * hook at `depth`; children to come inherit both. Apply all waiting records before.
 * Returns 0, or -1 with ENOENT if the pid is not in the table.
 */
int proctable_tag(struct proctable *t, pid_t pid, uint64_t tag, uint32_t depth);

/* The tag of the current life of pid; 0 if it has none, or is not in the table. */
uint64_t proctable_tag_of(const struct proctable *t, pid_t pid);

/* Call found(ctx, pid) for each process that has the tag and is alive, as far as the records
 * say. Takes time by the number of all processes. */
void proctable_tagged(const struct proctable *t, uint64_t tag,
	void (*found)(void *ctx, pid_t pid), void *ctx);

#endif
