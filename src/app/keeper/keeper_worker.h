/* SPDX-License-Identifier: MIT */
/* The worker: starts one, and sends it messages. */
#ifndef FSMON_APP_KEEPER_KEEPER_WORKER_H
#define FSMON_APP_KEEPER_KEEPER_WORKER_H

#include "core/hook/wire.h"

#include <sys/types.h>

/*
 * Start a worker: the descriptors at the numbers of enum wire_place and no others, an
 * empty signal mask, SIGINT, SIGTERM and SIGHUP ignored (they are the keeper's business),
 * and no NOTIFY_SOCKET. At the first place is the worker's end of a new socket, in which
 * a WIRE_HELLO waits with the fields of `hello` and the places. Borrows its arguments.
 * Where the program cannot be executed the worker ends with status 127 and a line on
 * standard error.
 *
 * Returns the pid, which the caller reaps, with the keeper's end in *fd, which the caller
 * closes; or -1 with ENOMEM or an errno of socketpair(2), sendmsg(2) or fork(2).
 */
__attribute__((warn_unused_result)) pid_t keeper_worker_start(
	char *const *argv, const struct wire_fds *fds, struct wire_hello hello, int *fd);

/* Send a message, and a descriptor with it (NULL: none). Borrows its arguments. Returns 0, or
 * -1 with EAGAIN (no room now), ENOMEM, or another errno of wire_encode or sendmsg(2). */
int keeper_worker_send(int fd, const struct wire_message *m, const int *with_fd);

#endif
