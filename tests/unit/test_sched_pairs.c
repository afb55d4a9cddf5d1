/* SPDX-License-Identifier: MIT */
/* The keys of a rule that say when jobs run, two and two. */
#include "sched_script.h"

#include "base/countof.h"

#define PATHS .run_per = TIMING_PER_PATH
#define EVENTS .run_per = TIMING_PER_EVENT
#define BATCH .run_per = TIMING_PER_BATCH
#define DEBOUNCE .debounce_ns = 100 * MS, .max_wait_ns = SECONDS
#define RESTART .on_busy = TIMING_BUSY_RESTART, .stop_timeout_ns = 50 * MS
#define SIGNAL .on_busy = TIMING_BUSY_SIGNAL, .busy_signal = 10
#define RETRY .retry = 2, .retry_delay_ns = 100 * MS

static const struct sched_script scripts[] = {
	/* debounce */
	{.name = "debounce x parallel: what waits for a slot still gathers",
		{.lane = {{PATHS, DEBOUNCE}}},
		"add:b:new:1 at:50 add:a:new:2 at:100 start:1 at:250 none add:a:join:2 "
		"ok:1:done none due:350 at:350 start:2"},
	{.name = "debounce x parallel: a later one can be due first",
		{.lane = {{PATHS, DEBOUNCE}}},
		"add:a:new:1 at:50 add:b:new:2 at:90 add:a:join:1 at:150 start:2 none "
		"at:190 none ok:2:done start:1"},
	{.name = "debounce x parallel: of those that are due the oldest starts",
		{.lane = {{PATHS, DEBOUNCE}}},
		"add:a:new:1 at:1 add:b:new:2 at:2 add:a:join:1 at:300 start:1 none"},
	{.name = "debounce x running: events gather for a run after this one",
		{.lane = {{PATHS, DEBOUNCE}}},
		"add:a:new:1 at:100 start:1 add:a:new:2 at:150 add:a:join:2 none "
		"ok:1:done "
		"none due:250 at:250 start:2 items:2:2:3"},
	{.name = "debounce x restart: the next run waits for quiet",
		{.lane = {{PATHS, DEBOUNCE, RESTART}}},
		"add:a:new:1 at:100 start:1 at:120 add:a:new:2 stop:1:restart:15 "
		"at:130 fail:1:followed:2 none due:220 add:a:join:2 due:230 at:230 "
		"start:2 "
		"items:2:1:2:3"},
	{.name = "debounce x retry: an event ends the delay, and waits for quiet",
		{.lane = {{PATHS, DEBOUNCE, .retry = 2,
			 .retry_delay_ns = 100 * SECONDS}}},
		"add:a:new:1 at:100 start:1 at:5000 fail:1:retry:100000 is:1:failures:1 "
		"at:6000 add:a:join:1 is:1:failures:1 is:1:attempt:1 is:1:queued:0 "
		"due:6100 "
		"at:6100 start:1 is:1:attempt:2 fail:1:retry:200000"},
	{.name = "max-wait x retry: counts from the first event after the run",
		{.lane = {{PATHS, .debounce_ns = 100 * MS, .max_wait_ns = 150 * MS,
			 .retry = 2, .retry_delay_ns = 100 * SECONDS}}},
		"add:a:new:1 at:100 start:1 at:5000 fail:1:retry:100000 at:6000 "
		"add:a:join:1 due:6100 at:6090 add:a:join:1 due:6150"},
	{.name = "max-wait x follow: the older events do not count",
		{.lane = {{PATHS, .debounce_ns = 100 * MS, .max_wait_ns = 150 * MS,
			 RETRY}}},
		"add:a:new:1 at:100 start:1 at:5000 add:a:new:2 at:5010 "
		"fail:1:followed:2 is:2:queued:0 due:5100 at:5090 add:a:join:2 due:5150"},
	{.name = "debounce x queue-max: a cut event counts for quiet",
		{.lane = {{BATCH, DEBOUNCE, .queue_max = 1}}},
		"add:a:new:1 at:50 add:b:cut:1 due:150"},
	{.name = "debounce x pause: due in the pause, run after it",
		{.lane = {{PATHS, DEBOUNCE}}},
		"pause:500 add:a:new:1 none due:500 at:450 add:a:join:1 none due:550 "
		"at:500 none at:550 start:1"},
	{.name = "debounce x throttle: the later of both",
		{.lane = {{PATHS, DEBOUNCE, .parallel = 5, .throttle = {1, SECONDS}}}},
		"add:a:new:1 at:100 start:1 at:150 add:b:new:2 none due:1100 at:1050 "
		"add:b:join:2 "
		"none due:1150 at:1150 start:2"},

	/* restart */
	{.name = "restart x retry: a run that is stopped for it has not failed",
		{.lane = {{PATHS, RESTART, RETRY}}},
		"add:a:new:1 start:1 fail:1:retry:100 at:retry start:1 is:1:failures:1 "
		"add:a:new:2 stop:1:restart:15 fail:1:followed:2 is:2:failures:1 "
		"is:2:attempt:2 start:2 fail:2:retry:200"},
	{.name = "restart x retry: after what was interrupted the next begins at 0",
		{.lane = {{EVENTS, RESTART, RETRY}}},
		"add:a:new:1 start:1 fail:1:retry:100 at:retry start:1 is:1:failures:1 "
		"add:a:new:2 stop:1:restart:15 fail:1:interrupted is:2:failures:0"},
	{.name = "restart x retry: an event before the retry stops nothing",
		{.lane = {{PATHS, RESTART, RETRY}}},
		"add:a:new:1 start:1 fail:1:retry:100 none add:a:join:1 start:1 none"},
	{.name = "restart x timeout: what is being stopped for that is not restarted",
		{.lane = {{PATHS, RESTART, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:100 stop:1:timeout:15 add:a:new:2 none "
		"due:150 at:150 kill:1 fail:1:failed start:2 items:2:2"},
	{.name = "restart x timeout: nor is it stopped twice",
		{.lane = {{PATHS, RESTART, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:80 add:a:new:2 stop:1:restart:15 at:100 none "
		"due:130 at:130 kill:1 at:200 none due:never fail:1:followed:2 start:2"},
	{.name = "restart x timeout: asked for before the other was told",
		{.lane = {{PATHS, RESTART, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:110 add:a:new:2 stop:1:restart:15 none due:160 "
		"fail:1:followed:2"},
	{.name = "restart x queue-max: what is not taken stops nothing",
		{.lane = {{EVENTS, RESTART, .queue_max = 1}}},
		"add:a:new:1 start:1 add:b:new:2 add:a:full none"},
	{.name = "restart x queue-max: a cut event stops the run",
		{.lane = {{BATCH, RESTART, .queue_max = 1}}},
		"add:a:new:1 start:1 add:b:new:2 stop:1:restart:15 fail:1:followed:2:1 "
		"items:2:2 is:2:count:2 is:2:truncated:1 add:c:cut:2 items:2:3 "
		"is:2:count:3 is:2:truncated:1 start:2 add:d:new:3 stop:2:restart:15 "
		"add:e:cut:3 none ok:2:followed:3:3 items:3:5 is:3:truncated:1 "
		"is:3:count:5"},
	{.name = "restart x queue-max: the newest events stay listed",
		{.lane = {{BATCH, RESTART, .queue_max = 3}}},
		"add:a:new:1 start:1 add:b:new:2 stop:1:restart:15 ok:1:followed:2 "
		"start:2 add:c:new:3 stop:2:restart:15 ok:2:followed:3 items:3:1:2:3 "
		"is:3:truncated:0 start:3 add:d:new:4 stop:3:restart:15 "
		"ok:3:followed:4:1 items:4:2:3:4 is:4:truncated:1 is:4:count:4 "
		"add:e:cut:4 items:4:2:3:5 start:4 add:f:new:5 add:g:join:5 "
		"stop:4:restart:15 ok:4:followed:5:2:3 items:5:5:6:7 is:5:count:7"},
	{.name = "restart x pause: the run is stopped, the next waits",
		{.lane = {{PATHS, RESTART}}},
		"add:a:new:1 start:1 pause:ever add:a:new:2 stop:1:restart:15 "
		"fail:1:followed:2 none unpause start:2"},
	{.name = "restart x stop-timeout = 0: killed at once",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_RESTART}}},
		"add:a:new:1 start:1 add:a:new:2 stop:1:restart:15 kill:1 none"},
	{.name = "restart x breaker: restarts count",
		{.lane = {{PATHS, RESTART, .breaker = {2, SECONDS}}}},
		"add:a:new:1 start:1 add:a:new:2 stop:1:restart:15 ok:1:followed:2 "
		"start:2 "
		"add:a:new:3 stop:2:restart:15 ok:2:followed:3 held:3:10000 none "
		"items:3:1:2:3 add:a:join:3 none"},
	{.name = "restart x batch: all events are in the next run",
		{.lane = {{BATCH, RESTART}}},
		"add:a:new:1 add:b:join:1 start:1 add:c:new:2 stop:1:restart:15 "
		"add:a:join:2 "
		"fail:1:followed:2 items:2:1:2:3:4 start:2"},

	{.name = "restart x cut: who takes over events knows that some are not listed",
		{.lane = {{BATCH, RESTART, .queue_max = 2}}},
		"add:a:new:1 add:b:join:1 add:c:cut:1 start:1 add:d:new:2 "
		"is:2:truncated:0 "
		"stop:1:restart:15 ok:1:followed:2:1 items:2:3:4 is:2:count:4 "
		"is:2:truncated:1"},

	/* signal */
	{.name = "signal x timeout: nobody is told of what is being stopped",
		{.lane = {{PATHS, SIGNAL, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:120 add:a:new:2 stop:1:timeout:15 kill:1 none "
		"add:a:join:2 none ok:1:failed start:2"},
	{.name = "signal x timeout: in the order of their times",
		{.max_parallel = 9,
			.count = 2,
			.lane = {{PATHS, SIGNAL, .timeout_ns = 100 * MS},
				{PATHS, .timeout_ns = 90 * MS}}},
		"add:a:new:1 lane:1 add:a:new:2 start:1:2 at:80 lane:0 add:a:new:3 "
		"at:100 signal:1:10 stop:2:timeout:15 stop:1:timeout:15 kill:1 kill:2 "
		"none"},
	{.name = "signal x signal: its time is that of the first event",
		{.count = 2, .lane = {{PATHS, SIGNAL}, {PATHS, .timeout_ns = 90 * MS}}},
		"add:a:new:1 lane:1 add:a:new:2 start:1:2 at:80 lane:0 add:a:new:3 at:95 "
		"add:a:join:3 signal:1:10 stop:2:timeout:15 kill:2 none"},
	{.name = "signal x drop: only that of the rule",
		{.lane = {{EVENTS, SIGNAL}}},
		"add:a:new:1 start:1 add:a:new:2 signal:1:10 ok:1:done start:2 "
		"add:b:new:3 "
		"none"},

	/* retry */
	{.name = "retry x merge: an event in the run that failed is followed by it",
		{.lane = {{PATHS, RETRY}}},
		"add:a:new:1 at:10 start:1 at:20 add:a:new:2 at:30 fail:1:followed:2 "
		"items:2:1:2 is:2:count:2 is:2:queued:0 is:2:order:1 is:2:attempt:1 "
		"is:2:failures:1 start:2 fail:2:retry:200 at:retry start:2 "
		"fail:2:failed"},
	{.name = "retry x merge: a steady writer does not put the end off for ever",
		{.lane = {{PATHS, .retry = 1}}},
		"add:a:new:1 start:1 add:a:new:2 fail:1:followed:2 start:2 add:a:new:3 "
		"items:2:1:2 fail:2:failed is:3:failures:0 items:3:3 start:3 add:a:new:4 "
		"fail:3:followed:4 is:4:failures:1 start:4 fail:4:failed"},
	{.name = "retry x merge: after what was fine the next begins at 0",
		{.lane = {{PATHS, .retry = 1}}},
		"add:a:new:1 start:1 add:a:new:2 fail:1:followed:2 start:2 add:a:new:3 "
		"ok:2:done is:3:failures:0 start:3 fail:3:retry:0"},
	{.name = "retry x merge: the follower's failures may be more",
		{.lane = {{PATHS, .retry = 3}}},
		"add:a:new:1 start:1 give:a:2:0:2:2 fail:1:followed:2 is:2:failures:2 "
		"start:2 fail:2:retry:0 start:2 fail:2:failed"},
	{.name = "retry x queue-max: what a failed run leaves is bounded",
		{.lane = {{BATCH, RETRY, .queue_max = 2}}},
		"add:a:new:1 add:b:join:1 start:1 add:c:new:2 fail:1:followed:2:1 "
		"items:2:2:3 is:2:count:3 is:2:truncated:1"},
	{.name = "retry x merge: without tries left the next goes alone",
		{.lane = {{PATHS}}},
		"add:a:new:1 start:1 add:a:new:2 fail:1:failed start:2 items:2:2"},
	{.name = "retry x merge: an event in the delay ends that, and not the count",
		{.lane = {{PATHS, .retry = 1, .retry_delay_ns = 100 * SECONDS}}},
		"add:a:new:1 start:1 fail:1:retry:100000 none add:a:join:1 start:1 "
		"fail:1:failed"},
	{.name = "retry x run-per = event: it is in front of later ones",
		{.lane = {{EVENTS, RETRY, .parallel = 5}}},
		"add:a:new:1 add:a:new:2 start:1 fail:1:retry:100 none add:b:new:3 "
		"start:3 "
		"due:retry at:retry start:1 ok:1:done start:2"},
	{.name = "retry x parallel: others go on in the delay",
		{.lane = {{PATHS, RETRY}}},
		"add:a:new:1 add:b:new:2 start:1 fail:1:retry:100 start:2 at:retry none "
		"ok:2:done start:1"},
	{.name = "retry x order: it is older than what came later",
		{.lane = {{PATHS, RETRY}}},
		"add:a:new:1 add:b:new:2 add:c:new:3 start:1 fail:1:retry:100 start:2 "
		"at:retry ok:2:done start:1"},
	{.name = "retry x queue-max: it counts as waiting",
		{.lane = {{PATHS, RETRY, .queue_max = 1}}},
		"add:a:new:1 start:1 fail:1:retry:100 add:b:full add:a:cut:1 start:1"},
	{.name = "retry x queue-max: it waits though the queue is full",
		{.lane = {{PATHS, RETRY, .queue_max = 1}}},
		"add:a:new:1 start:1 add:b:new:2 fail:1:retry:100 counts:2:0:0 start:2"},
	{.name = "retry x throttle: attempts count",
		{.lane = {{PATHS, .parallel = 5, .retry = 2, .throttle = {2, SECONDS}}}},
		"add:a:new:1 start:1 fail:1:retry:0 at:10 start:1 fail:1:retry:0 none "
		"due:1000 at:1000 start:1"},
	{.name = "retry x timeout: what timed out is tried again",
		{.lane = {{PATHS, RETRY, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:100 stop:1:timeout:15 kill:1 at:110 "
		"fail:1:retry:100 "
		"is:1:failures:1 due:retry at:retry start:1 ok:1:done"},
	{.name = "retry x drop: what comes in the delay joins",
		{.lane = {{PATHS, .retry = 2, .retry_delay_ns = 100 * MS,
			 .on_busy = TIMING_BUSY_DROP}}},
		"add:a:new:1 start:1 add:a:busy fail:1:retry:100 add:a:join:1 start:1"},
	{.name = "retry x pause: it waits for the end of both",
		{.lane = {{PATHS, RETRY}}},
		"add:a:new:1 start:1 fail:1:retry:100 pause:500 none due:500 at:500 "
		"start:1"},

	/* throttle */
	{.name = "throttle x batch: the rest waits and merges",
		{.lane = {{BATCH, .throttle = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done at:10 add:b:new:2 none at:500 "
		"add:c:join:2 "
		"none due:1000 at:1000 start:2 items:2:2:3"},
	{.name = "throttle x turns: it keeps nobody else",
		{.max_parallel = 1,
			.count = 2,
			.lane = {{PATHS, .throttle = {1, SECONDS}}, {PATHS}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 lane:1 add:a:new:3 start:3 "
		"none "
		"ok:3:done none due:1000"},
	{.name = "throttle x breaker: what is held has not started",
		{.lane = {{PATHS, .throttle = {2, SECONDS},
			 .breaker = {1, 60 * SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 add:b:new:3 "
		"start:3 "
		"ok:3:done add:c:new:4 none due:1000"},
	{.name = "throttle x pause: the later of both",
		{.lane = {{PATHS, .parallel = 5, .throttle = {1, SECONDS}}}},
		"add:a:new:1 start:1 add:b:new:2 pause:500 due:1000 pause:1500 due:1500 "
		"at:1500 start:2"},

	/* breaker */
	{.name = "breaker x retry: attempts count",
		{.lane = {{PATHS, .retry = 9, .breaker = {2, SECONDS}}}},
		"add:a:new:1 start:1 fail:1:retry:0 start:1 fail:1:retry:0 held:1:10000 "
		"is:1:attempt:2 at:10000 start:1 is:1:attempt:3"},
	{.name = "breaker x event: what is held gathers, and is not due sooner",
		{.lane = {{PATHS, DEBOUNCE, .breaker = {1, 60 * SECONDS}}}},
		"add:a:new:1 at:100 start:1 ok:1:done add:a:new:2 at:200 held:2:10200 "
		"at:10150 "
		"add:a:join:2 none due:10200 at:10200 start:2 items:2:2:3"},
	{.name = "breaker x drop: what is held does not run",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_DROP, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 add:a:join:2"},
	{.name = "breaker x max-parallel: nothing is held that could not start",
		{.max_parallel = 1,
			.lane = {{PATHS, .parallel = 2, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:b:new:2 start:2 add:a:new:3 none "
		"at:900 ok:2:done held:3:10900"},
	{.name = "breaker x pause: nothing is held in a pause",
		{.lane = {{PATHS, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 pause:1500 none "
		"counts:1:0:0:1500 "
		"at:1500 start:2"},
	{.name = "breaker x turns: what is held has not had its turn",
		{.max_parallel = 1,
			.count = 2,
			.lane = {{PATHS, .breaker = {1, 60 * SECONDS}}, {PATHS}}},
		"add:a:new:1 start:1 ok:1:done lane:1 add:a:new:2 start:2 ok:2:done "
		"lane:0 add:a:new:3 add:b:new:4 lane:1 add:a:new:5 held:3:10000 start:4 "
		"ok:4:done start:5"},

	/* drop */
	{.name = "drop x stop: what is being stopped still runs",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_DROP, .timeout_ns = 100 * MS,
			 .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 at:100 stop:1:timeout:15 add:a:busy at:150 kill:1 "
		"add:a:busy ok:1:failed add:a:new:2 start:2"},
	{.name = "drop x queue-max: busy comes first",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_DROP, .queue_max = 1}}},
		"add:a:new:1 start:1 add:b:new:2 add:a:busy add:c:full"},

	/* stops */
	{.name = "timeout x parallel: a run that is being stopped has its slot",
		{.lane = {{PATHS, .timeout_ns = 100 * MS, .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 add:b:new:2 at:100 stop:1:timeout:15 none at:150 "
		"kill:1 "
		"none ok:1:failed start:2"},
	{.name = "timeout x timeout: in the order of their times, then of jobs",
		{.lane = {{PATHS, .parallel = 3, .timeout_ns = 100 * MS,
			 .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 at:10 add:b:new:2 start:2 add:c:new:3 start:3 "
		"at:110 "
		"stop:1:timeout:15 stop:2:timeout:15 stop:3:timeout:15 none due:160 "
		"at:160 "
		"kill:1 kill:2 kill:3 none due:never"},
	{.name = "timeout x max-parallel: stops are told when nothing can start",
		{.max_parallel = 1,
			.lane = {{PATHS, .parallel = 2, .timeout_ns = 100 * MS,
				.stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 add:b:new:2 none due:100 at:100 stop:1:timeout:15 "
		"none "
		"due:150"},
	{.name = "timeout x pause: stops are told in a pause",
		{.lane = {{PATHS, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 pause:ever due:100 at:100 stop:1:timeout:15 kill:1"},
};

int main(void)
{
	return sched_scripts_run("sched_pairs", scripts, countof(scripts));
}
