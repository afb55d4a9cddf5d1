/* SPDX-License-Identifier: MIT */
/* What the log says of jobs and their runs. */
#ifndef FSMON_APP_JOBS_SAY_H
#define FSMON_APP_JOBS_SAY_H

#include "app/jobs/job.h"
#include "core/rule/rule.h"

#include <stddef.h>
#include <stdint.h>

/* Say that a run starts, and what set it off, with `what` behind it. */
void say_start(const struct job *job, const char *what);

/* Say that a run could not start; `stage` was tried ("exec", "chdir", ...). r may be
 * NULL. */
void say_could_not_start(
	const struct job *job, const struct rule *r, int error, const char *stage);

/* Say how a run ended. */
void say_end(const struct job *job, const struct outcome *end);

/* Say that the job is run again after a failure: for which of `retry` times, the job
 * knows. */
void say_retry(const struct job *job, uint64_t in_ns, uint32_t retry);

/* Say that the breaker holds what the job is about. */
void say_held(const struct job *job, const struct rule *r, uint64_t for_ns);

/* Say how many jobs wait for a rule that is not there. */
void say_absent(const char *rule, size_t waiting);

/* Say that a job that waited is not run, because its rule is gone, or disabled. */
void say_dropped(const char *rule, const char *path);

#endif
