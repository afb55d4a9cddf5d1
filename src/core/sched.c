/* SPDX-License-Identifier: MIT */
#include "core/sched.h"

#include <errno.h>
#include <stdlib.h>

/* One rule's jobs. It is on the ready list while a job waits and none runs. */
struct lane {
	STAILQ_HEAD(, sched_job) jobs;
	TAILQ_ENTRY(lane) ready;
	size_t waiting;
	size_t running;
};

struct sched {
	struct lane *lanes;
	TAILQ_HEAD(, lane) ready; /* whose turn is next first */
	uint32_t max_parallel;
	size_t waiting, running;
};

struct sched *sched_new(size_t rule_count, uint32_t max_parallel)
{
	struct sched *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->lanes = calloc(rule_count + 1, sizeof(*s->lanes));
	if (!s->lanes) {
		free(s);
		return NULL;
	}
	s->max_parallel = max_parallel;
	TAILQ_INIT(&s->ready);
	for (size_t i = 0; i < rule_count; i++)
		STAILQ_INIT(&s->lanes[i].jobs);
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	free(s->lanes);
	free(s);
}

int sched_add(struct sched *s, uint32_t rule, struct sched_job *job, uint32_t queue_max)
{
	struct lane *l = &s->lanes[rule];
	if (l->waiting >= queue_max) {
		errno = ENOSPC;
		return -1;
	}
	STAILQ_INSERT_TAIL(&l->jobs, job, next);
	if (l->waiting++ == 0 && l->running == 0)
		TAILQ_INSERT_TAIL(&s->ready, l, ready);
	s->waiting++;
	return 0;
}

static struct sched_job *take(struct sched *s, struct lane *l, uint32_t *rule)
{
	struct sched_job *job = STAILQ_FIRST(&l->jobs);
	STAILQ_REMOVE_HEAD(&l->jobs, next);
	l->waiting--;
	s->waiting--;
	*rule = (uint32_t)(l - s->lanes);
	return job;
}

struct sched_job *sched_next(struct sched *s, uint32_t *rule)
{
	struct lane *l = TAILQ_FIRST(&s->ready);
	if (!l || s->running >= s->max_parallel)
		return NULL;
	TAILQ_REMOVE(&s->ready, l, ready);
	l->running++;
	s->running++;
	return take(s, l, rule);
}

void sched_resume(struct sched *s, uint32_t rule)
{
	struct lane *l = &s->lanes[rule];
	if (l->running++ == 0 && l->waiting > 0)
		TAILQ_REMOVE(&s->ready, l, ready);
	s->running++;
}

void sched_done(struct sched *s, uint32_t rule)
{
	struct lane *l = &s->lanes[rule];
	l->running--;
	s->running--;
	if (l->running == 0 && l->waiting > 0)
		TAILQ_INSERT_TAIL(&s->ready, l, ready);
}

size_t sched_waiting(const struct sched *s, uint32_t rule)
{
	return s->lanes[rule].waiting;
}

size_t sched_running(const struct sched *s, uint32_t rule)
{
	return s->lanes[rule].running;
}

size_t sched_waiting_all(const struct sched *s)
{
	return s->waiting;
}

size_t sched_running_all(const struct sched *s)
{
	return s->running;
}
