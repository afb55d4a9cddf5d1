/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a client sends one line, a word (status) or a JSON object whose "do"
 * is the word ({"do": "runs", "rule": "site"}), and gets one JSON object back when there is
 * an answer. What the words mean is the owner's to know.
 */
#ifndef FSMON_APP_TALK_CONTROL_H
#define FSMON_APP_TALK_CONTROL_H

#include "os/poller.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct control; /* opaque */

/* The most clients at a time. */
#define CONTROL_CLIENTS_MAX 64

/* How far a sync has come; the owner's to use. */
struct control_sync {
	uint64_t tag; /* of the hook's run that the client descends from; 0: none */
	uint64_t records; /* records that must have been resolved ... */
	uint64_t emptied; /* ... unless the queue has been empty more often than this */
	uint64_t mark; /* then: of jobs_mark */
	bool has_mark;
	uint64_t flush; /* then: of store_flush; 0: not asked yet */
};

struct control_handlers {
	/*
	 * A client asks for something. `args` is the object that it has sent, NULL where it
	 * sent a word alone; both are borrowed for the call. The number is for
	 * control_answer or control_wait, in this call or later.
	 */
	void (*request)(void *ctx, const char *what, json_t *args, uint64_t client);
	/* Whether all is done that a client waits for. */
	bool (*sync_is_done)(void *ctx, struct control_sync *s);
};

/* Serve a listening SOCK_STREAM socket, which is borrowed; the handlers are copied. NULL
 * with ENOMEM or an errno of poller_add. */
__attribute__((warn_unused_result)) struct control *control_new(struct poller *poller,
	int listen_fd, const struct control_handlers *handlers, void *ctx);

/* Close all connections and free it. NULL is allowed. */
void control_free(struct control *c);

/*
 * Answer a client with the object (borrowed), and be done with it. NULL, as when memory has
 * run out, closes the connection without an answer. Nothing happens where the client is
 * gone, or has been answered.
 */
void control_answer(struct control *c, uint64_t client, json_t *object);

/* Likewise with an object as text, which is taken over. */
void control_answer_text(struct control *c, uint64_t client, char *text);

/* Answer {"ok": false, "error": text}. */
void control_refuse(struct control *c, uint64_t client, const char *text);

/* Answer every client that has asked for `what` and has no answer yet. */
void control_answer_all(struct control *c, const char *what, json_t *object);

/* The process of a client, as sock_peer. */
pid_t control_peer(struct control *c, uint64_t client);

/* The tags, not 0, of all syncs that clients wait for. Returns how many there are. */
size_t control_sync_tags(const struct control *c, uint64_t tags[CONTROL_CLIENTS_MAX]);

/* Answer a client {"ok": true} as soon as sync_is_done says so of *s, which is copied. */
void control_wait(struct control *c, uint64_t client, const struct control_sync *s);

/* Ask sync_is_done for each client that waits, and answer it where that is so. */
void control_check(struct control *c);

#endif
