/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a client sends one word on a line (status, reload, sync), and gets
 * one JSON object back when there is an answer.
 */
#ifndef FSMON_APP_CONTROL_H
#define FSMON_APP_CONTROL_H

#include "os/poller.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct control; /* opaque */

/* How far a sync has come; the owner's to use. */
struct control_sync {
	uint64_t records; /* records that must have been resolved ... */
	uint64_t emptied; /* ... unless the queue has been empty more often than this */
	uint64_t mark; /* then: of jobs_mark */
	bool has_mark;
};

struct control_handlers {
	/* The answer to status; owned by the caller of the handler. */
	json_t *(*status)(void *ctx);
	/* Begin a reload; control_reloaded answers all who wait for one. */
	void (*reload)(void *ctx);
	/* Note in *s what must be done before the sync is answered. */
	void (*sync_begin)(void *ctx, struct control_sync *s);
	/* Whether all of that is done. */
	bool (*sync_is_done)(void *ctx, struct control_sync *s);
};

/* Serve a listening SOCK_STREAM socket, which is borrowed. NULL with errno. */
struct control *control_new(struct poller *poller, int listen_fd,
	const struct control_handlers *handlers, void *ctx);

void control_free(struct control *c);

/* A reload has ended: answer all who wait for it with the object (borrowed). */
void control_reloaded(struct control *c, json_t *answer);

/* Look whether syncs are done. */
void control_check(struct control *c);

/* Whether some client waits for a sync. */
bool control_has_syncs(const struct control *c);

#endif
