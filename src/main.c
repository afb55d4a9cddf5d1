/* SPDX-License-Identifier: MIT */
/*
 * fsmon runs commands when files change, and tells each command who changed the file.
 *
 * The map of the program. There are four layers: base (strings, lists, hashes), core (pure:
 * values and bytes in, values out), os (a facility of the kernel in each file) and app
 * (wiring and policy; it alone logs). core and app have rooms: folders of which the others see
 * the faces alone (tests/lint/layers lists them). Data meets the modules in this order:
 *
 *   configuration  os/conffile finds rule files and checks who can write them. core/conf
 *                  reads them into core/rule/rule, by the table of keys in core/rule/keys;
 *                  core/rule/glob compiles the patterns. app/load puts this together.
 *   fsmon run      app/verbs/verb_run opens os/fanotify, os/connector, os/taskstats,
 *                  os/readbuf and the control socket (os/sock), and becomes app/keeper. That
 *                  holds them open, keeps a worker running, and starts and reaps hooks
 *                  (os/spawn), each in a cgroup of its own (os/cgroup). The two talk in
 *                  core/hook/wire; app/link is the worker's end of the line.
 *   the worker     app/worker makes the rooms below and connects them: one loop over
 *                  os/poller.
 *   file events    app/events: pipeline reads os/fanotify into os/readbuf and goes through the
 *                  records, which core/record decodes; places finds their paths, matches
 *                  the rules and the actors, below tells what is in a directory that was
 *                  renamed, and leading sees to what hangs on where directories are. A
 *                  record whose directory is gone is put aside until another explains it,
 *                  and gaps tells what none does; repeats tells renames that the kernel has
 *                  merged. What may not answer soon app/asker asks, in a thread.
 *   where          core/place: dirtree knows directories by their handles, renames what came
 *                  back to where it had been; mounts and landing
 *                  know what is mounted, under which paths it is seen, and which rules can
 *                  match there; routes knows which directories lead to it. app/watch:
 *                  filesystems are watched, each in one of the ways of watch_way, and
 *                  entry_marks watches single directories for what is modified in them; where
 *                  looks up directories that dirtree does not know.
 *                  core/place/front follows paths through symbolic links (os/lookup), which
 *                  app/watch/fronts does for all rules, and app/events/symlinks again when
 *                  records say that an entry on the way has changed.
 *   who            app/actors: witness, a real-time thread, receives process records and
 *                  reads /proc (procsnap, os/proc); userwatch counts the file events that
 *                  are queued whenever a process changes its users; names asks for the names
 *                  of users.
 *                  core/proc: procrec and proctext decode; proctable keeps what each process
 *                  was and which program it ran at which time; execorder orders file events
 *                  and execs.
 *   what           core/rule: table finds the rules whose globs match a path, judge says
 *                  whether they want the change. What one rule sees of it is a view.
 *   when           app/jobs: add makes a view an event of a job. core/sched gathers events
 *                  into jobs and says which may start, and what must be stopped. runs has
 *                  core/hook make arguments, environment and the list of events
 *                  (os/memfile), asks the keeper for a run by app/link, and hears of its
 *                  outcome.
 *   kept           app/store, a thread, writes jobs that wait and the history of runs into
 *                  SQLite. app/jobs/keep puts them there, and restore takes them out when a
 *                  worker starts. By the label (core/hook/runlabel) on the cgroup of a run
 *                  restore knows whose the processes are that an earlier worker's hooks left.
 *   talking        app/options reads the command line, app/log writes the log. app/verbs ask
 *                  the worker: app/talk/control hears them, requests answers, and report is
 *                  what status says. app/worker/reload loads rules beside the loop.
 */
#include "app/options.h"
#include "app/verbs/verbs.h"
#include "app/worker/worker.h"
#include "base/countof.h"
#include "core/text/suggest.h"

#include <stdio.h>
#include <string.h>

static const struct options_verb verbs[] = {
	{"run", "", "Run the daemon in the foreground",
		OPTIONS_CONF | OPTIONS_STATE | OPTIONS_RUNTIME | OPTIONS_DRY, verb_run},
	{"check", "[FILE...]",
		"Report all errors and warnings of the configuration\n"
		"or of the given rule files, and where each rule lands",
		OPTIONS_CONF, verb_check},
	{"explain", "PATH",
		"Say which rules match an event, and why each other one does not",
		OPTIONS_CONF | OPTIONS_EVENT, verb_explain},
	{"status", "", "Show rules, filesystems and counters of the running daemon",
		OPTIONS_RUNTIME | OPTIONS_JSON | OPTIONS_NAMES, verb_status},
	{"runs", "", "Show what has run and how it ended, the newest last",
		OPTIONS_RUNS | OPTIONS_JSON | OPTIONS_RUNTIME | OPTIONS_STATE, verb_runs},
	{"logs", "RULE|RUN", "Show what the runs of a rule, or one run, have printed",
		OPTIONS_JSON | OPTIONS_RUNTIME | OPTIONS_STATE, verb_logs},
	{"rerun", "RUN", "Run the job of a run again", OPTIONS_RUNTIME, verb_rerun},
	{"pause", "RULE", "Start no run of a rule; its events gather",
		OPTIONS_FOR | OPTIONS_RUNTIME, verb_pause},
	{"resume", "RULE", "Let a paused rule go on", OPTIONS_RUNTIME, verb_resume},
	{"reload", "", "Let the running daemon read its configuration anew",
		OPTIONS_RUNTIME | OPTIONS_TIMEOUT, verb_reload},
	{"sync", "", "Wait until everything that has happened so far has been handled",
		OPTIONS_RUNTIME | OPTIONS_TIMEOUT, verb_sync},
	/* Started by the keeper only, and not listed. */
	{"worker", "", "Serve fsmon run, which starts it: not for use by hand",
		OPTIONS_CONF | OPTIONS_STATE | OPTIONS_RUNTIME | OPTIONS_DRY, worker_run},
};

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: fsmon VERB [OPTION...]\n"
		     "Runs commands when files change, and tells them who changed the "
		     "file.\n\n"
		     "Verbs:\n");
	for (size_t i = 0; i < countof(verbs); i++) {
		const char *summary = verbs[i].summary;
		if (verbs[i].run != worker_run)
			fprintf(out, "  %-9s %.*s\n", verbs[i].name,
				(int)strcspn(summary, "\n"), summary);
	}
	fprintf(out, "\nfsmon VERB --help lists the options of a verb.\n"
		     "Manual: fsmon(8), fsmon.conf(5), fsmon-hook(7)\n");
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (strcmp(word, "--version") == 0) {
		printf("fsmon %s\n", FSMON_VERSION);
		return EXIT_FINE;
	}
	bool wants_help = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcmp(word, verbs[i].name) != 0)
			continue;
		struct options o;
		char name[32];
		snprintf(name, sizeof(name), "fsmon %s", word);
		argv[1] = name;
		int code = options_parse(&o, &verbs[i], argc - 1, argv + 1);
		if (code < 0)
			code = verbs[i].run(&o);
		options_fini(&o);
		return code;
	}
	if (*word && !wants_help) {
		/* The last verb is not for people. */
		const char *near =
			suggest_nearest(word, verbs, countof(verbs) - 1, sizeof(*verbs));
		fprintf(stderr, "fsmon: there is no verb '%s'%s%s%s\n\n", word,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
	print_usage(wants_help ? stdout : stderr);
	return wants_help ? EXIT_FINE : EXIT_USAGE;
}
