/* SPDX-License-Identifier: MIT */
/* The clocks, in nanoseconds. */
#ifndef FSMON_OS_CLOCK_H
#define FSMON_OS_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC: what the process connector stamps its messages with. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME since 1970. */
uint64_t clock_realtime_ns(void);

/* Both at once: read where something begins, and handed down. */
struct clock_now {
	uint64_t monotonic_ns;
	uint64_t realtime_ns;
};

struct clock_now clock_now(void);

#endif
