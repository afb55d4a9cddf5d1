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
	size_t kept; /* bytes at its front that are aside: another worker would take them up */
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
	bool is_asking; /* something was looked up, and is believed when... */
	uint64_t asked_until; /* ... so many records have been read */
	bool is_stirred; /* a record has told where a directory is that nobody knew */
	bool is_full; /* the buffer has no more room: nothing more can be read */
	struct repeats *repeats; /* renames that have no record of their own */
	struct aside *aside; /* records whose paths nothing tells yet */
	size_t aside_count; /* how many */
	struct gaps *gaps; /* what is told of those that nothing will tell */
	uint64_t moving_ns; /* spent in this turn on mounts that moved */
	struct clock_now now; /* when the records of this turn began to be resolved */
	struct table_hits hits;
	struct landing_list mounts; /* reused, as hits and those below */
	struct buf path, old_path, shown;
	struct buf called; /* what the author of a rule calls the path */
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
	struct renames_step *step; /* of a rename, if it was noted */
	bool is_second_half; /* of an exchange */
	bool is_hit; /* some rule matches a path of it */
	bool is_merged; /* it has happened at its place in the queue, or later */
	struct actor *actor; /* who did it, if that is found out already; NULL: not yet */
	bool is_back; /* it was deleted, and is there again; known once a rule matches */
	bool is_linked; /* the record is of a file without a name; p->path is one that it was
			   given, before or since */
	struct execorder_place order;
	bool is_on_way; /* it concerns rules whose paths lead through the entry */
	uint64_t ordinal; /* of the record, among all that were read, from 1 */
};

#endif
