/* SPDX-License-Identifier: MIT */
/* The clocks, in nanoseconds, and the local zone. */
#ifndef FSMON_OS_CLOCK_H
#define FSMON_OS_CLOCK_H

#include "base/buf.h"

#include <stdint.h>
#include <time.h>

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

/* A time of CLOCK_REALTIME in the local zone. */
struct tm clock_local(uint64_t realtime_ns);

/* Append it so: 2026-11-23 04:00:05. Returns 0, or -1 with ENOMEM. */
int clock_add_local(struct buf *b, uint64_t realtime_ns);

#endif
