/* SPDX-License-Identifier: MIT */
/*
 * User names for ids, without ever waiting for the name service: a thread asks it, the
 * loop goes on. What was answered is remembered for ten minutes.
 */
#ifndef FSMON_APP_ACTORS_NAMES_H
#define FSMON_APP_ACTORS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct names; /* opaque */

/* Start the thread. Returns NULL with ENOMEM, EMFILE or EAGAIN. */
struct names *names_new(void);

/* End the thread (it is left behind if the name service does not answer); NULL is
 * allowed. */
void names_free(struct names *n);

/*
 * The name of a user. Returns true with *name set: NULL if the user has no name (or the
 * id is ACTOR_ID_UNKNOWN); the string lives until the next call of names_collect. Returns
 * false if it is not known yet: it has been asked for, and names_fd() will be readable
 * when an answer has come.
 */
bool names_get(struct names *n, uint32_t uid, uint64_t now_ns, const char **name);

/* A descriptor, owned by n, that is readable when answers have come. */
int names_fd(const struct names *n);

/* Take the answers in. */
void names_collect(struct names *n, uint64_t now_ns);

#endif
