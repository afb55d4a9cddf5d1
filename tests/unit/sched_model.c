/* SPDX-License-Identifier: MIT */
#include "sched_model.h"

#include <stdlib.h>

#define NS_PER_S UINT64_C(1000000000)
#define HOLD_NS (10 * NS_PER_S)
#define HOLD_MAX_NS (600 * NS_PER_S)
#define RETRY_MAX_NS (3600 * NS_PER_S)

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- The list of jobs */

static void list_put_last(struct model *m, struct model_job *job)
{
	if (m->job_count == MODEL_JOBS)
		abort();
	m->jobs[m->job_count++] = job;
}

void model_take(struct model *m, const struct model_job *job)
{
	size_t left = 0;
	for (size_t i = 0; i < m->job_count; i++) {
		if (m->jobs[i] != job)
			m->jobs[left++] = m->jobs[i];
	}
	m->job_count = left;
}

void model_init(struct model *m, const struct timing *lanes, size_t lane_count,
	uint32_t max_parallel)
{
	m->lane_count = lane_count;
	m->max_parallel = max_parallel;
	m->job_count = m->key_count = 0;
	m->starts = 0;
	for (size_t i = 0; i < lane_count; i++) {
		m->lanes[i].config = lanes[i];
		m->lanes[i].paused_until_ns = 0;
		m->lanes[i].last_start = 0;
		m->lanes[i].start_count = 0;
	}
}

void model_fini(struct model *m)
{
	for (size_t i = 0; i < m->job_count; i++)
		free(m->jobs[i]);
	m->job_count = 0;
}

/* ---- Questions */

static const struct timing *config_of(const struct model *m, uint32_t lane)
{
	return &m->lanes[lane].config;
}

static bool is_per_event(const struct model *m, uint32_t lane)
{
	return config_of(m, lane)->run_per == TIMING_PER_EVENT;
}

static int key_of(const struct model *m, uint32_t lane, int path)
{
	return config_of(m, lane)->run_per == TIMING_PER_BATCH ? MODEL_WHOLE_LANE : path;
}

/* The run of a key, or NULL. */
static struct model_job *run_of(const struct model *m, uint32_t lane, int key)
{
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		if (job->is_running && job->lane == lane && job->key == key)
			return job;
	}
	return NULL;
}

struct model_job *model_waiting_for(const struct model *m, uint32_t lane, int key)
{
	struct model_job *first = NULL;
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		if (!job->is_running && job->lane == lane && job->key == key &&
			(!first || job->order < first->order))
			first = job;
	}
	return first;
}

bool model_is_key_free(const struct model *m, const struct model_job *job)
{
	return !run_of(m, job->lane, job->key);
}

size_t model_count_of(const struct model *m, uint32_t lane, bool is_running)
{
	size_t n = 0;
	for (size_t i = 0; i < m->job_count; i++)
		n += m->jobs[i]->lane == lane && m->jobs[i]->is_running == is_running;
	return n;
}

size_t model_running_all(const struct model *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->job_count; i++)
		n += m->jobs[i]->is_running;
	return n;
}

/* What the breaker knows of a key, or NULL if nothing. */
static const struct model_key *known_key(const struct model *m, uint32_t lane, int key)
{
	for (size_t i = 0; i < m->key_count; i++) {
		if (m->keys[i].lane == lane && m->keys[i].key == key)
			return &m->keys[i];
	}
	return NULL;
}

static struct model_key *make_key(struct model *m, uint32_t lane, int key)
{
	const struct model_key *known = known_key(m, lane, key);
	if (known)
		return &m->keys[known - m->keys];
	if (m->key_count == MODEL_KEYS)
		abort();
	struct model_key *k = &m->keys[m->key_count++];
	*k = (struct model_key){.lane = lane, .key = key};
	return k;
}

uint64_t model_held_until_ns(const struct model *m, const struct model_job *job)
{
	const struct model_key *k = known_key(m, job->lane, job->key);
	return k ? k->held_until_ns : 0;
}

/* ---- Events come */

static struct model_job *new_job(struct model *m, uint32_t lane, int key, uint64_t now_ns)
{
	struct model_job *job = calloc(1, sizeof(*job));
	if (!job)
		abort();
	job->lane = lane;
	job->key = key;
	job->queued_ns = now_ns;
	list_put_last(m, job);
	return job;
}

/* An event that is added says when a job is due. */
static void set_due(struct model *m, struct model_job *job, uint64_t now_ns)
{
	const struct timing *c = config_of(m, job->lane);
	if (job->first_added_ns == 0)
		job->first_added_ns = now_ns;
	job->due_ns =
		lesser(now_ns + c->debounce_ns, job->first_added_ns + c->max_wait_ns);
}

/* List an event; true if another is no longer listed for it. */
static bool list_event(
	const struct model *m, struct model_job *job, unsigned event, unsigned *cut)
{
	job->count++;
	bool is_cut = job->listed >= config_of(m, job->lane)->queue_max;
	if (is_cut) {
		*cut = job->events[--job->listed];
		job->truncated = true;
	}
	job->events[job->listed++] = event;
	return is_cut;
}

/* What an event means for a run of the same key. */
static void disturb(const struct timing *c, struct model_job *run, uint64_t now_ns)
{
	if (run->stop != SCHED_GOES_ON)
		return;
	if (c->on_busy == TIMING_BUSY_RESTART) {
		run->stop = SCHED_STOPS_RESTART;
		run->stop_ns = now_ns;
	} else if (c->on_busy == TIMING_BUSY_SIGNAL && !run->is_signalled) {
		run->is_signalled = true;
		run->signal_ns = now_ns;
		run->busy_signal = c->busy_signal;
	}
}

/* A key has several runs where it is the lane's since a reload. */
static void disturb_all(
	const struct model *m, const struct model_job *waiting, uint64_t now_ns)
{
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		if (job->is_running && job->lane == waiting->lane &&
			job->key == waiting->key)
			disturb(config_of(m, job->lane), job, now_ns);
	}
}

enum sched_added model_add(struct model *m, uint32_t lane, int path, unsigned event,
	uint64_t now_ns, struct model_job **job, unsigned *cut)
{
	const struct timing *c = config_of(m, lane);
	int key = key_of(m, lane, path);
	struct model_job *run = run_of(m, lane, key);
	struct model_job *waiting =
		is_per_event(m, lane) ? NULL : model_waiting_for(m, lane, key);
	enum sched_added added = waiting ? SCHED_MERGED : SCHED_QUEUED;
	*job = NULL;
	if (run && c->on_busy == TIMING_BUSY_DROP)
		return SCHED_BUSY;
	if (!waiting && model_count_of(m, lane, false) >= c->queue_max)
		return SCHED_FULL;
	if (!waiting)
		waiting = new_job(m, lane, key, now_ns);
	set_due(m, waiting, now_ns);
	if (list_event(m, waiting, event, cut))
		added = SCHED_CUT;
	disturb_all(m, waiting, now_ns);
	*job = waiting;
	return added;
}

void model_join(const struct model *m, struct model_job *to, struct model_job *first,
	struct model_job *last)
{
	static unsigned all[2 * MODEL_EVENTS];
	struct model_job *other = to == first ? last : first;
	size_t n = 0, most = config_of(m, to->lane)->queue_max;
	for (size_t i = 0; i < first->listed; i++)
		all[n++] = first->events[i];
	for (size_t i = 0; i < last->listed; i++)
		all[n++] = last->events[i];
	to->count = first->count + last->count;
	to->truncated = first->truncated || last->truncated || n > most;
	to->attempt = first->attempt > last->attempt ? first->attempt : last->attempt;
	to->failures =
		first->failures > last->failures ? first->failures : last->failures;
	to->listed = other->listed = 0;
	for (size_t i = 0; i < n; i++) {
		if (i + most < n)
			other->events[other->listed++] = all[i];
		else
			to->events[to->listed++] = all[i];
	}
}

struct model_job *model_give(struct model *m, uint32_t lane, int path,
	struct model_job *given, uint64_t now_ns, bool *is_new)
{
	int key = key_of(m, lane, path);
	struct model_job *job =
		is_per_event(m, lane) ? NULL : model_waiting_for(m, lane, key);
	*is_new = !job;
	if (job) {
		model_join(m, job, job, given);
		job->due_ns = lesser(job->due_ns, now_ns);
		return job;
	}
	job = new_job(m, lane, key, now_ns);
	job->attempt = given->attempt;
	job->failures = given->failures;
	job->due_ns = now_ns;
	job->count = given->count;
	job->truncated = given->truncated;
	while (job->listed < given->listed) {
		job->events[job->listed] = given->events[job->listed];
		job->listed++;
	}
	given->listed = 0;
	return job;
}

/* ---- Runs start */

/* Starts of a lane that count at now_ns. */
static size_t starts_that_count(const struct model_lane *lane, uint64_t now_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < lane->start_count; i++)
		n += now_ns < lane->starts_ns[i] + lane->config.throttle.per_ns;
	return n;
}

/* From when on the throttle lets a lane start. */
static uint64_t throttled_until_ns(const struct model_lane *lane)
{
	uint32_t most = lane->config.throttle.count;
	if (most == 0 || lane->start_count < most)
		return 0;
	uint64_t until_ns = SCHED_FOREVER;
	for (size_t i = 0; i < lane->start_count; i++) {
		uint64_t end_ns = lane->starts_ns[i] + lane->config.throttle.per_ns;
		if (starts_that_count(lane, end_ns) < most)
			until_ns = lesser(until_ns, end_ns);
	}
	return until_ns;
}

/* From when on a job may start, with the runs that there are: SCHED_FOREVER if not at all. */
static uint64_t may_start_ns(const struct model *m, const struct model_job *job)
{
	if (job->is_running || job->lane == SCHED_NO_LANE)
		return SCHED_FOREVER;
	const struct model_lane *lane = &m->lanes[job->lane];
	if (model_waiting_for(m, job->lane, job->key) != job ||
		!model_is_key_free(m, job) ||
		model_count_of(m, job->lane, true) >= lane->config.parallel ||
		model_running_all(m) >= m->max_parallel)
		return SCHED_FOREVER;
	uint64_t at_ns = greater(job->due_ns, model_held_until_ns(m, job));
	at_ns = greater(at_ns, lane->paused_until_ns);
	return greater(at_ns, throttled_until_ns(lane));
}

static bool goes_before(
	const struct model *m, const struct model_job *a, const struct model_job *b)
{
	uint64_t a_last = m->lanes[a->lane].last_start,
		 b_last = m->lanes[b->lane].last_start;
	if (a_last != b_last)
		return a_last < b_last;
	if (a->lane != b->lane)
		return a->lane < b->lane;
	return a->order < b->order;
}

static struct model_job *next_to_start(const struct model *m, uint64_t now_ns)
{
	struct model_job *first = NULL;
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		if (may_start_ns(m, job) <= now_ns &&
			(!first || goes_before(m, job, first)))
			first = job;
	}
	return first;
}

static bool is_window_open(const struct model_key *k, uint64_t now_ns)
{
	return k->is_open && now_ns - k->opened_ns < k->per_ns;
}

/* Hold the key of a job if its start would be one too many. */
static bool hold(struct model *m, const struct model_job *job, uint64_t now_ns)
{
	const struct timing_rate *rate = &config_of(m, job->lane)->breaker;
	struct model_key *k = make_key(m, job->lane, job->key);
	if (rate->count == 0 || !is_window_open(k, now_ns) || k->starts < rate->count)
		return false;
	uint64_t hold_ns = HOLD_NS;
	for (unsigned i = 0; i < k->holds && hold_ns < HOLD_MAX_NS; i++)
		hold_ns *= 2;
	k->held_until_ns = now_ns + lesser(hold_ns, HOLD_MAX_NS);
	k->per_ns = rate->per_ns;
	k->holds++;
	k->is_open = false;
	return true;
}

/* Count a start for the breaker. */
static void count_for_breaker(
	struct model *m, const struct model_job *job, uint64_t now_ns)
{
	const struct timing_rate *rate = &config_of(m, job->lane)->breaker;
	if (rate->count == 0)
		return;
	struct model_key *k = make_key(m, job->lane, job->key);
	if (is_window_open(k, now_ns)) {
		k->starts++;
		return;
	}
	if (k->is_open || now_ns - k->held_until_ns >= k->per_ns)
		k->holds = 0;
	k->is_open = true;
	k->opened_ns = now_ns;
	k->per_ns = rate->per_ns;
	k->starts = 1;
}

static void begin_run(const struct model *m, struct model_job *job, uint64_t now_ns)
{
	const struct timing *c = config_of(m, job->lane);
	job->is_running = true;
	job->first_added_ns = 0;
	job->is_stop_told = job->is_kill_told = job->is_signalled = false;
	job->stop = SCHED_GOES_ON;
	job->started_ns = now_ns;
	job->stop_ns = c->timeout_ns ? now_ns + c->timeout_ns : SCHED_FOREVER;
	job->stop_signal = c->stop_signal;
	job->stop_timeout_ns = c->stop_timeout_ns;
}

static void start(struct model *m, struct model_job *job, uint64_t now_ns)
{
	struct model_lane *lane = &m->lanes[job->lane];
	if (lane->start_count == MODEL_STARTS)
		abort();
	count_for_breaker(m, job, now_ns);
	lane->starts_ns[lane->start_count++] = now_ns;
	lane->last_start = ++m->starts;
	begin_run(m, job, now_ns);
	job->attempt++;
}

void model_adopt(
	struct model *m, struct model_job *job, uint64_t started_ns, bool is_attempt)
{
	begin_run(m, job, started_ns);
	job->is_adopted = true;
	job->attempt += is_attempt;
}

/* ---- Runs are stopped */

/* When a run is to be signalled, stopped or killed next, and which. */
static uint64_t next_blow_ns(const struct model_job *job, enum sched_what *what)
{
	*what = SCHED_KILL;
	if (!job->is_running)
		return SCHED_FOREVER;
	if (job->is_stop_told)
		return job->is_kill_told ? SCHED_FOREVER : job->kill_ns;
	*what = SCHED_STOP;
	if (!job->is_signalled || job->stop != SCHED_GOES_ON)
		return job->stop_ns;
	if (job->signal_ns <= job->stop_ns)
		*what = SCHED_SIGNAL;
	return lesser(job->signal_ns, job->stop_ns);
}

/* The run that is next: by the time, then by the id. */
static struct model_job *next_to_hit(const struct model *m, uint64_t now_ns)
{
	struct model_job *first = NULL;
	uint64_t first_ns = SCHED_FOREVER;
	for (size_t i = 0; i < m->job_count; i++) {
		struct model_job *job = m->jobs[i];
		enum sched_what what;
		uint64_t at_ns = next_blow_ns(job, &what);
		if (at_ns > now_ns || at_ns > first_ns)
			continue;
		if (!first || at_ns < first_ns || job->id < first->id) {
			first = job;
			first_ns = at_ns;
		}
	}
	return first;
}

static void hit(struct model_job *job, uint64_t now_ns, struct model_order *o)
{
	o->job = job;
	next_blow_ns(job, &o->what);
	if (o->what == SCHED_SIGNAL) {
		o->signal = job->busy_signal;
		job->is_signalled = false;
	} else if (o->what == SCHED_STOP) {
		o->signal = job->stop_signal;
		if (job->stop == SCHED_GOES_ON)
			job->stop = SCHED_STOPS_TIMEOUT;
		job->is_stop_told = true;
		job->kill_ns = now_ns + job->stop_timeout_ns;
	} else {
		job->is_kill_told = true;
	}
}

bool model_next(struct model *m, uint64_t now_ns, struct model_order *o)
{
	struct model_job *job = next_to_hit(m, now_ns);
	*o = (struct model_order){0};
	if (job) {
		hit(job, now_ns, o);
		return true;
	}
	job = next_to_start(m, now_ns);
	if (!job)
		return false;
	o->job = job;
	o->what = hold(m, job, now_ns) ? SCHED_HELD : SCHED_START;
	if (o->what == SCHED_HELD)
		o->until_ns = model_held_until_ns(m, job);
	else
		start(m, job, now_ns);
	return true;
}

uint64_t model_due_ns(const struct model *m)
{
	uint64_t due_ns = SCHED_FOREVER;
	for (size_t i = 0; i < m->job_count; i++) {
		enum sched_what what;
		due_ns = lesser(due_ns, next_blow_ns(m->jobs[i], &what));
		due_ns = lesser(due_ns, may_start_ns(m, m->jobs[i]));
	}
	return due_ns;
}

/* ---- Runs end */

/* The events of a job that is over go in front of those of another. */
static struct model_verdict followed(
	const struct model *m, struct model_job *job, struct model_job *follower)
{
	model_join(m, follower, job, follower);
	follower->order = lesser(follower->order, job->order);
	follower->queued_ns = lesser(follower->queued_ns, job->queued_ns);
	return (struct model_verdict){.end = SCHED_FOLLOWED, .follower = follower};
}

/* A job waits again. */
static struct model_verdict wait_again(struct model *m, struct model_job *job)
{
	job->is_running = false;
	job->started_ns = 0;
	job->stop = SCHED_GOES_ON;
	list_put_last(m, job);
	return (struct model_verdict){.end = SCHED_RETRY};
}

static struct model_verdict retry(struct model *m, struct model_job *job, uint64_t now_ns)
{
	uint64_t delay_ns = config_of(m, job->lane)->retry_delay_ns;
	uint64_t most_ns = greater(delay_ns, RETRY_MAX_NS);
	for (uint32_t i = 1; i < job->failures && delay_ns < most_ns; i++)
		delay_ns *= 2;
	delay_ns = lesser(delay_ns, most_ns);
	struct model_verdict v = wait_again(m, job);
	v.least_due_ns = now_ns + delay_ns / 4 * 3;
	v.most_due_ns = now_ns + delay_ns / 4 * 5 + 5;
	return v;
}

/* The job that a run's events can go to, or NULL. */
static struct model_job *follower_of(const struct model *m, const struct model_job *job)
{
	if (job->lane == SCHED_NO_LANE || is_per_event(m, job->lane))
		return NULL;
	return model_waiting_for(m, job->lane, job->key);
}

struct model_verdict model_ended(
	struct model *m, struct model_job *job, bool is_ok, uint64_t now_ns)
{
	model_take(m, job);
	struct model_job *follower = follower_of(m, job);
	if (job->stop == SCHED_STOPS_RESTART) {
		if (!follower)
			return (struct model_verdict){.end = SCHED_INTERRUPTED};
		return followed(m, job, follower);
	}
	if (job->stop == SCHED_GOES_ON && is_ok)
		return (struct model_verdict){.end = SCHED_DONE};
	uint32_t before = job->failures++;
	if (job->lane == SCHED_NO_LANE || before >= config_of(m, job->lane)->retry)
		return (struct model_verdict){.end = SCHED_FAILED};
	return follower ? followed(m, job, follower) : retry(m, job, now_ns);
}

struct model_verdict model_lost(struct model *m, struct model_job *job, uint64_t now_ns)
{
	model_take(m, job);
	struct model_job *follower = follower_of(m, job);
	if (follower)
		return followed(m, job, follower);
	struct model_verdict v = wait_again(m, job);
	v.least_due_ns = v.most_due_ns = now_ns;
	return v;
}
