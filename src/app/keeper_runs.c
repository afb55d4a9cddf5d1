/* SPDX-License-Identifier: MIT */
#include "app/keeper_runs.h"

#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

/* One run, until a worker has been told its end. */
struct keeper_run {
	TAILQ_ENTRY(keeper_run) link; /* on keeper_runs.list */
	struct keeper_runs *runs;
	uint64_t id;
	struct spawn_child child; /* pid is 0: there is no process (any more) */
	struct poller_source *source;
	int output_fd; /* the reading end; held so that the hook gets no SIGPIPE; -1: none
			*/
	bool is_told; /* this worker knows of the process */
	bool is_over; /* ended, or not started: the worker must be told */
	struct spawn_error err; /* why it was not started; stage NULL: it was */
	int status;
	struct wire_usage usage;
};

struct keeper_runs {
	struct poller *poller;
	const struct spawn_defaults *defaults;
	int worker_fd; /* -1: none */
	TAILQ_HEAD(, keeper_run) list;
	size_t alive;
	bool has_news; /* some run may have something to tell */
};

/* What a child needs to announce itself. */
struct keeper_announcement {
	int worker_fd;
	int output_fd;
	struct buf bytes;
};

struct keeper_runs *keeper_runs_new(
	struct poller *poller, const struct spawn_defaults *defaults)
{
	struct keeper_runs *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return NULL;
	rs->poller = poller;
	rs->defaults = defaults;
	rs->worker_fd = -1;
	TAILQ_INIT(&rs->list);
	return rs;
}

/* Give up what is needed only while the process lives. */
static void keeper_run_close_process(struct keeper_run *run)
{
	poller_remove(run->runs->poller, run->source);
	run->source = NULL;
	if (run->child.pidfd >= 0)
		close(run->child.pidfd);
	if (run->child.report_fd >= 0)
		close(run->child.report_fd);
	run->child = (struct spawn_child){.pid = 0, .pidfd = -1, .report_fd = -1};
}

static void keeper_run_free(struct keeper_run *run)
{
	keeper_run_close_process(run);
	if (run->output_fd >= 0)
		close(run->output_fd);
	TAILQ_REMOVE(&run->runs->list, run, link);
	free(run);
}

void keeper_runs_free(struct keeper_runs *rs)
{
	if (!rs)
		return;
	struct keeper_run *run;
	while ((run = TAILQ_FIRST(&rs->list)) != NULL)
		keeper_run_free(run);
	free(rs);
}

void keeper_runs_set_worker(struct keeper_runs *rs, int worker_fd)
{
	struct keeper_run *run;
	rs->worker_fd = worker_fd;
	TAILQ_FOREACH (run, &rs->list, link)
		run->is_told = run->output_fd < 0;
	rs->has_news = !TAILQ_EMPTY(&rs->list);
}

size_t keeper_runs_alive(const struct keeper_runs *rs)
{
	return rs->alive;
}

/* ---- The life of a run ---- */

static void keeper_run_is_over(struct keeper_run *run)
{
	run->is_over = true;
	run->runs->has_news = true;
}

static uint64_t keeper_us(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

static void keeper_run_on_exit(void *ctx, uint32_t events)
{
	(void)events;
	struct keeper_run *run = ctx;
	struct rusage usage = {0};
	pid_t pid = wait4(run->child.pid, &run->status, WNOHANG, &usage);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return;
	if (pid < 0)
		run->err = (struct spawn_error){.error = errno, .stage = "wait"};
	else if (spawn_result(run->child.report_fd, &run->err) == 0)
		run->usage = (struct wire_usage){.user_us = keeper_us(usage.ru_utime),
			.system_us = keeper_us(usage.ru_stime),
			.max_rss_kib = (uint64_t)usage.ru_maxrss};
	keeper_run_close_process(run);
	run->runs->alive--;
	keeper_run_is_over(run);
}

/* Called in the child. */
static int keeper_announce(void *ctx, pid_t pid)
{
	struct keeper_announcement *a = ctx;
	wire_set_pid(a->bytes.data, pid);
	return sock_send(a->worker_fd, a->bytes.data, a->bytes.len, &a->output_fd, 1);
}

/* The pipe for the hook's output: it writes as to any pipe, nobody waits who reads. */
static int keeper_open_output(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	int saved = errno;
	close(fds[0]);
	close(fds[1]);
	errno = saved;
	return -1;
}

/* Have the process started that the request asks for. Returns 0, or -1 with run->err. */
static int keeper_run_spawn(struct keeper_run *run, const struct wire_run *w,
	int stdin_fd, int file_fd, int output_fd)
{
	struct spawn_ids ids = {.uid = w->uid,
		.gid = w->gid,
		.groups = w->groups,
		.group_count = w->group_count};
	struct keeper_announcement a = {
		.worker_fd = run->runs->worker_fd, .output_fd = run->output_fd};
	struct wire_message m = {.type = WIRE_STARTED, .run_id = run->id};
	m.started.has_output = true;
	struct spawn_request request = {
		.argv = w->argv,
		.envp = w->envp,
		.directory = w->directory,
		.umask = (mode_t)w->umask,
		.nice = w->nice,
		.ids = w->has_ids ? &ids : NULL,
		.stdin_fd = stdin_fd,
		.output_fd = output_fd,
		.file_fd = file_fd,
		.announce = a.worker_fd >= 0 ? keeper_announce : NULL,
		.ctx = &a,
	};
	if (wire_encode(&a.bytes, &m) < 0) {
		run->err = (struct spawn_error){.error = errno, .stage = "announce"};
		return -1;
	}
	int result = spawn_start(run->runs->defaults, &request, &run->child, &run->err);
	run->is_told = result < 0 || request.announce != NULL;
	buf_fini(&a.bytes);
	return result;
}

/* Watch the process. One that cannot be watched is killed: nobody would ever reap it. */
static int keeper_run_watch(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	run->source = poller_add(
		rs->poller, run->child.pidfd, EPOLLIN, keeper_run_on_exit, run);
	if (run->source) {
		rs->alive++;
		return 0;
	}
	run->err = (struct spawn_error){.error = errno, .stage = "watch"};
	kill(-run->child.pid, SIGKILL);
	kill(run->child.pid, SIGKILL);
	while (waitpid(run->child.pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

static int keeper_run_start(
	struct keeper_run *run, const struct wire_run *w, const int *fds, size_t fd_count)
{
	size_t needed = (w->has_stdin ? 1u : 0u) + (w->has_file ? 1u : 0u);
	if (fd_count < needed) {
		run->err = (struct spawn_error){.error = EMFILE, .stage = "descriptors"};
		return -1;
	}
	int stdin_fd = w->has_stdin ? fds[0] : -1;
	int file_fd = w->has_file ? fds[needed - 1] : -1;
	int output[2];
	if (keeper_open_output(output) < 0) {
		run->err = (struct spawn_error){.error = errno, .stage = "pipe"};
		return -1;
	}
	run->output_fd = output[0];
	int result = keeper_run_spawn(run, w, stdin_fd, file_fd, output[1]);
	close(output[1]);
	return result < 0 ? -1 : keeper_run_watch(run);
}

static int keeper_send_over(struct keeper_runs *rs, const struct keeper_run *run)
{
	struct wire_message m = {.run_id = run->id};
	if (run->err.stage) {
		m.type = WIRE_FAILED;
		m.failed.error = run->err.error;
		m.failed.stage = run->err.stage;
	} else {
		m.type = WIRE_ENDED;
		m.ended.status = run->status;
		m.ended.usage = run->usage;
	}
	struct buf bytes = {0};
	int result = wire_encode(&bytes, &m);
	if (result == 0)
		result = sock_send(rs->worker_fd, bytes.data, bytes.len, NULL, 0);
	int saved = errno;
	buf_fini(&bytes);
	errno = saved;
	return result;
}

void keeper_runs_start(struct keeper_runs *rs, uint64_t run_id,
	const struct wire_run *request, const int *fds, size_t fd_count)
{
	struct keeper_run *run = calloc(1, sizeof(*run));
	if (!run) {
		struct keeper_run failed = {
			.id = run_id, .err = {.error = ENOMEM, .stage = "memory"}};
		keeper_send_over(rs, &failed);
		return;
	}
	*run = (struct keeper_run){.runs = rs,
		.id = run_id,
		.child = {.pid = 0, .pidfd = -1, .report_fd = -1},
		.output_fd = -1,
		.is_told = true};
	TAILQ_INSERT_TAIL(&rs->list, run, link);
	if (keeper_run_start(run, request, fds, fd_count) < 0) {
		keeper_run_close_process(run);
		run->is_told = true;
		keeper_run_is_over(run);
	}
}

/* ---- Signals ---- */

static void keeper_run_signal(const struct keeper_run *run, int signal)
{
	if (run->is_over)
		return;
	/* The group does not exist in the moment before the child's setsid(2). */
	if (kill(-run->child.pid, signal) < 0 && errno == ESRCH)
		kill(run->child.pid, signal);
}

void keeper_runs_signal(struct keeper_runs *rs, uint64_t run_id, int signal)
{
	struct keeper_run *run;
	TAILQ_FOREACH (run, &rs->list, link) {
		if (run->id == run_id)
			keeper_run_signal(run, signal);
	}
}

void keeper_runs_signal_all(struct keeper_runs *rs, int signal)
{
	struct keeper_run *run;
	TAILQ_FOREACH (run, &rs->list, link)
		keeper_run_signal(run, signal);
}

/* ---- Telling the worker ---- */

static int keeper_send_running(struct keeper_runs *rs, const struct keeper_run *run)
{
	struct wire_message m = {.type = WIRE_RUNNING, .run_id = run->id};
	m.started.pid = run->child.pid;
	m.started.has_output = true;
	struct buf bytes = {0};
	int result = wire_encode(&bytes, &m);
	if (result == 0)
		result = sock_send(
			rs->worker_fd, bytes.data, bytes.len, &run->output_fd, 1);
	int saved = errno;
	buf_fini(&bytes);
	errno = saved;
	return result;
}

/* Returns whether the worker knows all about the run; it may be freed then. */
static bool keeper_run_tell(struct keeper_run *run)
{
	if (!run->is_told && keeper_send_running(run->runs, run) < 0)
		return false;
	run->is_told = true;
	if (!run->is_over)
		return true;
	if (keeper_send_over(run->runs, run) < 0)
		return false;
	keeper_run_free(run);
	return true;
}

bool keeper_runs_tell(struct keeper_runs *rs)
{
	if (!rs->has_news)
		return true;
	if (rs->worker_fd < 0)
		return false;
	struct keeper_run *run, *next;
	TAILQ_FOREACH_SAFE (run, &rs->list, link, next) {
		if (!keeper_run_tell(run))
			return false;
	}
	rs->has_news = false;
	return true;
}
