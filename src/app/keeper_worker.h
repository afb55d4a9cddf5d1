/* SPDX-License-Identifier: MIT */
/* Starts the worker with the keeper's descriptors at their places. */
#ifndef FSMON_APP_KEEPER_WORKER_H
#define FSMON_APP_KEEPER_WORKER_H

#include "core/wire.h"

#include <sys/types.h>

/*
 * Start a worker: descriptors at the numbers of enum wire_place and no others, an empty
 * signal mask, SIGINT, SIGTERM and SIGHUP ignored (they are the keeper's business), and
 * no NOTIFY_SOCKET. `exe` NULL: this program. Borrows its arguments. A program that cannot be
 * executed ends with status 127 and a line on standard error. Returns the pid, which the
 * caller reaps, or -1 with the errno of fork(2).
 */
__attribute__((warn_unused_result)) pid_t keeper_worker_start(
	const char *exe, char *const *argv, const struct wire_fds *fds);

#endif
