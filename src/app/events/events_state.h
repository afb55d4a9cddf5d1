/* SPDX-License-Identifier: MIT */
/* What the modules that app/events is made of share. */
#ifndef FSMON_APP_EVENTS_EVENTS_STATE_H
#define FSMON_APP_EVENTS_EVENTS_STATE_H

#include "app/events/pipeline_values.h"
#include "core/proc/execorder.h"
#include "core/record/fanrec.h"
#include "os/readbuf.h"

struct fresh;

struct pipeline {
	struct pipeline_parts parts;
	struct readbuf buffer;
	size_t scanned; /* bytes of the buffer that went through the first pass */
	size_t inherited; /* bytes of it that an earlier worker has read */
	struct execorder order;
	struct fresh *fresh; /* changes that wait for what becomes of their files */
	struct proctable_window window; /* of all that is in the buffer */
	uint64_t empty_ns; /* when a read last left the queue empty */
	uint64_t read_ns; /* when the last read that brought records began */
	uint64_t next_ns; /* see pipeline_next_ns */
	uint64_t load_since_ns; /* when load_from records had been read */
	uint64_t load_from;
	bool was_loaded; /* in the time before that */
	unsigned waits; /* turns that the first record of the buffer has waited */
	bool is_full; /* the buffer has no more room: nothing can be waited for */
	uint64_t moving_ns; /* spent in this turn on mounts that moved */
	struct clock_now now; /* when the records of this turn began to be resolved */
	struct table_hits hits;
	struct landing_list mounts; /* reused, as hits and those below */
	struct buf path, old_path, shown;
	struct buf below, old_below; /* paths below a directory that was renamed */
	struct below *walks; /* NULL: no directory was renamed yet */
	struct pipeline_counters counters;
};

/* One record that is being resolved, and what has been found out about it. */
struct facts {
	struct fanrec rec;
	struct filesystem *fs;
	uint32_t kinds;
	bool has_path, has_old_path; /* p->path, p->old_path: within the filesystem */
	bool is_back; /* it was deleted, and is there again; known once a rule matches */
	bool is_linked; /* the record is of a file without a name; p->path is one that it was
			   given, before or since */
	struct execorder_place order;
};

#endif
