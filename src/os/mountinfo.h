/* SPDX-License-Identifier: MIT */
/* The kernel's mount table and the news of its changes. */
#ifndef FSMON_OS_MOUNTINFO_H
#define FSMON_OS_MOUNTINFO_H

#include "base/buf.h"

/* Open /proc/self/mountinfo. It has POLLPRI (and EPOLLERR) when the table has changed
 * since it was read last. Returns the descriptor, or -1 with errno of open(2). */
int mountinfo_open(void);

/* Read the whole text into *out. Returns 0, or -1 with errno. */
int mountinfo_read(int fd, struct buf *out);

#endif
