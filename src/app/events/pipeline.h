/* SPDX-License-Identifier: MIT */
/*
 * From the fanotify queue to changes that concern rules: reads a batch, lets the process
 * records catch up, then says of each record where it was and who did it.
 */
#ifndef FSMON_APP_EVENTS_PIPELINE_H
#define FSMON_APP_EVENTS_PIPELINE_H

#include "app/actors/actors.h"
#include "app/watch/filesystems.h"
#include "core/rule/change.h"
#include "core/rule/table.h"
#include "os/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline; /* opaque */

/* What the pipeline works with. All is borrowed, and may be changed between two turns. */
struct pipeline_parts {
	int group; /* fanotify */
	int buffer_fd; /* of readbuf_create */
	struct actors *actors;
	struct filesystems *filesystems;
	struct dirtree *tree;
	const struct table *rules;
	pid_t own_pids[2]; /* whose events are not looked at */
	/* Called between receiving process records and resolving. */
	void (*before_resolve)(void *ctx);
	/* Called for each change that concerns a rule; who wants to keep it takes a
	 * reference. `now` is the same for all of a turn. */
	void (*found)(void *ctx, struct change *c, struct clock_now now);
	void *ctx;
};

struct pipeline_counters {
	uint64_t read; /* records read from the queue */
	uint64_t resolved; /* of these, dealt with */
	uint64_t emptied; /* turns after which the queue was empty and all was resolved */
	uint64_t malformed; /* records that made no sense */
	uint64_t unresolved; /* records whose path could not be found out */
	uint64_t overflows; /* times that the kernel's queue ran over */
	uint64_t exact, partial, unknown; /* actors of matching events */
	uint64_t dropped; /* matching events lost for want of memory */
};

/* Make a pipeline. Records that an earlier worker left in the buffer are taken up again.
 * NULL with errno. */
struct pipeline *pipeline_new(const struct pipeline_parts *parts);

void pipeline_free(struct pipeline *p);

/* The parts, to be changed between two turns (such as `rules`). */
struct pipeline_parts *pipeline_parts(struct pipeline *p);

/*
 * Read what is in the queue and resolve it; `now` is when the turn begins. Returns 0, or -1
 * with errno if the group cannot be read any more.
 */
int pipeline_turn(struct pipeline *p, struct clock_now now);

/*
 * When the queue should be read next, CLOCK_MONOTONIC: 0: as soon as something is in it;
 * else not before that time, so that under load records gather (reading each at once
 * costs several times as much).
 */
uint64_t pipeline_next_ns(const struct pipeline *p);

/* Whether records wait in the buffer for others that explain them. */
bool pipeline_has_waiting(const struct pipeline *p);

const struct pipeline_counters *pipeline_counters(const struct pipeline *p);

#endif
