/* SPDX-License-Identifier: MIT */
#include "core/proc/execorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* How far one of the two readings has come with a process. */
struct progress {
	uint32_t opens, groups, linkers;
	bool was_open; /* its last record was an OPEN_EXEC */
};

/* One process that has opened something to execute it. */
struct execorder_process {
	UT_hash_handle hh;
	pid_t pid;
	struct progress scanned, passed;
};

void execorder_reset(struct execorder *o,
	void (*note)(void *ctx, pid_t pid, uint32_t opens), void *ctx)
{
	struct execorder_process *p, *next;
	HASH_ITER (hh, o->by_pid, p, next) {
		if (note)
			note(ctx, p->pid, p->scanned.opens);
		HASH_DEL(o->by_pid, p);
		free(p);
	}
}

static struct execorder_process *find(const struct execorder *o, pid_t pid)
{
	struct execorder_process *p;
	HASH_FIND_INT(o->by_pid, &pid, p);
	return p;
}

enum execorder_kind execorder_kind(bool is_open_exec, const char *name)
{
	if (!is_open_exec)
		return EXECORDER_OTHER;
	/* ld-linux-x86-64.so.2, ld-2.31.so, ld-musl-x86_64.so.1 */
	bool is_linker = name && strncmp(name, "ld-", 3) == 0 && strstr(name, ".so");
	return is_linker ? EXECORDER_LINKER : EXECORDER_OPEN;
}

static void step(struct progress *p, enum execorder_kind kind)
{
	if (kind == EXECORDER_LINKER) {
		p->linkers++;
		return;
	}
	if (kind == EXECORDER_OPEN) {
		p->opens++;
		p->groups += !p->was_open;
	}
	p->was_open = kind == EXECORDER_OPEN;
}

int execorder_scan(struct execorder *o, pid_t pid, enum execorder_kind kind)
{
	struct execorder_process *p = find(o, pid);
	if (!p && kind == EXECORDER_OTHER)
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
	step(&p->scanned, kind);
	return 0;
}

struct execorder_place execorder_pass(
	struct execorder *o, pid_t pid, enum execorder_kind kind)
{
	struct execorder_process *p = find(o, pid);
	if (!p)
		return (struct execorder_place){0};
	struct execorder_place place = {
		.opens_before = p->passed.opens,
		.opens_after = p->scanned.opens - p->passed.opens,
		.groups_before = p->passed.groups,
		.groups_after = p->scanned.groups - p->passed.groups,
		.opens_linker = p->scanned.linkers,
	};
	step(&p->passed, kind);
	return place;
}
