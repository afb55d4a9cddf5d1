/* SPDX-License-Identifier: MIT */
#include "app/jobs/say.h"

#include "app/log.h"
#include "base/buf.h"
#include "core/text/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

static struct log_about about_run(const struct job *job)
{
	return (struct log_about){.rule = job->rule->name, .run_id = job->run_id};
}

/* ", and N more events", or "". */
static const char *more_text(const struct job *job, char *room, size_t size)
{
	uint64_t count = job->sched->count;
	if (count < 2)
		return "";
	snprintf(room, size, ", and %" PRIu64 " more event%s", count - 1,
		count == 2 ? "" : "s");
	return room;
}

void say_start(const struct job *job, const char *what)
{
	const struct view *v = &job_newest(job->sched)->event.view;
	const struct actor *a = &v->change->actor;
	char room[ACTOR_NUMBER_SIZE], more_room[48];
	const char *user = actor_user_text(a->user, a->uid, room);
	const char *more = more_text(job, more_room, sizeof(more_room));
	const char *path = view_path(v);
	struct log_about about = {
		.rule = job->rule->name,
		.run_id = job->run_id,
		.event = event_kind_name(v->kind),
		.path = path,
		.cmd = a->program.comm,
		.user = user,
	};
	const char *head = job->failure ? "on-failure: " : "";
	if (a->pid == 0)
		log_about(LOG_LEVEL_INFO, &about, "%s%s %s by an unknown process%s%s",
			head, about.event, path, more, what);
	else
		log_about(LOG_LEVEL_INFO, &about, "%s%s %s by %s (%s, pid %d)%s%s", head,
			about.event, path,
			a->program.comm[0] ? a->program.comm : "unknown",
			*user ? user : "unknown user", (int)a->pid, more, what);
}

void say_could_not_start(
	const struct job *job, const struct rule *r, int error, const char *stage)
{
	struct log_about about = about_run(job);
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

void say_end(const struct job *job, const struct outcome *end)
{
	struct log_about about = about_run(job);
	uint64_t ms = end->duration_ns / NS_PER_MS;
	switch (end->kind) {
	case OUTCOME_TIMEOUT:
		log_about(LOG_LEVEL_WARN, &about,
			"stopped after %" PRIu64 " ms: its timeout was over", ms);
		break;
	case OUTCOME_RESTARTED:
		log_about(LOG_LEVEL_INFO, &about,
			"stopped after %" PRIu64 " ms: a newer event came", ms);
		break;
	case OUTCOME_SIGNAL:
		log_about(LOG_LEVEL_WARN, &about, "killed by SIG%s after %" PRIu64 " ms",
			signal_name(end->status), ms);
		break;
	case OUTCOME_LOST:
		log_about(LOG_LEVEL_WARN, &about,
			"its end is not known: the daemon was not there; it is run "
			"again");
		break;
	default:
		log_about(end->kind == OUTCOME_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
			&about, "exit %d after %" PRIu64 " ms", end->status, ms);
	}
}

/* A span, in room that the caller frees. */
static const char *span_text(struct buf *room, uint64_t span_ns)
{
	return when_add_span(room, span_ns) == 0 ? room->data : "a while";
}

void say_retry(const struct job *job, uint64_t in_ns, uint32_t retry)
{
	struct log_about about = {.rule = job->rule->name};
	struct buf span = {0};
	log_about(LOG_LEVEL_INFO, &about, "retry %" PRIu32 " of %" PRIu32 " in %s: %s",
		job->sched->failures, retry, span_text(&span, in_ns),
		job_path(job->sched));
	buf_fini(&span);
}

void say_held(const struct job *job, const struct rule *r, uint64_t for_ns)
{
	struct log_about about = {.rule = job->rule->name};
	const char *path = job_path(job->sched);
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

void say_absent(const char *rule, size_t waiting)
{
	struct log_about about = {.rule = rule};
	log_about(LOG_LEVEL_WARN, &about,
		"%zu job%s on for this rule, which is missing: a file with an error was "
		"left out",
		waiting, waiting == 1 ? " waits" : "s wait");
}

void say_dropped(const char *rule, const char *path)
{
	struct log_about about = {.rule = rule};
	log_about(LOG_LEVEL_WARN, &about, "not run for %s: the rule is gone, or disabled",
		path);
}
