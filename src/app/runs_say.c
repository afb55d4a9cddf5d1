/* SPDX-License-Identifier: MIT */
/* What the log says of runs. */
#include "app/jobs_state.h"

#include "app/log.h"
#include "base/buf.h"
#include "core/when.h"
#include "os/clock.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

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

/* " and N more", or "" */
static const char *more_text(const struct job *job, char *room, size_t size)
{
	uint64_t count = job->sched->count;
	if (count < 2)
		return "";
	snprintf(room, size, ", and %" PRIu64 " more event%s", count - 1,
		count == 2 ? "" : "s");
	return room;
}

void say_start(const struct jobs *j, const struct job *job, const char *what)
{
	const struct job_event *e = job_newest(job->sched);
	const struct actor *a = &e->change->actor;
	char room[16], more_room[48];
	const char *user = user_text(j, a->uid, room, sizeof(room));
	const char *more = more_text(job, more_room, sizeof(more_room));
	const char *path = e->kind == EVENT_MOVED_FROM ? e->old_path : e->path;
	struct log_about about = {
		.rule = job->named->name,
		.run_id = job->run_id,
		.event = event_kind_name(e->kind),
		.path = path,
		.cmd = a->cmd,
		.user = user,
	};
	const char *head = job->failure ? "on-failure: " : "";
	if (a->pid == 0)
		log_about(LOG_LEVEL_INFO, &about, "%s%s %s by an unknown process%s%s",
			head, about.event, path, more, what);
	else
		log_about(LOG_LEVEL_INFO, &about, "%s%s %s by %s (%s, pid %d)%s%s", head,
			about.event, path, a->cmd[0] ? a->cmd : "unknown",
			*user ? user : "unknown user", (int)a->pid, more, what);
}

void say_could_not_start(
	const struct jobs *j, const struct job *job, int error, const char *stage)
{
	struct log_about about = about_run(job);
	int64_t rule = job_rule(job->sched);
	const struct rule *r = rule >= 0 ? table_rule(j->rules, (uint32_t)rule) : NULL;
	const char *command = !r             ? "its command"
			      : job->failure ? r->on_failure
					     : r->command;
	bool is_dir = r && strcmp(stage, "chdir") == 0;
	log_about(LOG_LEVEL_ERR, &about, "could not start %.200s: %s%s%s: %s", command,
		stage, is_dir ? " to " : "",
		!is_dir        ? ""
		: r->directory ? r->directory
			       : "/",
		strerror(error));
}

static const char *signal_name(int signal)
{
	const char *name = sigabbrev_np(signal);
	return name ? name : "?";
}

void say_end(const struct job *job, enum store_outcome outcome, int status,
	uint64_t duration_ns)
{
	struct log_about about = about_run(job);
	uint64_t ms = duration_ns / NS_PER_MS;
	switch (outcome) {
	case STORE_TIMEOUT:
		log_about(LOG_LEVEL_WARN, &about,
			"stopped after %" PRIu64 " ms: its timeout was over", ms);
		break;
	case STORE_RESTARTED:
		log_about(LOG_LEVEL_INFO, &about,
			"stopped after %" PRIu64 " ms: a newer event came", ms);
		break;
	case STORE_SIGNAL:
		log_about(LOG_LEVEL_WARN, &about, "killed by SIG%s after %" PRIu64 " ms",
			signal_name(status), ms);
		break;
	case STORE_LOST:
		log_about(LOG_LEVEL_WARN, &about,
			"its end is not known: the daemon was not there; it is run "
			"again");
		break;
	default:
		log_about(outcome == STORE_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, &about,
			"exit %d after %" PRIu64 " ms", status, ms);
	}
}

/* A span, in room that the caller frees. */
static const char *span_text(struct buf *room, uint64_t span_ns)
{
	return when_add_span(room, span_ns) == 0 ? room->data : "a while";
}

void say_retry(const struct job *job, uint64_t in_ns, uint32_t retry)
{
	struct log_about about = {.rule = job->named->name};
	struct buf span = {0};
	log_about(LOG_LEVEL_INFO, &about, "retry %" PRIu32 " of %" PRIu32 " in %s: %s",
		job->sched->failures, retry, span_text(&span, in_ns),
		job_event_key(job_newest(job->sched)));
	buf_fini(&span);
}

void say_held(const struct jobs *j, const struct job *job, uint64_t for_ns)
{
	struct log_about about = {.rule = job->named->name};
	const struct rule *r = table_rule(j->rules, (uint32_t)job_rule(job->sched));
	const char *path = job_event_key(job_newest(job->sched));
	bool is_batch = r->timing.run_per == TIMING_PER_BATCH;
	struct buf window = {0}, span = {0};
	log_about(LOG_LEVEL_WARN, &about,
		"taken for a loop: more than %" PRIu32
		" runs in %s%s%s (breaker); held for %s, then it goes on by itself; "
		"what comes meanwhile waits",
		r->timing.breaker.count, span_text(&window, r->timing.breaker.per_ns),
		is_batch ? "" : " for ", is_batch ? "" : path, span_text(&span, for_ns));
	buf_fini(&window);
	buf_fini(&span);
}
