/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <stdlib.h>

/* Pairs of rows for the ends of a run: nothing else waits, or another job waits. */
#define OVER(end) SCHED_OVER, SCHED_DO_END, (end)
#define FOLLOWED SCHED_OVER, SCHED_DO_FOLLOW, SCHED_FOLLOWED
#define ENDS(from, input, end) \
	[from][input] = {OVER(end)}, [from][input##_WAITED] = {OVER(end)}
#define RETRIES(from, input)                                          \
	[from][input] = {SCHED_WAITING, SCHED_DO_RETRY, SCHED_RETRY}, \
	[from][input##_WAITED] = {FOLLOWED}
#define MAKES_WAY(from, input) \
	[from][input] = {OVER(SCHED_INTERRUPTED)}, [from][input##_WAITED] = {FOLLOWED}

/* An input that is not in a state's rows does nothing to it. */
static const struct sched_transition transitions[SCHED_STATES][SCHED_INPUTS] = {
	[SCHED_WAITING][SCHED_IN_EVENT] = {SCHED_WAITING, SCHED_DO_GATHER, 0},
	[SCHED_WAITING][SCHED_IN_SLOT] = {SCHED_RUNNING, SCHED_DO_START, 0},
	[SCHED_WAITING][SCHED_IN_BREAK] = {SCHED_WAITING, SCHED_DO_HOLD, 0},
	[SCHED_WAITING][SCHED_IN_ADOPT] = {SCHED_RUNNING, SCHED_DO_START, 0},

	[SCHED_RUNNING][SCHED_IN_BUSY_RESTART] = {SCHED_ASKED, SCHED_DO_ASK_STOP, 0},
	[SCHED_RUNNING][SCHED_IN_BUSY_SIGNAL] = {SCHED_RUNNING, SCHED_DO_ASK_SIGNAL, 0},
	[SCHED_RUNNING][SCHED_IN_TIME] = {SCHED_EXPIRED, SCHED_DO_STOP, 0},
	ENDS(SCHED_RUNNING, SCHED_IN_FINE, SCHED_DONE),
	RETRIES(SCHED_RUNNING, SCHED_IN_FAILED),
	ENDS(SCHED_RUNNING, SCHED_IN_SPENT, SCHED_FAILED),
	RETRIES(SCHED_RUNNING, SCHED_IN_LOST),

	[SCHED_EXPIRED][SCHED_IN_TIME] = {SCHED_EXPIRED, SCHED_DO_KILL, 0},
	RETRIES(SCHED_EXPIRED, SCHED_IN_FAILED),
	ENDS(SCHED_EXPIRED, SCHED_IN_SPENT, SCHED_FAILED),
	RETRIES(SCHED_EXPIRED, SCHED_IN_LOST),

	[SCHED_ASKED][SCHED_IN_TIME] = {SCHED_RESTARTING, SCHED_DO_STOP, 0},
	MAKES_WAY(SCHED_ASKED, SCHED_IN_FINE),
	MAKES_WAY(SCHED_ASKED, SCHED_IN_FAILED),
	MAKES_WAY(SCHED_ASKED, SCHED_IN_SPENT),
	RETRIES(SCHED_ASKED, SCHED_IN_LOST),

	[SCHED_RESTARTING][SCHED_IN_TIME] = {SCHED_RESTARTING, SCHED_DO_KILL, 0},
	MAKES_WAY(SCHED_RESTARTING, SCHED_IN_FINE),
	MAKES_WAY(SCHED_RESTARTING, SCHED_IN_FAILED),
	MAKES_WAY(SCHED_RESTARTING, SCHED_IN_SPENT),
	RETRIES(SCHED_RESTARTING, SCHED_IN_LOST),
};

struct sched_transition sched_transition(enum sched_state state, enum sched_input input)
{
	return transitions[state][input];
}

struct sched_transition sched_job_input(struct sched_entry *e, enum sched_input input)
{
	struct sched_transition t = sched_transition(e->state, input);
	if (t.action != SCHED_DO_NOTHING)
		e->state = t.to;
	return t;
}

struct sched_entry *sched_job_new(struct sched *s, uint64_t id, uint64_t now_ns)
{
	struct sched_entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->job.id = id ? id : ++s->last_id;
	e->job.order = ++s->last_order;
	e->job.queued_ns = now_ns;
	STAILQ_INIT(&e->job.items);
	e->first_ns = SCHED_FOREVER;
	e->alarm_ns = e->signal_ns = e->stop_ns = SCHED_FOREVER;
	return e;
}

void sched_job_free(struct sched_job *job)
{
	free(job);
}

/* What STAILQ_LAST does, in standard C. */
struct sched_item *sched_newest(const struct sched_job *job)
{
	if (STAILQ_EMPTY(&job->items))
		return NULL;
	char *last = (char *)(void *)job->items.stqh_last;
	return (struct sched_item *)(void *)(last - offsetof(struct sched_item, next));
}

/* The item in front of the newest, or NULL. */
static struct sched_item *item_before_last(struct sched_entry *e)
{
	struct sched_item *item = e->before_last;
	if (!item && e->job.listed > 1) {
		struct sched_item *newest = sched_newest(&e->job);
		for (item = STAILQ_FIRST(&e->job.items); item->next.stqe_next != newest;)
			item = STAILQ_NEXT(item, next);
	}
	return item;
}

struct sched_item *sched_job_add(
	struct sched_entry *e, struct sched_item *item, uint32_t queue_max)
{
	struct sched_job *job = &e->job;
	struct sched_item *cut = NULL;
	if (job->listed > 0 && job->listed >= queue_max) {
		cut = sched_newest(&e->job);
		e->before_last = item_before_last(e);
		if (e->before_last)
			STAILQ_REMOVE_AFTER(&job->items, e->before_last, next);
		else
			STAILQ_REMOVE_HEAD(&job->items, next);
		job->truncated = true;
	} else {
		e->before_last = sched_newest(&e->job);
		job->listed++;
	}
	STAILQ_INSERT_TAIL(&job->items, item, next);
	job->count++;
	return cut;
}

/* Put both lists one behind the other on that of `e`. */
static void join_items(struct sched_entry *e, struct sched_entry *from, bool in_front)
{
	struct sched_entry *first = in_front ? from : e;
	struct sched_entry *last = in_front ? e : from;
	struct sched_item *before_last =
		last->job.listed > 1 ? last->before_last : sched_newest(&first->job);
	if (last->job.listed == 0)
		before_last = first->before_last;
	STAILQ_CONCAT(&first->job.items, &last->job.items);
	if (in_front)
		STAILQ_CONCAT(&e->job.items, &from->job.items);
	e->before_last = before_last;
	e->job.listed += from->job.listed;
	from->job.listed = 0;
	from->before_last = NULL;
}

/* List no more than queue_max; what is oldest goes to another job, which lists nothing. */
static void cut_oldest(
	struct sched_entry *e, struct sched_entry *other, uint32_t queue_max)
{
	for (; e->job.listed > queue_max; e->job.listed--) {
		struct sched_item *item = STAILQ_FIRST(&e->job.items);
		STAILQ_REMOVE_HEAD(&e->job.items, next);
		STAILQ_INSERT_TAIL(&other->job.items, item, next);
		other->job.listed++;
		e->job.truncated = true;
	}
	if (e->job.listed < 2)
		e->before_last = NULL;
}

void sched_job_take(struct sched_entry *e, struct sched_entry *from, bool in_front,
	uint32_t queue_max)
{
	join_items(e, from, in_front);
	cut_oldest(e, from, queue_max);
	e->job.count += from->job.count;
	e->job.truncated |= from->job.truncated;
	e->job.order = MIN(e->job.order, from->job.order);
	e->job.queued_ns = MIN(e->job.queued_ns, from->job.queued_ns);
	e->job.failures = MAX(e->job.failures, from->job.failures);
	e->job.attempt = MAX(e->job.attempt, from->job.attempt);
}
