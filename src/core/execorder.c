/* SPDX-License-Identifier: MIT */
#include "core/execorder.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* How far one of the two readings has come with a process. */
struct progress {
	uint32_t opens, groups;
	bool was_open; /* its last record was an OPEN_EXEC */
};

/* One process that has opened something to execute it. */
struct process {
	UT_hash_handle hh;
	pid_t pid;
	struct progress scanned, passed;
};

struct execorder {
	struct process *by_pid;
};

struct execorder *execorder_new(void)
{
	return calloc(1, sizeof(struct execorder));
}

void execorder_reset(struct execorder *o,
	void (*carry)(void *ctx, pid_t pid, uint32_t opens), void *ctx)
{
	struct process *p, *next;
	HASH_ITER(hh, o->by_pid, p, next)
	{
		if (carry)
			carry(ctx, p->pid, p->scanned.opens);
		HASH_DEL(o->by_pid, p);
		free(p);
	}
}

void execorder_free(struct execorder *o)
{
	if (!o)
		return;
	execorder_reset(o, NULL, NULL);
	free(o);
}

static struct process *find(const struct execorder *o, pid_t pid)
{
	struct process *p;
	HASH_FIND_INT(o->by_pid, &pid, p);
	return p;
}

static void step(struct progress *p, bool is_open_exec)
{
	if (is_open_exec) {
		p->opens++;
		p->groups += !p->was_open;
	}
	p->was_open = is_open_exec;
}

int execorder_scan(struct execorder *o, pid_t pid, bool is_open_exec)
{
	struct process *p = find(o, pid);
	if (!p && !is_open_exec)
		return 0;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -1;
		p->pid = pid;
		HASH_ADD_INT(o->by_pid, pid, p);
		if (!p->hh.tbl) {
			free(p);
			errno = ENOMEM;
			return -1;
		}
	}
	step(&p->scanned, is_open_exec);
	return 0;
}

struct execorder_place execorder_pass(struct execorder *o, pid_t pid, bool is_open_exec)
{
	struct process *p = find(o, pid);
	if (!p)
		return (struct execorder_place){0};
	struct execorder_place place = {
		.opens_before = p->passed.opens,
		.opens_after = p->scanned.opens - p->passed.opens,
		.groups_before = p->passed.groups,
		.groups_after = p->scanned.groups - p->passed.groups,
	};
	step(&p->passed, is_open_exec);
	return place;
}
