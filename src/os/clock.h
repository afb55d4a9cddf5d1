/* SPDX-License-Identifier: MIT */
/* The clocks, in nanoseconds. */
#ifndef FSMON_OS_CLOCK_H
#define FSMON_OS_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC: what the process connector stamps its messages with. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME since 1970. */
uint64_t clock_realtime_ns(void);

#endif
