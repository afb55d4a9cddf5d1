/* link: static */
/* SPDX-License-Identifier: MIT */
/*
 * What tests/bench/jobs has for hooks, and what sets them off. Static, so that starting it
 * costs as little as starting a program can. Times are CLOCK_MONOTONIC, in ns.
 *
 * As a hook:
 *   bench stamp FIFO            tells FIFO when its first instruction ran
 *   bench mark LOG [NAME]       appends "S TIME NAME" and, after $LINGER_US, "E TIME NAME"
 *                               ($FSMON_PATH)
 *   bench linger FIFO US        tells FIFO when it starts and, after US, that it ends
 *   bench rewrite HOW LOG       appends "TIME PATH CMD DEPTH" of what it was told, and writes
 *                               $FSMON_PATH itself: direct, setsid (and sets free), double
 *   bench escape FIFO COUNT FLAG  where FLAG is missing makes it and COUNT processes that have
 *                               left session and parent and ignore TERM; tells FIFO
 * And from outside:
 *   bench files COUNT DIR       makes DIR/000000 ... in this order
 *   bench spawn COUNT WIDTH COMMAND...  the bare loop: vfork and exec, the number added
 *   bench watch DIR COMMAND...  the bare watcher: reads fanotify and starts COMMAND
 *   bench lag COUNT FIFO FILE   prints the time from close() of FILE to the hook's stamp
 *   bench again COUNT FIFO FILE US  COUNT times an event, and another one at a random moment
 *                               within US; prints how often no run started after the second
 *   bench outsider DIR COUNT ROUNDS  writes DIR/000000 ..., ROUNDS times; prints "TIME FILE"
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)
#define PATIENCE_MS 10000

/* What a hook writes into the fifo, in one piece. */
struct record {
	uint64_t what; /* 'S': started, 'E': ends */
	uint64_t ns;
};

static uint64_t started_ns; /* when the program's first instruction ran, nearly */

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void linger_us(uint64_t us)
{
	struct timespec ts = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000 * NS_PER_US),
	};
	nanosleep(&ts, NULL);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static void tell(int fd, char what, uint64_t ns)
{
	struct record r = {.what = (uint64_t)what, .ns = ns};
	if (write(fd, &r, sizeof(r)) != sizeof(r))
		err(2, "fifo");
}

/* The next record of the fifo; false if none comes. */
static bool hear(int fd, struct record *r)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, PATIENCE_MS) == 1 && read(fd, r, sizeof(*r)) == sizeof(*r);
}

/* Write a file and close it. Returns the time just before the close. */
static uint64_t touch(const char *path)
{
	int fd = open_or_die(path, O_WRONLY | O_CREAT | O_TRUNC);
	if (write(fd, "x", 1) != 1)
		err(2, "%s", path);
	uint64_t ns = now_ns();
	close(fd);
	return ns;
}

/* ---- Hooks ---- */

static int do_stamp(char **args)
{
	tell(open_or_die(args[0], O_WRONLY), 'S', started_ns);
	return 0;
}

static int do_mark(char **args)
{
	const char *name = args[1] ? args[1] : getenv("FSMON_PATH");
	const char *us = getenv("LINGER_US");
	int fd = open_or_die(args[0], O_WRONLY | O_CREAT | O_APPEND);
	dprintf(fd, "S %" PRIu64 " %s\n", started_ns, name);
	if (us)
		linger_us(strtoull(us, NULL, 10));
	dprintf(fd, "E %" PRIu64 " %s\n", now_ns(), name);
	return 0;
}

static int do_linger(char **args)
{
	int fd = open_or_die(args[0], O_WRONLY);
	tell(fd, 'S', started_ns);
	linger_us(strtoull(args[1], NULL, 10));
	tell(fd, 'E', now_ns());
	return 0;
}

static int do_rewrite(char **args)
{
	const char *path = getenv("FSMON_PATH");
	bool is_double = strcmp(args[0], "double") == 0;
	int fd = open_or_die(args[1], O_WRONLY | O_CREAT | O_APPEND);
	dprintf(fd, "%" PRIu64 " %s %s %s\n", started_ns, path, getenv("FSMON_CMD"),
		getenv("FSMON_DEPTH"));
	if (strcmp(args[0], "direct") != 0) {
		if (fork() > 0)
			return 0;
		setsid();
		if (is_double && fork() > 0)
			return 0;
	}
	touch(path);
	return 0;
}

static int do_escape(char **args)
{
	int fd = open_or_die(args[0], O_WRONLY);
	int flag = open(args[2], O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (flag < 0) {
		tell(fd, 'S', started_ns);
		return 0;
	}
	for (long i = atol(args[1]); i > 0; i--) {
		pid_t child = fork();
		if (child > 0) {
			waitpid(child, NULL, 0);
			continue;
		}
		signal(SIGTERM, SIG_IGN);
		setsid();
		if (fork() > 0)
			_exit(0);
		for (;;)
			pause();
	}
	tell(fd, 'S', started_ns);
	for (;;)
		pause();
}

/* ---- From outside ---- */

static int do_files(char **args)
{
	char path[4096];
	long count = atol(args[0]);
	for (long i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%06ld", args[1], i);
		close(open_or_die(path, O_WRONLY | O_CREAT | O_TRUNC));
	}
	return 0;
}

static void start(char **argv)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		err(2, "vfork");
}

static int do_spawn(char **args)
{
	long count = atol(args[0]), width = atol(args[1]), running = 0;
	char number[32];
	char *argv[16] = {0};
	size_t n = 0;
	for (char **word = args + 2; *word && n < 14; word++)
		argv[n++] = *word;
	argv[n] = number;
	for (long i = 0; i < count || running > 0;) {
		if (i < count && running < width) {
			snprintf(number, sizeof(number), "%06ld", i++);
			start(argv);
			running++;
		} else if (wait(NULL) > 0) {
			running--;
		}
	}
	return 0;
}

static int do_watch(char **args)
{
	_Alignas(struct fanotify_event_metadata) char buf[8192];
	int group = fanotify_init(
		FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_REPORT_DFID_NAME, O_RDONLY);
	if (group < 0 || fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				 FAN_CLOSE_WRITE, AT_FDCWD, args[0]) < 0)
		err(2, "fanotify");
	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t len = read(group, buf, sizeof(buf));
		const struct fanotify_event_metadata *m = (void *)buf;
		for (; len > 0 && FAN_EVENT_OK(m, len); m = FAN_EVENT_NEXT(m, len))
			start(args + 1);
	}
}

static int do_lag(char **args)
{
	int fd = open_or_die(args[1], O_RDWR);
	struct record r;
	for (long i = atol(args[0]); i > 0; i--) {
		uint64_t ns = touch(args[2]);
		if (!hear(fd, &r))
			errx(1, "no run");
		printf("%" PRIu64 "\n", r.ns - ns);
		/* Its end, and what the daemon makes of that, are not part of the next. */
		linger_us(5000);
	}
	return 0;
}

/* Read until a run that started after `ns` has begun, and then until it has ended. */
static bool is_followed(int fd, uint64_t ns)
{
	struct record r;
	do {
		if (!hear(fd, &r))
			return false;
	} while (r.what != 'S' || r.ns < ns);
	do {
		if (!hear(fd, &r))
			return false;
	} while (r.what != 'E');
	return true;
}

static int do_again(char **args)
{
	long count = atol(args[0]), missed = 0, while_running = 0;
	int fd = open_or_die(args[1], O_RDWR);
	uint64_t us = strtoull(args[3], NULL, 10);
	struct record r;
	srandom((unsigned)getpid());
	for (long i = 0; i < count; i++) {
		touch(args[2]);
		if (!hear(fd, &r) || r.what != 'S')
			errx(1, "round %ld: no run", i);
		linger_us((uint64_t)random() % (us + 1));
		struct pollfd p = {.fd = fd, .events = POLLIN};
		while_running += poll(&p, 1, 0) == 0;
		missed += !is_followed(fd, touch(args[2]));
	}
	printf("%ld events, %ld of them during a run: %ld not followed by a run\n", count,
		while_running, missed);
	return missed ? 1 : 0;
}

static int do_outsider(char **args)
{
	char path[4096];
	long count = atol(args[1]), rounds = atol(args[2]);
	for (long i = 0; i < count * rounds; i++) {
		snprintf(path, sizeof(path), "%s/%06ld", args[0], i % count);
		fflush(stdout);
		/* Each by a process of its own, so that the kernel merges nothing. */
		pid_t child = fork();
		if (child == 0) {
			printf("%" PRIu64 " %s\n", touch(path), path);
			exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}

/* ---- */

static const struct {
	const char *name;
	int least; /* arguments */
	int (*run)(char **args);
} verbs[] = {
	{"stamp", 1, do_stamp},
	{"mark", 1, do_mark},
	{"linger", 2, do_linger},
	{"rewrite", 2, do_rewrite},
	{"escape", 3, do_escape},
	{"files", 2, do_files},
	{"spawn", 3, do_spawn},
	{"watch", 2, do_watch},
	{"lag", 3, do_lag},
	{"again", 4, do_again},
	{"outsider", 3, do_outsider},
};

int main(int argc, char **argv)
{
	started_ns = now_ns();
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least)
			return verbs[i].run(argv + 2);
	}
	errx(2, "usage: bench VERB ...; the verbs are in bench.c");
}
