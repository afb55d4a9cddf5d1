/* SPDX-License-Identifier: MIT */
#include "os/spawn.h"

#include "app/keeper/keeper_hook.h"
#include "base/buf.h"
#include "os/dirlock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define NOBODY 65534

/*
 * The test program itself is also the hook: `test_spawn WORD` prints what it finds. This is a copy
 * of it, because another user need not be able to reach the original.
 */
static char self[64];
static char directory[] = "/tmp/fsmon-test-spawn-XXXXXX";

/* What a start came to. */
struct result {
	int started; /* of spawn_start */
	struct spawn_error err;
	int status;
	char *output;
};

static char *default_envp[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL};

static int count_fds(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static char *read_all(int fd)
{
	struct buf b = {0};
	char bytes[4096];
	ssize_t n;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(&b, bytes, (size_t)n);
	return buf_take(&b);
}

/* Run to the end, as the keeper would. */
static struct result run_request(struct spawn_request r)
{
	struct spawn_defaults defaults;
	struct result result = {0};
	struct spawn_child child;
	int before = count_fds();
	int output[2];
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	spawn_get_defaults(&defaults);
	r.output_fd = output[1];
	if (!r.envp)
		r.envp = default_envp;
	if (!r.directory)
		r.directory = "/";
	result.started = spawn_start(&defaults, &r, &child, &result.err);
	close(output[1]);
	result.output = read_all(output[0]);
	close(output[0]);
	if (result.started == 0) {
		struct pollfd p = {.fd = child.pidfd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(waitpid(child.pid, &result.status, WNOHANG), child.pid);
		if (spawn_result(child.report_fd, &result.err) < 0)
			result.started = -1;
		close(child.pidfd);
		if (child.report_fd >= 0)
			close(child.report_fd);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_fds(), before);
	return result;
}

static struct result run(char *const *argv, struct spawn_request r)
{
	r.argv = argv;
	return run_request(r);
}

/* Most tests want no more than this. */
#define PLAIN .stdin_fd = -1, .file_fd = -1, .cgroup_fd = -1, .umask = 022
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define W(s) ((char *)(uintptr_t)(s))

static void assert_fails(struct result r, int error, const char *stage)
{
	assert_int_equal(r.started, -1);
	assert_int_equal(r.err.error, error);
	assert_string_equal(r.err.stage, stage);
	assert_string_equal(r.output, "");
	free(r.output);
}

static void assert_prints(struct result r, const char *text)
{
	assert_int_equal(r.started, 0);
	assert_string_equal(r.output, text);
	assert_int_equal(r.status, 0);
	free(r.output);
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static const struct spawn_ids nobody = {.uid = NOBODY,
	.gid = NOBODY,
	.groups = (const gid_t[]){NOBODY, 7},
	.group_count = 2};

static void test_status_of_a_program(void **state)
{
	(void)state;
	struct result r = run(ARGV(W("true")), (struct spawn_request){PLAIN});
	assert_int_equal(r.started, 0);
	assert_int_equal(r.status, 0);
	free(r.output);
	r = run(ARGV(W("/bin/sh"), W("-c"), W("exit 3")), (struct spawn_request){PLAIN});
	assert_int_equal(WEXITSTATUS(r.status), 3);
	free(r.output);
	r = run(ARGV(W("/bin/sh"), W("-c"), W("kill -9 $$")),
		(struct spawn_request){PLAIN});
	assert_int_equal(WTERMSIG(r.status), SIGKILL);
	free(r.output);
}

static void test_arguments_and_environment(void **state)
{
	(void)state;
	setenv("LEAK", "1", 1);
	char *envp[] = {W("A=x y"), W("B="), NULL};
	assert_prints(
		run(ARGV(W("/usr/bin/env")), (struct spawn_request){PLAIN, .envp = envp}),
		"A=x y\nB=\n");
	assert_prints(run(ARGV(W("printf"), W("%s|"), W("a b"), W(""), W("*")),
			      (struct spawn_request){PLAIN}),
		"a b||*|");
}

static void test_missing_program(void **state)
{
	(void)state;
	assert_fails(
		run(ARGV(W("no-such")), (struct spawn_request){PLAIN}), ENOENT, "exec");
	assert_fails(
		run(ARGV(W("/no/such")), (struct spawn_request){PLAIN}), ENOENT, "exec");
	assert_fails(run(ARGV(W("")), (struct spawn_request){PLAIN}), ENOENT, "exec");
}

static void test_program_that_may_not_be_executed(void **state)
{
	(void)state;
	const char *path = write_file("plain", "#!/bin/sh\n", 0644);
	assert_fails(run(ARGV(W(path)), (struct spawn_request){PLAIN}), EACCES, "exec");
	assert_fails(run(ARGV(W("/tmp")), (struct spawn_request){PLAIN}), EACCES, "exec");
}

static void test_path_is_the_hooks_own(void **state)
{
	(void)state;
	write_file("prog", "#!/bin/sh\necho found\n", 0755);
	write_file("denied", "#!/bin/sh\n", 0644);
	char path[256];
	snprintf(path, sizeof(path), "PATH=/no/such:/etc/passwd::%s:/bin", directory);
	char *envp[] = {path, NULL};
	struct spawn_request r = {PLAIN, .envp = envp};
	assert_prints(run(ARGV(W("prog")), r), "found\n");
	assert_fails(run(ARGV(W("denied")), r), EACCES, "exec");
	assert_fails(run(ARGV(W("absent")), r), ENOENT, "exec");
	/* An empty element is the working directory. */
	char *here[] = {W("PATH=:/bin"), NULL};
	r = (struct spawn_request){PLAIN, .envp = here, .directory = directory};
	assert_prints(run(ARGV(W("prog")), r), "found\n");
}

static void test_script_without_interpreter_goes_to_the_shell(void **state)
{
	(void)state;
	const char *path = write_file("script", "echo \"$0 $1 $2\"\n", 0755);
	char expected[256];
	snprintf(expected, sizeof(expected), "%s a b c\n", path);
	assert_prints(run(ARGV(W(path), W("a b"), W("c")), (struct spawn_request){PLAIN}),
		expected);
}

static void test_too_long_arguments(void **state)
{
	(void)state;
	char *word = malloc(200 * 1024);
	memset(word, 'x', 200 * 1024 - 1);
	word[200 * 1024 - 1] = '\0';
	assert_fails(
		run(ARGV(W("true"), word), (struct spawn_request){PLAIN}), E2BIG, "exec");
	free(word);
}

static void test_descriptors(void **state)
{
	(void)state;
	int leak = open("/dev/null", O_RDONLY); /* not CLOEXEC on purpose */
	int high = fcntl(leak, F_DUPFD, 200);
	assert_prints(
		run(ARGV(self, W("fds")), (struct spawn_request){PLAIN}), "0 1 2 \n");
	struct spawn_request r = {PLAIN};
	r.file_fd = open("/etc", O_PATH | O_CLOEXEC);
	assert_prints(run(ARGV(self, W("fds")), r), "0 1 2 3 \n");
	assert_prints(run(ARGV(W("readlink"), W("/proc/self/fd/3")), r), "/etc\n");
	assert_prints(run(ARGV(W("readlink"), W("/proc/self/fd/0")), r), "/dev/null\n");
	close(r.file_fd);
	close(high);
	close(leak);
}

/* Also where the sources are the very numbers of the targets. */
static void test_descriptors_at_their_own_places(void **state)
{
	(void)state;
	int saved[4];
	for (int i = 0; i < 4; i++)
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
	struct spawn_request r = {PLAIN};
	int input = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int file = open("/etc", O_PATH | O_CLOEXEC);
	dup2(input, 3);
	dup2(file, 0);
	r.stdin_fd = 3;
	r.file_fd = 0;
	char *argv[] = {W("readlink"), W("/proc/self/fd/0"), W("/proc/self/fd/3"), NULL};
	struct result result = run(argv, r);
	for (int i = 0; i < 4; i++) {
		if (saved[i] >= 0) {
			dup2(saved[i], i);
			close(saved[i]);
		} else {
			close(i);
		}
	}
	close(input);
	close(file);
	assert_prints(result, "/dev/zero\n/etc\n");
}

static void test_standard_input(void **state)
{
	(void)state;
	const char *path = write_file("input", "one\ntwo\n", 0600);
	struct spawn_request r = {PLAIN};
	r.stdin_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_prints(run(ARGV(W("cat")), r), "one\ntwo\n");
	close(r.stdin_fd);
}

static void test_signals_are_reset(void **state)
{
	(void)state;
	/* One that the C library hides; only the first word, the handler, is not zero. */
	const unsigned long ignore[8] = {(unsigned long)(uintptr_t)SIG_IGN};
	unsigned long hidden_was[8];
	assert_int_equal(syscall(SYS_rt_sigaction, 32, ignore, hidden_was, _NSIG / 8), 0);
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, &old);
	void (*pipe_was)(int) = signal(SIGPIPE, SIG_IGN);
	void (*int_was)(int) = signal(SIGINT, SIG_IGN);
	struct result r =
		run(ARGV(W("grep"), W("-E"), W("^Sig(Blk|Ign)"), W("/proc/self/status")),
			(struct spawn_request){PLAIN});
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, pipe_was);
	signal(SIGINT, int_was);
	syscall(SYS_rt_sigaction, 32, hidden_was, NULL, _NSIG / 8);
	assert_prints(r, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_session_and_group(void **state)
{
	(void)state;
	assert_prints(
		run(ARGV(self, W("session")), (struct spawn_request){PLAIN}), "own\n");
}

static void test_directory_and_umask(void **state)
{
	(void)state;
	struct spawn_request r = {PLAIN, .directory = "/usr/bin"};
	assert_prints(run(ARGV(W("/bin/pwd")), r), "/usr/bin\n");
	r.umask = 027;
	assert_prints(run(ARGV(W("sh"), W("-c"), W("umask")), r), "0027\n");
	r.directory = "/no/such";
	assert_fails(run(ARGV(W("true")), r), ENOENT, "chdir");
}

static void test_nice(void **state)
{
	(void)state;
	/* The one level that can be had from any other. */
	struct spawn_request r = {PLAIN, .nice = 19};
	assert_prints(run(ARGV(W("nice")), r), "19\n");
	int was = getpriority(PRIO_PROCESS, 0);
	if (setpriority(PRIO_PROCESS, 0, -3) < 0)
		skip(); /* This needs CAP_SYS_NICE, which not every root has. */
	r.nice = 0;
	assert_prints(run(ARGV(W("nice")), r), "0\n");
	r.nice = -2;
	assert_prints(run(ARGV(W("nice")), r), "-2\n");
	assert_int_equal(setpriority(PRIO_PROCESS, 0, was), 0);
}

static void test_scheduler_is_reset(void **state)
{
	(void)state;
	const struct sched_param none = {0};
	assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	struct result r = run(ARGV(self, W("scheduler")), (struct spawn_request){PLAIN});
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	assert_prints(r, "0\n");
}

/* Run one program with these defaults and give its output. */
static char *run_with_defaults(const struct spawn_defaults *defaults, char *const *argv)
{
	int output[2];
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	struct spawn_request r = {PLAIN, .argv = argv, .envp = default_envp,
		.directory = "/", .output_fd = output[1]};
	struct spawn_child child;
	struct spawn_error err;
	assert_int_equal(spawn_start(defaults, &r, &child, &err), 0);
	close(output[1]);
	char *text = read_all(output[0]);
	close(output[0]);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	close(child.pidfd);
	return text;
}

static void test_limits_are_those_of_the_start(void **state)
{
	(void)state;
	struct spawn_defaults defaults;
	struct rlimit was, changed;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	spawn_get_defaults(&defaults);
	changed = was;
	changed.rlim_cur = was.rlim_cur - 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &changed), 0);
	char *text =
		run_with_defaults(&defaults, ARGV(W("sh"), W("-c"), W("ulimit -Sn")));
	setrlimit(RLIMIT_NOFILE, &was);
	char expected[32];
	snprintf(expected, sizeof(expected), "%ju\n", (uintmax_t)was.rlim_cur);
	assert_string_equal(text, expected);
	free(text);
}

/*
 * The daemon holds more descriptors than its children may have: what is opened on the way
 * to the program still finds a place, and the program has the limit of the start.
 */
static void test_limit_of_descriptors_below_those_in_use(void **state)
{
	(void)state;
	enum { COUNT = 64 };
	struct spawn_defaults defaults;
	struct rlimit was, few;
	int held[COUNT];
	for (int i = 0; i < COUNT; i++)
		held[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = COUNT;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	spawn_get_defaults(&defaults);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	defaults.reset_oom_score = true;
	char *text =
		run_with_defaults(&defaults, ARGV(W("sh"), W("-c"), W("ulimit -Sn")));
	assert_string_equal(text, "64\n");
	free(text);
	for (int i = 0; i < COUNT; i++)
		close(held[i]);
}

/* Where there is no room at all, that is what is said. */
static void test_no_descriptor_left(void **state)
{
	(void)state;
	struct spawn_defaults defaults;
	struct spawn_request r = {PLAIN, .argv = ARGV(W("true")), .envp = default_envp,
		.directory = "/", .output_fd = 2};
	struct spawn_child child;
	struct spawn_error err;
	struct rlimit was, full;
	spawn_get_defaults(&defaults);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	int next = fcntl(2, F_DUPFD_CLOEXEC, 0);
	close(next);
	full = was;
	full.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	int started = spawn_start(&defaults, &r, &child, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(started, -1);
	assert_int_equal(err.error, EMFILE);
	assert_string_equal(err.stage, "descriptors");
}

static void write_oom_score(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, score, strlen(score)), strlen(score));
	close(fd);
}

/* A negative score needs a privilege; the way back to 0 is the same from a positive one.
 */
static void test_oom_score(void **state)
{
	(void)state;
	struct spawn_defaults defaults;
	char *argv[] = {W("cat"), W("/proc/self/oom_score_adj"), NULL};
	char was[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, was, sizeof(was) - 1) > 0);
	close(fd);
	write_oom_score("900");
	spawn_get_defaults(&defaults);
	assert_false(defaults.reset_oom_score);
	char *kept = run_with_defaults(&defaults, argv);
	defaults.reset_oom_score = true;
	char *reset = run_with_defaults(&defaults, argv);
	write_oom_score(was);
	assert_string_equal(kept, "900\n");
	assert_string_equal(reset, "0\n");
	free(kept);
	free(reset);
}

static void test_credentials(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct spawn_request r = {PLAIN, .ids = &nobody};
	assert_prints(run(ARGV(W("grep"), W("-E"), W("^([UG]id|Groups|CapEff)"),
				  W("/proc/self/status")),
			      r),
		"Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
		"Groups:\t7 65534 \nCapEff:\t0000000000000000\n");
	/* Here the last one is the directory itself. */
	assert_prints(run(ARGV(W("ls"), W("/proc/self/fd")), r), "0\n1\n2\n3\n");
	assert_prints(run(ARGV(W("sh"), W("-c"),
				  W("set -- $(cat /proc/$$/stat); echo $5,$6 | sed "
				    "s/$$/own/g")),
			      r),
		"own,own\n");
}

static void test_failures_with_other_credentials(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct spawn_request r = {PLAIN, .ids = &nobody};
	assert_fails(run(ARGV(W("no-such")), r), ENOENT, "exec");
	const char *path = write_file("root-only", "#!/bin/sh\necho secret\n", 0700);
	assert_fails(run(ARGV(W(path)), r), EACCES, "exec");
	char closed[64];
	snprintf(closed, sizeof(closed), "%s/closed", directory);
	assert_int_equal(mkdir(closed, 0700), 0);
	r.directory = closed;
	assert_fails(run(ARGV(W("true")), r), EACCES, "chdir");
}

/* (uid_t)-1 means "leave it": the program must not run as root. */
static void test_no_user_is_no_run(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct spawn_ids ids = nobody;
	ids.uid = (uid_t)-1;
	struct spawn_request r = {PLAIN, .ids = &ids};
	assert_fails(run(ARGV(W("id")), r), EPERM, "verify credentials");
	ids = nobody;
	ids.gid = (gid_t)-1;
	assert_fails(run(ARGV(W("id")), r), EPERM, "verify credentials");
}

static void test_credentials_that_cannot_be_had(void **state)
{
	(void)state;
	struct spawn_ids ids = nobody;
	struct spawn_request r = {PLAIN, .ids = &ids};
	if (geteuid() != 0) {
		assert_fails(run(ARGV(W("id")), r), EPERM, "setgroups");
		return;
	}
	/* Without the privilege, in a child: root is then like any user. */
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresuid(1, 1, 1) < 0)
			_exit(2);
		struct spawn_defaults defaults;
		struct spawn_child child;
		struct spawn_error err = {0};
		spawn_get_defaults(&defaults);
		r.argv = ARGV(W("true"));
		r.envp = default_envp;
		r.directory = "/";
		r.output_fd = 2;
		if (spawn_start(&defaults, &r, &child, &err) < 0)
			_exit(3);
		waitpid(child.pid, NULL, 0);
		if (spawn_result(child.report_fd, &err) == 0)
			_exit(4);
		_exit(strcmp(err.stage, "setgroups") == 0 && err.error == EPERM ? 0 : 5);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* With the credentials that it has, the program runs at once: nothing is left to report.
 */
static void test_own_credentials_are_no_change(void **state)
{
	(void)state;
	gid_t groups[256];
	int count = getgroups(256, groups);
	assert_true(count >= 0);
	struct spawn_ids ids = {.uid = getuid(),
		.gid = getgid(),
		.groups = groups,
		.group_count = (size_t)count};
	struct spawn_request r = {PLAIN, .ids = &ids};
	struct result result = run(ARGV(W("no-such")), r);
	assert_fails(result, ENOENT, "exec");
}

/* Called in the child, before its program. */
static int announce(void *ctx, pid_t pid)
{
	int *fds = ctx;
	return write(fds[1], &pid, sizeof(pid)) == (ssize_t)sizeof(pid) ? 0 : -1;
}

static int refuse(void *ctx, pid_t pid)
{
	(void)ctx;
	(void)pid;
	errno = EAGAIN;
	return -1;
}

static void test_announcement(void **state)
{
	(void)state;
	int fds[2];
	pid_t pid = 0;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (int i = 0; i < (geteuid() == 0 ? 2 : 1); i++) {
		struct spawn_request r = {PLAIN, .announce = announce, .ctx = fds,
			.ids = i ? &nobody : NULL};
		struct result result = run(ARGV(W("sh"), W("-c"), W("echo $$")), r);
		char expected[32];
		assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
		snprintf(expected, sizeof(expected), "%d\n", (int)pid);
		assert_prints(result, expected);
		r.announce = refuse;
		assert_fails(run(ARGV(W("true")), r), EAGAIN, "announce");
	}
	close(fds[0]);
	close(fds[1]);
}

/* A child that waits for its program to be readable holds nothing of ours. */
static void test_a_child_that_hangs_keeps_no_lock(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct spawn_defaults defaults;
	struct spawn_child child;
	struct spawn_error err;
	int output[2], lock;
	pid_t holder;
	signal(SIGIO, SIG_IGN);
	int lease = open(write_file("leased", "#!/bin/sh\n", 0755), O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(lease, F_SETLEASE, F_WRLCK), 0);
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	lock = dirlock_take(directory, 0, &holder);
	assert_true(lock >= 0);
	char program[128];
	snprintf(program, sizeof(program), "%s/leased", directory);
	/* Not as root: the parent would wait for a child that shares its memory. */
	struct spawn_request r = {PLAIN, .ids = &nobody, .argv = ARGV(program),
		.envp = default_envp, .directory = "/", .output_fd = output[1]};
	spawn_get_defaults(&defaults);
	assert_int_equal(spawn_start(&defaults, &r, &child, &err), 0);
	close(lock);
	struct pollfd hung = {.fd = child.pidfd, .events = POLLIN};
	for (int i = 0; (lock = dirlock_take(directory, 0, &holder)) < 0 && i < 200; i++)
		assert_int_equal(poll(&hung, 1, 50), 0);
	assert_true(lock >= 0);
	assert_int_equal(poll(&hung, 1, 0), 0);
	assert_int_equal(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
	close(lease);
	close(lock);
	assert_int_equal(poll(&hung, 1, 10000), 1);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	close(child.pidfd);
	close(child.report_fd);
	close(output[0]);
	close(output[1]);
}

static void test_cgroup(void **state)
{
	(void)state;
	struct cgroup_home *home = keeper_hook_open_home();
	if (!home)
		skip();
	for (int i = 0; i < (geteuid() == 0 ? 2 : 1); i++) {
		struct cgroup *c = cgroup_open(home);
		assert_non_null(c);
		struct spawn_request r = {PLAIN, .ids = i ? &nobody : NULL};
		r.cgroup_fd = cgroup_dir_fd(c);
		char name[32];
		snprintf(name, sizeof(name), "fsmon.hooks.%d/", (int)getpid());
		struct result result =
			run(ARGV(W("grep"), W("^0::"), W("/proc/self/cgroup")), r);
		assert_int_equal(result.started, 0);
		assert_non_null(strstr(result.output, name));
		free(result.output);
		/* All else as without one. */
		assert_prints(run(ARGV(self, W("fds")), r), "0 1 2 \n");
		assert_prints(run(ARGV(self, W("session")), r), "own\n");
		assert_fails(run(ARGV(W("no-such")), r), ENOENT, "exec");
		cgroup_close(c);
	}
	cgroup_home_close(home);
}

static void test_no_such_cgroup(void **state)
{
	(void)state;
	struct spawn_request r = {PLAIN};
	r.cgroup_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_fails(run(ARGV(W("true")), r), EBADF, "cgroup");
	r.ids = &nobody;
	assert_fails(run(ARGV(W("true")), r), EBADF, "cgroup");
	close(r.cgroup_fd);
}

/* ---- The hook's side ---- */

static int print_fds(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	}
	puts("");
	return 0;
}

static int be_hook(const char *word)
{
	if (strcmp(word, "fds") == 0)
		return print_fds();
	if (strcmp(word, "session") == 0)
		puts(getsid(0) == getpid() && getpgrp() == getpid() ? "own" : "shared");
	if (strcmp(word, "scheduler") == 0)
		printf("%d\n", sched_getscheduler(0));
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	char command[192];
	if (!mkdtemp(directory))
		return -1;
	snprintf(self, sizeof(self), "%s/self", directory);
	snprintf(command, sizeof(command),
		"chmod 755 %s && install -m 755 /proc/%d/exe %s", directory,
		(int)getpid(), self);
	return system(command);
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return be_hook(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_of_a_program),
		cmocka_unit_test(test_arguments_and_environment),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_program_that_may_not_be_executed),
		cmocka_unit_test(test_path_is_the_hooks_own),
		cmocka_unit_test(test_script_without_interpreter_goes_to_the_shell),
		cmocka_unit_test(test_too_long_arguments),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_at_their_own_places),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_signals_are_reset),
		cmocka_unit_test(test_session_and_group),
		cmocka_unit_test(test_directory_and_umask),
		cmocka_unit_test(test_nice),
		cmocka_unit_test(test_scheduler_is_reset),
		cmocka_unit_test(test_limits_are_those_of_the_start),
		cmocka_unit_test(test_limit_of_descriptors_below_those_in_use),
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_oom_score),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_failures_with_other_credentials),
		cmocka_unit_test(test_no_user_is_no_run),
		cmocka_unit_test(test_credentials_that_cannot_be_had),
		cmocka_unit_test(test_own_credentials_are_no_change),
		cmocka_unit_test(test_announcement),
		cmocka_unit_test(test_a_child_that_hangs_keeps_no_lock),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_no_such_cgroup),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
