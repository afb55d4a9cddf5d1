/* SPDX-License-Identifier: MIT */
#include "core/turns.h"

#include <errno.h>
#include <stdlib.h>

/* One rule's jobs. It is on the ready list while a job waits and none runs. */
struct lane {
	STAILQ_HEAD(, turns_job) jobs;
	TAILQ_ENTRY(lane) ready;
	size_t waiting;
	size_t running;
};

struct turns {
	struct lane *lanes;
	TAILQ_HEAD(, lane) ready; /* whose turn is next first */
	uint32_t max_parallel;
	size_t waiting, running;
};

struct turns *turns_new(size_t rule_count, uint32_t max_parallel)
{
	struct turns *s = calloc(1, sizeof(*s));
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

void turns_free(struct turns *s)
{
	if (!s)
		return;
	free(s->lanes);
	free(s);
}

int turns_add(struct turns *s, uint32_t rule, struct turns_job *job, uint32_t queue_max)
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

static struct turns_job *take(struct turns *s, struct lane *l, uint32_t *rule)
{
	struct turns_job *job = STAILQ_FIRST(&l->jobs);
	STAILQ_REMOVE_HEAD(&l->jobs, next);
	l->waiting--;
	s->waiting--;
	*rule = (uint32_t)(l - s->lanes);
	return job;
}

struct turns_job *turns_next(struct turns *s, uint32_t *rule)
{
	struct lane *l = TAILQ_FIRST(&s->ready);
	if (!l || s->running >= s->max_parallel)
		return NULL;
	TAILQ_REMOVE(&s->ready, l, ready);
	l->running++;
	s->running++;
	return take(s, l, rule);
}

void turns_resume(struct turns *s, uint32_t rule)
{
	struct lane *l = &s->lanes[rule];
	if (l->running++ == 0 && l->waiting > 0)
		TAILQ_REMOVE(&s->ready, l, ready);
	s->running++;
}

void turns_done(struct turns *s, uint32_t rule)
{
	struct lane *l = &s->lanes[rule];
	l->running--;
	s->running--;
	if (l->running == 0 && l->waiting > 0)
		TAILQ_INSERT_TAIL(&s->ready, l, ready);
}

size_t turns_waiting(const struct turns *s, uint32_t rule)
{
	return s->lanes[rule].waiting;
}

size_t turns_running(const struct turns *s, uint32_t rule)
{
	return s->lanes[rule].running;
}

size_t turns_waiting_all(const struct turns *s)
{
	return s->waiting;
}

size_t turns_running_all(const struct turns *s)
{
	return s->running;
}
