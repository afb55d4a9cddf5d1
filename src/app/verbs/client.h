/* SPDX-License-Identifier: MIT */
/* How a verb asks the running daemon. */
#ifndef FSMON_APP_VERBS_CLIENT_H
#define FSMON_APP_VERBS_CLIENT_H

#include "app/options.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Connect to the control socket of --runtime-dir. Returns a descriptor, which is the
 * caller's, or -1 with errno (ENOENT, ECONNREFUSED: no daemon runs there). */
__attribute__((warn_unused_result)) int client_connect(const struct options *o);

/* Say on standard error why client_connect has failed, going by errno. */
void client_say_unreachable(const struct options *o);

/*
 * Send a request and wait for the answer, timeout_ms at most (-1: for ever). `request` is a
 * word without its newline. Returns the answer, of which the caller drops the reference, or
 * NULL after a message on standard error.
 */
__attribute__((warn_unused_result)) json_t *client_ask(
	const struct options *o, const char *request, int timeout_ms);

/*
 * The same over a connection of client_connect, which it closes, with an object that has its
 * word in "do"; the reference to it is taken over, and it may be NULL (out of memory). An
 * answer that is not "ok" is a failure too, and its "error" the message.
 */
__attribute__((warn_unused_result)) json_t *client_ask_over(
	const struct options *o, int fd, json_t *request);

/* Connect and client_ask_over, with a message where the daemon cannot be reached. */
__attribute__((warn_unused_result)) json_t *client_ask_object(
	const struct options *o, json_t *request);

/* Whether an answer is not "ok"; its "error" is said on standard error then. */
bool client_is_refused(const json_t *answer);

/* The number of a run that stands on the command line. Returns 0, or -1 with EINVAL where it
 * is none. */
int client_run_number(const char *text, uint64_t *run);

/* The name of a rule that stands on the command line, as an argument of a request: what can be
 * none is made into something that is none either. NULL with ENOMEM. */
__attribute__((warn_unused_result)) json_t *client_rule_name(const char *text);

#endif
