/* SPDX-License-Identifier: MIT */
#include "app/actors/lineage.h"

#include "base/grow.h"
#include "os/fd.h"
#include "os/proc.h"

#include <stdbool.h>
#include <stdlib.h>

/* One process, held by a descriptor while it is made sure that it is still the one meant. */
struct lineage_process {
	pid_t pid;
	int fd; /* -1: gone, or no descriptor to be had */
	bool is_sure;
};

void lineage_hold(void *lineage, pid_t pid)
{
	struct lineage *l = lineage;
	l->alive++;
	if (grow(l->items, l->count) < 0)
		return;
	l->items[l->count++] = (struct lineage_process){.pid = pid, .fd = proc_hold(pid)};
}

void lineage_confirm(void *lineage, pid_t pid)
{
	struct lineage *l = lineage;
	for (size_t i = 0; i < l->count; i++) {
		struct lineage_process *h = &l->items[(l->next + i) % l->count];
		if (h->pid != pid)
			continue;
		h->is_sure = true;
		l->next += i + 1;
		return;
	}
}

size_t lineage_signal(struct lineage *l, int signal)
{
	size_t alive = l->alive;
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].is_sure && l->items[i].fd >= 0)
			proc_signal(l->items[i].fd, signal);
		fd_close(l->items[i].fd);
	}
	free(l->items);
	*l = (struct lineage){0};
	return alive;
}
