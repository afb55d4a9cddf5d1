/* SPDX-License-Identifier: MIT */
#include "app/actors/witness.h"

#include "app/actors/procsnap.h"
#include "base/grow.h"
#include "core/proc/procrec.h"
#include "os/clock.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/netlink.h"
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WITNESS_PRIORITY 10
#define WITNESS_QUEUE_MAX 262144
#define WITNESS_WAKE_COUNT 1024

/* A record on its way to the table. */
struct witness_item {
	struct proc_record rec;
	struct proc_snapshot *snap; /* what /proc said, or NULL; owned */
};

struct witness_queue {
	struct witness_item *items;
	size_t count;
};

struct witness {
	struct actors_fds fds; /* as given; a socket that failed is -1 */
	int wake_fd;
	int stop_fd; /* wake-up: the thread has to end */
	bool has_thread;
	pthread_t thread;
	_Atomic uint64_t empty_ns;

	pthread_mutex_t lock; /* guards all that follows */
	struct witness_queue queue;
	struct witness_queue tasks; /* taskstats records that wait for the connector's */
	bool is_woken; /* wake_fd was written since the last drain */
	bool has_failed; /* the connector's socket is of no use any more */
	bool has_dropped; /* since the last drain, something did not fit */
	bool lost_tasks; /* likewise, taskstats records were lost */
	bool was_too_late; /* a process was gone before /proc could be read */
	struct actors_counters counters;
	char datagram[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	struct procsnap_buf text;
};

static void witness_wake(struct witness *w)
{
	if (w->wake_fd >= 0 && !w->is_woken)
		thread_wake(w->wake_fd);
	w->is_woken = true;
}

/* Append a record; the snapshot is taken over. What does not fit is counted. */
static void witness_push(struct witness *w, struct witness_queue *q,
	const struct proc_record *rec, struct proc_snapshot *snap)
{
	if (q->count == WITNESS_QUEUE_MAX || grow(q->items, q->count) < 0) {
		w->counters.queue_dropped++;
		w->has_dropped = true;
		if (snap)
			program_fini(&snap->program);
		free(snap);
		return;
	}
	q->items[q->count++] = (struct witness_item){.rec = *rec, .snap = snap};
}

static void witness_clear(struct witness_queue *q)
{
	for (size_t i = 0; i < q->count; i++) {
		if (q->items[i].snap)
			program_fini(&q->items[i].snap->program);
		free(q->items[i].snap);
	}
	free(q->items);
	*q = (struct witness_queue){0};
}

/* Records are missing from here on. */
static void witness_push_lost(struct witness *w)
{
	struct proc_record rec = {.kind = PROCREC_LOST, .time_ns = clock_monotonic_ns()};
	witness_push(w, &w->queue, &rec, NULL);
}

/* What of /proc a record makes worth reading. */
static unsigned witness_parts(const struct proc_record *rec)
{
	if (rec->pid != rec->tgid)
		return 0;
	if (rec->kind == PROCREC_EXEC)
		return PROCSNAP_EXEC;
	if (rec->kind == PROCREC_FORK && rec->fork.parent_pid != rec->fork.parent_tgid)
		return PROCSNAP_COMM;
	return 0;
}

static void witness_record(struct witness *w, const struct proc_record *rec)
{
	w->counters.records++;
	struct proc_snapshot *snap = NULL;
	unsigned parts = witness_parts(rec);
	if (parts && (snap = malloc(sizeof(*snap)))) {
		procsnap_read(rec->pid, parts, &w->text, snap);
		if (!snap->program.comm[0])
			w->was_too_late = true;
	}
	witness_push(w, &w->queue, rec, snap);
}

static void witness_decode(struct witness *w, size_t len)
{
	struct procrec_walk it;
	struct proc_record rec;
	procrec_init(&it, w->datagram, len);
	while (procrec_next_event(&it, &rec)) {
		if (rec.kind != PROCREC_ACK)
			witness_record(w, &rec);
	}
	w->counters.malformed += it.bad;
}

static void witness_decode_tasks(struct witness *w, size_t len)
{
	struct procrec_walk it;
	struct proc_record rec;
	procrec_init(&it, w->datagram, len);
	while (procrec_next_task(&it, &rec)) {
		rec.time_ns = clock_monotonic_ns();
		w->counters.records++;
		witness_push(w, &w->tasks, &rec, NULL);
	}
	w->counters.malformed += it.bad;
}

/* The socket is of no use any more: go on without it, and say so. */
static void witness_fail(struct witness *w, int *fd, const char *reason)
{
	*fd = -1;
	w->counters.reason = reason;
	witness_wake(w);
}

/*
 * Receive one datagram of a socket. Returns its length; 0 to try again after something
 * was lost or did not make sense, with *lost true in the first case; -1 if there is
 * nothing more. A socket that fails becomes -1.
 */
static ssize_t witness_receive(struct witness *w, int *fd, bool *lost, const char *reason)
{
	*lost = false;
	if (*fd < 0)
		return -1;
	ssize_t n = netlink_receive(
		*fd, w->datagram, sizeof(w->datagram), &w->counters.spoofed);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n < 0 && errno == ENOBUFS) {
		*lost = true;
		return 0;
	}
	if (n == 0 || errno == EMSGSIZE) {
		w->counters.malformed++;
		return 0;
	}
	witness_fail(w, fd, reason);
	return -1;
}

/* The drops that the socket counted, and at least one more than before. */
static uint64_t witness_count_lost(int fd, uint64_t before)
{
	uint64_t drops = netlink_drops(fd);
	return drops > before ? drops : before + 1;
}

static void witness_receive_tasks(struct witness *w)
{
	bool lost;
	ssize_t n;
	while ((n = witness_receive(w, &w->fds.taskstats, &lost,
			"the socket of taskstats failed")) >= 0) {
		if (n > 0)
			witness_decode_tasks(w, (size_t)n);
		if (!lost)
			continue;
		w->lost_tasks = true;
		w->counters.taskstats_lost =
			witness_count_lost(w->fds.taskstats, w->counters.taskstats_lost);
	}
	w->counters.has_taskstats = w->fds.taskstats >= 0;
}

static void witness_receive_connector(struct witness *w)
{
	bool lost;
	ssize_t n;
	while ((n = witness_receive(w, &w->fds.connector, &lost,
			"the socket of the process connector failed")) >= 0) {
		if (n > 0)
			witness_decode(w, (size_t)n);
		if (!lost)
			continue;
		w->counters.lost = witness_count_lost(w->fds.connector, w->counters.lost);
		witness_push_lost(w);
	}
	w->has_failed = w->fds.connector < 0;
	w->counters.is_degraded = w->has_failed;
}

/*
 * Receive all that is there. Taskstats first and queued last: the connector has reported
 * the fork of every process whose end is told then.
 */
static void witness_gather(struct witness *w)
{
	w->was_too_late = false;
	witness_receive_tasks(w);
	witness_receive_connector(w);
	for (size_t i = 0; i < w->tasks.count; i++)
		witness_push(w, &w->queue, &w->tasks.items[i].rec, NULL);
	w->tasks.count = 0;
	if (w->queue.count > WITNESS_WAKE_COUNT)
		witness_wake(w);
}

/* One turn of the thread. Returns false when it has to end. */
static bool witness_turn(struct witness *w)
{
	pthread_mutex_lock(&w->lock);
	witness_gather(w);
	bool goes_on = !w->has_failed;
	pthread_mutex_unlock(&w->lock);

	uint64_t now = clock_monotonic_ns();
	if (w->fds.fanotify >= 0 && fanotify_is_empty(w->fds.fanotify))
		atomic_store(&w->empty_ns, now);
	return goes_on;
}

static void *witness_main(void *arg)
{
	struct witness *w = arg;
	bool is_realtime = thread_be_urgent(WITNESS_PRIORITY);
	pthread_mutex_lock(&w->lock);
	w->counters.is_realtime = is_realtime;
	pthread_mutex_unlock(&w->lock);

	do {
		pthread_mutex_lock(&w->lock);
		const int fds[] = {w->stop_fd, w->fds.connector, w->fds.taskstats};
		pthread_mutex_unlock(&w->lock);
		if (thread_wait(fds, sizeof(fds) / sizeof(*fds)) <= 0)
			break;
	} while (witness_turn(w));
	return NULL;
}

/* A lock whose holder is lifted to the priority of whoever waits for it. */
static int witness_init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int rc = pthread_mutexattr_init(&attr);
	if (rc != 0)
		return rc;
	rc = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (rc == 0)
		rc = pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return rc;
}

struct witness *witness_new(
	const struct actors_fds *fds, int wake_fd, const char *why_degraded)
{
	struct witness *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->fds = *fds;
	w->wake_fd = wake_fd;
	w->counters.is_degraded = fds->connector < 0;
	w->counters.has_taskstats = fds->taskstats >= 0;
	if (fds->connector < 0 || fds->taskstats < 0)
		w->counters.reason = why_degraded;

	int rc = witness_init_lock(&w->lock);
	if (rc != 0) {
		free(w);
		errno = rc;
		return NULL;
	}
	w->stop_fd = thread_wakeup_open();
	if (w->stop_fd >= 0 && fds->connector >= 0)
		w->has_thread = thread_start(&w->thread, witness_main, w) == 0;
	if (w->stop_fd < 0 || (fds->connector >= 0 && !w->has_thread)) {
		rc = errno;
		witness_free(w);
		errno = rc;
		return NULL;
	}
	return w;
}

void witness_free(struct witness *w)
{
	if (!w)
		return;
	if (w->has_thread) {
		thread_wake(w->stop_fd);
		pthread_join(w->thread, NULL);
	}
	fd_close(w->stop_fd);
	witness_clear(&w->queue);
	witness_clear(&w->tasks);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* What was gathered, taken away from the thread. */
struct witness_haul {
	struct witness_queue queue;
	bool has_dropped;
	bool has_failed;
	bool lost_tasks;
};

static void witness_take(struct witness *w, struct witness_haul *haul)
{
	pthread_mutex_lock(&w->lock);
	if (w->fds.connector >= 0) {
		witness_gather(w);
		/* Whoever was gone before /proc was read is in taskstats by now. */
		if (w->was_too_late)
			witness_gather(w);
	}
	*haul = (struct witness_haul){
		.queue = w->queue,
		.has_dropped = w->has_dropped,
		.has_failed = w->has_failed,
		.lost_tasks = w->lost_tasks,
	};
	w->queue = (struct witness_queue){0};
	w->has_dropped = false;
	w->lost_tasks = false;
	w->is_woken = false;
	pthread_mutex_unlock(&w->lock);
}

/* Scan /proc again. Returns 0, or -1 with errno. */
static int witness_rescan(struct witness *w, struct proctable *t, uint64_t since_ns)
{
	struct procsnap_buf *buf = malloc(sizeof(*buf));
	if (!buf)
		return -1;
	int rc = procsnap_scan(t, since_ns, buf);
	free(buf);
	pthread_mutex_lock(&w->lock);
	w->counters.rescans++;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static int drain(void *ctx, struct proctable *t)
{
	struct witness *w = ctx;
	struct witness_haul haul;
	witness_take(w, &haul);

	int rc = 0;
	uint64_t lost_ns = 0;
	if (haul.lost_tasks)
		proctable_lost_tasks(t);
	for (size_t i = 0; i < haul.queue.count; i++) {
		struct witness_item *item = &haul.queue.items[i];
		if (item->rec.kind == PROCREC_LOST)
			lost_ns = item->rec.time_ns;
		if (proctable_apply(t, &item->rec, item->snap) < 0)
			rc = -1;
	}
	witness_clear(&haul.queue);
	if (haul.has_dropped || haul.has_failed || rc < 0) {
		lost_ns = clock_monotonic_ns();
		proctable_lost(t, lost_ns);
	}
	if (lost_ns && !haul.has_failed && witness_rescan(w, t, lost_ns) < 0)
		rc = -1;
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}

int witness_scan(struct witness *w, struct proctable *t)
{
	/* Nobody would tell what becomes of the processes: the table is no witness then. */
	if (w->fds.connector < 0)
		return 0;
	struct procsnap_buf *buf = malloc(sizeof(*buf));
	if (!buf)
		return -1;
	int rc = procsnap_scan(t, w->fds.since_ns, buf);
	free(buf);
	return rc;
}

static uint64_t empty_ns(void *ctx)
{
	const struct witness *w = ctx;
	return atomic_load(&w->empty_ns);
}

static void counters(void *ctx, struct actors_counters *out)
{
	struct witness *w = ctx;
	pthread_mutex_lock(&w->lock);
	*out = w->counters;
	pthread_mutex_unlock(&w->lock);
}

static int look_up(void *ctx, pid_t pid, struct actor *out)
{
	(void)ctx;
	return witness_look(pid, out);
}

static void free_it(void *ctx)
{
	witness_free(ctx);
}

const struct actors_source witness_source = {
	.drain = drain,
	.empty_ns = empty_ns,
	.look_up = look_up,
	.counters = counters,
	.free = free_it,
};
