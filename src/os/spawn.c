/* SPDX-License-Identifier: MIT */
#include "os/spawn.h"

#include "os/fd.h"
#include "os/proc.h"
#include "os/vfork3.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/close_range.h>

#define OOM_FILE "/proc/self/oom_score_adj"
#define HIDDEN_SIGNAL 32 /* the kernel's first real-time signal */
#define STACK_BYTES ((size_t)64 * 1024) /* a path, and little else */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* What the child works with; on the parent's stack. */
struct plan {
	const struct spawn_defaults *defaults;
	const struct spawn_request *request;
	const char *path; /* PATH of the child */
	char **shell_argv; /* room for the arguments and two more */
	int report_fd; /* after fork: the writing end; after vfork: -1 */
	/* After vfork the child writes here. Volatile: the compiler knows nothing of two
	 * processes in one memory, and drops a store before _exit that nobody seems to
	 * read. */
	volatile struct spawn_error report;
};

static int fail(struct spawn_error *err, const char *stage)
{
	*err = (struct spawn_error){.error = errno};
	strlcpy(err->stage, stage, sizeof(err->stage));
	return -1;
}

static bool oom_score_is_negative(void)
{
	char sign;
	return proc_read(AT_FDCWD, OOM_FILE, &sign, 1) == 1 && sign == '-';
}

void spawn_get_defaults(struct spawn_defaults *d)
{
	*d = (struct spawn_defaults){0};
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		d->has_limit[i] = getrlimit(i, &d->limits[i]) == 0;
	sigemptyset(&d->ignored);
	for (int s = 1; s <= SIGRTMAX; s++) {
		struct sigaction act;
		if (sigaction(s, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
			sigaddset(&d->ignored, s);
	}
	d->reset_oom_score = oom_score_is_negative();
}

/*
 * From here to child_main: code of the child, between fork and exec. System calls
 * only, no allocation, no stdio, and every way ends in exec or _exit.
 */

__attribute__((noreturn)) static void child_fail(struct plan *p, const char *stage)
{
	struct spawn_error report;
	fail(&report, stage);
	if (p->report_fd < 0)
		p->report = report;
	else if (write(p->report_fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * The signals that the C library keeps for itself: it refuses to touch them, but they can have been
 * inherited as ignored. All zeros is SIG_DFL in the kernel's struct on every architecture.
 */
static int reset_hidden_signals(void)
{
	const unsigned long act[8] = {0};
	for (int s = HIDDEN_SIGNAL; s < SIGRTMIN; s++) {
		if (syscall(SYS_rt_sigaction, s, act, NULL, _NSIG / 8) < 0)
			return -1;
	}
	return 0;
}

static int reset_signals(const struct spawn_defaults *d)
{
	const struct sigaction act = {.sa_handler = SIG_DFL};
	for (int s = 1; s <= SIGRTMAX; s++) {
		if (sigismember(&d->ignored, s) == 1 && sigaction(s, &act, NULL) < 0)
			return -1;
	}
	if (reset_hidden_signals() < 0)
		return -1;
	sigset_t none;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int reset_limits(const struct spawn_defaults *d)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		const struct rlimit *want = &d->limits[i];
		struct rlimit now;
		if (!d->has_limit[i] || getrlimit(i, &now) < 0)
			continue;
		if (now.rlim_cur == want->rlim_cur && now.rlim_max == want->rlim_max)
			continue;
		if (setrlimit(i, want) < 0)
			return -1;
	}
	return 0;
}

static int set_nice(int nice)
{
	errno = 0;
	int now = getpriority(PRIO_PROCESS, 0);
	if (now == nice && errno == 0)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, nice) == 0)
		return 0;
	/* An unprivileged daemon that was itself started nicely cannot go back to 0. */
	return nice == 0 ? 0 : -1;
}

static int reset_scheduler(void)
{
	const struct sched_param param = {0};
	if (sched_getscheduler(0) == SCHED_OTHER)
		return 0;
	return sched_setscheduler(0, SCHED_OTHER, &param);
}

static int reset_oom_score(const struct spawn_defaults *d)
{
	if (!d->reset_oom_score)
		return 0;
	int fd = open(OOM_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return -1;
	return close(fd);
}

/* A descriptor that no dup2 to 0 … SPAWN_FILE_FD can overwrite; -1 stays -1. */
static int lift_fd(int fd)
{
	if (fd < 0 || fd > SPAWN_FILE_FD)
		return fd;
	return fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FILE_FD + 1);
}

/*
 * Close all descriptors from `first` on, except for the one that tells the parent of failures. Exec
 * would close them too, but a child whose directory or program is on a disk that hangs does not
 * get there, and must not keep up what it has of the daemon: queues in the kernel, and locks.
 */
static int close_rest(unsigned first, int report_fd)
{
	unsigned rest = report_fd < 0 ? first : (unsigned)report_fd + 1;
	if (rest > first + 1 && close_range(first, rest - 2, 0) < 0)
		return -1;
	return close_range(rest, ~0u, 0);
}

static int set_fds(struct plan *p)
{
	const struct spawn_request *r = p->request;
	int fds[] = {r->stdin_fd, r->output_fd, r->output_fd, r->file_fd};
	int count = r->file_fd < 0 ? SPAWN_FILE_FD : SPAWN_FILE_FD + 1;
	if (fds[0] < 0)
		fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int report_fd = lift_fd(p->report_fd);
	if (report_fd < 0 && p->report_fd >= 0)
		return -1;
	p->report_fd = report_fd;
	for (int i = 0; i < count; i++) {
		fds[i] = lift_fd(fds[i]);
		if (fds[i] < 0)
			return -1;
	}
	for (int i = 0; i < count; i++) {
		if (dup2(fds[i], i) < 0)
			return -1;
	}
	return close_rest((unsigned)count, p->report_fd);
}

/* Whether the real, effective and saved user and group are all those of `ids`. */
static bool has_ids(const struct spawn_ids *ids)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return false;
	return ruid == ids->uid && euid == ids->uid && suid == ids->uid &&
	       rgid == ids->gid && egid == ids->gid && sgid == ids->gid;
}

/* Whether the process is now that user, and cannot become root again. */
static bool ids_hold(const struct spawn_ids *ids)
{
	if (!has_ids(ids))
		return false;
	if (getgroups(0, NULL) != (int)ids->group_count)
		return false;
	if (ids->uid != 0 && setuid(0) == 0)
		return false;
	return ids->uid == 0 || ids->gid == 0 || setgid(0) < 0;
}

static void set_ids(struct plan *p)
{
	const struct spawn_ids *ids = p->request->ids;
	if (setgroups(ids->group_count, ids->groups) < 0)
		child_fail(p, "setgroups");
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		child_fail(p, "setresgid");
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		child_fail(p, "setresuid");
	if (!ids_hold(ids)) {
		errno = EPERM;
		child_fail(p, "verify credentials");
	}
}

/* Execute a file; one without a format that the kernel knows goes to the shell. */
static void exec_file(struct plan *p, const char *file)
{
	const struct spawn_request *r = p->request;
	execve(file, r->argv, r->envp);
	if (errno != ENOEXEC)
		return;
	p->shell_argv[0] = (char *)(uintptr_t) "/bin/sh";
	p->shell_argv[1] = (char *)(uintptr_t)file;
	for (size_t i = 1; r->argv[i - 1]; i++)
		p->shell_argv[i + 1] = r->argv[i];
	execve("/bin/sh", p->shell_argv, r->envp);
}

/* Write directory/name to file; an empty directory is the current one. Whether it fits.
 */
static bool join(char file[PATH_MAX], const char *directory, size_t len, const char *name)
{
	size_t name_len = strlen(name);
	if (len + name_len + 2 > PATH_MAX)
		return false;
	memcpy(file, directory, len);
	if (len > 0)
		file[len++] = '/';
	memcpy(file + len, name, name_len + 1);
	return true;
}

/* Look argv[0] up as execvp(3) does, but in the PATH of the child. */
static void exec_program(struct plan *p)
{
	const char *name = p->request->argv[0];
	if (strchr(name, '/') || !*name) {
		exec_file(p, name);
		return;
	}
	char file[PATH_MAX];
	bool denied = false;
	errno = ENOENT;
	for (const char *dir = p->path;; dir++) {
		size_t len = strcspn(dir, ":");
		if (join(file, dir, len, name)) {
			exec_file(p, file);
			if (errno == EACCES)
				denied = true;
			else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE &&
				 errno != ENODEV && errno != ETIMEDOUT)
				return;
		}
		dir += len;
		if (!*dir)
			break;
	}
	errno = denied ? EACCES : ENOENT;
}

__attribute__((noreturn)) static void child_main(struct plan *p)
{
	const struct spawn_request *r = p->request;
	if (setsid() < 0)
		child_fail(p, "setsid");
	if (r->announce && r->announce(r->ctx, getpid()) < 0)
		child_fail(p, "announce");
	if (reset_signals(p->defaults) < 0)
		child_fail(p, "signals");
	if (reset_scheduler() < 0)
		child_fail(p, "sched_setscheduler");
	if (set_nice(r->nice) < 0)
		child_fail(p, "setpriority");
	if (reset_oom_score(p->defaults) < 0)
		child_fail(p, "oom_score_adj");
	if (set_fds(p) < 0)
		child_fail(p, "descriptors");
	/* Not before the last descriptor is opened: the parent may hold more of them than
	 * these limits allow. */
	if (reset_limits(p->defaults) < 0)
		child_fail(p, "setrlimit");
	umask(r->umask);
	if (r->ids)
		set_ids(p);
	if (chdir(r->directory) < 0)
		child_fail(p, "chdir");
	exec_program(p);
	child_fail(p, "exec");
}

static void child_start(void *ctx)
{
	child_main(ctx);
}

/* The parent's side. */

/* Start the child in its cgroup: it is never anywhere else, and need not be moved. */
static pid_t fork_into(struct plan *p)
{
	_Alignas(16) char stack[STACK_BYTES];
	struct clone_args args = {.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)p->request->cgroup_fd};
	if (p->report_fd >= 0) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid == 0)
			child_main(p);
		return pid;
	}
	args.flags |= CLONE_VM | CLONE_VFORK;
	args.stack = (uintptr_t)stack;
	args.stack_size = sizeof(stack);
	return vfork3(&args, child_start, p);
}

/*
 * Start the child. With the caller's own credentials by vfork: nothing is copied, and the
 * program runs (or has failed) when it returns. Not so with others: a child that shares
 * the daemon's memory while it is already that user's process could be stopped by that
 * user before its exec, and the daemon would wait for it; and it must not be debuggable
 * by that user while it holds that memory.
 */
__attribute__((noinline)) static pid_t fork_child(struct plan *p)
{
	if (p->request->cgroup_fd >= 0)
		return fork_into(p);
	pid_t pid = p->report_fd < 0 ? vfork() : fork();
	if (pid == 0)
		child_main(p);
	return pid;
}

static const char *fork_stage(const struct plan *p)
{
	return p->request->cgroup_fd >= 0 ? "cgroup" : "fork";
}

static int open_pidfd(pid_t pid)
{
	int fd = proc_open_pidfd(pid);
	if (fd >= 0)
		return fd;
	kill(pid, SIGKILL);
	proc_reap(pid);
	return -1;
}

static int start_shared(
	struct plan *p, struct spawn_child *child, struct spawn_error *err)
{
	p->report_fd = -1;
	child->pid = fork_child(p);
	if (child->pid < 0)
		return fail(err, fork_stage(p));
	/* The program is running, or the report says why it is not. */
	if (p->report.error != 0) {
		proc_reap(child->pid);
		*err = p->report;
		errno = err->error;
		return -1;
	}
	child->pidfd = open_pidfd(child->pid);
	return child->pidfd < 0 ? fail(err, "pidfd_open") : 0;
}

static int start_forked(
	struct plan *p, struct spawn_child *child, struct spawn_error *err)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(err, "pipe");
	p->report_fd = pipe_fds[1];
	const char *stage = fork_stage(p);
	child->pid = fork_child(p);
	fd_close(pipe_fds[1]);
	if (child->pid >= 0) {
		stage = "pidfd_open";
		child->pidfd = open_pidfd(child->pid);
	}
	if (child->pidfd < 0) {
		fd_close(pipe_fds[0]);
		return fail(err, stage);
	}
	child->report_fd = pipe_fds[0];
	return 0;
}

/* Whether the process has these credentials already. */
static bool ids_are_own(const struct spawn_ids *ids)
{
	if (!has_ids(ids))
		return false;
	int count = getgroups(0, NULL);
	if (count < 0 || (size_t)count != ids->group_count)
		return false;
	gid_t *own = reallocarray(NULL, (size_t)count + 1, sizeof(*own));
	bool same = own && getgroups(count, own) == count;
	if (same && count > 0)
		same = memcmp(own, ids->groups, (size_t)count * sizeof(*own)) == 0;
	free(own);
	return same;
}

static const char *find_path(char *const *envp)
{
	for (; *envp; envp++) {
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	}
	return DEFAULT_PATH;
}

int spawn_start(const struct spawn_defaults *d, const struct spawn_request *r,
	struct spawn_child *child, struct spawn_error *err)
{
	assert(r->argv && r->envp && r->directory);
	struct spawn_request request = *r;
	size_t argc = 0;
	*child = (struct spawn_child){.pid = -1, .pidfd = -1, .report_fd = -1};
	while (r->argv[argc])
		argc++;
	if (argc == 0) {
		errno = EINVAL;
		return fail(err, "exec");
	}
	struct plan plan = {
		.defaults = d,
		.request = &request,
		.path = find_path(r->envp),
		.shell_argv = reallocarray(NULL, argc + 2, sizeof(char *)),
	};
	if (!plan.shell_argv)
		return fail(err, "memory");
	if (r->ids && ids_are_own(r->ids))
		request.ids = NULL;
	bool must_copy = request.ids || (request.cgroup_fd >= 0 && !VFORK3_IS_THERE);
	int result = must_copy ? start_forked(&plan, child, err)
			       : start_shared(&plan, child, err);
	free(plan.shell_argv);
	return result;
}

int spawn_result(int report_fd, struct spawn_error *err)
{
	struct spawn_error report;
	if (report_fd < 0 ||
		read(report_fd, &report, sizeof(report)) != (ssize_t)sizeof(report))
		return 0;
	report.stage[sizeof(report.stage) - 1] = '\0';
	*err = report;
	errno = report.error;
	return -1;
}
