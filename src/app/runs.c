/* SPDX-License-Identifier: MIT */
#include "app/jobs_state.h"

#include "app/log.h"
#include "app/where.h"
#include "core/hook.h"
#include "os/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor that FSMON_FD has in a hook. */
#define FILE_FD 3

static struct log_about about_run(const struct job *job)
{
	return (struct log_about){.rule = job->named->name, .run_id = job->run_id};
}

/* The user's name, or the number where there is none, or "" where nothing is known. */
static const char *user_text(const struct jobs *j, uint32_t uid, char *room, size_t size)
{
	const char *name;
	names_get(j->names, uid, clock_monotonic_ns(), &name);
	if (name)
		return name;
	if (uid == ACTOR_ID_UNKNOWN)
		return "";
	snprintf(room, size, "%" PRIu32, uid);
	return room;
}

/* Say what a job is about. */
static void log_start(const struct jobs *j, const struct job *job, const char *what)
{
	const struct actor *a = &job->change->actor;
	char room[16];
	const char *user = user_text(j, a->uid, room, sizeof(room));
	const char *path = job->kind == EVENT_MOVED_FROM ? job->old_path : job->path;
	struct log_about about = {
		.rule = job->named->name,
		.run_id = job->run_id,
		.event = event_kind_name(job->kind),
		.path = path,
		.cmd = a->cmd,
		.user = user,
	};
	if (a->pid == 0)
		log_about(LOG_LEVEL_INFO, &about, "%s %s by an unknown process%s",
			about.event, path, what);
	else
		log_about(LOG_LEVEL_INFO, &about, "%s %s by %s (%s, pid %d)%s",
			about.event, path, a->cmd[0] ? a->cmd : "unknown",
			*user ? user : "unknown user", (int)a->pid, what);
}

static void finish(struct jobs *j, struct job *job, bool is_ok)
{
	if (is_ok)
		job->named->counters.ok++;
	else
		job->named->counters.failed++;
	if (job->has_rule)
		turns_done(j->turns, job->rule);
	HASH_DEL(j->runs, job);
	jobs_drop(j, job);
}

/* Open the very file that changed, if it is still there, and say what it is. */
static int open_file(struct jobs *j, struct job *job, struct event *e)
{
	struct filesystem *fs =
		filesystems_by_fsid(j->config.filesystems, job->change->fsid);
	struct fanrec_handle target = change_target(job->change);
	int fd = -1;
	if (fs && target.bytes)
		fd = where_open(fs, &target);
	where_fill_type(fd, e);
	filesystems_close(j->config.filesystems);
	return fd;
}

static int request_run(
	struct jobs *j, struct job *job, const struct hook *hook, int file_fd)
{
	const struct rule *r = table_rule(j->rules, job->rule);
	struct runner_request request = {
		.run_id = job->run_id,
		.argv = hook->argv,
		.envp = hook->envp,
		.directory = r->directory,
		.umask = r->umask,
		.nice = r->nice,
		.user = &r->user,
		.stdin_fd = -1,
		.file_fd = file_fd,
	};
	return runner_start(j->runner, &request);
}

static int build(struct jobs *j, struct job *job, const struct event *e, int file_fd,
	struct hook *hook)
{
	const char *user, *login;
	uint64_t now_ns = clock_monotonic_ns();
	names_get(j->names, job->change->actor.uid, now_ns, &user);
	names_get(j->names, job->change->actor.login_uid, now_ns, &login);
	struct hook_context context = {
		.run_id = job->run_id,
		.attempt = 1,
		.kind = job->kind,
		.count = 1,
		.file_fd = file_fd >= 0 ? FILE_FD : -1,
		.user_name = user,
		.login_user = login,
		.daemon_user = &j->daemon_user,
	};
	return hook_build(hook, table_rule(j->rules, job->rule), e, &context);
}

static void could_not_start(struct jobs *j, struct job *job, int error, const char *stage)
{
	struct log_about about = about_run(job);
	const struct rule *r = job->has_rule ? table_rule(j->rules, job->rule) : NULL;
	bool is_dir = r && strcmp(stage, "chdir") == 0;
	log_about(LOG_LEVEL_ERR, &about, "could not start %.200s: %s%s%s: %s",
		r ? r->command : "its command", stage, is_dir ? " to " : "",
		!is_dir        ? ""
		: r->directory ? r->directory
			       : "/",
		strerror(error));
	finish(j, job, false);
}

/* Ask for the run. Returns 0, or an errno value. */
static int start(struct jobs *j, struct job *job)
{
	struct event e = job->change->event;
	struct hook hook = {0};
	e.path = job->path;
	e.old_path = job->old_path;
	int fd = open_file(j, job, &e);
	int error = 0;
	if (build(j, job, &e, fd, &hook) < 0 || request_run(j, job, &hook, fd) < 0)
		error = errno;
	hook_fini(&hook);
	if (fd >= 0)
		close(fd);
	return error;
}

void runs_begin(struct jobs *j, struct job *job)
{
	job->run_id = ++j->last_run_id;
	job->started_ns = clock_monotonic_ns();
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
	if (!job->hh.tbl) {
		job->named->counters.dropped++;
		turns_done(j->turns, job->rule);
		jobs_drop(j, job);
		return;
	}
	job->named->counters.started++;
	/* The log comes after what somebody waits for. */
	int error = j->config.is_dry ? 0 : start(j, job);
	log_start(j, job, j->config.is_dry ? ": would run" : "");
	if (error)
		could_not_start(j, job, error, "asking for it");
	else if (j->config.is_dry)
		finish(j, job, true);
}

static struct job *run_of(struct jobs *j, uint64_t run_id)
{
	struct job *job;
	HASH_FIND(hh, j->runs, &run_id, sizeof(run_id), job);
	return job;
}

static void on_started(void *ctx, uint64_t run_id, pid_t pid, bool resumed)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	/* Runs of an earlier worker have their numbers still. */
	if (resumed && run_id > j->last_run_id)
		j->last_run_id = run_id;
	if (job)
		j->config.started(
			j->config.ctx, pid, job->named->id, job->change->actor.depth + 1);
}

static void on_failed(void *ctx, uint64_t run_id, int error, const char *stage)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	runner_done(j->runner, &run_id, 1);
	if (job)
		could_not_start(ctx, job, error, stage);
}

static void on_output(void *ctx, uint64_t run_id, const char *line, size_t len)
{
	const struct job *job = run_of(ctx, run_id);
	struct log_about about = {.rule = "hook", .run_id = run_id};
	if (job)
		about.rule = job->named->name;
	log_about(LOG_LEVEL_INFO, &about, "| %.*s", (int)len, line);
}

static void on_ended(void *ctx, uint64_t run_id, const struct runner_outcome *outcome)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	runner_done(j->runner, &run_id, 1);
	if (!job)
		return;
	struct log_about about = about_run(job);
	uint64_t ms = (clock_monotonic_ns() - job->started_ns) / 1000000;
	bool is_ok = WIFEXITED(outcome->status) && WEXITSTATUS(outcome->status) == 0;
	if (WIFSIGNALED(outcome->status))
		log_about(LOG_LEVEL_WARN, &about, "killed by SIG%s after %" PRIu64 " ms",
			sigabbrev_np(WTERMSIG(outcome->status))
				? sigabbrev_np(WTERMSIG(outcome->status))
				: "?",
			ms);
	else
		log_about(is_ok ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, &about,
			"exit %d after %" PRIu64 " ms", WEXITSTATUS(outcome->status), ms);
	finish(j, job, is_ok);
}

static void on_told(void *ctx)
{
	(void)ctx;
}

static void on_stop(void *ctx, bool now)
{
	struct jobs *j = ctx;
	j->config.stop_requested(j->config.ctx, now);
}

static void on_reload(void *ctx)
{
	struct jobs *j = ctx;
	j->config.reload_requested(j->config.ctx);
}

static void on_keeper_gone(void *ctx)
{
	struct jobs *j = ctx;
	j->config.keeper_gone(j->config.ctx);
}

const struct runner_handlers runs_handlers = {
	.started = on_started,
	.failed = on_failed,
	.output = on_output,
	.ended = on_ended,
	.told = on_told,
	.stop_requested = on_stop,
	.reload_requested = on_reload,
	.keeper_gone = on_keeper_gone,
};
