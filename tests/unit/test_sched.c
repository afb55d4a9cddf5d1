/* SPDX-License-Identifier: MIT */
/* The keys of a rule that say when jobs run, one by one. */
#include "sched_script.h"

#include "base/countof.h"

#define PATHS .run_per = TIMING_PER_PATH
#define EVENTS .run_per = TIMING_PER_EVENT
#define BATCH .run_per = TIMING_PER_BATCH

static const struct sched_script scripts[] = {
	{.name = "an event makes a job that runs once",
		{.lane = {{PATHS}}},
		"add:a:new:1 due:0 start:1 is:1:attempt:1 items:1:1 none counts:0:1:0 "
		"ok:1:done none due:never all:0:0 add:a:new:2 start:2"},

	/* run-per */
	{.name = "run-per = path: what waits for one path joins",
		{.lane = {{PATHS}}},
		"add:b:new:1 start:1 add:a:new:2 at:5 add:a:join:2 add:c:new:3 "
		"add:a:join:2 "
		"items:2:2:3:5 is:2:count:3 is:2:queued:0 is:2:order:2 none "
		"ok:1:done start:2 none ok:2:done start:3 ok:3:done none"},
	{.name = "run-per = path: an event for a path that runs is followed by a run",
		{.lane = {{PATHS, .parallel = 5}}},
		"add:a:new:1 start:1 add:a:new:2 none add:b:new:3 start:3 "
		"ok:1:done start:2 none"},
	{.name = "run-per = event: each event has a run, in order",
		{.lane = {{EVENTS}}},
		"add:a:new:1 add:b:new:2 add:a:new:3 start:1 none ok:1:done start:2 "
		"ok:2:done start:3 items:3:3 ok:3:done none"},
	{.name = "run-per = event: runs for one path do not overlap",
		{.lane = {{EVENTS, .parallel = 5}}},
		"add:a:new:1 add:a:new:2 add:b:new:3 add:a:new:4 start:1:3 none "
		"counts:2:2:0 ok:1:done start:2 none ok:3:done none ok:2:done start:4 "
		"none"},
	{.name = "run-per = batch: all that waits is one run",
		{.lane = {{BATCH, .parallel = 5}}},
		"add:a:new:1 start:1 add:b:new:2 add:c:join:2 add:b:join:2 none "
		"ok:1:done start:2 items:2:2:3:4 none"},

	/* debounce, max-wait */
	{.name = "debounce: a job waits until it has been quiet",
		{.lane = {{PATHS, .debounce_ns = 100 * MS, .max_wait_ns = SECONDS}}},
		"add:a:new:1 due:100 none at:50 add:a:join:1 due:150 at:100 none at:149 "
		"none "
		"at:150 start:1 none"},
	{.name = "debounce: each path has its own",
		{.lane = {{PATHS, .parallel = 5, .debounce_ns = 100 * MS,
			 .max_wait_ns = SECONDS}}},
		"add:a:new:1 at:60 add:b:new:2 due:100 at:70 add:b:join:2 at:100 start:1 "
		"none "
		"due:170 at:170 start:2"},
	{.name = "debounce: each event has its own with run-per = event",
		{.lane = {{EVENTS, .parallel = 5, .debounce_ns = 100 * MS,
			 .max_wait_ns = SECONDS}}},
		"add:a:new:1 at:60 add:b:new:2 at:100 start:1 none at:160 start:2"},
	{.name = "max-wait: a steady writer does not put a job off for ever",
		{.lane = {{PATHS, .debounce_ns = 100 * MS, .max_wait_ns = 250 * MS}}},
		"add:a:new:1 at:90 add:a:join:1 due:190 at:180 add:a:join:1 due:250 "
		"at:240 add:a:join:1 due:250 at:249 none at:250 start:1 "
		"add:a:new:2 due:never ok:1:done due:350"},
	{.name = "max-wait: less than debounce",
		{.lane = {{PATHS, .debounce_ns = 100 * MS, .max_wait_ns = 30 * MS}}},
		"add:a:new:1 due:30 at:29 none at:30 start:1"},

	/* parallel, max-parallel */
	{.name = "parallel: so many at once and no more",
		{.lane = {{PATHS, .parallel = 2}}},
		"add:a:new:1 add:b:new:2 add:c:new:3 add:d:new:4 start:1:2 none "
		"due:never "
		"counts:2:2:0 ok:2:done start:3 none ok:1:done start:4 none"},
	{.name = "max-parallel: over all rules",
		{.max_parallel = 2, .count = 3, .lane = {{PATHS}, {PATHS}, {PATHS}}},
		"add:a:new:1 lane:1 add:a:new:2 lane:2 add:a:new:3 start:1:2 none "
		"due:never "
		"all:1:2 ok:2:done start:3 none"},
	{.name = "max-parallel: rules take turns",
		{.max_parallel = 1, .count = 2, .lane = {{PATHS}, {PATHS}}},
		"add:a:new:1 add:b:new:2 add:c:new:3 lane:1 add:d:new:4 add:e:new:5 "
		"start:1 none ok:1:done start:4 ok:4:done start:2 ok:2:done start:5 "
		"ok:5:done start:3 ok:3:done none"},
	{.name = "max-parallel: rules take turns at one moment, too",
		{.max_parallel = 5,
			.count = 2,
			.lane = {{PATHS, .parallel = 9}, {PATHS, .parallel = 9}}},
		"add:a:new:1 add:b:new:2 add:c:new:3 lane:1 add:d:new:4 add:e:new:5 "
		"add:f:new:6 "
		"start:1:4:2:5:3 none ok:1:done start:6"},
	{.name = "max-parallel: who has not run for longest is first",
		{.max_parallel = 1, .count = 3, .lane = {{PATHS}, {PATHS}, {PATHS}}},
		"lane:2 add:a:new:1 start:1 ok:1:done lane:1 add:a:new:2 start:2 "
		"add:b:new:3 lane:2 add:a:new:4 lane:0 add:a:new:5 none ok:2:done "
		"start:5 "
		"ok:5:done start:4 ok:4:done start:3"},

	/* on-busy */
	{.name = "on-busy = queue: the run goes on",
		{.lane = {{PATHS}}},
		"add:a:new:1 start:1 add:a:new:2 none ok:1:done start:2"},
	{.name = "on-busy = drop: an event for a key that runs is not taken",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_DROP}}},
		"add:a:new:1 add:a:join:1 start:1 add:a:busy add:b:new:2 counts:1:1:0 "
		"add:b:join:2 ok:1:done start:2 add:a:new:3 add:b:busy ok:2:done "
		"start:3"},
	{.name = "on-busy = drop: with batch the rule is the key",
		{.lane = {{BATCH, .on_busy = TIMING_BUSY_DROP}}},
		"add:a:new:1 start:1 add:b:busy ok:1:done none add:b:new:2 start:2"},
	{.name = "on-busy = restart: the run is stopped, and its events run again",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_RESTART,
			 .stop_timeout_ns = 50 * MS, .stop_signal = 2}}},
		"add:a:new:1 start:1 at:5 add:a:new:2 stop:1:restart:2 none due:55 "
		"add:a:join:2 none at:20 fail:1:followed:2 items:2:1:2:3 is:2:count:3 "
		"is:2:queued:0 is:2:order:1 is:2:attempt:1 start:2 none"},
	{.name = "on-busy = restart: other paths' runs go on",
		{.lane = {{PATHS, .parallel = 2, .on_busy = TIMING_BUSY_RESTART,
			 .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 add:b:new:2 start:1:2 add:b:new:3 stop:2:restart:15 none "
		"ok:2:followed:3 start:3 ok:1:done"},
	{.name = "on-busy = restart: with run-per = event the job is over",
		{.lane = {{EVENTS, .on_busy = TIMING_BUSY_RESTART,
			 .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 add:a:new:2 add:a:new:3 stop:1:restart:15 none "
		"fail:1:interrupted start:2 none add:a:new:4 stop:2:restart:15 "
		"ok:2:interrupted start:3"},
	{.name = "on-busy = restart: from the event on, though nobody was told yet",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_RESTART}}},
		"add:a:new:1 start:1 add:a:new:2 ok:1:followed:2 start:2 none"},
	{.name = "on-busy = signal: the run is told, once until it was",
		{.lane = {{PATHS, .on_busy = TIMING_BUSY_SIGNAL, .busy_signal = 10}}},
		"add:a:new:1 start:1 add:a:new:2 add:a:join:2 due:0 signal:1:10 none "
		"add:b:new:3 none at:5 add:a:join:2 signal:1:10 none ok:1:done start:2"},

	/* queue-max */
	{.name = "queue-max: more jobs are not taken",
		{.lane = {{PATHS, .queue_max = 2}}},
		"add:a:new:1 add:b:new:2 add:c:full counts:2:0:0 start:1 add:c:new:3 "
		"add:d:full add:c:join:3 ok:1:done start:2"},
	{.name = "queue-max: with run-per = event each event counts",
		{.lane = {{EVENTS, .queue_max = 2}}},
		"add:a:new:1 add:a:new:2 add:a:full start:1 add:a:new:3 add:b:full"},
	{.name = "queue-max: a job lists so many events, and the newest",
		{.lane = {{BATCH, .queue_max = 3}}},
		"add:a:new:1 add:b:join:1 add:c:join:1 is:1:truncated:0 add:d:cut:1 "
		"items:1:1:2:4 is:1:count:4 is:1:truncated:1 add:e:cut:1 items:1:1:2:5 "
		"is:1:count:5 start:1"},
	{.name = "queue-max = 1: the newest event alone",
		{.lane = {{BATCH, .queue_max = 1}}},
		"add:a:new:1 add:b:cut:1 add:c:cut:1 items:1:3 is:1:count:3 start:1"},

	/* throttle */
	{.name = "throttle: so many runs in any such time",
		{.lane = {{PATHS, .parallel = 9, .throttle = {2, SECONDS}}}},
		"add:a:new:1 start:1 at:400 add:b:new:2 add:c:new:3 add:d:new:4 start:2 "
		"none "
		"due:1000 at:999 none at:1000 start:3 none due:1400 at:1400 start:4 "
		"add:e:new:5 none due:2000"},
	{.name = "throttle: of many",
		{.lane = {{EVENTS, .throttle = {20, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done at:1 "
		"add:a:new:2 start:2 ok:2:done add:a:new:3 start:3 ok:3:done "
		"add:a:new:4 start:4 ok:4:done add:a:new:5 start:5 ok:5:done "
		"add:a:new:6 start:6 ok:6:done add:a:new:7 start:7 ok:7:done "
		"add:a:new:8 start:8 ok:8:done add:a:new:9 start:9 ok:9:done "
		"add:a:new:10 start:10 ok:10:done add:a:new:11 start:11 ok:11:done "
		"add:a:new:12 start:12 ok:12:done add:a:new:13 start:13 ok:13:done "
		"add:a:new:14 start:14 ok:14:done add:a:new:15 start:15 ok:15:done "
		"add:a:new:16 start:16 ok:16:done add:a:new:17 start:17 ok:17:done "
		"add:a:new:18 start:18 ok:18:done add:a:new:19 start:19 ok:19:done "
		"add:a:new:20 start:20 ok:20:done add:a:new:21 none due:1000 "
		"at:1000 start:21 ok:21:done add:a:new:22 none due:1001"},

	/* retry, retry-delay */
	{.name = "retry: so often, after a delay that doubles",
		{.lane = {{PATHS, .retry = 2, .retry_delay_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:10 fail:1:retry:100 due:retry none counts:1:0:0 "
		"is:1:failures:1 at:retry start:1 is:1:attempt:2 fail:1:retry:200 none "
		"at:retry start:1 is:1:attempt:3 is:1:failures:2 fail:1:failed none "
		"due:never"},
	{.name = "retry: fine at last",
		{.lane = {{PATHS, .retry = 2, .retry_delay_ns = 100 * MS}}},
		"add:a:new:1 start:1 fail:1:retry:100 at:retry start:1 ok:1:done none"},
	{.name = "retry: none unless it is asked for",
		{.lane = {{PATHS}}},
		"add:a:new:1 start:1 fail:1:failed none due:never all:0:0"},
	{.name = "retry-delay: at most an hour",
		{.lane = {{PATHS, .retry = 9, .retry_delay_ns = 1200 * SECONDS}}},
		"add:a:new:1 start:1 fail:1:retry:1200000 at:retry start:1 "
		"fail:1:retry:2400000 at:retry start:1 fail:1:retry:3600000 at:retry "
		"start:1 "
		"fail:1:retry:3600000 at:retry start:1 fail:1:retry:3600000"},
	{.name = "retry-delay: more than an hour stays",
		{.lane = {{PATHS, .retry = 9, .retry_delay_ns = 7200 * SECONDS}}},
		"add:a:new:1 start:1 fail:1:retry:7200000 at:retry start:1 "
		"fail:1:retry:7200000"},
	{.name = "retry-delay = 0: at once",
		{.lane = {{PATHS, .retry = 1}}},
		"add:a:new:1 start:1 fail:1:retry:0 start:1 fail:1:failed"},

	/* breaker */
	{.name = "breaker: one more is held",
		{.lane = {{PATHS, .breaker = {2, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done at:400 add:a:new:2 start:2 ok:2:done "
		"at:999 add:a:new:3 held:3:10999 none due:10999 counts:1:0:1 "
		"add:a:join:3 "
		"add:b:new:4 start:4 ok:4:done at:10998 none at:10999 counts:1:0:0 "
		"start:3"},
	{.name = "breaker: a window ends",
		{.lane = {{PATHS, .breaker = {2, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 start:2 ok:2:done at:1000 "
		"add:a:new:3 start:3 ok:3:done add:a:new:4 start:4 ok:4:done "
		"at:1999 add:a:new:5 held:5:11999"},
	{.name = "breaker: the time doubles, up to ten minutes",
		{.lane = {{PATHS, .retry = 99, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 fail:1:retry:0 held:1:10000 at:10000 start:1 "
		"fail:1:retry:0 held:1:30000 at:30000 start:1 fail:1:retry:0 "
		"held:1:70000 "
		"at:70000 start:1 fail:1:retry:0 held:1:150000 at:150000 start:1 "
		"fail:1:retry:0 held:1:310000 at:310000 start:1 fail:1:retry:0 "
		"held:1:630000 "
		"at:630000 start:1 fail:1:retry:0 held:1:1230000 at:1230000 start:1 "
		"fail:1:retry:0 held:1:1830000"},
	{.name = "breaker: a window without a hold makes it forget",
		{.lane = {{PATHS, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 at:10000 start:2 "
		"ok:2:done at:11000 add:a:new:3 start:3 ok:3:done add:a:new:4 "
		"held:4:21000"},
	{.name = "breaker: quiet after a hold makes it forget",
		{.lane = {{PATHS, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 pause:11000 "
		"at:11000 "
		"start:2 ok:2:done add:a:new:3 held:3:21000"},
	{.name = "breaker: a little less quiet does not",
		{.lane = {{PATHS, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 pause:10999 "
		"at:10999 "
		"start:2 ok:2:done add:a:new:3 held:3:30999"},
	{.name = "breaker: many paths are load, not a loop",
		{.lane = {{PATHS, .parallel = 9, .breaker = {1, SECONDS}}}},
		"add:a:new:1 add:b:new:2 add:c:new:3 add:d:new:4 start:1:2:3:4 none"},
	{.name = "breaker: with batch it is for the rule",
		{.lane = {{BATCH, .breaker = {1, SECONDS}}}},
		"add:a:new:1 start:1 ok:1:done add:b:new:2 held:2:10000"},
	{.name = "breaker: each of several jobs for a path waits",
		{.lane = {{EVENTS, .breaker = {1, SECONDS}}}},
		"add:a:new:1 add:a:new:2 add:a:new:3 start:1 ok:1:done held:2:10000 none "
		"counts:2:0:1 at:10000 start:2 ok:2:done held:3:30000 none"},

	/* timeout, stop-signal, stop-timeout */
	{.name = "timeout: stopped, and killed after stop-timeout",
		{.lane = {{PATHS, .timeout_ns = 100 * MS, .stop_signal = 3,
			 .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 none due:100 at:99 none at:100 stop:1:timeout:3 "
		"none "
		"due:150 at:149 none at:150 kill:1 none due:never fail:1:failed"},
	{.name = "timeout: what ends fine after that has failed all the same",
		{.lane = {{PATHS, .timeout_ns = 100 * MS, .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 at:100 stop:1:timeout:15 ok:1:failed due:never "
		"none"},
	{.name = "timeout: what ends fine before anybody was told was fine",
		{.lane = {{PATHS, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:200 ok:1:done none due:never"},
	{.name = "stop-timeout = 0: killed at once",
		{.lane = {{PATHS, .timeout_ns = 100 * MS}}},
		"add:a:new:1 start:1 at:130 stop:1:timeout:15 kill:1 none due:never"},
	{.name = "stop-timeout: from when it was told",
		{.lane = {{PATHS, .timeout_ns = 100 * MS, .stop_timeout_ns = 50 * MS}}},
		"add:a:new:1 start:1 at:130 stop:1:timeout:15 due:180 at:180 kill:1 "
		"none"},
	{.name = "timeout: none", {.lane = {{PATHS}}}, "add:a:new:1 start:1 due:never"},

	/* pause */
	{.name = "pause: nothing starts, events gather, runs go on",
		{.lane = {{PATHS}}},
		"add:a:new:1 start:1 pause:ever add:a:new:2 add:a:join:2 none due:never "
		"counts:1:1:0:ever ok:1:done none counts:1:0:0:ever unpause counts:1:0:0 "
		"start:2"},
	{.name = "pause: until a time",
		{.lane = {{PATHS}}},
		"pause:500 add:a:new:1 none due:500 counts:1:0:0:500 at:499 none at:500 "
		"counts:1:0:0 start:1"},
	{.name = "pause: of one rule only",
		{.count = 2, .lane = {{PATHS}, {PATHS}}},
		"pause:ever add:a:new:1 lane:1 add:a:new:2 start:2 none counts:0:1:0"},
	{.name = "pause: anew",
		{.lane = {{PATHS}}},
		"pause:500 add:a:new:1 pause:200 due:200 pause:900 due:900 at:900 "
		"start:1"},
};

int main(void)
{
	return sched_scripts_run("sched", scripts, countof(scripts));
}
