/* SPDX-License-Identifier: MIT */
#include "sched_chance.h"

#include <signal.h>
#include <stdio.h>

/* splitmix64 */
uint64_t chance(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t chance_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(chance(state) % n);
}

bool chance_one_in(uint64_t *state, uint32_t n)
{
	return chance_below(state, n) == 0;
}

uint64_t chance_time_ns(uint64_t *state, uint32_t most_s)
{
	uint64_t ns = chance_below(state, most_s + 1) * CHANCE_S;
	return chance_one_in(state, 8) ? ns + 1 : ns;
}

static uint32_t some_count(uint64_t *r, uint32_t most, uint32_t scale)
{
	return 1 + chance_below(r, most * (1 + chance_below(r, scale)));
}

static struct timing_rate some_rate(uint64_t *r, uint32_t most_s, uint32_t scale)
{
	if (!chance_one_in(r, 3))
		return (struct timing_rate){0};
	return (struct timing_rate){.count = some_count(r, 3, scale),
		.per_ns = CHANCE_S + chance_time_ns(r, most_s)};
}

static uint64_t some_retry_delay_ns(uint64_t *r)
{
	switch (chance_below(r, 20)) {
	case 0:
		return 1000 * CHANCE_S;
	case 1:
		return 4000 * CHANCE_S;
	default:
		return chance_time_ns(r, 5);
	}
}

void chance_config(uint64_t *r, struct timing *c, uint32_t scale)
{
	*c = (struct timing){
		.run_per = (enum timing_run_per)chance_below(r, 3),
		.on_busy = (enum timing_on_busy)chance_below(r, 4),
		.busy_signal = chance_one_in(r, 2) ? SIGHUP : SIGUSR1,
		.debounce_ns = chance_one_in(r, 2) ? 0 : chance_time_ns(r, 5),
		.max_wait_ns = chance_time_ns(r, 10),
		.parallel = some_count(r, 3, scale),
		.queue_max = some_count(r, 5, scale),
		.throttle = some_rate(r, 20, scale),
		.breaker = some_rate(r, 60, 1),
		.timeout_ns = chance_one_in(r, 2) ? 0 : CHANCE_S + chance_time_ns(r, 10),
		.stop_signal = chance_one_in(r, 2) ? SIGTERM : SIGINT,
		.stop_timeout_ns = chance_one_in(r, 3) ? 0 : chance_time_ns(r, 5),
		.retry = chance_one_in(r, 2) ? 0 : chance_below(r, 5),
		.retry_delay_ns = some_retry_delay_ns(r),
	};
	if (chance_one_in(r, 20))
		c->retry = 20;
}

void chance_print(uint32_t number, const struct timing *c)
{
	static const char *const pers[] = {"path", "event", "batch"};
	static const char *const busies[] = {"queue", "drop", "restart", "signal"};
	printf("# lane %u: per %s, busy %s, debounce %g, max-wait %g, parallel %u, queue "
	       "%u,\n",
		number, pers[c->run_per], busies[c->on_busy],
		(double)c->debounce_ns / 1e9, (double)c->max_wait_ns / 1e9, c->parallel,
		c->queue_max);
	printf("#  throttle %u/%g, breaker %u/%g, timeout %g, stop-timeout %g, retry "
	       "%u/%g\n",
		c->throttle.count, (double)c->throttle.per_ns / 1e9, c->breaker.count,
		(double)c->breaker.per_ns / 1e9, (double)c->timeout_ns / 1e9,
		(double)c->stop_timeout_ns / 1e9, c->retry,
		(double)c->retry_delay_ns / 1e9);
}
