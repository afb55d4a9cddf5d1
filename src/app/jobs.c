/* SPDX-License-Identifier: MIT */
#include "app/jobs.h"

#include "app/log.h"
#include "app/runner.h"
#include "app/where.h"
#include "core/hook.h"
#include "core/sched.h"
#include "os/clock.h"
#include "os/user.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Hooks that set off hooks: this deep, and no deeper. */
#define DEPTH_MAX 16
/* The descriptor that FSMON_FD has in a hook. */
#define FILE_FD 3

/* What is remembered of a rule by its name, over reloads. Never freed before the end. */
struct named {
	UT_hash_handle hh;
	uint64_t id; /* from 1 */
	struct jobs_counters counters;
	char name[RULE_NAME_MAX + 1];
};

/* One job, from its change to the end of its run. */
struct job {
	struct sched_job sched; /* first, so that the scheduler's pointer is ours */
	UT_hash_handle hh; /* jobs.runs, while it runs */
	TAILQ_ENTRY(job) open; /* jobs.open */
	uint64_t serial;
	struct change *change;
	struct named *named;
	uint32_t
		rule; /* number in the table in force; of a run, only while it is there */
	bool has_rule;
	uint32_t kind; /* what the change is for the rule */
	const char *path; /* as the rule sees it; the change's */
	const char *old_path;
	uint64_t run_id;
	uint64_t started_ns;
};

STAILQ_HEAD(change_queue, change);

struct jobs {
	struct jobs_config config;
	struct runner *runner;
	struct names *names;
	struct poller_source *names_source;
	const struct table *rules;
	struct named **by_rule; /* for each rule of the table */
	struct named *by_name;
	uint64_t last_named_id;
	struct sched *sched;
	struct change_queue unnamed; /* changes that wait for the names of users */
	TAILQ_HEAD(, job) open; /* every job that has not ended, oldest first */
	uint64_t last_serial;
	struct job *runs; /* by run id */
	uint64_t last_run_id;
	struct rule_user daemon_user;
	bool is_stopping;
};

/* ---- Rules by name
 * ----------------------------------------------------------------------------- */

static struct named *named_of(struct jobs *j, const char *name)
{
	struct named *n;
	HASH_FIND_STR(j->by_name, name, n);
	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = ++j->last_named_id;
	strlcpy(n->name, name, sizeof(n->name));
	HASH_ADD_STR(j->by_name, name, n);
	if (!n->hh.tbl) {
		free(n);
		return NULL;
	}
	return n;
}

struct jobs_counters jobs_rule_counters(const struct jobs *j, uint32_t rule)
{
	struct jobs_counters c = j->by_rule[rule]->counters;
	c.waiting = sched_waiting(j->sched, rule);
	c.running = sched_running(j->sched, rule);
	return c;
}

/* ---- Jobs
 * --------------------------------------------------------------------------------------
 */

static void job_free(struct jobs *j, struct job *job)
{
	TAILQ_REMOVE(&j->open, job, open);
	change_unref(job->change);
	free(job);
}

static struct log_about about_run(const struct job *job)
{
	return (struct log_about){.rule = job->named->name, .run_id = job->run_id};
}

static const char *user_text(const struct jobs *j, uint32_t uid, char *room, size_t size)
{
	const char *name;
	names_get(j->names, uid, clock_monotonic_ns(), &name);
	if (name)
		return name;
	if (uid == ACTOR_ID_UNKNOWN)
		return "unknown user";
	snprintf(room, size, "%" PRIu32, uid);
	return room;
}

/* Say what a job is about. */
static void log_start(const struct jobs *j, const struct job *job, const char *what)
{
	const struct actor *a = &job->change->actor;
	char room[16];
	const char *user = user_text(j, a->uid, room, sizeof(room));
	const char *cmd = a->cmd[0] ? a->cmd : "unknown program";
	const char *path = job->kind == EVENT_MOVED_FROM ? job->old_path : job->path;
	struct log_about about = {
		.rule = job->named->name,
		.run_id = job->run_id,
		.event = event_kind_name(job->kind),
		.path = path,
		.cmd = a->cmd,
		.user = user,
	};
	log_about(LOG_LEVEL_INFO, &about, "%s %s by %s (%s, pid %d)%s", about.event, path,
		cmd, user, (int)a->pid, what);
}

static void add_job(
	struct jobs *j, struct change *c, const struct change_hit *hit, uint32_t kind)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct named *named = j->by_rule[hit->rule];
	struct job *job = calloc(1, sizeof(*job));
	if (job && sched_add(j->sched, hit->rule, &job->sched, r->queue_max) < 0) {
		free(job);
		job = NULL;
	}
	if (!job) {
		struct log_about about = {.rule = named->name};
		if (named->counters.dropped++ == 0)
			log_about(LOG_LEVEL_WARN, &about,
				"events are dropped: %" PRIu32
				" jobs wait already (queue-max); status counts them",
				r->queue_max);
		return;
	}
	job->serial = ++j->last_serial;
	job->change = change_ref(c);
	job->named = named;
	job->rule = hit->rule;
	job->has_rule = true;
	job->kind = kind;
	job->path = hit->path ? hit->path : c->event.path;
	job->old_path = hit->old_path ? hit->old_path : c->event.old_path;
	TAILQ_INSERT_TAIL(&j->open, job, open);
}

/* Whether hooks of fsmon's own are behind the event in a way that the rule does not want.
 */
static bool is_self(
	const struct rule *r, const struct named *named, const struct actor *a)
{
	if (r->self_events == RULE_SELF_ALLOW || a->tag == 0)
		return false;
	return r->self_events == RULE_SELF_IGNORE_ALL || a->tag == named->id;
}

/* Judge a change for one rule. */
static void judge(struct jobs *j, struct change *c, const struct change_hit *hit)
{
	const struct rule *r = table_rule(j->rules, hit->rule);
	struct named *named = j->by_rule[hit->rule];
	const char *user;
	uint32_t kind = table_kind(r, &c->event, hit->is_new, hit->is_old);
	if (c->event.kinds & EVENT_OVERFLOW)
		kind = EVENT_OVERFLOW;
	names_get(j->names, c->actor.uid, clock_monotonic_ns(), &user);
	if (!kind || table_judge(r, &c->event, user) != TABLE_MATCH)
		return;
	if (is_self(r, named, &c->actor)) {
		named->counters.self++;
		return;
	}
	named->counters.matched++;
	if (c->actor.depth >= DEPTH_MAX) {
		struct log_about about = {.rule = named->name};
		log_about(LOG_LEVEL_WARN, &about,
			"not run: %s was changed by hooks that set off one another, %u "
			"deep",
			c->event.path, DEPTH_MAX);
		named->counters.dropped++;
		return;
	}
	add_job(j, c, hit, kind);
}

/* Whether the names that judging and running need are there; else they have been asked
 * for. */
static bool has_names(struct jobs *j, const struct change *c)
{
	uint64_t now_ns = clock_monotonic_ns();
	const char *name;
	bool has_user = names_get(j->names, c->actor.uid, now_ns, &name);
	bool has_login = names_get(j->names, c->actor.login_uid, now_ns, &name);
	return has_user && has_login;
}

static void judge_all(struct jobs *j, struct change *c)
{
	for (size_t i = 0; i < c->hit_count; i++)
		judge(j, c, &c->hits[i]);
}

void jobs_found(struct jobs *j, struct change *c)
{
	if (j->is_stopping)
		return;
	if (has_names(j, c)) {
		judge_all(j, c);
		return;
	}
	change_ref(c);
	STAILQ_INSERT_TAIL(&j->unnamed, c, next);
}

/* Names have come: go on with the changes that waited for them. */
static void on_names(void *ctx, uint32_t events)
{
	struct jobs *j = ctx;
	(void)events;
	names_collect(j->names, clock_monotonic_ns());
	struct change_queue waiting = STAILQ_HEAD_INITIALIZER(waiting);
	STAILQ_CONCAT(&waiting, &j->unnamed);
	struct change *c;
	while ((c = STAILQ_FIRST(&waiting))) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		jobs_found(j, c);
		change_unref(c);
	}
}

/* ---- Runs
 * --------------------------------------------------------------------------------------
 */

static void finish(struct jobs *j, struct job *job, bool is_ok)
{
	if (is_ok)
		job->named->counters.ok++;
	else
		job->named->counters.failed++;
	if (job->has_rule)
		sched_done(j->sched, job->rule);
	HASH_DEL(j->runs, job);
	job_free(j, job);
}

/* Open the very file that changed, if it is still there, and say what it is. */
static int open_file(struct jobs *j, struct job *job, struct event *e)
{
	struct filesystem *fs =
		filesystems_by_fsid(j->config.filesystems, job->change->fsid);
	struct fanrec_handle target = change_target(job->change);
	int fd = -1;
	if (fs && target.bytes) {
		fd = where_open(fs, &target);
		where_fill_type(fs, &target, e);
	}
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

static void start(struct jobs *j, struct job *job)
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
	if (error)
		could_not_start(j, job, error, "asking for it");
}

/* Begin the run of a job that the scheduler has given out. */
static void begin(struct jobs *j, struct job *job)
{
	job->run_id = ++j->last_run_id;
	job->started_ns = clock_monotonic_ns();
	HASH_ADD(hh, j->runs, run_id, sizeof(job->run_id), job);
	if (!job->hh.tbl) {
		job->named->counters.dropped++;
		sched_done(j->sched, job->rule);
		job_free(j, job);
		return;
	}
	job->named->counters.started++;
	log_start(j, job, j->config.is_dry ? ": would run" : "");
	if (j->config.is_dry)
		finish(j, job, true);
	else
		start(j, job);
}

void jobs_pump(struct jobs *j)
{
	struct sched_job *s;
	uint32_t rule;
	while (!j->is_stopping && (s = sched_next(j->sched, &rule))) {
		struct job *job = (struct job *)s; /* its first member */
		begin(j, job);
	}
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
	struct job *job = run_of(ctx, run_id);
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

/* ---- Life
 * --------------------------------------------------------------------------------------
 */

static const struct runner_handlers handlers = {
	.started = on_started,
	.failed = on_failed,
	.output = on_output,
	.ended = on_ended,
	.told = on_told,
	.stop_requested = on_stop,
	.reload_requested = on_reload,
	.keeper_gone = on_keeper_gone,
};

/* Who the daemon is: what hooks without `user` have for HOME and so on. */
static void load_daemon_user(struct rule_user *out)
{
	struct user u;
	out->uid = getuid();
	out->gid = getgid();
	if (user_by_id(out->uid, &u) < 0)
		return;
	out->name = u.name;
	out->home = u.home;
	out->shell = u.shell;
	free(u.groups);
}

struct jobs *jobs_new(const struct jobs_config *config)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->config = *config;
	STAILQ_INIT(&j->unnamed);
	TAILQ_INIT(&j->open);
	load_daemon_user(&j->daemon_user);
	j->names = names_new();
	if (!j->names)
		goto fail;
	j->names_source =
		poller_add(config->poller, names_fd(j->names), EPOLLIN, on_names, j);
	if (!j->names_source)
		goto fail;
	j->runner = runner_new(config->poller, config->keeper_fd, &handlers, j);
	if (!j->runner)
		goto fail;
	return j;
fail:;
	int saved = errno;
	jobs_free(j);
	errno = saved;
	return NULL;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	runner_free(j->runner);
	poller_remove(j->config.poller, j->names_source);
	names_free(j->names);
	HASH_CLEAR(hh, j->runs);
	struct job *job;
	while ((job = TAILQ_FIRST(&j->open)))
		job_free(j, job);
	struct change *c;
	while ((c = STAILQ_FIRST(&j->unnamed))) {
		STAILQ_REMOVE_HEAD(&j->unnamed, next);
		change_unref(c);
	}
	struct named *n, *next;
	HASH_ITER(hh, j->by_name, n, next)
	{
		HASH_DEL(j->by_name, n);
		free(n);
	}
	sched_free(j->sched);
	free(j->by_rule);
	free(j->daemon_user.name);
	free(j->daemon_user.home);
	free(j->daemon_user.shell);
	free(j);
}

/* Let the hits of changes that wait for names mean the rules' new numbers. */
static void renumber_unnamed(struct jobs *j, const int64_t *map)
{
	struct change *c;
	STAILQ_FOREACH (c, &j->unnamed, next) {
		size_t kept = 0;
		for (size_t i = 0; i < c->hit_count; i++) {
			struct change_hit hit = c->hits[i];
			if (map[hit.rule] >= 0) {
				hit.rule = (uint32_t)map[hit.rule];
				c->hits[kept++] = hit;
			} else {
				free(hit.path);
				free(hit.old_path);
			}
		}
		c->hit_count = kept;
	}
}

/* Move what waits and what runs from the old scheduler to the new one. */
static void move_jobs(struct jobs *j, struct sched *next, const int64_t *map)
{
	struct job *job, *after;
	TAILQ_FOREACH_SAFE (job, &j->open, open, after) {
		bool runs = job->run_id != 0;
		int64_t rule = job->has_rule ? map[job->rule] : -1;
		job->has_rule = rule >= 0;
		job->rule = rule >= 0 ? (uint32_t)rule : 0;
		if (rule >= 0 && runs)
			sched_resume(next, job->rule);
		else if (rule >= 0)
			sched_add(next, job->rule, &job->sched, UINT32_MAX);
		if (rule >= 0 || runs)
			continue;
		struct log_about about = {.rule = job->named->name};
		log_about(LOG_LEVEL_WARN, &about, "not run for %s: the rule is gone",
			job->path);
		job->named->counters.dropped++;
		job_free(j, job);
	}
}

int jobs_set_rules(struct jobs *j, const struct table *rules, const int64_t *map,
	uint32_t max_parallel)
{
	size_t count = table_count(rules);
	struct sched *next = sched_new(count, max_parallel);
	struct named **by_rule = calloc(count + 1, sizeof(struct named *));
	for (uint32_t i = 0; next && by_rule && i < count; i++) {
		by_rule[i] = named_of(j, table_rule(rules, i)->name);
		if (!by_rule[i])
			goto fail;
	}
	if (!next || !by_rule)
		goto fail;
	if (map) {
		renumber_unnamed(j, map);
		move_jobs(j, next, map);
	}
	sched_free(j->sched);
	free(j->by_rule);
	j->sched = next;
	j->by_rule = by_rule;
	j->rules = rules;
	return 0;
fail:
	sched_free(next);
	free(by_rule);
	errno = ENOMEM;
	return -1;
}

void jobs_drain(struct jobs *j)
{
	runner_drain(j->runner);
}

void jobs_stop(struct jobs *j)
{
	size_t waiting = sched_waiting_all(j->sched);
	j->is_stopping = true;
	if (waiting)
		log_warn("%zu jobs were still waiting and are not run", waiting);
}

void jobs_tell_ready(struct jobs *j, const char *status)
{
	if (runner_ready(j->runner) < 0 || runner_status(j->runner, status) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
}

uint64_t jobs_mark(const struct jobs *j)
{
	return j->last_serial;
}

bool jobs_is_done(const struct jobs *j, uint64_t mark)
{
	const struct job *oldest = TAILQ_FIRST(&j->open);
	return STAILQ_EMPTY(&j->unnamed) && (!oldest || oldest->serial > mark);
}

size_t jobs_running(const struct jobs *j)
{
	return HASH_COUNT(j->runs);
}

size_t jobs_waiting(const struct jobs *j)
{
	return sched_waiting_all(j->sched);
}
