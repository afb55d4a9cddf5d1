/* SPDX-License-Identifier: MIT */
#include "app/keeper_runs.h"

#include "app/keeper_run.h"
#include "os/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is kept for a worker that does not say that it has dealt with it. */
#define KEEPER_OVER_MAX 65536 /* runs */
#define KEEPER_PIPES_MAX 512 /* of them with what the hook wrote last */

struct keeper_runs *keeper_runs_new(struct poller *poller,
	const struct spawn_defaults *defaults, struct cgroup_home *home)
{
	struct keeper_runs *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return NULL;
	rs->poller = poller;
	rs->defaults = defaults;
	rs->home = home;
	rs->worker_fd = -1;
	TAILQ_INIT(&rs->news);
	TAILQ_INIT(&rs->over);
	TAILQ_INIT(&rs->pipes);
	TAILQ_INIT(&rs->left);
	return rs;
}

static struct keeper_run *keeper_find(struct keeper_runs *rs, uint64_t id)
{
	struct keeper_run *run;
	HASH_FIND(hh, rs->by_id, &id, sizeof(id), run);
	return run;
}

/* ---- What a run holds ---- */

/* Give up what is needed only while the process lives. */
static void keeper_run_close_process(struct keeper_run *run)
{
	poller_remove(run->runs->poller, run->exit);
	run->exit = NULL;
	if (run->child.pidfd >= 0)
		close(run->child.pidfd);
	if (run->child.report_fd >= 0)
		close(run->child.report_fd);
	run->child = (struct spawn_child){.pid = 0, .pidfd = -1, .report_fd = -1};
}

static void keeper_run_close_cgroup(struct keeper_run *run)
{
	poller_remove(run->runs->poller, run->emptied);
	run->emptied = NULL;
	cgroup_close(run->cgroup);
	run->cgroup = NULL;
}

static void keeper_run_close_output(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	if (run->output_fd < 0)
		return;
	close(run->output_fd);
	run->output_fd = -1;
	if (run->is_over) {
		TAILQ_REMOVE(&rs->pipes, run, pipe_link);
		rs->pipe_count--;
	}
}

static void keeper_run_drop_news(struct keeper_run *run)
{
	if (run->has_news)
		TAILQ_REMOVE(&run->runs->news, run, news_link);
	run->has_news = false;
}

/* Forget a run that is over or alive, but not its cgroup. */
static void keeper_run_forget(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	keeper_run_drop_news(run);
	keeper_run_close_process(run);
	keeper_run_close_output(run);
	if (run->is_over) {
		TAILQ_REMOVE(&rs->over, run, link);
		rs->over_count--;
	}
	HASH_DEL(rs->by_id, run);
	if (!run->cgroup) {
		free(run);
		return;
	}
	/* Whoever lives there is nobody's run any more; the cgroup is used again after it. */
	run->is_left = true;
	TAILQ_INSERT_TAIL(&rs->left, run, link);
}

void keeper_runs_free(struct keeper_runs *rs)
{
	if (!rs)
		return;
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next)
		keeper_run_forget(run);
	while ((run = TAILQ_FIRST(&rs->left)) != NULL) {
		TAILQ_REMOVE(&rs->left, run, link);
		keeper_run_close_cgroup(run);
		free(run);
	}
	free(rs);
}

/* ---- The life of a run ---- */

static void keeper_run_add_news(struct keeper_run *run)
{
	if (!run->has_news)
		TAILQ_INSERT_TAIL(&run->runs->news, run, news_link);
	run->has_news = true;
}

static void keeper_run_is_over(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	run->is_over = true;
	TAILQ_INSERT_TAIL(&rs->over, run, link);
	rs->over_count++;
	if (run->output_fd >= 0) {
		TAILQ_INSERT_TAIL(&rs->pipes, run, pipe_link);
		rs->pipe_count++;
	}
	if (run->err.stage)
		keeper_run_close_output(run);
	keeper_run_add_news(run);
	if (rs->pipe_count > KEEPER_PIPES_MAX)
		keeper_run_close_output(TAILQ_FIRST(&rs->pipes));
	if (rs->over_count > KEEPER_OVER_MAX)
		keeper_run_forget(TAILQ_FIRST(&rs->over));
}

static void keeper_run_on_emptied(void *ctx, uint32_t events);

/* Give an empty cgroup back; wait for another one to become so. */
static void keeper_run_check_cgroup(struct keeper_run *run)
{
	if (!run->cgroup)
		return;
	bool is_populated = cgroup_is_populated(run->cgroup);
	if (is_populated && !run->emptied)
		run->emptied =
			poller_add(run->runs->poller, cgroup_events_fd(run->cgroup),
				EPOLLPRI, keeper_run_on_emptied, run);
	if (!is_populated || !run->emptied)
		keeper_run_close_cgroup(run);
}

/* The process has ended, or the cgroup may be empty since. */
static void keeper_run_settle(struct keeper_run *run)
{
	keeper_run_check_cgroup(run);
	if (run->is_left && !run->cgroup) {
		TAILQ_REMOVE(&run->runs->left, run, link);
		free(run);
	} else if (!run->is_over && !(run->is_stopping && run->cgroup)) {
		run->runs->alive--;
		keeper_run_is_over(run);
	}
}

static void keeper_run_on_emptied(void *ctx, uint32_t events)
{
	(void)events;
	keeper_run_settle(ctx);
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
	keeper_run_settle(run);
}

bool keeper_runs_reap(struct keeper_runs *rs, pid_t pid)
{
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next) {
		if (run->child.pid == pid) {
			keeper_run_on_exit(run, 0);
			return true;
		}
	}
	return false;
}

/* ---- Signals ---- */

static void keeper_run_signal(const struct keeper_run *run, int signal)
{
	if (run->child.pid <= 0)
		return;
	/* The group does not exist in the moment before the child's setsid(2). */
	if (kill(-run->child.pid, signal) < 0 && errno == ESRCH)
		kill(run->child.pid, signal);
}

void keeper_runs_signal(struct keeper_runs *rs, uint64_t run_id, int signal)
{
	const struct keeper_run *run = keeper_find(rs, run_id);
	if (run)
		keeper_run_signal(run, signal);
}

void keeper_runs_stop(struct keeper_runs *rs, uint64_t run_id, int signal)
{
	struct keeper_run *run = keeper_find(rs, run_id);
	if (!run || run->is_over)
		return;
	run->is_stopping = true;
	/* A hook that has moved itself to another cgroup is still a process group. */
	if (!run->cgroup || cgroup_signal(run->cgroup, signal, run->child.pid) <= 0)
		keeper_run_signal(run, signal);
}

static void keeper_run_kill(struct keeper_run *run)
{
	if (run->is_over)
		return;
	run->is_stopping = true;
	if (run->cgroup)
		cgroup_kill(run->cgroup);
	keeper_run_signal(run, SIGKILL);
}

void keeper_runs_kill(struct keeper_runs *rs, uint64_t run_id)
{
	struct keeper_run *run = keeper_find(rs, run_id);
	if (run)
		keeper_run_kill(run);
}

void keeper_runs_kill_all(struct keeper_runs *rs)
{
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next)
		keeper_run_kill(run);
}

/* ---- Telling the worker ---- */

void keeper_runs_set_worker(struct keeper_runs *rs, int worker_fd)
{
	struct keeper_run *run, *next;
	rs->worker_fd = worker_fd;
	HASH_ITER (hh, rs->by_id, run, next) {
		run->is_told = run->output_fd < 0;
		run->is_told_over = false;
		keeper_run_add_news(run);
	}
}

static int keeper_send(
	const struct keeper_runs *rs, const struct wire_message *m, const int *fd)
{
	struct buf bytes = {0};
	int result = wire_encode(&bytes, m);
	if (result == 0)
		result = sock_send(rs->worker_fd, bytes.data, bytes.len, fd, fd ? 1 : 0);
	int saved = errno;
	buf_fini(&bytes);
	errno = saved;
	return result;
}

static int keeper_send_running(struct keeper_runs *rs, const struct keeper_run *run)
{
	struct wire_message m = {.type = WIRE_RUNNING, .run_id = run->id};
	m.started.pid = run->child.pid;
	m.started.has_output = true;
	m.started.label = run->label;
	return keeper_send(rs, &m, &run->output_fd);
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
	return keeper_send(rs, &m, NULL);
}

/* Returns whether the worker knows all about the run now. */
static bool keeper_run_tell(struct keeper_run *run)
{
	if (!run->is_told && keeper_send_running(run->runs, run) < 0)
		return false;
	run->is_told = true;
	if (run->is_over && !run->is_told_over && keeper_send_over(run->runs, run) < 0)
		return false;
	run->is_told_over = run->is_over;
	return true;
}

bool keeper_runs_tell(struct keeper_runs *rs)
{
	struct keeper_run *run;
	while ((run = TAILQ_FIRST(&rs->news)) != NULL) {
		if (rs->worker_fd < 0 || !keeper_run_tell(run))
			return false;
		keeper_run_drop_news(run);
	}
	return true;
}

void keeper_runs_done(struct keeper_runs *rs, const uint64_t *run_ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct keeper_run *run = keeper_find(rs, run_ids[i]);
		if (run && run->is_over)
			keeper_run_forget(run);
	}
}

/* ---- Starting ---- */

/* Watch the process. One that cannot be watched is killed: nobody would ever reap it. */
static int keeper_run_watch(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	run->exit = poller_add(
		rs->poller, run->child.pidfd, EPOLLIN, keeper_run_on_exit, run);
	if (run->exit)
		return 0;
	run->err = (struct spawn_error){.error = errno, .stage = "watch"};
	keeper_run_kill(run);
	while (waitpid(run->child.pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

/* A new run; NULL with errno. */
static struct keeper_run *keeper_add_run(
	struct keeper_runs *rs, uint64_t id, const char *label)
{
	struct keeper_run *run = keeper_find(rs, id);
	if (run && !run->is_over) {
		errno = EEXIST;
		return NULL;
	}
	if (run)
		keeper_run_forget(run);
	size_t label_size = strlen(label) + 1;
	run = malloc(sizeof(*run) + label_size);
	if (!run)
		return NULL;
	*run = (struct keeper_run){.runs = rs,
		.id = id,
		.child = {.pid = 0, .pidfd = -1, .report_fd = -1},
		.output_fd = -1,
		.is_told = true};
	memcpy(run->label, label, label_size);
	HASH_ADD(hh, rs->by_id, id, sizeof(run->id), run);
	if (run->hh.tbl)
		return run;
	free(run);
	errno = ENOMEM;
	return NULL;
}

void keeper_runs_start(struct keeper_runs *rs, uint64_t run_id,
	const struct wire_run *request, const int *fds, size_t fd_count)
{
	struct keeper_run *run = keeper_add_run(rs, run_id, request->label);
	if (!run) {
		struct keeper_run failed = {
			.id = run_id, .err = {.error = errno, .stage = "remember"}};
		keeper_send_over(rs, &failed);
		return;
	}
	if (keeper_run_start(run, request, fds, fd_count) == 0 &&
		keeper_run_watch(run) == 0) {
		rs->alive++;
		if (!run->is_told)
			keeper_run_add_news(run);
		return;
	}
	keeper_run_close_process(run);
	keeper_run_check_cgroup(run);
	run->is_told = true;
	keeper_run_is_over(run);
}

size_t keeper_runs_alive(const struct keeper_runs *rs)
{
	return rs->alive;
}

uint64_t keeper_runs_without_cgroup(const struct keeper_runs *rs)
{
	return rs->without_cgroup;
}
