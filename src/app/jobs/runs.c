/* SPDX-License-Identifier: MIT */
#include "app/jobs/runs.h"

#include "app/jobs/add.h"
#include "app/jobs/jobs_state.h"
#include "app/jobs/keep.h"
#include "app/jobs/restore.h"
#include "app/jobs/say.h"
#include "app/log.h"
#include "app/watch/where.h"
#include "core/hook/hook.h"
#include "core/hook/payload.h"
#include "core/hook/runlabel.h"
#include "os/fd.h"
#include "os/memfile.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* The descriptor that FSMON_FD has in a hook. */
#define FILE_FD 3
/* The longest list of events that a hook is given: what is behind it is cut. */
#define STDIN_MAX_BYTES ((size_t)256 * 1024 * 1024)
/* Numbers of runs that the store notes as used at once. */
#define RESERVE 4096
/* Without cgroups: how often we look whether all that descends from a hook is gone. */
#define LINEAGE_CHECK_NS UINT64_C(100000000)

static uint64_t tag_of(const struct job *job)
{
	return job_rule_tag(job->rule, job->run_id);
}

/* The number of a job's rule in the table in force, or -1 if it is not there. */
static int64_t rule_number(const struct jobs *j, const struct job *job)
{
	uint32_t lane = job->sched->lane;
	bool is_there = lane != SCHED_NO_LANE && lane / 2 < table_count(j->rules);
	return is_there ? (int64_t)(lane / 2) : -1;
}

/* The rule of a job, which must be there. */
static const struct rule *rule_of(const struct jobs *j, const struct job *job)
{
	return table_rule(j->rules, (uint32_t)rule_number(j, job));
}

/* ---- Starting ---- */

/* Open the very file that changed, if it is still there, and note what it is now. */
static int open_file(struct jobs *j, struct view *v)
{
	struct filesystem *fs =
		filesystems_by_fsid(j->config.filesystems, v->change->fsid);
	struct fanrec_handle target = change_target(v->change);
	struct event now = {0};
	int fd = -1;
	/* A deleted entry is gone, even where another link of the file is left. */
	if (fs && target.bytes && v->kind != EVENT_DELETE)
		fd = where_open(fs, &target);
	where_fill_type(fd, &now);
	v->type = now.type;
	filesystems_close(j->config.filesystems);
	return fd;
}

/* What a hook is given besides its arguments and environment. */
struct input {
	struct view newest; /* of the events, with the type that the file has now */
	int file_fd; /* the file; -1: none */
	int stdin_fd; /* the list of events; -1: none */
	bool is_cut; /* not all events are on the list */
};

/* Make the list of events that the hook reads. Returns 0, or an errno value. */
static int make_stdin(struct jobs *j, const struct job *job, struct input *in)
{
	enum rule_stdin kind = rule_of(j, job)->stdin_kind;
	struct buf out = {0};
	const struct sched_item *item;
	STAILQ_FOREACH (item, &job->sched->items, next) {
		const struct job_event *e = (const struct job_event *)item;
		const struct view *v =
			STAILQ_NEXT(item, next) ? &e->event.view : &in->newest;
		in->is_cut = out.len > STDIN_MAX_BYTES;
		if (in->is_cut)
			break;
		payload_add(&out, kind, v);
	}
	if (!out.failed)
		in->stdin_fd = memfile_make("fsmon-stdin", out.data, out.len);
	int error = out.failed ? ENOMEM : in->stdin_fd < 0 ? errno : 0;
	buf_fini(&out);
	return error;
}

/* Ask for the run with all that it needs. Returns 0, or an errno value. */
static int request_run(struct jobs *j, const struct job *job, const struct input *in)
{
	const struct rule *r = rule_of(j, job);
	const struct hook_context context = {
		.run_id = job->run_id,
		.attempt = job->sched->attempt,
		.count = job->sched->count,
		.truncated = job->sched->truncated || in->is_cut || job_covers_below(job),
		.file_fd = in->file_fd >= 0 ? FILE_FD : -1,
		.daemon_user = &j->daemon_user,
		.failure = job->failure,
	};
	struct hook hook;
	char label[RUNLABEL_BYTES];
	if (hook_build(&hook, r, &in->newest, &context) < 0)
		return errno;
	runlabel_write(label, job->rule->name, job->run_id, job_depth(job) + 1);
	struct link_request request = {
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
	int error = j->config.link.start(j->config.link.ctx, &request) < 0 ? errno : 0;
	hook_fini(&hook);
	return error;
}

/* Ask for the run of a job. Returns 0, or an errno value. */
static int start(struct jobs *j, const struct job *job)
{
	struct input in = {.newest = job_newest(job->sched)->event.view, .stdin_fd = -1};
	in.file_fd = open_file(j, &in.newest);
	int error = 0;
	if (rule_of(j, job)->stdin_kind != RULE_STDIN_NONE)
		error = make_stdin(j, job, &in);
	if (!error)
		error = request_run(j, job, &in);
	fd_close(in.stdin_fd);
	fd_close(in.file_fd);
	return error;
}

/* ---- Ending ---- */

/* What on-failure is to run for: the events of a job. */
static struct sched_insertion events_of(struct sched_job *s)
{
	return (struct sched_insertion){
		.items = &s->items,
		.count = s->count,
		.truncated = s->truncated,
	};
}

/* Have on-failure run for a job that has failed for good. */
static void fail_for_good(struct jobs *j, struct job *job, const struct outcome *end,
	uint64_t run_id, struct clock_now now)
{
	int64_t rule = rule_number(j, job);
	if (rule < 0 || job->failure)
		return;
	struct sched_insertion of = events_of(job->sched);
	/* In its place, so that whoever waits for the job waits for this too. */
	of.order = job->sched->order;
	add_failure(j, (uint32_t)rule, &of, end, run_id, now);
}

/* Do what the scheduler has decided at the end of a run. */
static void conclude(struct jobs *j, struct job *job, const struct sched_verdict *v,
	const struct outcome *end, struct clock_now now)
{
	struct jobs_counters *c = &job->rule->counters;
	struct sched_job *s = job->sched;
	uint64_t run_id = job->run_id;
	if (job->hh.tbl)
		HASH_DEL(j->runs, job);
	job->run_id = 0;
	job->is_unconfirmed = job->is_killed = false;
	if (v->end == SCHED_RETRY) {
		if (end->kind != OUTCOME_LOST) {
			c->retried++;
			say_retry(job, v->due_ns - now.monotonic_ns,
				rule_of(j, job)->timing.retry);
		}
		keep_job(j->store, s, NULL);
		return;
	}
	if (v->end == SCHED_FAILED)
		fail_for_good(j, job, end, run_id, now);
	if (v->end == SCHED_FOLLOWED)
		keep_follow(j->store, s, v->follower);
	else
		keep_end_job(j->store, s);
	job_drop(s);
}

static void count_end(const struct job *job, enum outcome_kind kind)
{
	struct jobs_counters *c = &job->rule->counters;
	if (job->failure)
		c->on_failure++;
	else if (kind == OUTCOME_OK)
		c->ok++;
	else if (kind == OUTCOME_RESTARTED)
		c->restarted++;
	else
		c->failed++;
	if (kind == OUTCOME_TIMEOUT && !job->failure)
		c->timed_out++;
}

/* Take in that a run has ended, or was never started, or that nobody knows which. */
static void finish(
	struct jobs *j, struct job *job, struct outcome *end, struct clock_now now)
{
	bool is_lost = end->kind == OUTCOME_LOST;
	struct sched_job *s = job->sched;
	if (s->started_ns && !is_lost)
		end->duration_ns = now.monotonic_ns - s->started_ns;
	if (end->kind != OUTCOME_COULD_NOT_START && !j->config.is_dry)
		say_end(job, end);
	if (!is_lost)
		count_end(job, end->kind);
	keep_run(j->store, s, end);
	struct sched_verdict v =
		is_lost ? sched_lost(j->sched, s, now.monotonic_ns)
			: sched_ended(
				  j->sched, s, end->kind == OUTCOME_OK, now.monotonic_ns);
	conclude(j, job, &v, end, now);
}

static void could_not_start(struct jobs *j, struct job *job, int error, const char *stage,
	struct clock_now now)
{
	struct outcome end = outcome_unstarted(stage, error);
	say_could_not_start(
		job, rule_number(j, job) < 0 ? NULL : rule_of(j, job), error, stage);
	finish(j, job, &end, now);
}

/* How a run has ended: the keeper knows only how its process has. */
static enum outcome_kind kind_of_end(const struct job *job, enum outcome_kind kind)
{
	switch (job->sched->stop) {
	case SCHED_STOPS_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case SCHED_STOPS_RESTART:
		return OUTCOME_RESTARTED;
	default:
		return kind;
	}
}

/* ---- Without cgroups: what descends from a run ---- */

/* Reach what has left the process group. Returns how many processes there are. */
static size_t signal_lineage(struct jobs *j, const struct job *job, int signal)
{
	if (j->config.link.has_cgroups)
		return 0;
	return j->config.signal_tagged(j->config.ctx, tag_of(job), signal);
}

/* A run that is being stopped has ended when no process is left that descends from it.
 * Returns whether its end is put off until then. */
static bool defer_end(
	struct jobs *j, struct job *job, const struct outcome *end, uint64_t now_ns)
{
	if (job->sched->stop == SCHED_GOES_ON || signal_lineage(j, job, 0) == 0)
		return false;
	job->deferred_end = outcome_copy(end);
	if (!job->deferred_end)
		return false;
	j->deferred_count++;
	j->deferred_check_ns = now_ns + LINEAGE_CHECK_NS;
	return true;
}

/* End the runs with deferred ends of whose processes none is left. */
static void check_deferred(struct jobs *j, struct clock_now now)
{
	struct job *job, *next;
	if (!j->deferred_count || now.monotonic_ns < j->deferred_check_ns)
		return;
	j->deferred_check_ns = now.monotonic_ns + LINEAGE_CHECK_NS;
	HASH_ITER (hh, j->runs, job, next) {
		struct outcome *end = job->deferred_end;
		/* A child that was being forked when the others were killed is killed
		 * now. */
		int signal = job->is_killed ? SIGKILL : 0;
		if (!end || signal_lineage(j, job, signal) > 0)
			continue;
		job->deferred_end = NULL;
		j->deferred_count--;
		finish(j, job, end, now);
		free(end);
	}
}

/* ---- What the scheduler wants ---- */

void runs_reserve_ids(struct jobs *j)
{
	if (!j->store || j->last_run_id + RESERVE / 2 < j->reserved_run_id)
		return;
	j->reserved_run_id = j->last_run_id + RESERVE;
	store_reserve_runs(j->store, j->reserved_run_id);
}

static void begin(struct jobs *j, struct job *job, struct clock_now now)
{
	assert(!job->run_id && job->sched->started_ns);
	job->run_id = ++j->last_run_id;
	runs_reserve_ids(j);
	job->run_started_ns = now.realtime_ns;
	job->rule->counters.started += !job->failure;
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
	/* Somebody waits for the hook, and nobody for the log. */
	int error = 0;
	if (!job->hh.tbl)
		error = ENOMEM;
	else if (!j->config.is_dry)
		error = start(j, job);
	say_start(job, j->config.is_dry ? ": would run" : "");
	keep_job(j->store, job->sched, NULL);
	keep_run(j->store, job->sched, NULL);
	if (error)
		could_not_start(j, job, error, "asking for it", now);
	else if (j->config.is_dry)
		finish(j, job, &(struct outcome){.kind = OUTCOME_OK}, now);
}

static void hold(struct jobs *j, struct job *job, uint64_t until_ns, struct clock_now now)
{
	const struct outcome why = {.kind = OUTCOME_BREAKER, .shell_status = -1};
	const struct sched_insertion of = events_of(job->sched);
	say_held(job, rule_of(j, job), until_ns - now.monotonic_ns);
	add_failure(j, (uint32_t)rule_number(j, job), &of, &why, 0, now);
}

static int signal_run(
	struct jobs *j, const struct job *job, enum wire_type how, int signal)
{
	return j->config.link.signal(j->config.link.ctx, how, job->run_id, signal);
}

static void obey(struct jobs *j, const struct sched_order *o, struct clock_now now)
{
	struct job *job = o->job->data;
	int rc = 0;
	switch (o->what) {
	case SCHED_START:
		begin(j, job, now);
		break;
	case SCHED_SIGNAL:
		rc = signal_run(j, job, WIRE_SIGNAL, o->signal);
		break;
	case SCHED_STOP:
		rc = signal_run(j, job, WIRE_STOP, o->signal);
		signal_lineage(j, job, o->signal);
		break;
	case SCHED_KILL:
		job->is_killed = true;
		rc = signal_run(j, job, WIRE_KILL, SIGKILL);
		signal_lineage(j, job, SIGKILL);
		break;
	case SCHED_HELD:
		hold(j, job, o->until_ns, now);
		break;
	}
	if (rc < 0)
		log_err("run %" PRIu64 " cannot be signalled: %s", job->run_id,
			strerror(errno));
}

/* Whether runs may be asked for: all of an earlier worker must be known before. */
static bool may_start(const struct jobs *j)
{
	return j->has_caught_up && j->config.link.has_room(j->config.link.ctx);
}

void runs_pump(struct jobs *j, struct clock_now now)
{
	struct sched_order o;
	check_deferred(j, now);
	while (may_start(j) && sched_next(j->sched, now.monotonic_ns, &o))
		obey(j, &o, now);
}

uint64_t runs_next_ns(const struct jobs *j)
{
	uint64_t next_ns = may_start(j) ? sched_due_ns(j->sched) : SCHED_FOREVER;
	if (j->deferred_count && j->deferred_check_ns < next_ns)
		next_ns = j->deferred_check_ns;
	return next_ns;
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
	/* The number of an earlier worker's run must not be used again. */
	if (label && run_id > j->last_run_id)
		j->last_run_id = run_id;
	if (!job) {
		if (label && pid)
			restore_tag(j, pid, label);
		return;
	}
	job->is_unconfirmed = false;
	if (pid)
		j->config.started(j->config.ctx, pid, tag_of(job), job_depth(job) + 1);
}

/* Let the keeper forget a run whose job nobody knows any more. */
static void forget(struct jobs *j, uint64_t run_id)
{
	if (run_id > j->last_run_id)
		j->last_run_id = run_id;
	j->config.link.done(j->config.link.ctx, &run_id, 1);
}

static void on_failed(void *ctx, uint64_t run_id, int error, const char *stage)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	if (job)
		could_not_start(j, job, error, stage, clock_now());
	else
		forget(j, run_id);
}

static void on_output(void *ctx, uint64_t run_id, const char *line, size_t len)
{
	const struct job *job = run_of(ctx, run_id);
	struct log_about about = {.rule = "hook", .run_id = run_id};
	if (job)
		about.rule = job->rule->name;
	log_about(LOG_LEVEL_INFO, &about, "| %.*s", (int)len, line);
}

static void on_ended(void *ctx, uint64_t run_id, const struct outcome *outcome)
{
	struct jobs *j = ctx;
	struct job *job = run_of(j, run_id);
	if (!job) {
		forget(j, run_id);
		return;
	}
	struct outcome end = *outcome;
	end.kind = kind_of_end(job, outcome->kind);
	struct clock_now now = clock_now();
	if (!defer_end(j, job, &end, now.monotonic_ns))
		finish(j, job, &end, now);
}

static void on_caught_up(void *ctx)
{
	struct jobs *j = ctx;
	struct clock_now now = clock_now();
	struct job *job, *next;
	HASH_ITER (hh, j->runs, job, next) {
		if (job->is_unconfirmed)
			finish(j, job, &(struct outcome){.kind = OUTCOME_LOST}, now);
	}
	j->has_caught_up = true;
}

const struct link_run_handlers runs_handlers = {
	.started = on_started,
	.failed = on_failed,
	.output = on_output,
	.ended = on_ended,
	.caught_up = on_caught_up,
};
