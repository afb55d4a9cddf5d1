/* SPDX-License-Identifier: MIT */
/*
 * Who did it: all processes as they come and go, what each of them was at which moment, and
 * which of them descend from hooks. Owned by the thread of the loop.
 */
#ifndef FSMON_APP_ACTORS_ACTORS_H
#define FSMON_APP_ACTORS_ACTORS_H

#include "app/actors/actors_source.h"
#include "core/proc/actor.h"
#include "core/proc/proctable.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct actors; /* opaque */

/*
 * Watch the kernel's sources, from a real-time thread unless there is no connector, and
 * take in what runs already. `wake_fd` is a wake-up (os/thread), which is sent when much
 * has gathered and after an error, or -1. `why_degraded` (static, or NULL) is the reason
 * to give where a descriptor is -1. NULL with errno.
 */
__attribute__((warn_unused_result)) struct actors *actors_new(
	const struct actors_fds *fds, int wake_fd, const char *why_degraded);

/* The same with a source of the caller's (such as a script), whose table is empty at
 * first. ctx then belongs to the actors, and the source's `free` gives it back. NULL with
 * ENOMEM: ctx is still the caller's. */
__attribute__((warn_unused_result)) struct actors *actors_new_from(
	const struct actors_source *source, void *ctx);

/* Stop the thread and free everything; NULL is allowed. */
void actors_free(struct actors *a);

/*
 * Receive everything that is waiting. Afterwards it is known what a process did before a
 * file event that has been read already, and its exit too, if the process is gone. After
 * a loss /proc is scanned anew. Returns 0, or -1 with ENOMEM (what is in doubt then is
 * called unknown).
 */
int actors_drain(struct actors *a);

/*
 * The last time at which the queue of file events was seen empty, all process records up
 * to then having been received; 0: never. What a caller has read here before it reads
 * that queue is the `after_ns` of all records that the read brings.
 */
uint64_t actors_empty_ns(const struct actors *a);

/*
 * To be called before and after each read of that queue: `taken` records have been taken from it
 * by then, the first of which has the ordinal 1. How many are in it is counted only in between.
 */
void actors_begin_read(struct actors *a);
void actors_end_read(struct actors *a, uint64_t taken);

/* As proctable_passed. */
void actors_passed(struct actors *a, uint64_t ordinal);

/* As proctable_note_opens and proctable_forget_past. */
void actors_note_opens(
	struct actors *a, pid_t pid, const struct proctable_window *w, uint32_t opens);
void actors_forget_past(struct actors *a, uint64_t empty_ns);

/*
 * Who the process `pid` was at an event, as proctable_who. `pidfd` came with the event where
 * the connector is out of reach, else it is -1: as long as that process is there it is whom
 * /proc means by the pid. Fills *out, which the caller frees with actor_fini. Returns 0, or
 * -1 with ENOMEM.
 */
int actors_who(struct actors *a, pid_t pid, int pidfd, const struct proctable_window *w,
	struct actor *out);

/* Tag a process that was just started, and all that descends from it, as proctable_tag.
 * Drains first. */
void actors_tag(struct actors *a, pid_t pid, uint64_t tag, uint32_t depth);

/* The tag that a process carries, which is there now; 0: none. Drains first. */
uint64_t actors_tag_of(struct actors *a, pid_t pid);

/* Send a signal to every process that carries the tag, and never to another that has got its
 * pid meanwhile; 0 sends none. Drains first. Returns how many there are. */
size_t actors_signal(struct actors *a, uint64_t tag, int signal);

/* What the source has counted so far. */
void actors_counters(const struct actors *a, struct actors_counters *out);

#endif
