/* SPDX-License-Identifier: MIT */
#include "app/actors/userwatch.h"

#include "os/clock.h"
#include "os/connector.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/netlink.h"
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Above the witness, which a change of users wakes at the same time. */
#define PRIORITY 11
#define PRIORITY_LIFTED 9 /* below the witness */
#define PROCESSORS_MAX 128
#define NOTES_MAX 1024
/*
 * A process that was preempted by the thread of its processor waits there: no other processor
 * takes over a process that ran a moment ago (sched_migration_cost_ns: 500 µs). What was counted
 * later than this after the change may be too late.
 */
#define PROMPT_NS UINT64_C(300000)
/* So long one thread waits for another to come to the end of a read, or of its count. */
#define PATIENCE_NS UINT64_C(200000)
/* Longer than most reads take. */
#define LIFT_NS UINT64_C(15000)
/*
 * Counting takes time by the length of the queue, and holds up all that puts something into it.
 * Where it was long, or the reader did not let one count, so many times as long as that took it is
 * not done again: nobody can use up a processor by changing users.
 */
#define LONG_QUEUE 1024
#define LONG_NS UINT64_C(50000)
#define REST_TIMES 20

/* What was counted at one change. */
struct note {
	uint64_t time_ns; /* that the record has */
	pid_t pid;
	enum procrec_counted counted;
	uint64_t queued;
};

/* One processor. */
struct counter {
	struct userwatch *watch;
	unsigned processor;
	int fd; /* of connector_open_users */
	bool has_thread;
	pthread_t thread;
	uint64_t rest_until_ns;
	/* The latest change that was dealt with, UINT64_MAX: all; and what that was when it was
	 * waited for in vain. */
	_Atomic uint64_t noted_ns;
	uint64_t stuck_ns;
	/* A ring: the thread puts notes in at `put`, and userwatch_count takes them at `taken`. */
	_Atomic size_t put, taken;
	struct note notes[NOTES_MAX];
	char datagram[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
};

struct userwatch {
	int fanotify;
	struct actors_reading *reading;
	int stop_fd; /* wake-up: the threads have to end */
	unsigned count;
	struct counter *counters[]; /* by processor */
};

/* ---- Counting, in the threads ---- */

/* Count no more for a while, as this has taken so long. */
static void rest(struct counter *c, uint64_t begin_ns)
{
	uint64_t now_ns = clock_monotonic_ns();
	c->rest_until_ns = now_ns + REST_TIMES * (now_ns - begin_ns);
}

/* How many records are in the queue. */
static ssize_t depth_of(struct counter *c, uint64_t begin_ns)
{
	ssize_t depth = fanotify_depth(c->watch->fanotify);
	if (depth > LONG_QUEUE && clock_monotonic_ns() - begin_ns > LONG_NS)
		rest(c, begin_ns);
	return depth;
}

/*
 * How many records have been queued until now, those included that were read. Somebody who is
 * reading, and may have been preempted by another process, is lifted above that after a while.
 * Returns false if he is not done even so.
 */
static bool count_queued(struct counter *c, uint64_t begin_ns, uint64_t *queued)
{
	struct actors_reading *r = c->watch->reading;
	bool was_lifted = false;
	for (uint64_t now_ns = begin_ns; now_ns < begin_ns + PATIENCE_NS;
		now_ns = clock_monotonic_ns()) {
		uint64_t phase = atomic_load(&r->phase);
		if (phase & 1) {
			if (!was_lifted && now_ns > begin_ns + LIFT_NS) {
				was_lifted = thread_lift(r->reader, PRIORITY_LIFTED);
				atomic_store(&r->is_lifted, true);
			}
			continue;
		}
		uint64_t taken = atomic_load(&r->taken);
		ssize_t depth = depth_of(c, now_ns);
		*queued = taken + (uint64_t)depth;
		if (depth < 0 || atomic_load(&r->phase) == phase)
			return depth >= 0;
	}
	return false;
}

/* Fill in what is to be known of a change that was just reported. */
static void count(struct counter *c, struct note *note)
{
	uint64_t begin_ns = clock_monotonic_ns();
	if (begin_ns < c->rest_until_ns)
		return;
	atomic_fetch_add(&c->watch->reading->counting, 1);
	bool is_counted = count_queued(c, begin_ns, &note->queued);
	atomic_fetch_sub(&c->watch->reading->counting, 1);
	if (!is_counted) {
		rest(c, begin_ns);
		return;
	}
	bool is_prompt = clock_monotonic_ns() - note->time_ns < PROMPT_NS &&
			 thread_is_ordinary(note->pid);
	note->counted = is_prompt ? PROCREC_COUNTED : PROCREC_COUNTED_LATE;
}

static void note_change(struct counter *c, const struct procrec *rec)
{
	struct note note = {.time_ns = rec->time_ns, .pid = rec->pid};
	if (rec->cpu == c->processor)
		count(c, &note);
	size_t put = atomic_load(&c->put);
	if (put - atomic_load(&c->taken) < NOTES_MAX) {
		c->notes[put % NOTES_MAX] = note;
		atomic_store(&c->put, put + 1);
	}
	atomic_store(&c->noted_ns, rec->time_ns);
}

static void receive(struct counter *c)
{
	uint64_t spoofed = 0;
	ssize_t n = netlink_receive(c->fd, c->datagram, sizeof(c->datagram), &spoofed);
	struct procrec_walk it;
	struct procrec rec;
	if (n <= 0)
		return;
	procrec_init(&it, c->datagram, (size_t)n);
	while (procrec_next_event(&it, &rec)) {
		if (rec.kind == PROCREC_UID && rec.pid == rec.tgid)
			note_change(c, &rec);
	}
}

static void *watch(void *arg)
{
	struct counter *c = arg;
	const int fds[] = {c->watch->stop_fd, c->fd};
	if (thread_pin(c->processor) && thread_be_urgent(PRIORITY)) {
		while (thread_wait(fds, 2) == 1)
			receive(c);
	}
	/* Nobody would receive what comes. */
	fd_close(c->fd);
	c->fd = -1;
	atomic_store(&c->noted_ns, UINT64_MAX);
	return NULL;
}

/* ---- Taking what was counted ---- */

/* Wait a moment until the change of that time was dealt with; but once only where the thread does
 * not get on. */
static void await(struct counter *c, uint64_t time_ns)
{
	uint64_t noted_ns = atomic_load(&c->noted_ns);
	if (noted_ns >= time_ns || noted_ns == c->stuck_ns)
		return;
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	do {
		noted_ns = atomic_load(&c->noted_ns);
		if (noted_ns >= time_ns)
			return;
	} while (clock_monotonic_ns() < until_ns);
	c->stuck_ns = noted_ns;
}

void userwatch_count(struct userwatch *w, struct procrec *rec)
{
	if (rec->cpu >= w->count || rec->pid != rec->tgid)
		return;
	struct counter *c = w->counters[rec->cpu];
	await(c, rec->time_ns);
	size_t put = atomic_load(&c->put), taken = atomic_load(&c->taken);
	for (; taken != put && c->notes[taken % NOTES_MAX].time_ns <= rec->time_ns;
		taken++) {
		const struct note *note = &c->notes[taken % NOTES_MAX];
		if (note->time_ns != rec->time_ns || note->pid != rec->pid)
			continue;
		rec->uid.counted = note->counted;
		rec->uid.queued = note->queued;
	}
	atomic_store(&c->taken, taken);
}

/* ---- Life ---- */

static struct counter *counter_new(struct userwatch *w, unsigned processor)
{
	struct counter *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->watch = w;
	c->processor = processor;
	c->stuck_ns = UINT64_MAX;
	c->fd = connector_open_users(processor);
	c->has_thread = c->fd >= 0 && thread_start(&c->thread, watch, c) == 0;
	if (c->has_thread)
		return c;
	int saved = errno;
	fd_close(c->fd);
	free(c);
	errno = saved;
	return NULL;
}

struct userwatch *userwatch_new(int fanotify, struct actors_reading *reading)
{
	unsigned processors = thread_processors();
	if (processors > PROCESSORS_MAX) {
		errno = ENOTSUP;
		return NULL;
	}
	struct userwatch *w = calloc(1, sizeof(*w) + processors * sizeof(w->counters[0]));
	if (!w)
		return NULL;
	w->fanotify = fanotify;
	w->reading = reading;
	w->stop_fd = thread_wakeup_open();
	bool failed = w->stop_fd < 0;
	while (!failed && w->count < processors) {
		struct counter *c = counter_new(w, w->count);
		failed = !c;
		if (c)
			w->counters[w->count++] = c;
	}
	if (!failed)
		return w;
	int saved = errno;
	userwatch_free(w);
	errno = saved;
	return NULL;
}

void userwatch_free(struct userwatch *w)
{
	if (!w)
		return;
	if (w->stop_fd >= 0)
		thread_wake(w->stop_fd);
	for (unsigned i = 0; i < w->count; i++) {
		pthread_join(w->counters[i]->thread, NULL);
		fd_close(w->counters[i]->fd);
		free(w->counters[i]);
	}
	fd_close(w->stop_fd);
	free(w);
}
