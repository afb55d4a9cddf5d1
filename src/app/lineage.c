/* SPDX-License-Identifier: MIT */
#include "app/lineage.h"

#include "base/grow.h"
#include "os/proc.h"

#include <stdlib.h>
#include <unistd.h>

/* One process, held by a descriptor while it is made sure that it is still the one meant. */
struct held {
	pid_t pid;
	int fd; /* -1: gone, or no descriptor to be had */
	bool is_sure;
};

struct lineage {
	struct held *items;
	size_t count;
	size_t next; /* where the next one is likely to be found again */
	size_t alive;
};

/* As far as memory and descriptors reach: what is left out is reached the next time. */
static void hold(void *ctx, pid_t pid)
{
	struct lineage *l = ctx;
	l->alive++;
	if (grow(l->items, l->count) < 0)
		return;
	l->items[l->count++] = (struct held){.pid = pid, .fd = proc_hold(pid)};
}

/* It was still there after its descriptor was opened, so that is what the descriptor means. */
static void confirm(void *ctx, pid_t pid)
{
	struct lineage *l = ctx;
	for (size_t i = 0; i < l->count; i++) {
		struct held *h = &l->items[(l->next + i) % l->count];
		if (h->pid != pid)
			continue;
		h->is_sure = true;
		l->next += i + 1;
		return;
	}
}

size_t lineage_signal(
	struct witness *w, struct proctable *processes, uint64_t tag, int signal)
{
	struct lineage l = {0};
	witness_drain(w, processes);
	proctable_tagged(processes, tag, hold, &l);
	if (signal) {
		witness_drain(w, processes);
		proctable_tagged(processes, tag, confirm, &l);
	}
	for (size_t i = 0; i < l.count; i++) {
		if (l.items[i].is_sure && l.items[i].fd >= 0)
			proc_signal(l.items[i].fd, signal);
		if (l.items[i].fd >= 0)
			close(l.items[i].fd);
	}
	free(l.items);
	return l.alive;
}
