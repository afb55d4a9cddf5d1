/* SPDX-License-Identifier: MIT */
/* What happens to jobs besides events: given, adopted, lost, waited for, and reloads. */
#include "sched_script.h"

#include "base/countof.h"

#define PATHS .run_per = TIMING_PER_PATH
#define EVENTS .run_per = TIMING_PER_EVENT
#define BATCH .run_per = TIMING_PER_BATCH
#define DEBOUNCE .debounce_ns = 100 * MS, .max_wait_ns = SECONDS
#define RESTART .on_busy = TIMING_BUSY_RESTART, .stop_timeout_ns = 50 * MS
#define SIGNAL .on_busy = TIMING_BUSY_SIGNAL, .busy_signal = 10
#define RETRY .retry = 2, .retry_delay_ns = 100 * MS
#define LANES(...) .lane = {__VA_ARGS__}

static const struct sched_script scripts[] = {
	/* sched_insert */
	{.name = "give: due at once, whatever debounce says",
		{LANES({PATHS, DEBOUNCE})},
		"give:a:1 due:0 start:1 is:1:attempt:1"},
	{.name = "give: on-busy and queue-max are not asked",
		{LANES({PATHS, .on_busy = TIMING_BUSY_DROP, .queue_max = 1})},
		"give:a:1 start:1 give:a:2 give:b:3 counts:2:1:0 add:c:full none "
		"ok:1:done start:2"},
	{.name = "give: no run is stopped for it",
		{LANES({PATHS, RESTART})},
		"add:a:new:1 start:1 give:a:2 none"},
	{.name = "give: it joins what waits, which is due at once then",
		{LANES({PATHS, DEBOUNCE})},
		"add:a:new:1 at:10 give:a:1 items:1:1:2 is:1:count:2 is:1:queued:0 "
		"due:10 "
		"start:1"},
	{.name = "give: what it joins has its failures, if they are more",
		{LANES({PATHS, .retry = 3, .retry_delay_ns = 100 * SECONDS})},
		"add:a:new:1 start:1 fail:1:retry:100000 give:a:1:0:5:2 is:1:failures:2 "
		"is:1:attempt:5 give:a:1:0:1:1 is:1:failures:2 start:1 "
		"fail:1:retry:400000"},
	{.name = "give: with run-per = event behind what waits",
		{LANES({EVENTS})},
		"add:a:new:1 add:a:new:2 give:a:3 add:a:new:4 start:1 ok:1:done start:2 "
		"ok:2:done start:3 items:3:3 ok:3:done start:4"},
	{.name = "give: a batch is one key",
		{LANES({BATCH})},
		"add:a:new:1 give:b:1 items:1:1:2 start:1"},
	{.name = "give: with its number, attempts and failures",
		{LANES({PATHS, RETRY})},
		"give:a:200:200:3:1 is:200:attempt:3 is:200:failures:1 start:200 "
		"is:200:attempt:4 fail:200:retry:200 at:retry start:200 fail:200:failed "
		"add:a:new:1"},
	{.name = "give: an event joins it, and it waits for quiet",
		{LANES({PATHS, .debounce_ns = 100 * MS, .max_wait_ns = 150 * MS})},
		"give:a:1 at:500 add:a:join:1 due:600 none at:590 add:a:join:1 due:650"},
	{.name = "give: listed behind, and the oldest no longer",
		{LANES({BATCH, .queue_max = 2})},
		"add:a:new:1 add:a:join:1 give:a:1:0:0:0:1 give:a:1:0:0:0:2 items:1:3:4 "
		"add:a:cut:1 items:1:3:5 is:1:count:5 is:1:truncated:1"},

	/* sched_adopt */
	{.name = "adopt: it runs, and its key is busy",
		{LANES({PATHS, .parallel = 3, .timeout_ns = 100 * MS})},
		"at:50 give:a:1 adopt:1:20:yes is:1:attempt:1 counts:0:1:0 none due:120 "
		"add:a:new:2 none at:120 stop:1:timeout:15 kill:1 ok:1:failed start:2"},
	{.name = "adopt: the same attempt",
		{LANES({PATHS, RETRY})},
		"give:a:1:0:2:1 adopt:1:0:no is:1:attempt:2 fail:1:retry:200"},
	{.name = "adopt: more than limits allow",
		{.max_parallel = 1,
			LANES({PATHS, .throttle = {1, SECONDS},
				.breaker = {1, SECONDS}})},
		"give:a:1 give:b:2 give:c:3 adopt:1:0:yes adopt:2:0:yes all:1:2 none "
		"ok:1:done none ok:2:done start:3 ok:3:done give:a:4 at:1000 start:4"},
	{.name = "adopt: not what has a run",
		{LANES({PATHS, .parallel = 3})},
		"give:a:1 adopt:1:0:yes give:a:2 adopt:2:0:busy counts:1:1:0 "
		"is:2:attempt:0"},
	{.name = "adopt: not the first of its key",
		{LANES({EVENTS, RETRY})},
		"add:a:new:1 add:a:new:2 add:a:new:3 adopt:2:0:yes none fail:2:retry:100 "
		"start:1 ok:1:done at:retry start:2 ok:2:done start:3"},
	{.name = "adopt: in a pause",
		{LANES({PATHS})},
		"pause:ever give:a:1 adopt:1:0:yes counts:0:1:0:ever ok:1:done"},

	/* sched_lost */
	{.name = "lost: it waits again, due at once",
		{LANES({PATHS, DEBOUNCE})},
		"add:a:new:1 at:100 start:1 at:200 lost:1:retry:0 is:1:attempt:1 "
		"is:1:failures:0 is:1:order:1 start:1 is:1:attempt:2 ok:1:done"},
	{.name = "lost: the one that waits takes its events",
		{LANES({PATHS})},
		"add:a:new:1 start:1 add:a:new:2 lost:1:followed:2 items:2:1:2 start:2"},
	{.name = "lost: and its failures",
		{LANES({PATHS, .retry = 1})},
		"add:a:new:1 start:1 fail:1:retry:0 start:1 add:a:new:2 "
		"lost:1:followed:2 "
		"is:2:failures:1 start:2 fail:2:failed"},
	{.name = "lost: as many of its events as can be listed",
		{LANES({PATHS, .queue_max = 1})},
		"add:a:new:1 start:1 add:a:new:2 lost:1:followed:2:1 items:2:2 "
		"is:2:count:2 is:2:truncated:1"},
	{.name = "lost: with run-per = event in front of later ones",
		{LANES({EVENTS})},
		"add:a:new:1 add:a:new:2 start:1 lost:1:retry:0 start:1"},
	{.name = "lost: it is not a failure, nor the end of them",
		{LANES({PATHS, .retry = 1, .retry_delay_ns = 100 * MS})},
		"add:a:new:1 start:1 fail:1:retry:100 at:retry start:1 lost:1:retry:0 "
		"is:1:failures:1 start:1 fail:1:failed"},
	{.name = "lost: while it was being stopped",
		{LANES({PATHS, .timeout_ns = 100 * MS, .stop_timeout_ns = 50 * MS})},
		"add:a:new:1 start:1 at:100 stop:1:timeout:15 lost:1:retry:0 start:1 "
		"none "
		"due:200"},

	/* sched_is_done */
	{.name = "done: when what waits and runs has ended",
		{LANES({PATHS})},
		"done:0 done:9 add:a:new:1 add:b:new:2 open:1 done:0 start:1 open:1 "
		"ok:1:done "
		"done:1 open:2 start:2 add:c:new:3 open:2 ok:2:done done:2 open:3"},
	{.name = "done: not before the retries",
		{LANES({PATHS, RETRY})},
		"add:a:new:1 start:1 fail:1:retry:100 open:1 at:retry start:1 ok:1:done "
		"done:1"},
	{.name = "done: not before who took over the events",
		{LANES({PATHS, RETRY})},
		"add:a:new:1 start:1 add:a:new:2 fail:1:followed:2 open:1 start:2 open:1 "
		"ok:2:done done:1"},
	{.name = "done: but for what is paused",
		{LANES({PATHS})},
		"add:a:new:1 start:1 add:b:new:2 pause:500 open:2 ok:1:done done:2 "
		"at:500 "
		"open:2"},
	{.name = "done: but for what the breaker holds",
		{LANES({EVENTS, .breaker = {1, SECONDS}})},
		"add:a:new:1 add:a:new:2 start:1 ok:1:done open:2 held:2:10000 done:2 "
		"add:b:new:3 open:3 start:3 ok:3:done done:3 add:a:new:4 done:4 at:10000 "
		"open:4"},
	{.name = "done: another rule",
		{.count = 2, LANES({PATHS}, {PATHS})},
		"pause:ever add:a:new:1 lane:1 add:a:new:2 done:1 open:2"},
	{.name = "done beside a run: but for it, and what waits for its key",
		{LANES({PATHS, .parallel = 2})},
		"add:a:new:1 start:1 open:1 done:1:1 add:a:new:2 open:2 done:2:1 "
		"add:b:new:3 open:3:1 start:3 open:3:1 ok:3:done done:3:1 open:3"},
	{.name = "done beside a run: but for what has no room before its end",
		{.count = 2, LANES({PATHS}, {PATHS})},
		"add:a:new:1 start:1 add:b:new:2 open:2 done:2:1 lane:1 add:c:new:3 "
		"open:3:1 start:3 open:3:1 done:3:1:3"},
	{.name = "done beside runs: they fill the rule together",
		{LANES({PATHS, .parallel = 2})},
		"add:a:new:1 add:b:new:2 start:1:2 add:c:new:3 open:3:1 open:3:2 "
		"done:3:1:2"},
	{.name = "done beside runs: they fill all that may run",
		{.count = 2, .max_parallel = 2, LANES({PATHS}, {PATHS, .parallel = 2})},
		"add:a:new:1 start:1 lane:1 add:b:new:2 start:2 add:c:new:3 open:3:1 "
		"done:3:1:2"},
	{.name = "done beside a run whose rule is gone",
		{LANES({PATHS})},
		"add:a:new:1 start:1 reload gone add:b:new:2 open:2:1 start:2 open:2 "
		"done:2:1:2 ok:2:done done:2:1 open:2",
		{LANES({PATHS})},
		.map = {-1}},

	/* sched_reload */
	{.name = "reload: lanes move, jobs and runs with them",
		{.count = 2, LANES({PATHS, .parallel = 2}, {PATHS})},
		"add:a:new:1 lane:1 add:b:new:2 start:1:2 add:b:new:3 lane:0 add:c:new:4 "
		"pause:900 reload gone is:1:lane:1 is:2:lane:0 is:3:lane:0 is:4:lane:1 "
		"counts:1:1:0 lane:1 counts:1:1:0:900 none add:c:join:4 lane:0 ok:2:done "
		"start:3 at:900 start:4",
		{.count = 2, LANES({PATHS}, {PATHS, .parallel = 2})},
		.map = {1, 0}},
	{.name = "reload: what waits for a rule that is gone comes back",
		{.count = 2, LANES({EVENTS, RETRY}, {PATHS})},
		"add:b:new:1 add:a:new:2 add:a:new:3 lane:1 add:a:new:4 start:1:4 reload "
		"gone:2:3 items:2:2 all:0:2 fail:1:failed ok:4:done lane:0 add:a:new:5 "
		"start:5",
		{LANES({PATHS})},
		.map = {-1, 0}},
	{.name = "reload: runs of a rule that is gone are stopped as before",
		{LANES({PATHS, .timeout_ns = 100 * MS, .stop_signal = 2,
			.stop_timeout_ns = 50 * MS})},
		"add:a:new:1 start:1 reload gone add:a:new:2 start:2 due:100 at:100 "
		"stop:1:timeout:2 due:150 at:150 kill:1 open:1 fail:1:failed ok:2:done "
		"done:2",
		{LANES({PATHS})},
		.map = {-1}},
	{.name = "reload: a restart that was asked for in a rule that is gone",
		{LANES({PATHS, RESTART})},
		"add:a:new:1 start:1 add:a:new:2 reload gone:2 stop:1:restart:15 "
		"fail:1:interrupted none",
		{LANES({PATHS})},
		.map = {-1}},
	{.name = "reload: a run that is lost without its rule is over",
		{LANES({PATHS, RETRY})},
		"add:a:new:1 start:1 reload lost:1:failed none all:0:0",
		{LANES({PATHS})},
		.map = {-1}},
	{.name = "reload: runs without a rule count for max-parallel",
		{.max_parallel = 1, LANES({PATHS})},
		"add:a:new:1 start:1 reload add:a:new:2 none ok:1:done start:2",
		{.max_parallel = 1, LANES({PATHS})},
		.map = {-1}},
	{.name = "reload: max-parallel and parallel",
		{LANES({PATHS})},
		"add:a:new:1 add:b:new:2 add:c:new:3 add:d:new:4 start:1 none reload "
		"start:2:3 "
		"none",
		{.max_parallel = 3, LANES({PATHS, .parallel = 9})}},
	{.name = "reload: runs keep the timeout that they started with",
		{LANES({PATHS, .parallel = 2, .timeout_ns = 100 * MS, .stop_signal = 2})},
		"add:a:new:1 start:1 reload add:b:new:2 start:2 due:100 at:100 "
		"stop:1:timeout:2 kill:1 none due:300 at:300 stop:2:timeout:3",
		{LANES({PATHS, .parallel = 2, .timeout_ns = 300 * MS,
			.stop_signal = 3})}},
	{.name = "reload: what was asked for is told",
		{LANES({PATHS, SIGNAL})},
		"add:a:new:1 start:1 add:a:new:2 reload signal:1:10 add:a:join:2 "
		"stop:1:restart:15",
		{LANES({PATHS, RESTART})}},
	{.name = "reload: what is being stopped is not signalled",
		{LANES({PATHS, SIGNAL})},
		"add:a:new:1 start:1 add:a:new:2 reload at:5 add:a:join:2 "
		"stop:1:restart:15 "
		"kill:1 none",
		{LANES({PATHS, RESTART})}},
	{.name = "reload: what joined has the number of its lane",
		{LANES({EVENTS})},
		"add:a:new:1 add:a:new:2 reload gone:2 is:1:lane:1 is:2:lane:1 lane:1 "
		"start:1",
		{.count = 2, LANES({PATHS}, {PATHS})},
		.map = {1}},
	{.name = "reload: from event to path, jobs for one path join",
		{LANES({EVENTS, RETRY, .debounce_ns = 100 * MS, .max_wait_ns = SECONDS})},
		"add:b:new:1 at:10 add:a:new:2 at:20 add:a:new:3 at:30 add:a:new:4 "
		"reload gone:3:4 joined:3:2 joined:4:2 is:2:count:3 items:2:2:3:4 "
		"is:2:queued:10 is:3:lane:0 counts:2:0:0 due:100 at:100 start:1 "
		"ok:1:done "
		"at:110 start:2",
		{LANES({PATHS, .debounce_ns = 100 * MS, .max_wait_ns = SECONDS})}},
	{.name = "reload: from event to path, behind a run and with a retry",
		{LANES({EVENTS, .parallel = 2, .retry = 2,
			.retry_delay_ns = 100 * SECONDS})},
		"add:a:new:1 add:a:new:2 add:b:new:3 start:1:3 fail:3:retry:100000 "
		"add:b:new:4 "
		"reload gone:4 joined:4:3 is:3:failures:1 items:3:3:4 counts:2:1:0 "
		"start:3 "
		"none add:a:join:2 ok:1:done start:2",
		{LANES({PATHS, .parallel = 2})}},
	{.name = "reload: to batch, all joins, and waits for all runs",
		{LANES({PATHS, .parallel = 2, RETRY})},
		"add:a:new:1 add:b:new:2 start:1:2 add:c:new:3 add:b:new:4 add:d:new:5 "
		"reload gone:4:5 joined:4:3 joined:5:3 items:3:3:4:5 is:3:order:3 "
		"counts:1:2:0 ok:1:done none fail:2:followed:3 is:3:order:2 "
		"items:3:2:3:4:5 "
		"start:3 none",
		{LANES({BATCH, .parallel = 5, RETRY})}},
	{.name = "reload: to batch, an event restarts all runs",
		{LANES({PATHS, .parallel = 2})},
		"add:a:new:1 add:b:new:2 start:1:2 reload gone add:x:new:3 "
		"stop:1:restart:15 "
		"kill:1 stop:2:restart:15 kill:2 ok:2:followed:3 none ok:1:followed:3 "
		"items:3:1:2:3 start:3",
		{LANES({BATCH, .on_busy = TIMING_BUSY_RESTART})}},
	{.name = "reload: to batch, several runs fail",
		{LANES({PATHS, .parallel = 2})},
		"add:a:new:1 add:b:new:2 start:1:2 reload fail:1:retry:100 none "
		"fail:2:followed:1 items:1:2:1 is:1:failures:1 none at:retry start:1",
		{LANES({BATCH, RETRY})}},
	{.name = "reload: from batch, what waits and runs is a key of its own",
		{LANES({BATCH, .parallel = 3})},
		"add:a:new:1 start:1 add:a:new:2 reload gone add:a:new:3 start:3 none "
		"ok:1:done start:2 ok:2:done ok:3:done",
		{LANES({PATHS, .parallel = 3})}},
	{.name = "reload: a retry ends when another joins",
		{LANES({EVENTS, .retry = 1, .retry_delay_ns = 100 * SECONDS})},
		"add:a:new:1 add:a:new:2 start:1 fail:1:retry:100000 none reload gone:2 "
		"items:1:1:2 start:1",
		{LANES({BATCH})}},
	{.name = "reload: throttles go on",
		{LANES({PATHS, .parallel = 9, .throttle = {3, SECONDS}})},
		"add:a:new:1 start:1 at:100 add:b:new:2 start:2 at:200 add:c:new:3 "
		"start:3 "
		"reload add:d:new:4 none due:1100 at:1100 start:4 none",
		{LANES({PATHS, .parallel = 9, .throttle = {2, SECONDS}})}},
	{.name = "reload: a throttle that was smaller remembers its last starts",
		{LANES({PATHS, .parallel = 9, .throttle = {1, 100 * MS}})},
		"add:a:new:1 start:1 at:100 add:b:new:2 start:2 reload at:200 "
		"add:c:new:3 "
		"start:3 add:d:new:4 none due:1100",
		{LANES({PATHS, .parallel = 9, .throttle = {2, SECONDS}})}},
	{.name = "reload: without throttle nothing waits",
		{LANES({PATHS, .parallel = 9, .throttle = {1, SECONDS}})},
		"add:a:new:1 start:1 add:b:new:2 none reload start:2",
		{LANES({PATHS, .parallel = 9})}},
	{.name = "reload: holds go on",
		{LANES({PATHS, .breaker = {1, SECONDS}})},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 reload none "
		"due:10000 "
		"counts:1:0:1 at:10000 start:2 ok:2:done at:11999 add:a:new:3 "
		"held:3:31999",
		{LANES({PATHS, .breaker = {1, 2 * SECONDS}})}},
	{.name = "reload: a window is as long as when it opened",
		{LANES({PATHS, .breaker = {1, SECONDS}})},
		"add:a:new:1 start:1 ok:1:done reload at:999 add:b:new:2 start:2 "
		"ok:2:done "
		"at:1000 add:a:new:3 start:3 ok:3:done add:a:new:4 held:4:11000",
		{LANES({PATHS, .breaker = {1, 2 * SECONDS}})}},
	{.name = "reload: without breaker nothing is held",
		{LANES({PATHS, .breaker = {1, SECONDS}})},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 held:2:10000 reload start:2 "
		"none",
		{LANES({PATHS})}},
	{.name = "reload: turns go on",
		{.max_parallel = 1, .count = 2, LANES({PATHS}, {PATHS})},
		"add:a:new:1 start:1 ok:1:done add:a:new:2 lane:1 add:a:new:3 reload "
		"start:3 "
		"ok:3:done start:2",
		{.max_parallel = 1, .count = 3, LANES({PATHS}, {PATHS}, {PATHS})},
		.map = {0, 2}},
	{.name = "reload: queue-max becomes less",
		{LANES({BATCH})},
		"add:a:new:1 add:b:join:1 add:c:join:1 reload add:d:cut:1 items:1:1:2:4 "
		"is:1:count:4",
		{LANES({BATCH, .queue_max = 2})}},
	{.name = "reload: queue-max becomes less, and jobs join",
		{LANES({EVENTS})},
		"add:a:new:1 add:a:new:2 add:a:new:3 add:a:new:4 reload gone:2:3:4 "
		"joined:2:1 joined:3:1 joined:4:1 items:1:3:4 is:1:count:4 "
		"is:1:truncated:1 items:2 items:3:1 items:4:2 add:a:cut:1 items:1:3:5",
		{LANES({PATHS, .queue_max = 2})}},
	{.name = "reload: queue-max becomes more, and jobs join",
		{LANES({EVENTS, .queue_max = 2})},
		"add:a:new:1 add:a:new:2 give:a:3 reload gone:2:3 items:1:1:2:3 "
		"is:1:truncated:0",
		{LANES({BATCH, .queue_max = 3})}},
	{.name = "reload: queue-max becomes less than what a follower lists",
		{LANES({BATCH})},
		"add:a:new:1 start:1 add:b:new:2 add:c:join:2 add:d:join:2 reload "
		"fail:1:followed:2:1:2 items:2:3:4 is:2:count:4 is:2:truncated:1",
		{LANES({BATCH, RETRY, .queue_max = 2})}},
	{.name = "reload: twice",
		{.count = 2, LANES({PATHS}, {PATHS})},
		"lane:1 add:a:new:1 lane:0 add:a:new:2 reload gone reload gone "
		"is:1:lane:1 "
		"start:2:1 none",
		{.count = 2, LANES({PATHS}, {PATHS})},
		.map = {1, 0}},
};

int main(void)
{
	return sched_scripts_run("sched_reload", scripts, countof(scripts));
}
