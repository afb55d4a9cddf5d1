/* SPDX-License-Identifier: MIT */
/* When and how often the hooks of a rule run: the part of a rule that the scheduler goes by.
 * The keys are explained in fsmon.conf(5); times are in ns. */
#ifndef FSMON_CORE_SCHED_TIMING_H
#define FSMON_CORE_SCHED_TIMING_H

#include <stdint.h>

enum timing_run_per { TIMING_PER_PATH, TIMING_PER_EVENT, TIMING_PER_BATCH };

enum timing_on_busy {
	TIMING_BUSY_QUEUE,
	TIMING_BUSY_DROP,
	TIMING_BUSY_RESTART,
	TIMING_BUSY_SIGNAL
};

/* At most `count` of something within any `per_ns`. */
struct timing_rate {
	uint32_t count; /* 0: no limit */
	uint64_t per_ns;
};

struct timing {
	enum timing_run_per run_per;
	enum timing_on_busy on_busy;
	int busy_signal; /* with TIMING_BUSY_SIGNAL */
	uint64_t debounce_ns;
	uint64_t max_wait_ns; /* in a rule 10 × debounce unless given */
	uint32_t parallel; /* at least 1 */
	uint32_t queue_max; /* at least 1 */
	struct timing_rate throttle;
	struct timing_rate breaker;
	uint64_t timeout_ns; /* 0: none */
	int stop_signal;
	uint64_t stop_timeout_ns;
	uint32_t retry;
	uint64_t retry_delay_ns;
};

#endif
