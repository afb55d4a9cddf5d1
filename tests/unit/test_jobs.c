/* SPDX-License-Identifier: MIT */
/* The whole life of a job. */
#include "app/jobs/jobs.h"

#include "jobs_script.h"

/* ---- The scripts ---- */

#define R "[r]\npath = /w/**\ncommand = hook\n"
/* From a change to the start of its run, and all that is told on the way. */
#define RUNS_1                                                                \
	"found:/w/a >job:1:wait >event:1:1 pump >start:1:hook:/w/a >job:1:1 " \
	">run:1:running "

#define R_2048                                                                      \
	"found:/w/a >job:1:wait >event:1:1 pump >start:2048:hook:/w/a >job:1:2048 " \
	">run:2048:running "

static const struct script scripts[] = {
	{.name = "a change has a run, and then its job is over",
		R,
		RUNS_1 "is:r:running:1 due:never started:1:50 >tag:50:1:1:1 at:7 "
		       "ended:1:exit:0 >run:1:ok >over:1 is:r:ok:1 is:r:running:0 "
		       "written:1 >forget:1"},
	{.name = "what comes meanwhile runs after it",
		R,
		RUNS_1 "found:/w/a >job:2:wait >event:2:2 pump ended:1:exit:0 >run:1:ok "
		       ">over:1 pump >start:2:hook:/w/a >job:2:2 >run:2:running"},
	{.name = "a file that moved away is told by its old path",
		R,
		"found:/x/new:rename:/w/old hush pump >start:1:hook:/w/old hush "
		"env:FSMON_EVENT:moved-from env:FSMON_NEW_PATH:/x/new"},
	{.name = "each rule sees its own side of a rename",
		"[a]\npath = /a/*\ncommand = one\n[b]\npath = /b/*\ncommand = two\n",
		"found:/b/f:rename:/a/f hush pump >start:1:one:/a/f >job:2:1 "
		">run:1:running >start:2:two:/b/f >job:1:2 >run:2:running "
		"env:FSMON_EVENT:moved-to"},
	{.name = "all events of a batch are read by its hook",
		R "run-per = batch\nstdin = paths\ndebounce = 10ms\n",
		"found:/w/a hush found:/w/b hush at:10 pump >start:1:hook:/w/b hush "
		"env:FSMON_COUNT:2 stdin:/w/a+/w/b+"},
	{.name = "nothing runs before the keeper has told what is left",
		R,
		"found:/w/a hush pump due:never caught-up due:0 pump "
		">start:1:hook:/w/a hush",
		.is_early = true},
	{.name = "nothing runs while the keeper has no room",
		R,
		"full found:/w/a hush pump due:never room pump >start:1:hook:/w/a hush"},
	{.name = "a dry run starts and stores nothing",
		R,
		"found:/w/a pump is:r:started:1 is:r:ok:1 rerun:1 >again:none",
		.is_dry = true},

	{.name = "what is listed no longer is counted",
		R "run-per = batch\nqueue-max = 1\n",
		"found:/w/a hush found:/w/b >cut:1:1 >job:1:wait >event:1:2 "
		"is:r:unlisted:1 "
		"pump >start:1:hook:/w/b hush env:FSMON_COUNT:2 env:FSMON_TRUNCATED:1"},
	{.name = "events that join others of their path may be too many",
		R "queue-max = 1\nretry = 1\n",
		RUNS_1
		"found:/w/a hush ended:1:exit:1 >run:1:exit:1 >cut:2:1 >follow:1:2 "
		">job:2:wait is:r:unlisted:1"},

	/* Failures */
	{.name = "a hook that fails is run again",
		R "retry = 1\nretry-delay = 1s\n",
		RUNS_1 "ended:1:exit:3 >run:1:exit:3 >job:1:wait is:r:retried:1 pump "
		       "at:1250 pump >start:2:hook:/w/a >job:1:2 >run:2:running "
		       "env:FSMON_ATTEMPT:2 ended:2:signal:9 >run:2:signal:9 >over:1 "
		       "is:r:failed:2"},
	{.name = "what fails for good is told to on-failure",
		R "on-failure = tell\n",
		RUNS_1
		"ended:1:exit:3 >run:1:exit:3 >job:2:tell:1 >event:2:2 >over:1 pump "
		">start:2:tell:/w/a >job:2:2 >run:2:running "
		"env:FSMON_REASON:exit env:FSMON_STATUS:3 ended:2:exit:1 "
		">run:2:exit:1 >over:2 is:r:on-failure:1 is:r:failed:1"},
	{.name = "who waits for a job waits for its on-failure too",
		R "on-failure = tell\n",
		"found:/w/a hush mark pump hush ended:1:exit:3 hush found:/w/b hush "
		"done:no "
		"pump hush ended:2:exit:0 hush done:yes"},
	{.name = "a hook that waits for all does not wait for itself, but for others",
		"[a]\npath = /a/*\ncommand = one\n[b]\npath = /b/*\ncommand = two\n",
		"found:/a/1 hush pump >start:1:one:/a/1 hush found:/a/1 hush mark pump "
		"done:no done:yes:1:1 done:no:2:1 done:no:1:2 found:/b/1 hush mark "
		"done:no:1:1 pump >start:2:two:/b/1 hush done:no:1:1 done:yes:1:1:2:2 "
		"ended:2:exit:0 hush done:yes:1:1 done:no"},
	{.name = "a hook that could not be started has failed",
		R "on-failure = tell\n",
		RUNS_1
		"failed:1:2:exec >run:1:could-not-start:2 >job:2:tell:1 >event:2:2 "
		">over:1 pump >start:2:tell:/w/a hush "
		"env:FSMON_REASON:could-not-start env:FSMON_STATUS:127"},
	{.name = "a hook that cannot even be asked for has failed",
		R,
		"refuse:7 found:/w/a hush pump >job:1:1 >run:1:running "
		">run:1:could-not-start:7 >over:1 is:r:failed:1 is:r:running:0"},
	{.name = "what the breaker holds is told to on-failure once",
		R "breaker = 1/10s\non-failure = tell\n",
		RUNS_1
		"ended:1:exit:0 hush found:/w/a hush pump >job:3:tell:0 >event:3:3 "
		">start:2:tell:/w/a hush env:FSMON_REASON:breaker "
		"env:FSMON_STATUS: is:r:held:1 pump at:10000 ended:2:exit:0 hush "
		"pump >start:3:hook:/w/a hush"},
	{.name = "a full queue drops events, and says so once",
		R "queue-max = 1\non-failure = tell\n",
		"found:/w/a hush found:/w/b >job:2:tell:0 >event:2:3 found:/w/c "
		"is:r:dropped:2 pump >start:1:hook:/w/a hush"},

	/* Stopping */
	{.name = "a hook is stopped when its time is over, and then killed",
		R "timeout = 1s\nstop-timeout = 2s\n",
		RUNS_1 "due:1000 at:1000 pump >stop:1:15 due:3000 at:3000 pump >kill:1 "
		       "ended:1:signal:9 >run:1:timeout:9 >over:1 is:r:timed-out:1"},
	{.name = "a newer event restarts a hook",
		R "on-busy = restart\n",
		RUNS_1 "found:/w/a hush pump >stop:1:15 ended:1:signal:15 "
		       ">run:1:restarted:15 >follow:1:2 >job:2:wait pump "
		       ">start:2:hook:/w/a hush env:FSMON_COUNT:2 is:r:restarted:1"},
	{.name = "a newer event signals a hook",
		R "on-busy = signal USR1\n",
		RUNS_1 "found:/w/a hush pump >signal:1:10"},
	{.name = "a newer event is dropped while a hook is busy",
		R "on-busy = drop\n",
		RUNS_1 "found:/w/a pump is:r:dropped:1"},
	{.name = "without cgroups a stopped hook ends with what descends from it",
		R "timeout = 1s\nstop-timeout = 2s\n",
		RUNS_1 "left:2 at:1000 pump >stop:1:15 >reach:1:15 ended:1:exit:0 "
		       ">reach:1:0 is:r:running:1 due:1100 at:1100 pump >reach:1:0 "
		       "at:3000 pump >reach:1:0 >kill:1 >reach:1:9 at:3100 pump "
		       ">reach:1:9 left:0 at:3200 pump >reach:1:9 >run:1:timeout >over:1",
		.has_no_cgroups = true},
	{.name = "without cgroups a hook that ends by itself has ended",
		R,
		RUNS_1 "left:2 ended:1:exit:0 >run:1:ok >over:1",
		.has_no_cgroups = true},
	{.name = "nothing starts after the stop",
		R,
		"found:/w/a hush stop pump found:/w/b pump is:r:matched:1"},

	{.name = "nor when a rule is resumed then, or a pause is given an end",
		R,
		"found:/w/a hush stop resume:r:1 >unpause:r pump pause:r:5 >pause:r:5 "
		"at:10 pump is:r:waiting:1"},
	{.name = "nor when a pause from before the stop has ended",
		R,
		"pause:r:5 >pause:r:5 found:/w/a hush stop reload at:10 pump "
		"is:r:waiting:1",
		.then = R},

	/* Who */
	{.name = "changes wait for names, in order",
		R,
		"by:1000 found:/w/a by:0 found:/w/b pump answer >job:1:wait >event:1:1 "
		">job:2:wait >event:2:2",
		.has_slow_names = true},
	{.name = "a hook does not set off its own rule",
		R "[other]\npath = /w/**\ncommand = other\n",
		"by:0:1 found:/w/a >job:1:wait >event:1:1 is:r:self:1 pump "
		">start:1:other:/w/a hush"},
	{.name = "self-events = allow: but not for ever",
		R "self-events = allow\n",
		"by:0:1:15 found:/w/a hush is:r:matched:1 pump hush started:1:9 "
		">tag:9:1:1:16 by:0:1:16 found:/w/b is:r:dropped:1"},
	{.name = "fsmon's own files set off nothing",
		"[r]\npath = /usr/**\ncommand = hook\n",
		"found:/usr/x is:r:matched:0"},
	{.name = "a number that a dead worker has used is not used again",
		R,
		"found:/w/a hush pump >start:78:hook:/w/a hush",
		.last_run_id = 77},
	{.name = "numbers are reserved before they are used",
		R,
		"reserved:4096 " RUNS_1 "reserved:4096"},
	{.name = "more of them are reserved long before they are used up",
		R,
		"started:2047:9:r >tag:9:1:2047:1 " R_2048
		"reserved:6144 ended:2048:exit:0 >run:2048:ok >over:1 found:/w/b hush "
		"pump hush reserved:6144"},
	{.name = "nor is one that the store knows",
		R,
		"hush found:/w/b hush pump >start:11:hook:/w/a hush",
		.last_run_id = 7,
		.left = "5:r:/w/a:0"},
	{.name = "a run whose job nobody knows has its number, and is forgotten",
		R,
		"started:77:9:r >tag:9:1:77:1 found:/w/a hush pump >start:78:hook:/w/a "
		"hush "
		"ended:77:exit:0 >forget:77"},

	/* Reload, pause */
	{.name = "what waits for a rule that is gone is dropped",
		R,
		"found:/w/a hush reload >over:1 pump due:never reload is:r:dropped:1",
		.then = "[s]\npath = /w/**\ncommand = hook\n"},
	{.name = "what waits for a rule that is disabled is dropped",
		R,
		"found:/w/a hush reload >over:1 pump due:never",
		.then = R "enabled = no\n"},
	{.name = "a rule keeps its jobs and its counters when others come before it",
		R,
		"found:/w/a hush reload is:r:matched:1 is:s:matched:0 pump "
		">start:1:new:/w/a hush",
		.then = "[s]\npath = /s\ncommand = s\n[r]\npath = /w/**\ncommand = "
			"new\n"},
	{.name = "a change that waits for names finds its rule after a reload",
		R,
		"by:1000 found:/w/a reload answer >job:1:wait >event:1:1 is:r:matched:1 "
		"is:s:matched:0",
		.then = "[s]\npath = /w/**\ncommand = s\n[r]\npath = /w/**\ncommand = "
			"r\n",
		.has_slow_names = true},
	{.name = "a change that waits for names is forgotten with its rule",
		R,
		"by:1000 found:/w/a reload answer is:s:matched:0",
		.then = "[s]\npath = /w/**\ncommand = s\n",
		.has_slow_names = true},
	{.name = "a change that waits for names is forgotten when its rule is disabled",
		R,
		"by:1000 found:/w/a reload answer is:r:matched:0 due:never",
		.then = R "enabled = no\n",
		.has_slow_names = true},
	{.name = "a change that waits for names at the stop is stored when they come",
		R,
		"by:1000 found:/w/a stop found:/w/b answer >job:1:wait >event:1:1 "
		"due:never "
		"pump",
		.has_slow_names = true},
	{.name = "a change whose names do not come before the end is stored without",
		R,
		"by:1000 found:/w/a stop due:2000 pump quit >job:1:wait >event:1:1",
		.has_slow_names = true},
	{.name = "a paused rule starts nothing, until it is resumed",
		R,
		"pause:r:ever >pause:r:ever found:/w/a hush mark pump done:yes "
		"resume:r:1 "
		">unpause:r done:no pump >start:1:hook:/w/a hush"},
	{.name = "a pause ends by itself",
		R,
		"pause:r:5000 >pause:r:5000 found:/w/a hush pump due:5000 at:5000 pump "
		">start:1:hook:/w/a hush"},
	{.name = "a pause outlives a reload without the rule",
		R "[s]\npath=/s\ncommand=s\n",
		"pause:s:ever hush reload reload found:/s hush pump",
		.then = R},

	/* Out of the store */
	{.name = "what waited runs after a start",
		R,
		"pump >start:11:hook:/w/a >job:5:11 >run:11:running ended:11:exit:0 "
		">run:11:ok >over:5",
		.left = "5:r:/w/a:0"},
	{.name = "what waited for a rule that is gone is over",
		R,
		">over:5 pump",
		.left = "5:gone:/w/a:0"},
	{.name = "what waited for a rule that an error keeps away waits until it is back",
		R,
		"absent:gone:2 mark found:/w/a hush pump >start:11:hook:/w/a hush "
		"ended:11:exit:0 hush done:yes due:never reload absent:none pump "
		">start:12:back:/g/a hush ended:12:exit:0 >run:12:ok >over:5 pump "
		">start:13:back:/g/b hush",
		.then = R "[gone]\npath = /g/*\ncommand = back\n",
		.left = "5:gone:/g/a:0 6:gone:/g/b:0",
		.lacks_files = true},
	{.name = "jobs that come back to their rule join as it says",
		R,
		"absent:gone:2 reload >follow:6:5 >job:5:wait pump "
		">start:11:back:/g/a hush env:FSMON_COUNT:2",
		.then = "[gone]\npath = /g/*\ncommand = back\n",
		.left = "5:gone:/g/a:0 6:gone:/g/a:0",
		.lacks_files = true},
	{.name = "a store that has lost all is told of what waits for a missing rule",
		R,
		"lost >job:5:wait >event:5:5",
		.left = "5:gone:/g/a:0",
		.lacks_files = true},
	{.name = "what waited for a rule that is not back without an error is over",
		R,
		"absent:gone:1 reload >over:5 absent:none pump due:never",
		.then = R,
		.left = "5:gone:/g/a:0",
		.lacks_files = true},
	{.name = "what waited for a rule that is disabled is over, also with errors "
		 "elsewhere",
		R "enabled = no\n",
		">over:5 absent:none",
		.left = "5:r:/w/a:0",
		.lacks_files = true},
	{.name = "a run of a rule that an error keeps away may end",
		R,
		"caught-up >run:4:lost >job:5:wait absent:gone:1 pump due:never",
		.left = "5:gone:/g/a:4",
		.lacks_files = true,
		.is_early = true},
	{.name = "a run of a rule that an error keeps away may fail",
		R,
		"started:4:70:gone >tag:70:2:4:1 ended:4:exit:1 >run:4:exit:1 >over:5 "
		"absent:gone:0",
		.left = "5:gone:/g/a:4",
		.lacks_files = true,
		.is_early = true},
	{.name = "a pause of a missing rule goes on when it is back",
		R,
		"reload pump due:never resume:gone:1 >unpause:gone pump "
		">start:11:back:/g/a hush",
		.then = R "[gone]\npath = /g/*\ncommand = back\n",
		.left = "5:gone:/g/a:0",
		.paused = "gone",
		.lacks_files = true},
	{.name = "a run that goes on is not started again",
		R,
		"is:r:running:1 started:4:70:r >tag:70:1:4:1 caught-up pump "
		"ended:4:exit:0 >run:4:ok >over:5",
		.left = "5:r:/w/a:4",
		.is_early = true},
	{.name = "a run whose end nobody knows is run again",
		R,
		"caught-up >run:4:lost >job:5:wait pump >start:11:hook:/w/a >job:5:11 "
		">run:11:running",
		.left = "5:r:/w/a:4",
		.is_early = true},
	{.name = "jobs for one path become one",
		R,
		">follow:6:5 >job:5:wait pump "
		">start:11:hook:/w/a hush env:FSMON_COUNT:2",
		.left = "5:r:/w/a:0 6:r:/w/a:0"},
	{.name = "a pause is remembered",
		R,
		"found:/w/a hush pump due:never",
		.paused = "r"},
	{.name = "a job is run again",
		R,
		"rerun:1 >job:1:wait >event:1:1 >again:1 pump >start:1:hook:/w/again "
		"hush "
		"rerun:2 >again:none"},
	{.name = "a store that has lost all is told again",
		R,
		RUNS_1 "found:/w/b hush pause:r:ever hush lost >job:2:wait >event:2:2 "
		       ">job:1:1 >event:1:1 >run:1:running >pause:r:ever"},
};

static void run_script(void **state)
{
	begin(*state);
	begin_jobs(on_started);
	play_steps(*state);
	end();
}

int main(void)
{
	return run_scripts(scripts, countof(scripts), run_script);
}
