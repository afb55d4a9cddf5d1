/* SPDX-License-Identifier: MIT */
#include "os/spawn.h"

#include "os/fd.h"
#include "os/vfork3.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#define SPAWN_OOM_FILE "/proc/self/oom_score_adj"
#define SPAWN_HIDDEN_SIGNAL 32 /* the kernel's first real-time signal */
#define SPAWN_STACK_BYTES ((size_t)64 * 1024) /* a path, and little else */
#define SPAWN_PATH "/usr/local/bin:/usr/bin:/bin"

enum spawn_stage {
	SPAWN_MEMORY,
	SPAWN_PIPE,
	SPAWN_FORK,
	SPAWN_CGROUP,
	SPAWN_PIDFD,
	SPAWN_SETSID,
	SPAWN_ANNOUNCE,
	SPAWN_SIGNALS,
	SPAWN_LIMITS,
	SPAWN_NICE,
	SPAWN_SCHED,
	SPAWN_OOM,
	SPAWN_FDS,
	SPAWN_SETGROUPS,
	SPAWN_SETRESGID,
	SPAWN_SETRESUID,
	SPAWN_VERIFY,
	SPAWN_CHDIR,
	SPAWN_EXEC,
	SPAWN_STAGE_COUNT,
};

static const char *const spawn_stage_names[SPAWN_STAGE_COUNT] = {
	[SPAWN_MEMORY] = "memory",
	[SPAWN_PIPE] = "pipe",
	[SPAWN_FORK] = "fork",
	[SPAWN_CGROUP] = "cgroup",
	[SPAWN_PIDFD] = "pidfd_open",
	[SPAWN_SETSID] = "setsid",
	[SPAWN_ANNOUNCE] = "announce",
	[SPAWN_SIGNALS] = "signals",
	[SPAWN_LIMITS] = "setrlimit",
	[SPAWN_NICE] = "setpriority",
	[SPAWN_SCHED] = "sched_setscheduler",
	[SPAWN_OOM] = "oom_score_adj",
	[SPAWN_FDS] = "descriptors",
	[SPAWN_SETGROUPS] = "setgroups",
	[SPAWN_SETRESGID] = "setresgid",
	[SPAWN_SETRESUID] = "setresuid",
	[SPAWN_VERIFY] = "verify credentials",
	[SPAWN_CHDIR] = "chdir",
	[SPAWN_EXEC] = "exec",
};

/* What the child says when it cannot go on. */
struct spawn_report {
	int32_t error;
	uint32_t stage;
};

/* What the child works with; on the parent's stack. */
struct spawn_plan {
	const struct spawn_defaults *defaults;
	const struct spawn_request *request;
	const char *path; /* PATH of the child */
	char **shell_argv; /* room for the arguments and two more */
	int report_fd; /* after fork: the writing end; after vfork: -1 */
	/* After vfork the child writes here. Volatile: the compiler knows nothing of two
	 * processes in one memory, and drops a store before _exit that nobody seems to
	 * read. */
	volatile struct spawn_report report;
};

static int spawn_fail(struct spawn_error *err, enum spawn_stage stage)
{
	*err = (struct spawn_error){.error = errno, .stage = spawn_stage_names[stage]};
	return -1;
}

static bool spawn_oom_score_is_negative(void)
{
	char text[16];
	int fd = open(SPAWN_OOM_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && text[0] == '-';
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
	d->reset_oom_score = spawn_oom_score_is_negative();
}

/*
 * From here to spawn_child_main: code of the child, between fork and exec. System calls
 * only, no allocation, no stdio, and every way ends in exec or _exit.
 */

__attribute__((noreturn)) static void spawn_child_fail(
	struct spawn_plan *p, enum spawn_stage stage)
{
	struct spawn_report report = {.error = errno, .stage = stage};
	if (p->report_fd < 0) {
		p->report.stage = report.stage;
		p->report.error = report.error;
	} else if (write(p->report_fd, &report, sizeof(report)) < 0) {
		_exit(126);
	}
	_exit(127);
}

/*
 * The signals that the C library keeps for itself: it refuses to touch them, but they can have been
 * inherited as ignored. All zeros is SIG_DFL in the kernel's struct on every architecture.
 */
static int spawn_reset_hidden_signals(void)
{
	const unsigned long act[8] = {0};
	for (int s = SPAWN_HIDDEN_SIGNAL; s < SIGRTMIN; s++) {
		if (syscall(SYS_rt_sigaction, s, act, NULL, _NSIG / 8) < 0)
			return -1;
	}
	return 0;
}

static int spawn_reset_signals(const struct spawn_defaults *d)
{
	const struct sigaction act = {.sa_handler = SIG_DFL};
	for (int s = 1; s <= SIGRTMAX; s++) {
		if (sigismember(&d->ignored, s) == 1 && sigaction(s, &act, NULL) < 0)
			return -1;
	}
	if (spawn_reset_hidden_signals() < 0)
		return -1;
	sigset_t none;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int spawn_reset_limits(const struct spawn_defaults *d)
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

static int spawn_set_nice(int nice)
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

static int spawn_reset_scheduler(void)
{
	const struct sched_param param = {0};
	if (sched_getscheduler(0) == SCHED_OTHER)
		return 0;
	return sched_setscheduler(0, SCHED_OTHER, &param);
}

static int spawn_reset_oom_score(const struct spawn_defaults *d)
{
	if (!d->reset_oom_score)
		return 0;
	int fd = open(SPAWN_OOM_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return -1;
	return close(fd);
}

/* A descriptor that no dup2 to 0 … SPAWN_FILE_FD can overwrite; -1 stays -1. */
static int spawn_lift_fd(int fd)
{
	if (fd < 0 || fd > SPAWN_FILE_FD)
		return fd;
	return fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FILE_FD + 1);
}

static int spawn_set_fds(struct spawn_plan *p)
{
	const struct spawn_request *r = p->request;
	int fds[] = {r->stdin_fd, r->output_fd, r->output_fd, r->file_fd};
	int count = r->file_fd < 0 ? SPAWN_FILE_FD : SPAWN_FILE_FD + 1;
	if (fds[0] < 0)
		fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int report_fd = spawn_lift_fd(p->report_fd);
	if (report_fd < 0 && p->report_fd >= 0)
		return -1;
	p->report_fd = report_fd;
	for (int i = 0; i < count; i++) {
		fds[i] = spawn_lift_fd(fds[i]);
		if (fds[i] < 0)
			return -1;
	}
	for (int i = 0; i < count; i++) {
		if (dup2(fds[i], i) < 0)
			return -1;
	}
	return close_range((unsigned)count, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Whether all of real, effective and saved user and group are those. */
static bool spawn_has_ids(const struct spawn_ids *ids)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return false;
	return ruid == ids->uid && euid == ids->uid && suid == ids->uid &&
	       rgid == ids->gid && egid == ids->gid && sgid == ids->gid;
}

/* Whether the process is now that user, and cannot become root again. */
static bool spawn_ids_hold(const struct spawn_ids *ids)
{
	if (!spawn_has_ids(ids))
		return false;
	if (getgroups(0, NULL) != (int)ids->group_count)
		return false;
	if (ids->uid != 0 && setuid(0) == 0)
		return false;
	return ids->uid == 0 || ids->gid == 0 || setgid(0) < 0;
}

static void spawn_set_ids(struct spawn_plan *p)
{
	const struct spawn_ids *ids = p->request->ids;
	if (setgroups(ids->group_count, ids->groups) < 0)
		spawn_child_fail(p, SPAWN_SETGROUPS);
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		spawn_child_fail(p, SPAWN_SETRESGID);
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		spawn_child_fail(p, SPAWN_SETRESUID);
	if (!spawn_ids_hold(ids)) {
		errno = EPERM;
		spawn_child_fail(p, SPAWN_VERIFY);
	}
}

/* Execute a file; one without a format that the kernel knows goes to the shell. */
static void spawn_exec_file(struct spawn_plan *p, const char *file)
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
static bool spawn_join(
	char file[PATH_MAX], const char *directory, size_t len, const char *name)
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
static void spawn_exec(struct spawn_plan *p)
{
	const char *name = p->request->argv[0];
	if (strchr(name, '/') || !*name) {
		spawn_exec_file(p, name);
		return;
	}
	char file[PATH_MAX];
	bool denied = false;
	errno = ENOENT;
	for (const char *dir = p->path;; dir++) {
		size_t len = strcspn(dir, ":");
		if (spawn_join(file, dir, len, name)) {
			spawn_exec_file(p, file);
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

__attribute__((noreturn)) static void spawn_child_main(struct spawn_plan *p)
{
	const struct spawn_request *r = p->request;
	if (setsid() < 0)
		spawn_child_fail(p, SPAWN_SETSID);
	if (r->announce && r->announce(r->ctx, getpid()) < 0)
		spawn_child_fail(p, SPAWN_ANNOUNCE);
	if (spawn_reset_signals(p->defaults) < 0)
		spawn_child_fail(p, SPAWN_SIGNALS);
	if (spawn_reset_scheduler() < 0)
		spawn_child_fail(p, SPAWN_SCHED);
	if (spawn_set_nice(r->nice) < 0)
		spawn_child_fail(p, SPAWN_NICE);
	if (spawn_reset_oom_score(p->defaults) < 0)
		spawn_child_fail(p, SPAWN_OOM);
	if (spawn_set_fds(p) < 0)
		spawn_child_fail(p, SPAWN_FDS);
	/* Not before the last descriptor is opened: the parent may hold more of them than
	 * these limits allow. */
	if (spawn_reset_limits(p->defaults) < 0)
		spawn_child_fail(p, SPAWN_LIMITS);
	umask(r->umask);
	if (r->ids)
		spawn_set_ids(p);
	if (chdir(r->directory) < 0)
		spawn_child_fail(p, SPAWN_CHDIR);
	spawn_exec(p);
	spawn_child_fail(p, SPAWN_EXEC);
}

static void spawn_child_start(void *ctx)
{
	spawn_child_main(ctx);
}

/* The parent's side. */

/* Start the child in its cgroup: it is never anywhere else, and need not be moved. */
static pid_t spawn_fork_into(struct spawn_plan *p)
{
	_Alignas(16) char stack[SPAWN_STACK_BYTES];
	struct clone_args args = {.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)p->request->cgroup_fd};
	if (p->report_fd >= 0) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid == 0)
			spawn_child_main(p);
		return pid;
	}
	args.flags |= CLONE_VM | CLONE_VFORK;
	args.stack = (uintptr_t)stack;
	args.stack_size = sizeof(stack);
	return vfork3(&args, spawn_child_start, p);
}

/*
 * Start the child. With the caller's own credentials by vfork: nothing is copied, and the
 * program runs (or has failed) when it returns. Not so with others: a child that shares
 * the daemon's memory while it is already that user's process could be stopped by that
 * user before its exec, and the daemon would wait for it; and it must not be debuggable
 * by that user while it holds that memory.
 */
__attribute__((noinline)) static pid_t spawn_fork(struct spawn_plan *p)
{
	if (p->request->cgroup_fd >= 0)
		return spawn_fork_into(p);
	pid_t pid = p->report_fd < 0 ? vfork() : fork();
	if (pid == 0)
		spawn_child_main(p);
	return pid;
}

static enum spawn_stage spawn_fork_stage(const struct spawn_plan *p)
{
	return p->request->cgroup_fd >= 0 ? SPAWN_CGROUP : SPAWN_FORK;
}

static int spawn_open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0)
		return fd;
	int saved = errno;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	errno = saved;
	return -1;
}

/* After vfork: the program is running, or the report says why it is not. */
static int spawn_finish_shared(
	const struct spawn_plan *p, struct spawn_child *child, struct spawn_error *err)
{
	if (p->report.error != 0) {
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		errno = p->report.error;
		return spawn_fail(err, p->report.stage);
	}
	child->pidfd = spawn_open_pidfd(child->pid);
	return child->pidfd < 0 ? spawn_fail(err, SPAWN_PIDFD) : 0;
}

static int spawn_start_shared(
	struct spawn_plan *p, struct spawn_child *child, struct spawn_error *err)
{
	p->report_fd = -1;
	child->report_fd = -1;
	child->pid = spawn_fork(p);
	if (child->pid < 0)
		return spawn_fail(err, spawn_fork_stage(p));
	return spawn_finish_shared(p, child, err);
}

static int spawn_start_forked(
	struct spawn_plan *p, struct spawn_child *child, struct spawn_error *err)
{
	int pipe_fds[2];
	enum spawn_stage stage = SPAWN_PIPE;
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return spawn_fail(err, stage);
	p->report_fd = pipe_fds[1];
	stage = spawn_fork_stage(p);
	child->pid = spawn_fork(p);
	fd_close(pipe_fds[1]);
	if (child->pid < 0)
		goto fail;
	stage = SPAWN_PIDFD;
	child->pidfd = spawn_open_pidfd(child->pid);
	if (child->pidfd < 0)
		goto fail;
	child->report_fd = pipe_fds[0];
	return 0;
fail:
	spawn_fail(err, stage);
	close(pipe_fds[0]);
	errno = err->error;
	return -1;
}

/* Whether the process has these credentials already. */
static bool spawn_ids_are_own(const struct spawn_ids *ids)
{
	if (!spawn_has_ids(ids))
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

static const char *spawn_find_path(char *const *envp)
{
	for (; *envp; envp++) {
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	}
	return SPAWN_PATH;
}

int spawn_start(const struct spawn_defaults *d, const struct spawn_request *r,
	struct spawn_child *child, struct spawn_error *err)
{
	struct spawn_request request = *r;
	size_t argc = 0;
	while (r->argv[argc])
		argc++;
	struct spawn_plan plan = {
		.defaults = d,
		.request = &request,
		.path = spawn_find_path(r->envp),
		.shell_argv = reallocarray(NULL, argc + 2, sizeof(char *)),
	};
	*child = (struct spawn_child){.pid = -1, .pidfd = -1, .report_fd = -1};
	if (argc == 0) {
		errno = EINVAL;
		free(plan.shell_argv);
		return spawn_fail(err, SPAWN_EXEC);
	}
	if (!plan.shell_argv)
		return spawn_fail(err, SPAWN_MEMORY);
	if (r->ids && spawn_ids_are_own(r->ids))
		request.ids = NULL;
	bool must_copy = request.ids || (request.cgroup_fd >= 0 && !VFORK3_IS_THERE);
	int result = must_copy ? spawn_start_forked(&plan, child, err)
			       : spawn_start_shared(&plan, child, err);
	int saved = errno;
	free(plan.shell_argv);
	errno = saved;
	return result;
}

int spawn_result(int report_fd, struct spawn_error *err)
{
	struct spawn_report report;
	if (report_fd < 0)
		return 0;
	ssize_t n = read(report_fd, &report, sizeof(report));
	if (n != (ssize_t)sizeof(report) || report.stage >= SPAWN_STAGE_COUNT)
		return 0;
	errno = report.error;
	return spawn_fail(err, report.stage);
}
