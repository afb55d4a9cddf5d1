/* SPDX-License-Identifier: MIT */
/*
 * From the fanotify queue to changes that concern rules: reads a batch, lets the process
 * records catch up, then says of each record where it was and who did it.
 */
#ifndef FSMON_APP_EVENTS_PIPELINE_H
#define FSMON_APP_EVENTS_PIPELINE_H

#include "app/events/pipeline_values.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline; /* opaque */

/* Make a pipeline. Records that an earlier worker left in the buffer are taken up again.
 * NULL with errno. */
struct pipeline *pipeline_new(const struct pipeline_parts *parts);

void pipeline_free(struct pipeline *p);

/* The parts, to be changed between two turns; for `rules` there is pipeline_set_rules. */
struct pipeline_parts *pipeline_parts(struct pipeline *p);

/* Put other rules in force, between two turns, while those of now are still there. */
void pipeline_set_rules(struct pipeline *p, const struct table *next);

/*
 * Read what is in the queue and resolve it; `now` is when the turn begins. Returns 0, or -1
 * with errno if the group cannot be read any more.
 */
int pipeline_turn(struct pipeline *p, struct clock_now now);

/* Hand on, as well as can be at once, what records that were resolved have led to and is still
 * being looked up: there is no turn any more. */
void pipeline_end(struct pipeline *p);

/*
 * When the queue should be read next, CLOCK_MONOTONIC: 0: as soon as something is in it;
 * else not before that time, so that under load records gather (reading each at once
 * costs several times as much).
 */
uint64_t pipeline_next_ns(const struct pipeline *p);

/* When a turn is due even if the queue is empty, CLOCK_MONOTONIC; UINT64_MAX: never. Unlike
 * pipeline_next_ns that keeps nobody from reading the queue before. */
uint64_t pipeline_due_ns(const struct pipeline *p);

/* Whether records are in the buffer that have not been resolved. */
bool pipeline_has_waiting(const struct pipeline *p);

const struct pipeline_counters *pipeline_counters(const struct pipeline *p);

#endif
