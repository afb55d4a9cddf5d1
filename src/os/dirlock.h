/* SPDX-License-Identifier: MIT */
/* A lock on a directory, by which one program keeps another one out of it. It is on the directory
 * itself, so that it works where nothing can be written, and leaves no file behind. */
#ifndef FSMON_OS_DIRLOCK_H
#define FSMON_OS_DIRLOCK_H

#include <sys/types.h>

/*
 * Lock a directory. The lock is held until the last copy of the descriptor is closed, which a
 * process that dies does too. Where whoever took it is gone, and has left a copy to another
 * process, this waits for the end of that, at most `patience_ms`. Returns the descriptor, CLOEXEC,
 * the caller's; or -1 with EWOULDBLOCK (somebody holds the lock: *holder is the process that took
 * it, 0 where it is gone or cannot be seen from here), or an errno of open(2) or flock(2), such as
 * EBADF and ENOLCK where the filesystem has no such locks.
 */
__attribute__((warn_unused_result)) int dirlock_take(
	const char *path, int patience_ms, pid_t *holder);

#endif
