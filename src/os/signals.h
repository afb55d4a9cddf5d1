/* SPDX-License-Identifier: MIT */
/* Signals that are read from a descriptor: signalfd(2). */
#ifndef FSMON_OS_SIGNALS_H
#define FSMON_OS_SIGNALS_H

#include <stddef.h>

/*
 * Block these signals, and have them come to a descriptor that is readable when one is there;
 * CLOEXEC and non-blocking. Call it with a single thread. The caller closes it. Returns -1 with
 * an errno of signalfd(2).
 */
__attribute__((warn_unused_result)) int signals_open(const int *signals, size_t count);

/* The next signal that has come, or 0. */
int signals_next(int fd);

#endif
