/* SPDX-License-Identifier: MIT */
/*
 * Changes that wait until it is known whether a close-write follows them: a file was created, or
 * modified, and nothing that was read says that it is complete. A record of its close, its
 * deletion or its renaming decides; else a thread asks whether anybody has it open for writing.
 * When nobody has, the change is told as it is; when somebody has, it waits for the close.
 */
#ifndef FSMON_APP_EVENTS_FRESH_H
#define FSMON_APP_EVENTS_FRESH_H

#include "app/events/events_state.h"

/* A table without changes. Returns NULL with errno. `wake_fd` as in asker_new. */
struct fresh *fresh_new(int wake_fd);

/* Changes that it still holds are lost. NULL is allowed. */
void fresh_free(struct fresh *t);

/* What is to become of a create or modify of which its record does not say whether a close-write
 * follows. */
enum fresh_fate {
	FRESH_COVERED, /* nothing: another record, or a change that waits, tells it */
	FRESH_COMPLETE, /* no close-write follows, or nobody can say: it is told at once */
	FRESH_WAITS,
};

enum fresh_fate fresh_fate(const struct pipeline *p, const struct facts *f);

/* Let a complete change wait, which is that of the record whose path is p->path.
 * It takes a reference. */
void fresh_put(struct pipeline *p, const struct facts *f, struct change *c);

/*
 * A file was written and closed, and that is told. The kernel may have merged the close into a
 * record in front of that of a modify, which it followed: whatever is read in the turn had happened
 * before any hook hears of the close.
 */
void fresh_note_close(struct pipeline *p, struct change *c);

/* Whether all who are to hear of a modify hear of such a close. */
bool fresh_is_closed(const struct pipeline *p, const struct change *c);

/* Kinds of records that may decide about changes that wait. */
#define FRESH_SETTLING (EVENT_CLOSE_WRITE | EVENT_DELETE | EVENT_RENAME)

/* A record was read that may decide about changes that wait, and is told next; or records were
 * lost. */
void fresh_settle(struct pipeline *p, const struct facts *f);

/* Take the answers that have come; before the queue is read. */
void fresh_begin_turn(struct pipeline *p);

/* Tell what is complete and ask about what is new; at the end of a turn. `is_dealt_with`: all that
 * was in the queue when it began has been read and resolved. */
void fresh_end_turn(struct pipeline *p, bool is_dealt_with);

/* The ordinal of the oldest record whose change may be told at any moment (not those that a
 * writer has), or for which a file is open still; UINT64_MAX: there is none. */
uint64_t fresh_oldest(const struct pipeline *p);

/* When a turn is due because of an answer that does not come, CLOCK_MONOTONIC; UINT64_MAX: none. */
uint64_t fresh_due_ns(const struct pipeline *p);

/* Take in that other rules come into force; those of now are still there. */
void fresh_set_rules(struct pipeline *p, const struct table *next);

#endif
