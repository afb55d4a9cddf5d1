/* SPDX-License-Identifier: MIT */
#include "app/jobs_state.h"

#include "app/log.h"
#include "app/where.h"
#include "core/hook.h"
#include "core/payload.h"
#include "core/runlabel.h"
#include "os/clock.h"
#include "os/memfile.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor that FSMON_FD has in a hook. */
#define FILE_FD 3
/* The longest list of events that a hook is given: what is behind it is cut. */
#define STDIN_MAX_BYTES ((size_t)256 * 1024 * 1024)
/* Without cgroups: how often is looked whether all that descends from a hook is gone. */
#define LINEAGE_LOOK_NS UINT64_C(100000000)

static uint64_t tag_of(const struct job *job)
{
	return jobs_tag(job->named, job->run_id);
}

/* The rule of a job whose lane is not gone. */
static const struct rule *rule_of(const struct jobs *j, const struct job *job)
{
	return table_rule(j->rules, (uint32_t)job_rule(job->sched));
}

/* How many hooks deep the deepest cause of the job lies. */
static uint32_t depth_of(const struct job *job)
{
	const struct sched_item *item;
	uint32_t depth = 0;
	STAILQ_FOREACH (item, &job->sched->items, next) {
		const struct job_event *e = (const struct job_event *)item;
		if (e->change->actor.depth > depth)
			depth = e->change->actor.depth;
	}
	return depth;
}

/* ---- Starting ---- */

/* Open the very file that changed, if it is still there, and say what it is. */
static int open_file(struct jobs *j, const struct change *c, struct event *e)
{
	struct filesystem *fs = filesystems_by_fsid(j->config.filesystems, c->fsid);
	struct fanrec_handle target = change_target(c);
	int fd = -1;
	if (fs && target.bytes)
		fd = where_open(fs, &target);
	where_fill_type(fd, e);
	filesystems_close(j->config.filesystems);
	return fd;
}

/* The user's names, as far as they are known. */
static void get_users(
	struct jobs *j, const struct actor *a, const char **user, const char **login)
{
	uint64_t now_ns = clock_monotonic_ns();
	names_get(j->names, a->uid, now_ns, user);
	names_get(j->names, a->login_uid, now_ns, login);
}

/* What a hook is given besides its arguments and environment. */
struct input {
	struct event event; /* the newest, as the rule sees it */
	int file_fd; /* the file; -1: none */
	int stdin_fd; /* the list of events; -1: none */
	bool is_cut; /* not all events are on the list */
};

/* Make the list of events that the hook reads. Returns 0, or -1 with errno. */
static int make_stdin(struct jobs *j, const struct job *job, struct input *in)
{
	enum rule_stdin kind = rule_of(j, job)->stdin_kind;
	struct buf out = {0};
	const struct sched_item *item;
	STAILQ_FOREACH (item, &job->sched->items, next) {
		const struct job_event *e = (const struct job_event *)item;
		struct payload_event p = {
			.event = STAILQ_NEXT(item, next) ? &e->change->event : &in->event,
			.path = e->path,
			.old_path = e->old_path,
			.kind = e->kind,
		};
		in->is_cut = out.len > STDIN_MAX_BYTES;
		if (in->is_cut)
			break;
		get_users(j, &e->change->actor, &p.user_name, &p.login_user);
		payload_add(&out, kind, &p);
	}
	if (out.failed)
		errno = ENOMEM;
	else
		in->stdin_fd = memfile_make(out.data, out.len);
	int saved = errno;
	buf_fini(&out);
	errno = saved;
	return in->stdin_fd < 0 ? -1 : 0;
}

static int build(
	struct jobs *j, const struct job *job, const struct input *in, struct hook *hook)
{
	struct hook_failure failure;
	struct hook_context context = {
		.run_id = job->run_id,
		.attempt = job->sched->attempt,
		.kind = job_newest(job->sched)->kind,
		.count = job->sched->count,
		.truncated = job->sched->truncated || in->is_cut,
		.file_fd = in->file_fd >= 0 ? FILE_FD : -1,
		.daemon_user = &j->daemon_user,
	};
	get_users(j, in->event.actor, &context.user_name, &context.login_user);
	if (job->failure) {
		failure = (struct hook_failure){
			.reason = store_outcome_name(job->failure->reason),
			.status = job->failure->status,
			.output = job->failure->output,
			.output_len = job->failure->output_len,
		};
		context.failure = &failure;
	}
	return hook_build(hook, rule_of(j, job), &in->event, &context);
}

/* Ask for the run with all that it needs. Returns 0, or -1 with errno. */
static int request_run(struct jobs *j, const struct job *job, struct input *in)
{
	const struct rule *r = rule_of(j, job);
	struct hook hook;
	char label[RUNLABEL_BYTES];
	if (r->stdin_kind != RULE_STDIN_NONE && make_stdin(j, job, in) < 0)
		return -1;
	if (build(j, job, in, &hook) < 0)
		return -1;
	runlabel_write(label, job->named->name, job->run_id, depth_of(job) + 1);
	struct runner_request request = {
		.run_id = job->run_id,
		.argv = hook.argv,
		.envp = hook.envp,
		.directory = r->directory,
		.label = label,
		.umask = r->umask,
		.nice = r->nice,
		.user = &r->user,
		.stdin_fd = in->stdin_fd,
		.file_fd = in->file_fd,
	};
	int rc = runner_start(j->runner, &request);
	int saved = errno;
	hook_fini(&hook);
	errno = saved;
	return rc;
}

/* Ask for the run of a job. Returns 0, or an errno value. */
static int start(struct jobs *j, const struct job *job)
{
	const struct job_event *newest = job_newest(job->sched);
	struct input in = {.event = newest->change->event, .stdin_fd = -1};
	in.event.path = newest->path;
	in.event.old_path = newest->old_path;
	in.file_fd = open_file(j, newest->change, &in.event);
	int error = request_run(j, job, &in) < 0 ? errno : 0;
	if (in.stdin_fd >= 0)
		close(in.stdin_fd);
	if (in.file_fd >= 0)
		close(in.file_fd);
	return error;
}

/* ---- Ending ---- */

/* Have on-failure run for a job that has failed for good. */
static void fail_for_good(
	struct jobs *j, struct job *job, const struct keep_end *end, uint64_t run_id)
{
	int64_t rule = job_rule(job->sched);
	if (rule < 0 || job->failure)
		return;
	struct store_failure why = {
		.reason = end->outcome,
		.status = end->shell_status,
		.run_id = run_id,
		.output = end->output,
		.output_len = end->output_len,
	};
	/* In its place, so that whoever waits for the job waits for this too. */
	const struct sched_given of = {
		.order = job->sched->order,
		.items = &job->sched->items,
		.count = job->sched->count,
		.truncated = job->sched->truncated,
	};
	jobs_fail(j, job->named, (uint32_t)rule, &of, &why);
}

/* What the scheduler has made of the end of a run. */
static void conclude(struct jobs *j, struct job *job, const struct sched_verdict *v,
	const struct keep_end *end)
{
	struct jobs_counters *c = &job->named->counters;
	struct sched_job *s = job->sched;
	uint64_t run_id = job->run_id, now_ns = clock_monotonic_ns();
	if (job->hh.tbl)
		HASH_DEL(j->runs, job);
	job->run_id = 0;
	job->is_left = job->is_killed = false;
	switch (v->end) {
	case SCHED_RETRY:
		if (end->outcome != STORE_LOST) {
			c->retried++;
			say_retry(job, v->due_ns > now_ns ? v->due_ns - now_ns : 0,
				rule_of(j, job)->timing.retry);
		}
		keep_job(j, s, NULL);
		return;
	case SCHED_FOLLOWED:
		keep_follow(j, s, v->follower);
		break;
	case SCHED_FAILED:
		fail_for_good(j, job, end, run_id);
		keep_done(j, s);
		break;
	case SCHED_DONE:
	case SCHED_INTERRUPTED:
		keep_done(j, s);
		break;
	}
	jobs_drop(j, s);
}

static void count_end(const struct job *job, enum store_outcome outcome)
{
	struct jobs_counters *c = &job->named->counters;
	if (job->failure)
		c->on_failure++;
	else if (outcome == STORE_OK)
		c->ok++;
	else if (outcome == STORE_RESTARTED)
		c->restarted++;
	else
		c->failed++;
	if (outcome == STORE_TIMEOUT && !job->failure)
		c->timed_out++;
}

/* A run has ended, or was never one. */
static void finish(struct jobs *j, struct job *job, struct keep_end *end)
{
	uint64_t now_ns = clock_monotonic_ns();
	if (job->sched->started_ns)
		end->duration_ns = now_ns - job->sched->started_ns;
	if (end->outcome != STORE_COULD_NOT_START && !j->config.is_dry)
		say_end(job, end->outcome, end->status, end->duration_ns);
	count_end(job, end->outcome);
	keep_run(j, job->sched, end);
	struct sched_verdict v =
		sched_ended(j->sched, job->sched, end->outcome == STORE_OK, now_ns);
	conclude(j, job, &v, end);
}

void runs_lose(struct jobs *j, struct job *job)
{
	struct keep_end end = {.outcome = STORE_LOST, .output = ""};
	say_end(job, STORE_LOST, 0, 0);
	keep_run(j, job->sched, &end);
	struct sched_verdict v = sched_lost(j->sched, job->sched, clock_monotonic_ns());
	conclude(j, job, &v, &end);
}

static void could_not_start(struct jobs *j, struct job *job, int error, const char *stage)
{
	const char *why = strerror(error);
	struct keep_end end = {
		.outcome = STORE_COULD_NOT_START,
		.status = error,
		.shell_status = hook_status_unstarted(stage, error),
		.output = why,
		.output_len = strlen(why),
	};
	say_could_not_start(j, job, error, stage);
	finish(j, job, &end);
}

/* How it ended, and its status: what wait(2) says, unless it was being stopped. */
static enum store_outcome outcome_of(const struct job *job, int wait_status, int *status)
{
	bool is_signal = WIFSIGNALED(wait_status);
	*status = is_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	if (job->sched->stop == SCHED_STOPS_TIMEOUT)
		return STORE_TIMEOUT;
	if (job->sched->stop == SCHED_STOPS_RESTART)
		return STORE_RESTARTED;
	if (is_signal)
		return STORE_SIGNAL;
	return *status ? STORE_EXIT : STORE_OK;
}

/* ---- Without cgroups: what descends from a run ---- */

/* Reach what has left the process group. Returns how many processes there are. */
static size_t signal_lineage(struct jobs *j, const struct job *job, int signal)
{
	if (runner_has_cgroups(j->runner))
		return 0;
	return j->config.signal_tagged(j->config.ctx, tag_of(job), signal);
}

/* A run that is being stopped has ended when all that descends from it has. Returns whether
 * its end is put off until then. */
static bool put_off(struct jobs *j, struct job *job, const struct keep_end *end)
{
	if (job->sched->stop == SCHED_GOES_ON || signal_lineage(j, job, 0) == 0)
		return false;
	struct late_end *late = calloc(1, sizeof(*late) + end->output_len);
	if (!late)
		return false;
	late->end = *end;
	memcpy(late->output, end->output, end->output_len);
	late->end.output = late->output;
	job->late = late;
	j->late_count++;
	j->late_look_ns = clock_monotonic_ns() + LINEAGE_LOOK_NS;
	return true;
}

/* Look whether all is gone that ends were put off for. */
static void look_for_late(struct jobs *j, uint64_t now_ns)
{
	struct job *job, *next;
	if (!j->late_count || now_ns < j->late_look_ns)
		return;
	j->late_look_ns = now_ns + LINEAGE_LOOK_NS;
	HASH_ITER (hh, j->runs, job, next) {
		struct late_end *late = job->late;
		/* What was being forked when the others were killed is killed now. */
		int signal = job->is_killed ? SIGKILL : 0;
		if (!late || signal_lineage(j, job, signal) > 0)
			continue;
		job->late = NULL;
		j->late_count--;
		finish(j, job, &late->end);
		free(late);
	}
}

/* ---- What the scheduler wants ---- */

static void begin(struct jobs *j, struct job *job)
{
	job->run_id = ++j->last_run_id;
	job->run_started_ns = clock_realtime_ns();
	job->named->counters.started += !job->failure;
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
	/* The log comes after what somebody waits for. */
	int error = 0;
	if (!job->hh.tbl)
		error = ENOMEM;
	else if (!j->config.is_dry)
		error = start(j, job);
	say_start(j, job, j->config.is_dry ? ": would run" : "");
	keep_job(j, job->sched, NULL);
	keep_run(j, job->sched, NULL);
	if (error)
		could_not_start(j, job, error, "asking for it");
	else if (j->config.is_dry)
		finish(j, job, &(struct keep_end){.outcome = STORE_OK});
}

static void hold(struct jobs *j, struct job *job, uint64_t for_ns)
{
	const struct store_failure why = {
		.reason = STORE_BREAKER, .status = -1, .output = ""};
	const struct sched_given of = {
		.items = &job->sched->items,
		.count = job->sched->count,
		.truncated = job->sched->truncated,
	};
	say_held(j, job, for_ns);
	jobs_fail(j, job->named, (uint32_t)job_rule(job->sched), &of, &why);
}

static void obey(struct jobs *j, const struct sched_order *o, uint64_t now_ns)
{
	struct job *job = o->job->data;
	int rc = 0;
	switch (o->what) {
	case SCHED_START:
		begin(j, job);
		break;
	case SCHED_SIGNAL:
		rc = runner_signal(j->runner, job->run_id, o->signal);
		break;
	case SCHED_STOP:
		rc = runner_stop(j->runner, job->run_id, o->signal);
		signal_lineage(j, job, o->signal);
		break;
	case SCHED_KILL:
		job->is_killed = true;
		rc = runner_kill(j->runner, job->run_id);
		signal_lineage(j, job, SIGKILL);
		break;
	case SCHED_HELD:
		hold(j, job, o->until_ns - now_ns);
		break;
	}
	if (rc < 0)
		log_err("run %" PRIu64 " cannot be signalled: %s", job->run_id,
			strerror(errno));
}

void runs_pump(struct jobs *j)
{
	struct sched_order o;
	uint64_t now_ns = clock_monotonic_ns();
	look_for_late(j, now_ns);
	/* What an earlier worker had running must be known before. */
	while (j->is_told && runner_has_room(j->runner) &&
		sched_next(j->sched, now_ns, &o))
		obey(j, &o, now_ns);
}

/* ---- What the keeper tells ---- */

static struct job *run_of(struct jobs *j, uint64_t run_id)
{
	struct job *job;
	HASH_FIND(hh, j->runs, &run_id, sizeof(run_id), job);
	return job;
}

static void on_started(void *ctx, uint64_t run_id, pid_t pid, const char *label)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	/* Runs of an earlier worker have their numbers still. */
	if (label && run_id > j->last_run_id)
		j->last_run_id = run_id;
	if (!job) {
		if (label && pid)
			retag_process(j, pid, label);
		return;
	}
	job->is_left = false;
	if (pid)
		j->config.started(j->config.ctx, pid, tag_of(job), depth_of(job) + 1);
}

/* A run whose job nobody knows any more. */
static void forget(struct jobs *j, uint64_t run_id)
{
	if (run_id > j->last_run_id)
		j->last_run_id = run_id;
	runner_done(j->runner, &run_id, 1);
}

static void on_failed(void *ctx, uint64_t run_id, int error, const char *stage)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	if (job)
		could_not_start(j, job, error, stage);
	else
		forget(j, run_id);
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
	if (!job) {
		forget(j, run_id);
		return;
	}
	struct keep_end end = {
		.shell_status = hook_status(outcome->status),
		.usage = outcome->usage,
		.output = outcome->output,
		.output_len = outcome->output_len,
	};
	end.outcome = outcome_of(job, outcome->status, &end.status);
	if (!put_off(j, job, &end))
		finish(j, job, &end);
}

static void on_told(void *ctx)
{
	struct jobs *j = ctx;
	keep_settle_left(j);
	j->is_told = true;
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
