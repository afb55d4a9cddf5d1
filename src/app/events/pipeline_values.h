/* SPDX-License-Identifier: MIT */
/* The values that a pipeline takes and gives. */
#ifndef FSMON_APP_EVENTS_PIPELINE_VALUES_H
#define FSMON_APP_EVENTS_PIPELINE_VALUES_H

#include "app/actors/actors.h"
#include "app/watch/entry_marks.h"
#include "app/watch/filesystems.h"
#include "app/events/symlinks.h"
#include "core/rule/change.h"
#include "core/rule/table.h"
#include "os/clock.h"

#include <stdint.h>
#include <sys/types.h>

/* What the pipeline works with. All is borrowed, and may be changed between two turns. */
struct pipeline_parts {
	int group; /* fanotify */
	int buffer_fd; /* of readbuf_create */
	struct actors *actors;
	struct filesystems *filesystems;
	struct entry_marks *entry_marks;
	struct dirtree *tree;
	const struct table *rules;
	struct symlinks *symlinks; /* on the ways of their paths; NULL: none */
	int wake_fd; /* a wake-up (os/thread): sent when there is something for a turn to do */
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
	uint64_t resolved; /* of these, looked at */
	uint64_t settled; /* of these, the first so many are dealt with: nothing that they
			     led to is still being asked for */
	uint64_t emptied; /* turns after which the queue was empty and all was settled */
	uint64_t malformed; /* records that made no sense */
	uint64_t unresolved; /* records whose path could not be found out */
	uint64_t overflows; /* times that the kernel's queue ran over */
	uint64_t exact, partial, unknown; /* actors of matching events */
	uint64_t dropped; /* matching events lost for want of memory */
};

#endif
