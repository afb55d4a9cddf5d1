/* SPDX-License-Identifier: MIT */
/* What the log says of jobs and their runs. */
#ifndef FSMON_APP_JOBS_SAY_H
#define FSMON_APP_JOBS_SAY_H

#include "app/jobs/job.h"
#include "core/rule/rule.h"

#include <stdint.h>

/* A run starts: what set it off, with `what` behind it. */
void say_start(const struct job *job, const char *what);

/* It could not: what was tried ("exec", "chdir", ...). The rule is NULL where it is gone. */
void say_could_not_start(
	const struct job *job, const struct rule *r, int error, const char *stage);

void say_end(const struct job *job, const struct outcome *end);

/* After a failure the job is run again, for the how-manieth of `retry` times the job knows. */
void say_retry(const struct job *job, uint64_t in_ns, uint32_t retry);

/* The breaker holds what the job is about. */
void say_held(const struct job *job, const struct rule *r, uint64_t for_ns);

/* A job that waited is not run, because its rule is not there. */
void say_dropped(const char *rule, const char *path);

#endif
