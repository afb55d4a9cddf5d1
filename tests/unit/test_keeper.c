/* SPDX-License-Identifier: MIT */
/* Keeper and link together: this program is the test, the keeper, the worker and hooks.
 */
#include "app/keeper/keeper.h"

#include "app/keeper/keeper_hook.h"
#include "app/link/link.h"
#include "os/clock.h"
#include "os/memfile.h"
#include "os/poller.h"
#include "os/sock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define W(s) ((char *)(uintptr_t)(s))
#define WAIT_MS 20000
#define FLOOD 1000

static char directory[] = "/tmp/fsmon-test-keeper-XXXXXX";

static char *in_directory(const char *name)
{
	static char path[96];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void touch(const char *name)
{
	close(open(in_directory(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Those of cgroups do not count: a few are kept for the next runs. */
static int count_fds(pid_t pid)
{
	char path[64], target[256];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	int count = 0;
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		count += !strstr(target, "/fsmon.hooks.");
	}
	closedir(dir);
	return count;
}

/* Processes with this word on their command line; zombies have none. */
static int count_processes(const char *word)
{
	DIR *proc = opendir("/proc");
	int count = 0;
	if (!proc)
		return -1;
	for (struct dirent *e; (e = readdir(proc));) {
		char path[300], text[4096];
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
		if (fd >= 0)
			close(fd);
		count += n > 0 && memmem(text, (size_t)n, word, strlen(word) + 1);
	}
	closedir(proc);
	return count;
}

/* ---- The worker: says on standard output what it is told ---- */

struct worker {
	const struct scenario *scenario;
	struct link_inheritance inherited;
	struct poller *poller;
	struct link *link;
	struct link_port port;
	size_t running;
	size_t asked, ended; /* of a flood */
	size_t bytes; /* of output, where it is not shown */
	char line[64]; /* of output: the last one */
	bool was_resumed;
	pid_t hook; /* the last one */
	uint64_t killed_ns;
	long peak_kib;
	int fd_count;
	bool is_stopping;
	bool is_done;
	int exit_code;
};

struct scenario {
	const char *name;
	void (*begin)(struct worker *w);
	void (*started)(struct worker *w, bool resumed);
	void (*output)(struct worker *w);
	void (*ended)(struct worker *w);
	void (*failed)(struct worker *w);
	void (*reload)(struct worker *w); /* NULL: it says that it is ready */
	bool is_quiet;
	bool is_stubborn; /* does not stop when asked to */
	bool is_slow; /* waits for the store as long as it may when it is to stop now */
	bool is_forgetful; /* never says that an end has been dealt with */
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vdprintf(STDOUT_FILENO, fmt, ap);
	va_end(ap);
}

static int start_request(struct worker *w, struct link_request r)
{
	char *envp[] = {W("PATH=/usr/bin:/bin"), NULL};
	r.envp = envp;
	r.directory = r.user ? "/" : directory;
	r.umask = 022;
	int result = w->port.start(w->port.ctx, &r);
	w->running += result == 0;
	return result;
}

static void start(struct worker *w, uint64_t id, const char *script)
{
	char *argv[] = {W("sh"), W("-c"), W(script), NULL};
	char label[32];
	struct link_request r = {.run_id = id,
		.argv = argv,
		.label = label,
		.stdin_fd = -1,
		.file_fd = -1};
	snprintf(label, sizeof(label), "label of %d", (int)id);
	if (start_request(w, r) < 0)
		say("cannot start %d\n", errno);
}

static void on_started(void *ctx, uint64_t run_id, pid_t pid, const char *label)
{
	struct worker *w = ctx;
	bool resumed = label != NULL;
	if (!w->scenario->is_quiet)
		say("%s %d %s\n", resumed ? "resumed" : "started", (int)run_id,
			resumed   ? label
			: pid > 0 ? ""
				  : "without pid");
	w->running += resumed;
	w->hook = pid;
	if (w->scenario->started)
		w->scenario->started(w, resumed);
}

static void on_failed(void *ctx, uint64_t run_id, int error, const char *stage)
{
	struct worker *w = ctx;
	w->running--;
	say("failed %d %s %s\n", (int)run_id, stage, strerrorname_np(error));
	if (w->scenario->failed)
		w->scenario->failed(w);
	if (!w->scenario->is_forgetful)
		w->port.done(w->port.ctx, &run_id, 1);
}

static void on_output(void *ctx, uint64_t run_id, const char *line, size_t len)
{
	struct worker *w = ctx;
	w->bytes += len;
	snprintf(w->line, sizeof(w->line), "%.*s", (int)len, line);
	if (!w->scenario->is_quiet)
		say("output %d %.*s\n", (int)run_id, (int)len, line);
	if (w->scenario->output)
		w->scenario->output(w);
}

static void on_ended(void *ctx, uint64_t run_id, const struct outcome *o)
{
	struct worker *w = ctx;
	w->running--;
	if (!w->scenario->is_quiet)
		say("ended %d %s %d tail %zu\n", (int)run_id,
			o->kind == OUTCOME_SIGNAL ? "signal" : "exit", o->status,
			o->output_len);
	if (w->scenario->ended)
		w->scenario->ended(w);
	if (!w->scenario->is_forgetful)
		w->port.done(w->port.ctx, &run_id, 1);
	w->is_done = w->is_stopping && w->running == 0;
}

static void on_caught_up(void *ctx)
{
	struct worker *w = ctx;
	say("told\n");
	link_ready(w->link, false);
	if (w->scenario->begin)
		w->scenario->begin(w);
}

static void on_stop(void *ctx, bool now)
{
	struct worker *w = ctx;
	say("stop %s\n", now ? "now" : "later");
	if (w->scenario->is_stubborn || (w->scenario->is_slow && !now))
		return;
	if (w->scenario->is_slow)
		usleep(WIRE_STORE_PATIENCE_NS / 1000);
	w->is_stopping = true;
	w->is_done = w->running == 0;
}

static void on_reload(void *ctx)
{
	struct worker *w = ctx;
	say("reload\n");
	if (w->scenario->reload)
		w->scenario->reload(w);
	else
		link_ready(w->link, false);
}

static void on_keeper_gone(void *ctx)
{
	struct worker *w = ctx;
	say("gone\n");
	w->is_done = true;
	w->exit_code = 9;
}

static const struct link_run_handlers run_handlers = {
	.started = on_started,
	.failed = on_failed,
	.output = on_output,
	.ended = on_ended,
	.caught_up = on_caught_up,
};

static const struct link_handlers handlers = {
	.stop_requested = on_stop,
	.reload_requested = on_reload,
	.keeper_gone = on_keeper_gone,
};

/* ---- What the workers do ---- */

static void begin_output(struct worker *w)
{
	start(w, 1, "echo a; echo b >&2; printf c; exit 3");
}

static void begin_failures(struct worker *w)
{
	char *argv[] = {W("no-such"), NULL};
	struct link_request r = {
		.run_id = 1, .argv = argv, .stdin_fd = -1, .file_fd = -1};
	start_request(w, r);
	struct rule_user nobody = {.set = true, .uid = 65534, .gid = 65534};
	r.run_id = 2;
	r.user = &nobody;
	start_request(w, r);
	char *huge = malloc(2 * WIRE_MAX_BYTES);
	memset(huge, 'x', 2 * WIRE_MAX_BYTES - 1);
	huge[2 * WIRE_MAX_BYTES - 1] = '\0';
	argv[0] = huge;
	r.run_id = 3;
	if (start_request(w, r) < 0)
		say("refused %s\n", strerrorname_np(errno));
	free(huge);
}

static void begin_descriptors(struct worker *w)
{
	char *argv[] = {
		W("sh"), W("-c"), W("cat; readlink /proc/self/fd/3; echo $0"), NULL};
	struct link_request r = {.run_id = 1, .argv = argv};
	touch("input");
	r.stdin_fd = open(in_directory("input"), O_RDWR | O_CLOEXEC);
	if (write(r.stdin_fd, "line\n", 5) != 5 || lseek(r.stdin_fd, 0, SEEK_SET) != 0)
		say("no input\n");
	r.file_fd = open("/etc", O_PATH | O_CLOEXEC);
	start_request(w, r);
	close(r.stdin_fd);
	close(r.file_fd);
	say("degraded: %s, since %d\n", w->inherited.degraded,
		(int)w->inherited.subscribed_ns);
	say("places");
	for (size_t i = 0; i < WIRE_FD_COUNT; i++)
		say(" %d", w->inherited.fds.fd[i]);
	say(" then %d\n", dup(0));
}

/* In a hook: wait for the file; not for ever, as a test that fails leaves the hook behind. */
#define UNTIL_GO "i=0; until [ -e go ] || [ $((i += 1)) -gt 3000 ]; do sleep 0.01; done; "

static void begin_waiting(struct worker *w)
{
	start(w, 1, UNTIL_GO "echo late; exit 5");
}

static void begin_first(struct worker *w)
{
	if (w->running > 0 || access(in_directory("first"), F_OK) == 0) {
		touch("go");
		return;
	}
	touch("first");
	begin_waiting(w);
}

static void begin_first_short(struct worker *w)
{
	if (access(in_directory("first"), F_OK) == 0)
		return;
	touch("first");
	/* It ends when the keeper has seen the end of the worker, not before. */
	char script[128];
	snprintf(script, sizeof(script),
		"while kill -0 %d; do sleep 0.01; done 2>&-; echo last words; exit 4",
		(int)getpid());
	start(w, 1, script);
}

static void started_crash(struct worker *w, bool resumed)
{
	(void)w;
	if (!resumed)
		kill(getpid(), SIGKILL);
}

/* Each of three workers says what it has been given, has the next one be given something else,
 * twice, and dies. */
static void begin_conf(struct worker *w)
{
	int fd = w->inherited.fds.fd[WIRE_FD_CONF - WIRE_FD_WORKER];
	struct buf b = {0};
	char text[32] = "none";
	if (fd >= 0 && memfile_read(fd, &b) == 0)
		snprintf(text, sizeof(text), "%s", b.data);
	buf_fini(&b);
	say("conf %s\n", text);
	if (strcmp(text, "none, 2, 2") == 0)
		return;
	for (int i = 1; i <= 2; i++) {
		char next[48];
		int len = snprintf(next, sizeof(next), "%s, %d", text, i);
		int next_fd = memfile_make("test", next, (size_t)len);
		if (link_hold_conf(w->link, next_fd) < 0)
			say("not held\n");
		close(next_fd);
	}
	kill(getpid(), SIGKILL);
}

/* The first worker asks for runs of a keeper that is held up, and dies. */
static void begin_dead_request(struct worker *w)
{
	say("last %d\n", (int)w->inherited.last_run_id);
	if (access(in_directory("first"), F_OK) == 0) {
		start(w, 7, "exit 5");
		return;
	}
	touch("first");
	kill(getppid(), SIGSTOP);
	start(w, 7, "touch ran");
	say("asked %d\n", (int)getpid());
	kill(getpid(), SIGKILL);
}

/* The first worker dies of it. */
static void reload_dies(struct worker *w)
{
	if (access(in_directory("first"), F_OK) < 0) {
		touch("first");
		kill(getpid(), SIGKILL);
	}
	link_ready(w->link, false);
}

static void reload_kills(struct worker *w)
{
	(void)w;
	kill(getpid(), SIGKILL);
}

static void begin_stop(struct worker *w)
{
	say("cgroups: %s\n", w->port.has_cgroups ? "yes" : "no");
	start(w, 1, "sleep 1000 & echo $!; wait");
}

static void output_stop(struct worker *w)
{
	w->port.signal(w->port.ctx, WIRE_STOP, 1, SIGTERM);
}

static void begin_left_behind(struct worker *w)
{
	start(w, 1, "setsid sh -c '" UNTIL_GO "echo after' & echo before");
}

static void ended_left_behind(struct worker *w)
{
	(void)w;
	touch("go");
}

/* A hook that says in which cgroup it is, and then waits until that was looked at. */
static void start_labelled(struct worker *w, uint64_t id)
{
	char script[256];
	snprintf(script, sizeof(script),
		"sed -n 's,^0::.*/,in ,p' /proc/self/cgroup; "
		"i=0; until [ -e looked%d ] || [ $((i += 1)) -gt 3000 ]; do sleep 0.01; "
		"done",
		(int)id);
	start(w, id, script);
}

static void begin_labels(struct worker *w)
{
	start_labelled(w, 1);
}

static void found_label(void *ctx, pid_t pid, const char *label)
{
	struct worker *w = ctx;
	if (pid == w->hook)
		say("found %s\n", label);
}

static void output_labels(struct worker *w)
{
	char name[32];
	cgroup_each_labelled(w->inherited.hooks_dir, found_label, w);
	snprintf(name, sizeof(name), "looked%zu", w->ended + 1);
	touch(name);
}

static void ended_labels(struct worker *w)
{
	if (++w->ended < 2)
		start_labelled(w, w->ended + 1);
}

/* The worker sees what the hook did before it looks at the keeper's messages. */
static void begin_order(struct worker *w)
{
	start(w, 1, "touch done; sleep 1000");
	while (access(in_directory("done"), F_OK) < 0)
		continue;
	say("done\n");
}

static void begin_flood(struct worker *w)
{
	char *argv[] = {W("/bin/true"), NULL};
	struct link_request r = {.argv = argv, .stdin_fd = -1, .file_fd = -1};
	if (w->fd_count == 0)
		w->fd_count = count_fds(getpid());
	for (; w->asked < FLOOD; w->asked++) {
		r.run_id = w->asked + 1;
		if (start_request(w, r) < 0) {
			if (errno != EAGAIN)
				say("cannot start: %s\n", strerror(errno));
			return;
		}
	}
}

static void ended_flood(struct worker *w)
{
	w->ended++;
	begin_flood(w);
	if (w->ended == FLOOD)
		say("flood over, %d more descriptors\n",
			count_fds(getpid()) - w->fd_count);
}

/* The most memory that this process ever had. */
static long peak_kib(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void begin_much_output(struct worker *w)
{
	w->peak_kib = peak_kib();
	start(w, 1, "yes 0123456789012345678901234567890123456789 | head -n 2500000");
}

static void ended_much_output(struct worker *w)
{
	say("%zu bytes, %s\n", w->bytes,
		peak_kib() - w->peak_kib < 4096 ? "little memory" : "much memory");
}

/* A run of this program as hook. */
static void start_self(struct worker *w, uint64_t id, const char *verb, const char *count)
{
	static char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	char *argv[] = {self, W(verb), W(count), directory, NULL};
	struct link_request r = {
		.run_id = id, .argv = argv, .stdin_fd = -1, .file_fd = -1};
	if (start_request(w, r) < 0)
		say("cannot start %d\n", errno);
}

/* Processes that left the hook's process group and ignore SIGTERM. */
static void begin_escape(struct worker *w)
{
	start_self(w, 1, "escape-deaf", getenv("FSMON_TEST_ESCAPED"));
}

/* Likewise, but none says that the hook is gone: where all are killed at once, one might. */
static void begin_escape_silent(struct worker *w)
{
	start_self(w, 1, "escape-silent", getenv("FSMON_TEST_ESCAPED"));
}

static void begin_escape_mild(struct worker *w)
{
	start_self(w, 1, "escape", getenv("FSMON_TEST_ESCAPED"));
}

static void output_escape(struct worker *w)
{
	if (strcmp(w->line, "ready") == 0)
		w->port.signal(w->port.ctx, WIRE_STOP, 1, SIGTERM);
	if (strcmp(w->line, "alone") != 0)
		return;
	w->killed_ns = clock_monotonic_ns();
	w->port.signal(w->port.ctx, WIRE_KILL, 1, SIGKILL);
}

static void ended_escape(struct worker *w)
{
	int alive = count_processes(directory) - 1; /* this one has it on its line too */
	say("alive %d\n", alive);
	if (w->killed_ns && getenv("FSMON_TEST_VERBOSE"))
		fprintf(stderr, "from kill to ended: %.2f ms\n",
			(double)(clock_monotonic_ns() - w->killed_ns) / 1e6);
}

static void begin_signal(struct worker *w)
{
	start(w, 1,
		"trap 'echo right; touch go; exit 4' USR1; "
		"setsid sh -c 'trap \"echo wrong\" USR1; echo up; " UNTIL_GO
		"echo left' & wait");
}

static void output_signal(struct worker *w)
{
	if (strcmp(w->line, "up") == 0)
		w->port.signal(w->port.ctx, WIRE_SIGNAL, 1, SIGUSR1);
}

/* Somebody removes the cgroup that is kept for the next hook. */
static void begin_vanished(struct worker *w)
{
	start(w, 1, "exit 1");
}

static void ended_vanished(struct worker *w)
{
	char command[4200];
	if (++w->ended > 1)
		return;
	snprintf(command, sizeof(command), "rmdir '%s'/*/", w->inherited.hooks_dir);
	if (system(command) != 0)
		say("not removed\n");
	start(w, 2, "grep -c 0::.*/fsmon.hooks /proc/self/cgroup");
}

/* One of each kind of end. */
static void begin_ends(struct worker *w)
{
	if (access(in_directory("first"), F_OK) == 0)
		return;
	touch("first");
	char *argv[] = {W("no-such"), NULL};
	struct link_request r = {
		.run_id = 2, .argv = argv, .stdin_fd = -1, .file_fd = -1};
	start(w, 1, "echo one; exit 3");
	start_request(w, r);
}

/* The first worker ends when it has been told all, the second one when it has said that
 * this has been dealt with. */
static void ended_ends(struct worker *w)
{
	if (++w->ended < 2)
		return;
	if (w->was_resumed) {
		uint64_t ids[] = {1, 2, 99};
		w->port.done(w->port.ctx, ids, countof(ids));
		/* The next message has been handled after that one. */
		link_ready(w->link, false);
	}
	kill(getpid(), SIGKILL);
}

static void started_ends(struct worker *w, bool resumed)
{
	w->was_resumed |= resumed;
}

/* One hook writes as fast as it can while another one starts and ends. */
static void begin_fair(struct worker *w)
{
	start(w, 1, "yes 0123456789012345678901234567890123456789 & " UNTIL_GO "kill $!");
	start(w, 2, "echo 2; exit 2");
}

static void ended_fair(struct worker *w)
{
	if (++w->ended == 1)
		say("one ended while the other wrote\n");
	touch("go");
}

/* Orphans, which the keeper gets where it is the first process. */
static void begin_orphans(struct worker *w)
{
	start_self(w, 1, "orphans", "200");
}

/* Ask for runs until no more are taken. */
static void begin_room(struct worker *w)
{
	static char word[20000];
	memset(word, 'x', sizeof(word) - 1);
	char *argv[] = {W("/bin/true"), word, NULL};
	struct link_request r = {.argv = argv, .stdin_fd = -1, .file_fd = -1};
	bool had_room;
	do {
		r.run_id = ++w->asked;
		had_room = w->port.has_room(w->port.ctx);
	} while (start_request(w, r) == 0 && had_room);
	say("%s, %s\n", had_room ? "wrong" : "no room", strerrorname_np(errno));
	/* What is asked of runs that there are is taken all the same. */
	if (w->port.signal(w->port.ctx, WIRE_KILL, 1, SIGKILL) < 0)
		say("cannot kill\n");
}

static void ended_room(struct worker *w)
{
	if (w->asked == 0 || !w->port.has_room(w->port.ctx))
		return;
	w->asked = 0;
	say("room again\n");
}

static const struct scenario scenarios[] = {
	{.name = "idle"},
	{.name = "stubborn", .is_stubborn = true},
	{.name = "slow", .is_slow = true},
	{.name = "output", .begin = begin_output},
	{.name = "failures", .begin = begin_failures},
	{.name = "descriptors", .begin = begin_descriptors},
	{.name = "waiting", .begin = begin_waiting},
	{.name = "crash", .begin = begin_first, .started = started_crash},
	{.name = "conf", .begin = begin_conf},
	{.name = "reload-dies", .reload = reload_dies},
	{.name = "dead-request", .begin = begin_dead_request},
	{.name = "reload-kills", .reload = reload_kills},
	{.name = "crash-short", .begin = begin_first_short, .started = started_crash},
	{.name = "stop", .begin = begin_stop, .output = output_stop},
	{.name = "left-behind", .begin = begin_left_behind, .ended = ended_left_behind},
	{.name = "labels",
		.begin = begin_labels,
		.output = output_labels,
		.ended = ended_labels},
	{.name = "order", .begin = begin_order},
	{.name = "flood", .begin = begin_flood, .ended = ended_flood, .is_quiet = true},
	{.name = "escape",
		.begin = begin_escape,
		.output = output_escape,
		.ended = ended_escape},
	{.name = "escape-mild",
		.begin = begin_escape_mild,
		.output = output_escape,
		.ended = ended_escape},
	{.name = "escape-now", .begin = begin_escape_silent, .ended = ended_escape},
	{.name = "signal", .begin = begin_signal, .output = output_signal},
	{.name = "vanished", .begin = begin_vanished, .ended = ended_vanished},
	{.name = "ends",
		.begin = begin_ends,
		.started = started_ends,
		.failed = ended_ends,
		.ended = ended_ends,
		.is_forgetful = true},
	{.name = "fair", .begin = begin_fair, .ended = ended_fair, .is_quiet = true},
	{.name = "flood-forgetful",
		.begin = begin_flood,
		.ended = ended_flood,
		.is_quiet = true,
		.is_forgetful = true},
	{.name = "room", .begin = begin_room, .ended = ended_room, .is_quiet = true},
	{.name = "orphans", .begin = begin_orphans},
	{.name = "much-output",
		.begin = begin_much_output,
		.ended = ended_much_output,
		.is_quiet = true},
};

static int be_worker(const char *name, const char *where)
{
	struct worker w = {0};
	snprintf(directory, sizeof(directory), "%s", where);
	/* Nobody else stops one that a failed test leaves in a loop. */
	alarm(300);
	for (size_t i = 0; i < countof(scenarios); i++) {
		if (strcmp(scenarios[i].name, name) == 0)
			w.scenario = &scenarios[i];
	}
	if (!w.scenario)
		return atoi(name);
	if (link_inherit(&w.inherited) < 0)
		return 8;
	w.poller = poller_new();
	w.link = link_open(w.poller, &w.inherited, &handlers, &w);
	w.port = link_port(w.link);
	w.port.listen(w.link, &run_handlers, &w);
	while (!w.is_done)
		poller_turn(w.poller, POLLER_FOREVER);
	link_close(w.link);
	poller_free(w.poller);
	return w.exit_code;
}

/* ---- Hooks ---- */

/* A process that has left everything but the cgroup. It says "alone" when the hook is gone,
 * if it is the one that shall. */
__attribute__((noreturn)) static void be_escaped(
	int ready_fd, int gone_fd, bool is_deaf, bool shall_tell)
{
	char byte;
	if (is_deaf)
		signal(SIGTERM, SIG_IGN);
	alarm(60);
	if (write(ready_fd, "", 1) == 1 && read(gone_fd, &byte, 1) == 0 && shall_tell)
		say("alone\n");
	for (;;)
		pause();
}

/* Have many processes escape, and wait. */
static int be_escape(int count, bool is_deaf, bool shall_tell)
{
	int ready[2], gone[2];
	char byte;
	if (pipe(ready) < 0 || pipe(gone) < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			close(gone[1]);
			setsid();
			if (fork() == 0)
				be_escaped(
					ready[1], gone[0], is_deaf, shall_tell && i == 0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	for (int i = 0; i < count; i++) {
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	}
	say("ready\n");
	for (;;)
		pause();
}

/* Leave many processes that end without a parent. */
static int be_orphans(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			fork();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}

/* ---- The test ---- */

static pid_t daemon_pid; /* the keeper that runs now */

/* A keeper, and the lines that its workers write. */
struct daemon {
	pid_t pid;
	int output_fd;
	char text[4096]; /* read and not looked at yet */
	size_t len;
};

/* In a mount namespace of its own. */
static void hide_cgroups(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		system("umount --all --lazy --types cgroup2") != 0)
		_exit(99);
}

static void start_daemon_with(struct daemon *d, const char *scenario, long clone_flags)
{
	int fds[2];
	*d = (struct daemon){0};
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	d->pid = clone_flags
			 ? (pid_t)syscall(SYS_clone, clone_flags | SIGCHLD, 0, 0, 0, 0)
			 : fork();
	assert_true(d->pid >= 0);
	if (d->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		char *argv[] = {W("fsmon"), W("worker"), W(scenario), directory, NULL};
		struct keeper_config config = {.fds = {{-1, -1, -1, -1, -1, -1, -1, -1}},
			.subscribed_ns = 4711,
			.degraded = "for a test",
			.worker_argv = argv};
		if (clone_flags == CLONE_NEWNS)
			hide_cgroups();
		dup2(fds[1], STDOUT_FILENO);
		close(fds[1]);
		close(fds[0]);
		int file = open("/etc", O_PATH | O_CLOEXEC);
		config.fds.fd[WIRE_FD_TASKSTATS - WIRE_FD_WORKER] = file;
		int code = keeper_run(&config);
		_exit(code);
	}
	daemon_pid = d->pid;
	close(fds[1]);
	d->output_fd = fds[0];
}

static void start_daemon(struct daemon *d, const char *scenario)
{
	start_daemon_with(d, scenario, 0);
}

/* The next line, or NULL at the end or after too long a time. */
static const char *next_line(struct daemon *d)
{
	static char line[4096];
	for (;;) {
		char *end = memchr(d->text, '\n', d->len);
		if (end) {
			size_t n = (size_t)(end - d->text);
			memcpy(line, d->text, n);
			line[n] = '\0';
			d->len -= n + 1;
			memmove(d->text, end + 1, d->len);
			return line;
		}
		struct pollfd p = {.fd = d->output_fd, .events = POLLIN};
		if (poll(&p, 1, WAIT_MS) != 1)
			return NULL;
		ssize_t n =
			read(d->output_fd, d->text + d->len, sizeof(d->text) - d->len);
		if (n <= 0)
			return NULL;
		d->len += (size_t)n;
	}
}

static void expect(struct daemon *d, const char *expected)
{
	const char *line = next_line(d);
	assert_non_null(line);
	assert_string_equal(line, expected);
}

/* These lines, in any order. */
static void expect_all(struct daemon *d, const char *const *lines, size_t count)
{
	for (unsigned left = (1u << count) - 1; left != 0;) {
		const char *line = next_line(d);
		unsigned before = left;
		assert_non_null(line);
		for (size_t i = 0; i < count; i++) {
			if (strcmp(line, lines[i]) == 0)
				left &= ~(1u << i);
		}
		if (left == before)
			fail_msg("unexpected: %s", line);
	}
}

/* The keeper's exit code; nobody may be left who could write a line. */
static void expect_exit(struct daemon *d, int code)
{
	int status;
	const char *line = next_line(d);
	if (line)
		fail_msg("unexpected: %s", line);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	daemon_pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	close(d->output_fd);
}

static void stop_daemon(struct daemon *d)
{
	kill(d->pid, SIGTERM);
	expect(d, "stop later");
	expect_exit(d, 0);
}

static void test_output_and_outcome(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "output");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 a");
	expect(&d, "output 1 b");
	expect(&d, "output 1 c");
	expect(&d, "ended 1 exit 3 tail 5");
	stop_daemon(&d);
}

static void test_failures(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "failures");
	expect(&d, "told");
	expect(&d, "refused E2BIG");
	expect(&d, "started 1 ");
	if (geteuid() == 0) {
		/* The second one ends when its process does. */
		const char *first = next_line(&d);
		bool started = first && strcmp(first, "started 2 ") == 0;
		assert_string_equal(
			first, started ? "started 2 " : "failed 1 exec ENOENT");
		expect(&d, started ? "failed 1 exec ENOENT" : "started 2 ");
		expect(&d, "failed 2 exec ENOENT");
	} else {
		next_line(&d);
		next_line(&d);
		next_line(&d);
	}
	stop_daemon(&d);
}

static void test_descriptors(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "descriptors");
	expect(&d, "told");
	expect(&d, "degraded: for a test, since 4711");
	/* The rest of the worker's descriptors: poller, its own copy of 0. */
	expect(&d, "places 3 -1 -1 6 -1 -1 -1 -1 then 5");
	expect(&d, "started 1 ");
	expect(&d, "output 1 line");
	expect(&d, "output 1 /etc");
	expect(&d, "output 1 sh");
	expect(&d, "ended 1 exit 0 tail 13");
	stop_daemon(&d);
}

static void test_hooks_outlive_the_worker(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "crash");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "resumed 1 label of 1");
	expect(&d, "told");
	expect(&d, "output 1 late");
	expect(&d, "ended 1 exit 5 tail 5");
	stop_daemon(&d);
}

/* Whether a process is a zombie: nothing of it is open any more. */
static bool is_dead(int pid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	const char *end = n > 0 ? strrchr(text, ')') : NULL;
	return end && end[2] == 'Z';
}

static void test_a_dead_workers_request_is_made_again(void **state)
{
	(void)state;
	struct daemon d;
	int worker = 0;
	start_daemon(&d, "dead-request");
	expect(&d, "told");
	expect(&d, "last 0");
	const char *line = next_line(&d);
	assert_non_null(line);
	assert_int_equal(sscanf(line, "asked %d", &worker), 1);
	for (int i = 0; !is_dead(worker) && i < 2000; i++)
		usleep(10000);
	kill(d.pid, SIGCONT);
	expect(&d, "told");
	expect(&d, "last 7");
	expect(&d, "started 7 ");
	expect(&d, "ended 7 exit 5 tail 0");
	assert_int_equal(access(in_directory("ran"), F_OK), -1);
	stop_daemon(&d);
}

static void test_outcomes_wait_for_a_worker(void **state)
{
	(void)state;
	static const char *const second[] = {
		"told", "output 1 last words", "ended 1 exit 4 tail 11"};
	struct daemon d;
	start_daemon(&d, "crash-short");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "resumed 1 label of 1");
	expect_all(&d, second, countof(second));
	stop_daemon(&d);
}

static void test_worker_that_never_was_ready(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "2");
	expect_exit(&d, 2);
	start_daemon(&d, "1");
	expect_exit(&d, 1);
	start_daemon(&d, "77");
	expect_exit(&d, 77);
}

static void test_stop_waits_for_hooks(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "waiting");
	expect(&d, "told");
	expect(&d, "started 1 ");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	touch("go");
	expect(&d, "output 1 late");
	expect(&d, "ended 1 exit 5 tail 5");
	expect_exit(&d, 0);
}

static void test_second_signal_kills(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "waiting");
	expect(&d, "told");
	expect(&d, "started 1 ");
	kill(d.pid, SIGINT);
	expect(&d, "stop later");
	kill(d.pid, SIGTERM);
	const char *line = next_line(&d);
	assert_non_null(line);
	if (strcmp(line, "stop now") == 0)
		line = next_line(&d);
	assert_string_equal(line, "ended 1 signal 9 tail 0");
	expect_exit(&d, 0);
}

static void test_stubborn_worker_is_killed(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "stubborn");
	expect(&d, "told");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	kill(d.pid, SIGTERM);
	expect(&d, "stop now");
	expect_exit(&d, 1);
}

static void test_a_worker_may_wait_for_the_store(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "slow");
	expect(&d, "told");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	kill(d.pid, SIGTERM);
	expect(&d, "stop now");
	expect_exit(&d, 0);
}

static void test_reload(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "idle");
	expect(&d, "told");
	kill(d.pid, SIGHUP);
	expect(&d, "reload");
	kill(d.pid, SIGHUP);
	expect(&d, "reload");
	stop_daemon(&d);
}

static void test_a_reload_outlives_the_worker(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "reload-dies");
	expect(&d, "told");
	kill(d.pid, SIGHUP);
	expect(&d, "reload");
	expect(&d, "told");
	expect(&d, "reload");
	stop_daemon(&d);
}

static void test_a_reload_that_kills_is_given_up(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "reload-kills");
	for (int i = 0; i < 2; i++) {
		expect(&d, "told");
		kill(d.pid, SIGHUP);
		expect(&d, "reload");
		expect(&d, "told");
		expect(&d, "reload");
	}
	expect(&d, "told");
	stop_daemon(&d);
}

static void test_the_next_worker_has_the_configuration_in_force(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "conf");
	expect(&d, "told");
	expect(&d, "conf none");
	expect(&d, "told");
	expect(&d, "conf none, 2");
	int fds = count_fds(d.pid);
	expect(&d, "told");
	expect(&d, "conf none, 2, 2");
	/* What is not in force any more is not kept. */
	assert_int_equal(count_fds(d.pid), fds);
	stop_daemon(&d);
}

/* Whether a process runs a program still: a zombie has no command line. */
static bool is_running(int pid)
{
	char path[64], c;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool result = fd >= 0 && read(fd, &c, 1) == 1;
	if (fd >= 0)
		close(fd);
	return result;
}

static bool has_cgroups(void)
{
	struct cgroup_home *home = keeper_hook_open_home();
	cgroup_home_close(home);
	return home != NULL;
}

static void check_stop_of_the_group(long clone_flags, const char *cgroups)
{
	struct daemon d;
	int child = 0;
	start_daemon_with(&d, "stop", clone_flags);
	expect(&d, "told");
	expect(&d, cgroups);
	expect(&d, "started 1 ");
	const char *line = next_line(&d);
	assert_non_null(line);
	assert_int_equal(sscanf(line, "output 1 %d", &child), 1);
	line = next_line(&d);
	assert_non_null(line);
	assert_memory_equal(line, "ended 1 signal 15", strlen("ended 1 signal 15"));
	time_t end = time(NULL) + WAIT_MS / 1000;
	while (is_running(child) && time(NULL) < end)
		sched_yield();
	bool escaped = is_running(child);
	if (escaped)
		kill(child, SIGKILL);
	assert_false(escaped);
	stop_daemon(&d);
}

static void test_stop_reaches_the_group(void **state)
{
	(void)state;
	check_stop_of_the_group(0, has_cgroups() ? "cgroups: yes" : "cgroups: no");
}

static void test_stop_without_cgroups(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	check_stop_of_the_group(CLONE_NEWNS, "cgroups: no");
}

static void set_escaped(const char *count)
{
	if (!getenv("FSMON_TEST_VERBOSE"))
		setenv("FSMON_TEST_ESCAPED", count, 1);
}

static void test_kill_reaches_all_that_escaped(void **state)
{
	(void)state;
	struct daemon d;
	if (!has_cgroups())
		skip();
	set_escaped("50");
	start_daemon(&d, "escape");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 ready");
	/* The hook is gone, but the run has not ended. */
	expect(&d, "output 1 alone");
	expect(&d, "ended 1 signal 15 tail 12");
	expect(&d, "alive 0");
	stop_daemon(&d);
}

static void test_stop_reaches_all_that_escaped(void **state)
{
	(void)state;
	struct daemon d;
	if (!has_cgroups())
		skip();
	set_escaped("50");
	start_daemon(&d, "escape-mild");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 ready");
	expect(&d, "ended 1 signal 15 tail 6");
	expect(&d, "alive 0");
	stop_daemon(&d);
}

static void test_second_signal_kills_all_that_escaped(void **state)
{
	(void)state;
	struct daemon d;
	if (!has_cgroups())
		skip();
	set_escaped("50");
	start_daemon(&d, "escape-now");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 ready");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	kill(d.pid, SIGTERM);
	const char *line = next_line(&d);
	if (line && strcmp(line, "stop now") == 0)
		line = next_line(&d);
	assert_string_equal(line, "ended 1 signal 9 tail 6");
	expect(&d, "alive 0");
	expect_exit(&d, 0);
}

static void test_signal_reaches_the_group_alone(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "signal");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 up");
	expect(&d, "output 1 right");
	const char *line = next_line(&d);
	assert_non_null(line);
	bool is_left = strcmp(line, "output 1 left") == 0;
	assert_string_equal(is_left ? next_line(&d) : line,
		is_left ? "ended 1 exit 4 tail 14" : "ended 1 exit 4 tail 9");
	if (!is_left)
		expect(&d, "output 1 left");
	stop_daemon(&d);
}

static void test_a_cgroup_that_vanished(void **state)
{
	(void)state;
	struct daemon d;
	if (!has_cgroups())
		skip();
	start_daemon(&d, "vanished");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "ended 1 exit 1 tail 0");
	expect(&d, "started 2 ");
	expect(&d, "output 2 1");
	expect(&d, "ended 2 exit 0 tail 2");
	stop_daemon(&d);
}

static void test_ends_are_told_until_dealt_with(void **state)
{
	(void)state;
	static const char *const first[] = {"told", "started 1 ", "started 2 ",
		"output 1 one", "ended 1 exit 3 tail 4", "failed 2 exec ENOENT"};
	struct daemon d;
	start_daemon(&d, "ends");
	expect_all(&d, first, countof(first));
	/* The second worker. */
	expect(&d, "resumed 1 label of 1");
	expect(&d, "ended 1 exit 3 tail 0");
	expect(&d, "failed 2 exec ENOENT");
	/* The third one. */
	expect(&d, "told");
	stop_daemon(&d);
}

static void test_a_flood_starves_nobody(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "fair");
	expect(&d, "told");
	expect(&d, "one ended while the other wrote");
	stop_daemon(&d);
}

static int count_zombies(pid_t parent)
{
	DIR *proc = opendir("/proc");
	int count = 0;
	if (!proc)
		return -1;
	for (struct dirent *e; (e = readdir(proc));) {
		char path[300], text[512];
		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = '\0';
		int ppid = 0;
		const char *end = strrchr(text, ')');
		count += end && sscanf(end, ") Z %d", &ppid) == 1 && ppid == parent;
	}
	closedir(proc);
	return count;
}

static void test_as_init_it_reaps_orphans(void **state)
{
	(void)state;
	struct daemon d;
	if (geteuid() != 0)
		skip();
	start_daemon_with(&d, "orphans", CLONE_NEWPID);
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "ended 1 exit 0 tail 0");
	time_t end = time(NULL) + WAIT_MS / 1000;
	while (count_zombies(d.pid) > 0 && time(NULL) < end)
		sched_yield();
	assert_int_equal(count_zombies(d.pid), 0);
	stop_daemon(&d);
}

static void test_output_of_what_was_left_behind(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "left-behind");
	expect(&d, "told");
	expect(&d, "started 1 ");
	expect(&d, "output 1 before");
	expect(&d, "ended 1 exit 0 tail 7");
	expect(&d, "output 1 after");
	stop_daemon(&d);
}

static void test_labels_are_on_the_cgroups(void **state)
{
	(void)state;
	static const char *const lines[] = {"told", "started 1 ", "output 1 in 1",
		"found label of 1", "ended 1 exit 0 tail 5", "started 2 ",
		"output 2 in 1", "found label of 2", "ended 2 exit 0 tail 5"};
	struct daemon d;
	if (!has_cgroups())
		skip();
	start_daemon(&d, "labels");
	for (size_t i = 0; i < countof(lines); i++)
		expect(&d, lines[i]);
	stop_daemon(&d);
}

static void test_process_is_known_before_it_acts(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "order");
	expect(&d, "told");
	expect(&d, "done");
	expect(&d, "started 1 ");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	kill(d.pid, SIGTERM);
	const char *line = next_line(&d);
	if (line && strcmp(line, "stop now") == 0)
		line = next_line(&d);
	assert_string_equal(line, "ended 1 signal 9 tail 0");
	expect_exit(&d, 0);
}

/* A keeper that has nothing left of what it ran has as many descriptors as an idle one.
 */
static void test_many_runs(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "idle");
	expect(&d, "told");
	int idle = count_fds(d.pid);
	stop_daemon(&d);
	start_daemon(&d, "flood");
	expect(&d, "told");
	expect(&d, "flood over, 0 more descriptors");
	time_t end = time(NULL) + WAIT_MS / 1000;
	while (count_fds(d.pid) != idle && time(NULL) < end)
		sched_yield();
	assert_int_equal(count_fds(d.pid), idle);
	assert_int_equal(count_zombies(d.pid), 0);
	stop_daemon(&d);
}

/* A worker that says nothing of what it was told cannot fill the keeper with pipes. */
static void test_many_ends_that_nobody_deals_with(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "flood-forgetful");
	expect(&d, "told");
	expect(&d, "flood over, 0 more descriptors");
	assert_in_range(count_fds(d.pid), 1, 600);
	stop_daemon(&d);
}

static void test_much_output(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "much-output");
	expect(&d, "told");
	expect(&d, "100000000 bytes, little memory");
	kill(d.pid, SIGTERM);
	expect(&d, "stop later");
	expect_exit(&d, 0);
}

static void kill_daemon(struct daemon *d)
{
	int status;
	kill(d->pid, SIGKILL);
	expect(d, "gone");
	assert_null(next_line(d));
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	daemon_pid = 0;
	close(d->output_fd);
}

static void test_room(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "room");
	expect(&d, "told");
	expect(&d, "no room, EAGAIN");
	expect(&d, "room again");
	kill_daemon(&d);
}

static void test_worker_ends_with_the_keeper(void **state)
{
	(void)state;
	struct daemon d;
	start_daemon(&d, "idle");
	expect(&d, "told");
	kill_daemon(&d);
}

/* Have the worker's place hold a socket in which a message waits (NULL: none does), and inherit.
 * The file is at the place of the buffer. */
static int inherit(struct link_inheritance *in, const struct wire_message *m)
{
	struct buf bytes = {0};
	int fds[2];
	assert_int_equal(sock_pair(fds), 0);
	int keeper = fcntl(fds[0], F_DUPFD_CLOEXEC, WIRE_FD_END);
	int worker = fcntl(fds[1], F_DUPFD_CLOEXEC, WIRE_FD_END);
	int file = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, WIRE_FD_END);
	for (int fd = WIRE_FD_WORKER; fd < WIRE_FD_END; fd++)
		close(fd);
	dup2(worker, WIRE_FD_WORKER);
	dup2(file, WIRE_FD_BUFFER);
	close(worker);
	close(file);
	if (m) {
		assert_int_equal(wire_encode(&bytes, m), 0);
		assert_int_equal(sock_send(keeper, bytes.data, bytes.len, NULL, 0), 0);
		buf_fini(&bytes);
	}
	int result = link_inherit(in);
	close(keeper);
	return result;
}

static void test_inherit_needs_a_keeper(void **state)
{
	(void)state;
	static struct link_inheritance in;
	struct wire_message m = {.type = WIRE_RELOAD};
	assert_int_equal(inherit(&in, NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(inherit(&in, &m), -1);
	assert_int_equal(errno, ENOENT);
	/* There is nothing, and no socket. */
	close(WIRE_FD_WORKER);
	assert_int_equal(link_inherit(&in), -1);
	assert_int_equal(errno, ENOENT);
	dup2(STDIN_FILENO, WIRE_FD_WORKER);
	assert_int_equal(link_inherit(&in), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_inherit(void **state)
{
	(void)state;
	static struct link_inheritance in;
	struct wire_message m = {.type = WIRE_HELLO, .hello = {.places = 1}};
	assert_int_equal(inherit(&in, &m), 0);
	assert_null(in.degraded);
	assert_null(in.hooks_dir);
	assert_int_equal(in.fds.fd[WIRE_FD_BUFFER - WIRE_FD_WORKER], -1);
	m.hello = (struct wire_hello){
		.places = 1 | 1 << (WIRE_FD_BUFFER - WIRE_FD_WORKER) |
			  1 << (WIRE_FD_CONTROL - WIRE_FD_WORKER),
		.subscribed_ns = 4711,
		.last_run_id = 42,
		.degraded = "no connector",
		.hooks_dir = "/hooks",
	};
	assert_int_equal(inherit(&in, &m), 0);
	assert_int_equal(in.subscribed_ns, 4711);
	assert_int_equal(in.last_run_id, 42);
	assert_string_equal(in.degraded, "no connector");
	assert_string_equal(in.hooks_dir, "/hooks");
	assert_int_equal(in.fds.fd[0], WIRE_FD_WORKER);
	assert_int_equal(in.fds.fd[WIRE_FD_BUFFER - WIRE_FD_WORKER], WIRE_FD_BUFFER);
	assert_int_equal(fcntl(WIRE_FD_BUFFER, F_GETFD), FD_CLOEXEC);
	/* Said to be there, and is not. */
	assert_int_equal(in.fds.fd[WIRE_FD_CONTROL - WIRE_FD_WORKER], -1);
	/* Not said to be there. */
	assert_int_equal(in.fds.fd[WIRE_FD_FANOTIFY - WIRE_FD_WORKER], -1);
}

/* More than the loop takes in one turn. */
#define MANY 3000

static void count_started(void *ctx, uint64_t run_id, pid_t pid, const char *label)
{
	struct worker *w = ctx;
	(void)pid;
	(void)label;
	w->asked += run_id == w->asked + 1;
}

static void test_all_that_was_said_is_drained(void **state)
{
	(void)state;
	static struct link_inheritance in;
	static const struct scenario quiet = {.is_quiet = true};
	struct link_run_handlers on_runs = run_handlers;
	struct worker w = {.scenario = &quiet};
	int fds[2];
	on_runs.started = count_started;
	assert_int_equal(sock_pair(fds), 0);
	in.fds.fd[0] = fds[1];
	w.poller = poller_new();
	w.link = link_open(w.poller, &in, &handlers, &w);
	assert_non_null(w.link);
	w.port = link_port(w.link);
	w.port.listen(w.link, &on_runs, &w);
	for (uint64_t i = 1; i <= MANY; i++) {
		struct wire_message m = {.type = WIRE_RUNNING, .run_id = i};
		struct buf b = {0};
		m.started.label = "r 1 1";
		assert_int_equal(wire_encode(&b, &m), 0);
		assert_int_equal(sock_send(fds[0], b.data, b.len, NULL, 0), 0);
		buf_fini(&b);
	}
	link_drain(w.link);
	assert_int_equal(w.asked, MANY);
	link_close(w.link);
	poller_free(w.poller);
	close(fds[0]);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/fsmon-test-keeper-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	/* After a failed test; its worker sees the end of the keeper. */
	if (daemon_pid > 0)
		kill(daemon_pid, SIGKILL);
	daemon_pid = 0;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "worker") == 0)
		return be_worker(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "orphans") == 0)
		return be_orphans(atoi(argv[2]));
	if (argc == 4)
		return be_escape(atoi(argv[2]), strcmp(argv[1], "escape") != 0,
			strcmp(argv[1], "escape-deaf") == 0);
	const struct CMUnitTest tests[] = {
		TEST(test_worker_ends_with_the_keeper),
		TEST(test_output_and_outcome),
		TEST(test_failures),
		TEST(test_descriptors),
		TEST(test_hooks_outlive_the_worker),
		TEST(test_a_dead_workers_request_is_made_again),
		TEST(test_outcomes_wait_for_a_worker),
		TEST(test_worker_that_never_was_ready),
		TEST(test_stop_waits_for_hooks),
		TEST(test_second_signal_kills),
		TEST(test_stubborn_worker_is_killed),
		TEST(test_a_worker_may_wait_for_the_store),
		TEST(test_reload),
		TEST(test_a_reload_outlives_the_worker),
		TEST(test_a_reload_that_kills_is_given_up),
		TEST(test_the_next_worker_has_the_configuration_in_force),
		TEST(test_stop_reaches_the_group),
		TEST(test_kill_reaches_all_that_escaped),
		TEST(test_stop_reaches_all_that_escaped),
		TEST(test_second_signal_kills_all_that_escaped),
		TEST(test_signal_reaches_the_group_alone),
		TEST(test_a_cgroup_that_vanished),
		TEST(test_ends_are_told_until_dealt_with),
		TEST(test_a_flood_starves_nobody),
		TEST(test_as_init_it_reaps_orphans),
		TEST(test_output_of_what_was_left_behind),
		TEST(test_labels_are_on_the_cgroups),
		TEST(test_process_is_known_before_it_acts),
		TEST(test_stop_without_cgroups),
		TEST(test_room),
		TEST(test_many_runs),
		TEST(test_many_ends_that_nobody_deals_with),
		TEST(test_much_output),
		TEST(test_all_that_was_said_is_drained),
		TEST(test_inherit_needs_a_keeper),
		TEST(test_inherit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
