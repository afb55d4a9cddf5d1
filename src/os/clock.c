/* SPDX-License-Identifier: MIT */
#include "os/clock.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
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

struct tm clock_local(uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm local = {0};
	localtime_r(&seconds, &local);
	return local;
}

int clock_add_local(struct buf *b, uint64_t realtime_ns)
{
	struct tm local = clock_local(realtime_ns);
	char text[64] = "";
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	return buf_add_str(b, text);
}
