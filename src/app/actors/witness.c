/* SPDX-License-Identifier: MIT */
#include "app/actors/witness.h"

#include "app/actors/procsnap.h"
#include "app/actors/userwatch.h"
#include "base/countof.h"
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

#define PRIORITY 10
#define QUEUE_MAX 262144
#define WAKE_COUNT 1024

/* A record on its way to the table. */
struct item {
	struct procrec rec;
	struct proc_snapshot *snap; /* what /proc said, or NULL; owned */
};

struct queue {
	struct item *items;
	size_t count;
};

/* What the thread has for the loop. */
struct gathered {
	struct queue queue;
	bool has_failed; /* the connector's socket is of no use any more */
	bool has_dropped; /* something did not fit */
	bool lost_tasks; /* taskstats records were lost */
};

struct witness {
	struct actors_fds fds; /* as given; a socket that failed is -1 */
	int wake_fd;
	int stop_fd; /* wake-up: the thread has to end */
	bool has_thread;
	pthread_t thread;
	_Atomic uint64_t empty_ns;
	struct userwatch *users; /* NULL: none */

	pthread_mutex_t lock; /* guards all that follows */
	struct gathered gathered; /* since the last drain; but a failure stays */
	struct queue tasks; /* taskstats records that wait for the connector's */
	bool is_woken; /* wake_fd was written since the last drain */
	bool has_missed_process; /* a process was gone before /proc could be read */
	struct actors_counters counters;
	char datagram[NETLINK_BUF_SIZE] __attribute__((aligned(8)));
	struct procsnap_buf text;
};

static void wake_loop(struct witness *w)
{
	if (w->wake_fd >= 0 && !w->is_woken)
		thread_wake(w->wake_fd);
	w->is_woken = true;
}

static void free_snapshot(struct proc_snapshot *snap)
{
	if (snap)
		program_fini(&snap->program);
	free(snap);
}

/* Append a record; the snapshot is taken over. What does not fit is counted. */
static void push(struct witness *w, struct queue *q, const struct procrec *rec,
	struct proc_snapshot *snap)
{
	if (q->count == QUEUE_MAX || grow(q->items, q->count) < 0) {
		w->counters.queue_dropped++;
		w->gathered.has_dropped = true;
		free_snapshot(snap);
		return;
	}
	q->items[q->count++] = (struct item){.rec = *rec, .snap = snap};
}

static void clear(struct queue *q)
{
	for (size_t i = 0; i < q->count; i++)
		free_snapshot(q->items[i].snap);
	free(q->items);
	*q = (struct queue){0};
}

/* What of /proc a record makes worth reading. */
static unsigned parts_of(const struct procrec *rec)
{
	if (rec->pid != rec->tgid)
		return 0;
	if (rec->kind == PROCREC_EXEC)
		return PROCSNAP_EXEC;
	if (rec->kind == PROCREC_FORK && rec->fork.parent_pid != rec->fork.parent_tgid)
		return PROCSNAP_COMM;
	return 0;
}

static void add_record(struct witness *w, const struct procrec *rec)
{
	w->counters.records++;
	struct proc_snapshot *snap = NULL;
	unsigned parts = parts_of(rec);
	if (parts && (snap = malloc(sizeof(*snap)))) {
		procsnap_read(rec->pid, parts, &w->text, snap);
		if (!snap->program.comm[0])
			w->has_missed_process = true;
	}
	push(w, &w->gathered.queue, rec, snap);
}

static void decode(struct witness *w, size_t len)
{
	struct procrec_walk it;
	struct procrec rec;
	procrec_init(&it, w->datagram, len);
	while (procrec_next_event(&it, &rec)) {
		if (rec.kind != PROCREC_ACK)
			add_record(w, &rec);
	}
	w->counters.malformed += it.bad;
}

static void decode_tasks(struct witness *w, size_t len)
{
	struct procrec_walk it;
	struct procrec rec;
	procrec_init(&it, w->datagram, len);
	while (procrec_next_task(&it, &rec)) {
		rec.time_ns = clock_monotonic_ns();
		w->counters.records++;
		push(w, &w->tasks, &rec, NULL);
	}
	w->counters.malformed += it.bad;
}

/* The drops that the socket counted, and at least one more than before. */
static uint64_t count_lost(int fd, uint64_t before)
{
	uint64_t drops = netlink_drops(fd);
	return drops > before ? drops : before + 1;
}

/* Note that records are missing from here on. */
static void lose_records(struct witness *w)
{
	struct procrec rec = {.kind = PROCREC_LOST, .time_ns = clock_monotonic_ns()};
	w->counters.lost = count_lost(w->fds.connector, w->counters.lost);
	push(w, &w->gathered.queue, &rec, NULL);
}

static void lose_tasks(struct witness *w)
{
	w->gathered.lost_tasks = true;
	w->counters.taskstats_lost =
		count_lost(w->fds.taskstats, w->counters.taskstats_lost);
}

/* How the datagrams of a socket are handled. */
struct handling {
	void (*decode)(struct witness *w, size_t len);
	void (*lose)(struct witness *w);
	const char *failure;
};

/* Receive all that is waiting in a socket. One that fails becomes -1, and it is said. */
static void receive(struct witness *w, int *fd, const struct handling *handling)
{
	while (*fd >= 0) {
		ssize_t n = netlink_receive(
			*fd, w->datagram, sizeof(w->datagram), &w->counters.spoofed);
		if (n > 0) {
			handling->decode(w, (size_t)n);
		} else if (n == 0 || errno == EMSGSIZE) {
			w->counters.malformed++;
		} else if (errno == ENOBUFS) {
			handling->lose(w);
		} else if (errno == EAGAIN) {
			return;
		} else {
			*fd = -1;
			w->counters.reason = handling->failure;
			wake_loop(w);
		}
	}
}

/*
 * Receive all that is there. Taskstats records are received first and queued last,
 * because the connector has then reported the fork of every process whose end they tell.
 */
static void gather(struct witness *w)
{
	static const struct handling
		tasks = {decode_tasks, lose_tasks, "the socket of taskstats failed"},
		connector = {decode, lose_records,
			"the socket of the process connector failed"};
	w->has_missed_process = false;
	receive(w, &w->fds.taskstats, &tasks);
	receive(w, &w->fds.connector, &connector);
	w->counters.has_taskstats = w->fds.taskstats >= 0;
	w->gathered.has_failed = w->counters.is_degraded = w->fds.connector < 0;
	for (size_t i = 0; i < w->tasks.count; i++)
		push(w, &w->gathered.queue, &w->tasks.items[i].rec, NULL);
	w->tasks.count = 0;
	if (w->gathered.queue.count > WAKE_COUNT)
		wake_loop(w);
}

/* One turn of the thread. Returns false when it has to end. */
static bool turn(struct witness *w)
{
	pthread_mutex_lock(&w->lock);
	gather(w);
	bool goes_on = !w->gathered.has_failed;
	pthread_mutex_unlock(&w->lock);

	uint64_t now = clock_monotonic_ns();
	if (w->fds.fanotify >= 0 && fanotify_is_empty(w->fds.fanotify))
		atomic_store(&w->empty_ns, now);
	return goes_on;
}

static void *watch(void *arg)
{
	struct witness *w = arg;
	bool is_realtime = thread_be_urgent(PRIORITY);
	pthread_mutex_lock(&w->lock);
	w->counters.is_realtime = is_realtime;
	pthread_mutex_unlock(&w->lock);

	do {
		pthread_mutex_lock(&w->lock);
		const int fds[] = {w->stop_fd, w->fds.connector, w->fds.taskstats};
		pthread_mutex_unlock(&w->lock);
		if (thread_wait(fds, countof(fds)) <= 0)
			break;
	} while (turn(w));
	return NULL;
}

/* A lock whose holder is lifted to the priority of whoever waits for it. */
static int init_lock(pthread_mutex_t *lock)
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

struct witness *witness_new(const struct actors_fds *fds, int wake_fd,
	const char *why_degraded, struct actors_reading *reading)
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

	int rc = init_lock(&w->lock);
	if (rc != 0) {
		free(w);
		errno = rc;
		return NULL;
	}
	/* Without it it is less often known as whom a process did something that changes users
	 * all the time: no more. */
	if (fds->connector >= 0 && fds->fanotify >= 0)
		w->users = userwatch_new(fds->fanotify, reading);
	w->stop_fd = thread_wakeup_open();
	if (w->stop_fd >= 0 && fds->connector >= 0)
		w->has_thread = thread_start(&w->thread, watch, w) == 0;
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
	userwatch_free(w->users);
	fd_close(w->stop_fd);
	clear(&w->gathered.queue);
	clear(&w->tasks);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct gathered take(struct witness *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->fds.connector >= 0) {
		gather(w);
		/* What was gone before /proc was read is in a taskstats record by now. */
		if (w->has_missed_process)
			gather(w);
	}
	struct gathered taken = w->gathered;
	w->gathered = (struct gathered){.has_failed = taken.has_failed};
	w->is_woken = false;
	pthread_mutex_unlock(&w->lock);
	return taken;
}

static int rescan(struct witness *w, struct proctable *t, uint64_t since_ns)
{
	pthread_mutex_lock(&w->lock);
	w->counters.rescans++;
	pthread_mutex_unlock(&w->lock);
	return procsnap_scan(t, since_ns);
}

static int drain(void *ctx, struct proctable *t)
{
	struct witness *w = ctx;
	struct gathered taken = take(w);
	int rc = 0;
	uint64_t lost_ns = 0;
	if (taken.lost_tasks)
		proctable_lost_tasks(t);
	for (size_t i = 0; i < taken.queue.count; i++) {
		struct item *item = &taken.queue.items[i];
		if (item->rec.kind == PROCREC_LOST)
			lost_ns = item->rec.time_ns;
		if (w->users && item->rec.kind == PROCREC_UID)
			userwatch_count(w->users, &item->rec);
		if (proctable_apply(t, &item->rec, item->snap) < 0)
			rc = -1;
	}
	clear(&taken.queue);
	if (taken.has_dropped || taken.has_failed || rc < 0) {
		lost_ns = clock_monotonic_ns();
		proctable_lost(t, lost_ns);
	}
	if (lost_ns && !taken.has_failed && rescan(w, t, lost_ns) < 0)
		rc = -1;
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}

int witness_scan(struct witness *w, struct proctable *t)
{
	/* Without a connector nobody would tell what becomes of the processes, so the
	 * table stays empty. */
	return w->fds.connector < 0 ? 0 : procsnap_scan(t, w->fds.since_ns);
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
	return procsnap_actor(pid, out);
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
