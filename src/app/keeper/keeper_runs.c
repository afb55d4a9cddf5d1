/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper_runs.h"

#include "app/keeper/keeper_worker.h"
#include "os/fd.h"
#include "os/proc.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/wait.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* How much is kept for a worker that never says WIRE_DONE. */
#define ENDED_MAX 65536 /* runs */
#define PIPES_MAX 512 /* of them with what the hook wrote last */

/*
 * A run is alive until its process has ended (all of its cgroup, where it was stopped).
 * Then it has ended, and is kept until the worker has said that it has dealt with the
 * end. From then on no worker is told of it, and it waits only for its cgroup to become
 * empty.
 */
struct keeper_run {
	UT_hash_handle hh; /* in keeper_runs.by_id until it is emptying */
	TAILQ_ENTRY(keeper_run) next; /* on keeper_runs.ended, then .emptying */
	TAILQ_ENTRY(keeper_run) next_untold; /* on keeper_runs.untold if is_untold */
	TAILQ_ENTRY(keeper_run) next_pipe; /* on keeper_runs.pipes if ended with one */
	struct keeper_runs *runs;
	uint64_t id;
	/* Its output is held so that it gets no SIGPIPE, and the next worker finds what
	 * this one has not read. */
	struct keeper_hook hook;
	struct poller_source *exit_source;
	struct poller_source *emptied_source; /* set once the process has ended */
	bool is_untold; /* the worker is to be told something of it */
	bool knows_start; /* this worker knows of the process */
	bool knows_end; /* ... and of its end */
	bool is_stopping; /* it has ended when its cgroup is empty */
	bool has_ended; /* or was not started */
	bool is_emptying;
	struct spawn_error err; /* why it was not started */
	int status;
	struct outcome_usage usage;
	char label[]; /* as the worker gave it */
};

TAILQ_HEAD(keeper_run_list, keeper_run);

struct keeper_runs {
	struct poller *poller;
	struct keeper_hook_common common;
	struct keeper_run *by_id; /* hash */
	struct keeper_run_list untold, ended, pipes, emptying;
	size_t ended_count, pipe_count;
	size_t alive;
	uint64_t without_cgroup; /* started so though there is a home */
};

struct keeper_runs *keeper_runs_new(struct poller *poller,
	const struct spawn_defaults *defaults, struct cgroup_home *home)
{
	struct keeper_runs *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return NULL;
	rs->poller = poller;
	rs->common = (struct keeper_hook_common){
		.defaults = defaults, .home = home, .worker_fd = -1};
	TAILQ_INIT(&rs->untold);
	TAILQ_INIT(&rs->ended);
	TAILQ_INIT(&rs->pipes);
	TAILQ_INIT(&rs->emptying);
	return rs;
}

static struct keeper_run *find(struct keeper_runs *rs, uint64_t id)
{
	struct keeper_run *run;
	HASH_FIND(hh, rs->by_id, &id, sizeof(id), run);
	return run;
}

/* ---- What a run holds ---- */

/* Give up what is needed only while the process lives. */
static void close_process(struct keeper_run *run)
{
	poller_remove(run->runs->poller, run->exit_source);
	run->exit_source = NULL;
	fd_close(run->hook.child.pidfd);
	fd_close(run->hook.child.report_fd);
	run->hook.child = (struct spawn_child){.pid = 0, .pidfd = -1, .report_fd = -1};
}

static void close_cgroup(struct keeper_run *run)
{
	poller_remove(run->runs->poller, run->emptied_source);
	run->emptied_source = NULL;
	cgroup_close(run->hook.cgroup);
	run->hook.cgroup = NULL;
}

static void close_output(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	if (run->hook.output_fd < 0)
		return;
	fd_close(run->hook.output_fd);
	run->hook.output_fd = -1;
	if (run->has_ended) {
		TAILQ_REMOVE(&rs->pipes, run, next_pipe);
		rs->pipe_count--;
	}
}

static void mark_told(struct keeper_run *run)
{
	if (run->is_untold)
		TAILQ_REMOVE(&run->runs->untold, run, next_untold);
	run->is_untold = false;
}

/* Forget a run, alive or ended, but not its cgroup. */
static void forget(struct keeper_run *run)
{
	assert(!run->is_emptying);
	struct keeper_runs *rs = run->runs;
	mark_told(run);
	close_process(run);
	close_output(run);
	if (run->has_ended) {
		TAILQ_REMOVE(&rs->ended, run, next);
		rs->ended_count--;
	}
	HASH_DEL(rs->by_id, run);
	if (!run->hook.cgroup) {
		free(run);
		return;
	}
	/* What still lives there belongs to no run any more. */
	run->is_emptying = true;
	TAILQ_INSERT_TAIL(&rs->emptying, run, next);
}

void keeper_runs_free(struct keeper_runs *rs)
{
	if (!rs)
		return;
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next)
		forget(run);
	while ((run = TAILQ_FIRST(&rs->emptying)) != NULL) {
		TAILQ_REMOVE(&rs->emptying, run, next);
		close_cgroup(run);
		free(run);
	}
	free(rs);
}

/* ---- The life of a run ---- */

static void mark_untold(struct keeper_run *run)
{
	if (!run->is_untold)
		TAILQ_INSERT_TAIL(&run->runs->untold, run, next_untold);
	run->is_untold = true;
}

/* Whether it was not started because the worker that asked for it is dead. Nobody hears of that:
 * the next worker finds its job, of which there is no run, and asks for one. */
static bool has_no_asker(const struct keeper_run *run)
{
	return strcmp(run->err.stage, "announce") == 0 &&
	       (run->err.error == EPIPE || run->err.error == ECONNRESET);
}

static void mark_ended(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	assert(!run->has_ended && run->hook.child.pid == 0);
	run->has_ended = true;
	TAILQ_INSERT_TAIL(&rs->ended, run, next);
	rs->ended_count++;
	if (run->hook.output_fd >= 0) {
		TAILQ_INSERT_TAIL(&rs->pipes, run, next_pipe);
		rs->pipe_count++;
	}
	if (run->err.error)
		close_output(run);
	if (has_no_asker(run)) {
		forget(run);
		return;
	}
	mark_untold(run);
	if (rs->pipe_count > PIPES_MAX)
		close_output(TAILQ_FIRST(&rs->pipes));
	if (rs->ended_count > ENDED_MAX)
		forget(TAILQ_FIRST(&rs->ended));
}

static void on_emptied(void *ctx, uint32_t events);

/* Give an empty cgroup back; wait for another one to become so. */
static void check_cgroup(struct keeper_run *run)
{
	if (!run->hook.cgroup)
		return;
	bool is_populated = cgroup_is_populated(run->hook.cgroup);
	if (is_populated && !run->emptied_source)
		run->emptied_source = poller_add(run->runs->poller,
			cgroup_events_fd(run->hook.cgroup), EPOLLPRI, on_emptied, run);
	if (!is_populated || !run->emptied_source)
		close_cgroup(run);
}

/* Look whether the run has ended: its process has, or its cgroup may have become
 * empty. */
static void check_end(struct keeper_run *run)
{
	check_cgroup(run);
	if (run->is_emptying && !run->hook.cgroup) {
		TAILQ_REMOVE(&run->runs->emptying, run, next);
		free(run);
	} else if (!run->has_ended && !(run->is_stopping && run->hook.cgroup)) {
		run->runs->alive--;
		mark_ended(run);
	}
}

static void on_emptied(void *ctx, uint32_t events)
{
	(void)events;
	check_end(ctx);
}

static uint64_t microseconds(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

static void on_process_exit(void *ctx, uint32_t events)
{
	(void)events;
	struct keeper_run *run = ctx;
	struct rusage usage = {0};
	pid_t pid = wait4(run->hook.child.pid, &run->status, WNOHANG, &usage);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return;
	if (pid < 0)
		run->err = (struct spawn_error){.error = errno, .stage = "wait"};
	else if (spawn_result(run->hook.child.report_fd, &run->err) == 0)
		run->usage =
			(struct outcome_usage){.user_us = microseconds(usage.ru_utime),
				.system_us = microseconds(usage.ru_stime),
				.max_rss_kib = (uint64_t)usage.ru_maxrss};
	close_process(run);
	check_end(run);
}

bool keeper_runs_reap(struct keeper_runs *rs, pid_t pid)
{
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next) {
		if (run->hook.child.pid == pid) {
			on_process_exit(run, 0);
			return true;
		}
	}
	return false;
}

/* ---- Signals ---- */

static void signal_group(const struct keeper_run *run, int signal)
{
	if (run->hook.child.pid <= 0)
		return;
	/* The group does not exist in the moment before the child's setsid(2). */
	if (kill(-run->hook.child.pid, signal) < 0 && errno == ESRCH)
		kill(run->hook.child.pid, signal);
}

static void stop_run(struct keeper_run *run, int signal)
{
	if (run->has_ended)
		return;
	run->is_stopping = true;
	/* A hook that has moved itself to another cgroup is still a process group. */
	if (!run->hook.cgroup ||
		cgroup_signal(run->hook.cgroup, signal, run->hook.child.pid) <= 0)
		signal_group(run, signal);
}

static void kill_run(struct keeper_run *run)
{
	if (run->has_ended)
		return;
	run->is_stopping = true;
	if (run->hook.cgroup)
		cgroup_kill(run->hook.cgroup);
	signal_group(run, SIGKILL);
}

void keeper_runs_signal(
	struct keeper_runs *rs, enum wire_type how, uint64_t run_id, int signal)
{
	struct keeper_run *run = find(rs, run_id);
	if (!run)
		return;
	if (how == WIRE_KILL)
		kill_run(run);
	else if (how == WIRE_STOP)
		stop_run(run, signal);
	else
		signal_group(run, signal);
}

void keeper_runs_kill_all(struct keeper_runs *rs)
{
	struct keeper_run *run, *next;
	HASH_ITER (hh, rs->by_id, run, next)
		kill_run(run);
}

/* ---- Telling the worker ---- */

void keeper_runs_set_worker(struct keeper_runs *rs, int worker_fd)
{
	struct keeper_run *run, *next;
	assert(worker_fd < 0 || rs->common.worker_fd < 0);
	rs->common.worker_fd = worker_fd;
	HASH_ITER (hh, rs->by_id, run, next) {
		run->knows_start = run->hook.output_fd < 0;
		run->knows_end = false;
		mark_untold(run);
	}
}

static int send_running(struct keeper_runs *rs, const struct keeper_run *run)
{
	struct wire_message m = {.type = WIRE_RUNNING, .run_id = run->id};
	m.started.pid = run->hook.child.pid;
	m.started.has_output = true;
	m.started.label = run->label;
	return keeper_worker_send(rs->common.worker_fd, &m, &run->hook.output_fd);
}

static int send_end(struct keeper_runs *rs, const struct keeper_run *run)
{
	struct wire_message m = {.run_id = run->id};
	if (run->err.error) {
		m.type = WIRE_FAILED;
		m.failed.error = run->err.error;
		m.failed.stage = run->err.stage;
	} else {
		m.type = WIRE_ENDED;
		m.ended.status = run->status;
		m.ended.usage = run->usage;
	}
	return keeper_worker_send(rs->common.worker_fd, &m, NULL);
}

/* Tell the worker of a run. Returns whether it knows all about the run now. */
static bool tell_run(struct keeper_run *run)
{
	if (!run->knows_start && send_running(run->runs, run) < 0)
		return false;
	run->knows_start = true;
	if (run->has_ended && !run->knows_end && send_end(run->runs, run) < 0)
		return false;
	run->knows_end = run->has_ended;
	return true;
}

bool keeper_runs_tell(struct keeper_runs *rs)
{
	struct keeper_run *run;
	while ((run = TAILQ_FIRST(&rs->untold)) != NULL) {
		if (rs->common.worker_fd < 0 || !tell_run(run))
			return false;
		mark_told(run);
	}
	return true;
}

void keeper_runs_done(struct keeper_runs *rs, const uint64_t *run_ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct keeper_run *run = find(rs, run_ids[i]);
		if (run && run->has_ended)
			forget(run);
	}
}

/* ---- Starting ---- */

/* Watch the process. One that cannot be watched is killed: nobody would ever reap it. */
static int watch(struct keeper_run *run)
{
	struct keeper_runs *rs = run->runs;
	run->exit_source = poller_add(
		rs->poller, run->hook.child.pidfd, EPOLLIN, on_process_exit, run);
	if (run->exit_source)
		return 0;
	run->err = (struct spawn_error){.error = errno, .stage = "watch"};
	kill_run(run);
	proc_reap(run->hook.child.pid);
	return -1;
}

/* A new run; NULL with errno. */
static struct keeper_run *add(struct keeper_runs *rs, uint64_t id, const char *label)
{
	struct keeper_run *run = find(rs, id);
	if (run && !run->has_ended) {
		errno = EEXIST;
		return NULL;
	}
	if (run)
		forget(run);
	size_t label_size = strlen(label) + 1;
	run = malloc(sizeof(*run) + label_size);
	if (!run)
		return NULL;
	*run = (struct keeper_run){.runs = rs, .id = id};
	memcpy(run->label, label, label_size);
	HASH_ADD(hh, rs->by_id, id, sizeof(run->id), run);
	if (run->hh.tbl)
		return run;
	free(run);
	errno = ENOMEM;
	return NULL;
}

void keeper_runs_start(struct keeper_runs *rs, const struct keeper_request *request)
{
	struct keeper_run *run = add(rs, request->run_id, request->run->label);
	if (!run) {
		struct keeper_run failed = {.id = request->run_id,
			.err = {.error = errno, .stage = "remember"}};
		send_end(rs, &failed);
		return;
	}
	/* Where there is a worker the process announces itself. */
	run->knows_start = rs->common.worker_fd >= 0;
	if (keeper_hook_start(&rs->common, request, &run->hook, &run->err) == 0 &&
		watch(run) == 0) {
		rs->alive++;
		rs->without_cgroup += rs->common.home && !run->hook.cgroup;
		if (!run->knows_start)
			mark_untold(run);
		return;
	}
	close_process(run);
	check_cgroup(run);
	run->knows_start = true;
	mark_ended(run);
}

size_t keeper_runs_alive(const struct keeper_runs *rs)
{
	return rs->alive;
}

uint64_t keeper_runs_without_cgroup(const struct keeper_runs *rs)
{
	return rs->without_cgroup;
}
