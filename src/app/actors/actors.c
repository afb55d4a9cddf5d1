/* SPDX-License-Identifier: MIT */
#include "app/actors/actors.h"

#include "app/actors/witness.h"
#include "base/grow.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PROCESSES_MAX 262144
/* So often it is looked whether somebody is still counting: that takes a few microseconds. */
#define COUNTING_MAX 10000

struct actors {
	struct proctable *processes;
	const struct actors_source *source;
	void *ctx; /* of the source */
	struct actors_reading reading;
};

struct actors *actors_new_from(const struct actors_source *source, void *ctx)
{
	struct actors *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	*a = (struct actors){
		.processes = proctable_new(PROCESSES_MAX),
		.source = source,
		.ctx = ctx,
		.reading = {.phase = 1, .reader = thread_id()},
	};
	if (a->processes)
		return a;
	free(a);
	errno = ENOMEM;
	return NULL;
}

struct actors *actors_new(
	const struct actors_fds *fds, int wake_fd, const char *why_degraded)
{
	struct actors *a = actors_new_from(&witness_source, NULL);
	struct witness *w =
		a ? witness_new(fds, wake_fd, why_degraded, &a->reading) : NULL;
	if (w && witness_scan(w, a->processes) == 0) {
		a->ctx = w;
		return a;
	}
	int saved = errno;
	witness_free(w);
	if (a)
		actors_free(a);
	errno = saved;
	return NULL;
}

void actors_free(struct actors *a)
{
	if (!a)
		return;
	a->source->free(a->ctx);
	proctable_free(a->processes);
	free(a);
}

int actors_drain(struct actors *a)
{
	return a->source->drain(a->ctx, a->processes);
}

uint64_t actors_empty_ns(const struct actors *a)
{
	return a->source->empty_ns(a->ctx);
}

void actors_begin_read(struct actors *a)
{
	for (unsigned i = 0; i < COUNTING_MAX && atomic_load(&a->reading.counting); i++)
		;
	atomic_fetch_or(&a->reading.phase, 1);
}

void actors_end_read(struct actors *a, uint64_t taken)
{
	atomic_store(&a->reading.taken, taken);
	atomic_fetch_add(&a->reading.phase, 1);
	if (atomic_load(&a->reading.is_lifted)) {
		atomic_store(&a->reading.is_lifted, false);
		thread_be_ordinary();
	}
}

void actors_passed(struct actors *a, uint64_t ordinal)
{
	proctable_passed(a->processes, ordinal);
}

void actors_note_opens(
	struct actors *a, pid_t pid, const struct proctable_window *w, uint32_t opens)
{
	proctable_note_opens(a->processes, pid, w, opens);
}

void actors_forget_past(struct actors *a, uint64_t empty_ns)
{
	proctable_forget_past(a->processes, empty_ns);
}

/* Ask /proc, which knows the process as long as its pidfd says that it is there. */
static int look_up(struct actors *a, pid_t pid, int pidfd, struct actor *out)
{
	struct actor seen;
	if (a->source->look_up(a->ctx, pid, &seen) < 0)
		return -1;
	if (!proc_is_there(pidfd)) {
		actor_fini(&seen);
		return 0;
	}
	actor_fini(out);
	*out = seen;
	return 0;
}

int actors_who(struct actors *a, pid_t pid, int pidfd, const struct proctable_window *w,
	struct actor *out)
{
	if (proctable_who(a->processes, pid, w, out) < 0)
		return -1;
	if (pidfd < 0 || out->attribution != ACTOR_UNKNOWN)
		return 0;
	return look_up(a, pid, pidfd, out);
}

void actors_tag(struct actors *a, pid_t pid, uint64_t tag, uint32_t depth)
{
	assert(tag);
	actors_drain(a);
	proctable_tag(a->processes, pid, tag, depth);
}

uint64_t actors_tag_of(struct actors *a, pid_t pid)
{
	actors_drain(a);
	return proctable_tag_of(a->processes, pid);
}

/* ---- Signals by tag ---- */

/* One process, held by a pidfd until it is certain whose that is. */
struct held {
	pid_t pid;
	int fd; /* -1: gone, or no descriptor to be had */
	bool is_sure;
};

/* The processes that descend from a hook. */
struct lineage {
	struct held *items;
	size_t count;
	size_t next; /* where the next one is likely to be found again */
	size_t alive; /* also those that memory did not reach */
};

static void hold(void *lineage, pid_t pid)
{
	struct lineage *l = lineage;
	l->alive++;
	if (grow(l->items, l->count) == 0)
		l->items[l->count++] =
			(struct held){.pid = pid, .fd = proc_open_pidfd(pid)};
}

/* A process that the table still has after more records were received was alive when its
 * pidfd was opened, so the pidfd is of that process. */
static void confirm(void *lineage, pid_t pid)
{
	struct lineage *l = lineage;
	for (size_t i = 0; i < l->count; i++) {
		struct held *h = &l->items[(l->next + i) % l->count];
		if (h->pid != pid)
			continue;
		h->is_sure = true;
		l->next += i + 1;
		return;
	}
}

size_t actors_signal(struct actors *a, uint64_t tag, int signal)
{
	struct lineage l = {0};
	assert(tag);
	actors_drain(a);
	proctable_tagged(a->processes, tag, hold, &l);
	if (signal) {
		actors_drain(a);
		proctable_tagged(a->processes, tag, confirm, &l);
	}
	for (size_t i = 0; i < l.count; i++) {
		if (l.items[i].is_sure && l.items[i].fd >= 0)
			proc_signal(l.items[i].fd, signal);
		fd_close(l.items[i].fd);
	}
	free(l.items);
	return l.alive;
}

void actors_counters(const struct actors *a, struct actors_counters *out)
{
	a->source->counters(a->ctx, out);
}
