/* SPDX-License-Identifier: MIT */
#include "core/sched/sched_state.h"

#include <assert.h>

#define RUN_DELAY_MAX_NS UINT64_C(3600000000000)

/* ---- Signals, stops, kills ---- */

static void leave_alarms(struct sched *s, struct sched_entry *e)
{
	if (e->alarm_ns != SCHED_FOREVER)
		RB_REMOVE(sched_alarms, &s->alarms, e);
	e->alarm_ns = SCHED_FOREVER;
}

static void set_alarm(struct sched *s, struct sched_entry *e)
{
	leave_alarms(s, e);
	e->alarm_ns = MIN(e->signal_ns, e->stop_ns);
	if (e->alarm_ns != SCHED_FOREVER)
		RB_INSERT(sched_alarms, &s->alarms, e);
}

void sched_run_begin(struct sched *s, struct sched_entry *e, uint64_t started_ns)
{
	const struct timing *c = &e->key->lane->timing;
	e->job.started_ns = started_ns;
	e->stop_ns =
		c->timeout_ns ? sched_later(started_ns, c->timeout_ns) : SCHED_FOREVER;
	e->stop_timeout_ns = c->stop_timeout_ns;
	e->stop_signal = c->stop_signal;
	TAILQ_INSERT_TAIL(&e->key->runs, e, link);
	RB_INSERT(sched_by_order, &s->runs, e);
	e->key->lane->running++;
	s->running++;
	set_alarm(s, e);
}

void sched_run_ask(struct sched *s, struct sched_entry *e, uint64_t now_ns)
{
	const struct timing *c = &e->key->lane->timing;
	enum sched_action action = SCHED_DO_NOTHING;
	if (c->on_busy == TIMING_BUSY_RESTART)
		action = sched_job_input(e, SCHED_IN_BUSY_RESTART).action;
	else if (c->on_busy == TIMING_BUSY_SIGNAL)
		action = sched_job_input(e, SCHED_IN_BUSY_SIGNAL).action;
	if (action == SCHED_DO_ASK_STOP) {
		e->job.stop = SCHED_STOPS_RESTART;
		e->stop_ns = now_ns;
		e->signal_ns = SCHED_FOREVER;
	} else if (action == SCHED_DO_ASK_SIGNAL && e->signal_ns == SCHED_FOREVER) {
		e->signal_ns = now_ns;
		e->busy_signal = c->busy_signal;
	} else {
		return;
	}
	set_alarm(s, e);
}

bool sched_run_next(struct sched *s, uint64_t now_ns, struct sched_order *o)
{
	struct sched_entry *e = RB_MIN(sched_alarms, &s->alarms);
	if (!e || e->alarm_ns > now_ns)
		return false;
	*o = (struct sched_order){.job = &e->job};
	if (e->signal_ns == e->alarm_ns) {
		o->what = SCHED_SIGNAL;
		o->signal = e->busy_signal;
		e->signal_ns = SCHED_FOREVER;
	} else if (sched_job_input(e, SCHED_IN_TIME).action == SCHED_DO_STOP) {
		o->what = SCHED_STOP;
		o->signal = e->stop_signal;
		if (e->state == SCHED_EXPIRED)
			e->job.stop = SCHED_STOPS_TIMEOUT;
		e->signal_ns = SCHED_FOREVER;
		e->stop_ns = sched_later(now_ns, e->stop_timeout_ns);
	} else {
		o->what = SCHED_KILL;
		e->stop_ns = SCHED_FOREVER;
	}
	set_alarm(s, e);
	return true;
}

/* ---- The end of a run ---- */

/* splitmix64 */
static uint64_t next_random(struct sched *s)
{
	uint64_t x = s->random += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* How long to wait before a retry, after so many failures before this one. */
static uint64_t delay_before_retry_ns(
	struct sched *s, uint64_t first_ns, uint32_t failures)
{
	uint64_t max_ns = MAX(first_ns, RUN_DELAY_MAX_NS);
	uint64_t delay_ns = first_ns;
	for (; failures > 0 && delay_ns > 0 && delay_ns < max_ns; failures--)
		delay_ns = delay_ns > max_ns / 2 ? max_ns : delay_ns * 2;
	uint64_t quarter_ns = delay_ns / 4;
	return sched_later(delay_ns - quarter_ns, next_random(s) % (2 * quarter_ns + 1));
}

/* The input that the end of a run is for its job. */
static enum sched_input end_input(
	const struct sched_entry *e, const struct sched_entry *follower, bool is_fine)
{
	if (is_fine)
		return follower ? SCHED_IN_FINE_WAITED : SCHED_IN_FINE;
	if (e->key && e->job.failures < e->key->lane->timing.retry)
		return follower ? SCHED_IN_FAILED_WAITED : SCHED_IN_FAILED;
	return follower ? SCHED_IN_SPENT_WAITED : SCHED_IN_SPENT;
}

/* Take a run off all lists and trees of runs. */
static void remove_run(struct sched *s, struct sched_entry *e)
{
	leave_alarms(s, e);
	e->signal_ns = e->stop_ns = SCHED_FOREVER;
	RB_REMOVE(sched_by_order, &s->runs, e);
	s->running--;
	if (!e->key)
		return;
	TAILQ_REMOVE(&e->key->runs, e, link);
	e->key->lane->running--;
}

/* Do what the end of a run comes to. If the job waits again it is due when due_ns says. */
static struct sched_verdict conclude(
	struct sched *s, struct sched_entry *e, enum sched_input input)
{
	struct sched_key *key = e->key;
	struct sched_entry *follower = sched_key_waiting(e->key);
	struct sched_transition t = sched_job_input(e, input);
	struct sched_verdict v = {.end = t.end};
	remove_run(s, e);
	if (t.action == SCHED_DO_RETRY) {
		e->first_ns = SCHED_FOREVER;
		e->job.started_ns = 0;
		e->job.stop = SCHED_GOES_ON;
		sched_key_push(s, key, e);
		v.due_ns = e->due_ns;
	} else if (t.action == SCHED_DO_FOLLOW) {
		sched_job_take(follower, e, true, key->lane->timing.queue_max);
		v.follower = &follower->job;
	}
	if (key)
		sched_key_place(s, key);
	return v;
}

struct sched_verdict sched_ended(
	struct sched *s, struct sched_job *job, bool is_ok, uint64_t now_ns)
{
	struct sched_entry *e = sched_entry_of(job);
	assert(e->state != SCHED_WAITING && e->state != SCHED_OVER);
	bool is_fine = is_ok && job->stop != SCHED_STOPS_TIMEOUT;
	enum sched_input input = end_input(e, sched_key_waiting(e->key), is_fine);
	if (input == SCHED_IN_FAILED) {
		uint64_t first_ns = e->key->lane->timing.retry_delay_ns;
		uint64_t delay_ns = delay_before_retry_ns(s, first_ns, job->failures);
		e->due_ns = sched_later(now_ns, delay_ns);
	}
	if (!is_fine && job->stop != SCHED_STOPS_RESTART)
		job->failures++;
	return conclude(s, e, input);
}

struct sched_verdict sched_lost(struct sched *s, struct sched_job *job, uint64_t now_ns)
{
	struct sched_entry *e = sched_entry_of(job);
	enum sched_input input = SCHED_IN_LOST;
	if (!e->key)
		input = SCHED_IN_SPENT;
	else if (sched_key_waiting(e->key))
		input = SCHED_IN_LOST_WAITED;
	e->due_ns = now_ns;
	return conclude(s, e, input);
}
