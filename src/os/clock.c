/* SPDX-License-Identifier: MIT */
#include "os/clock.h"

#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

struct clock_now clock_now(void)
{
	return (struct clock_now){
		.monotonic_ns = clock_monotonic_ns(),
		.realtime_ns = clock_realtime_ns(),
	};
}
