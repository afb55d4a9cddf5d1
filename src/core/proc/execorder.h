/* SPDX-License-Identifier: MIT */
/*
 * Where a process's records stand among its FAN_OPEN_EXEC records in the queue: this
 * tells whether it wrote before or after it became another program. Each record is seen
 * twice: scanned when it is read, and passed when it is resolved.
 */
#ifndef FSMON_CORE_PROC_EXECORDER_H
#define FSMON_CORE_PROC_EXECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All zero is one that has seen nothing. */
struct execorder {
	struct execorder_process *by_pid;
};

/* What a record is to the order. */
enum execorder_kind {
	EXECORDER_OTHER = 0,
	EXECORDER_OPEN = 1, /* FAN_OPEN_EXEC */
	EXECORDER_LINKER, /* FAN_OPEN_EXEC of the dynamic linker: comes with another */
};

/* The kind of a record, from its mask and the name of the entry that it is about (or
 * NULL). */
enum execorder_kind execorder_kind(bool is_open_exec, const char *name);

/* The records that open a file to execute it, before and after one record of the same
 * process. */
struct execorder_place {
	uint32_t opens_before, opens_after;
	uint32_t groups_before, groups_after; /* unbroken runs of such records */
	uint32_t opens_linker; /* of the dynamic linker, which the others leave out */
};

/*
 * Forget all, and free it: everything that was scanned has been passed, and the queue was
 * empty since, or it is the end. `note` (may be NULL) is called for each process with the
 * number of its records.
 */
void execorder_reset(struct execorder *o,
	void (*note)(void *ctx, pid_t pid, uint32_t opens), void *ctx);

/* Scan a record that was read. Returns 0, or -1 with ENOMEM (the places of its process
 * are then not to be trusted: they count too few). */
int execorder_scan(struct execorder *o, pid_t pid, enum execorder_kind kind);

/* Pass the same record, which is resolved now; in the same order. Returns its place. */
struct execorder_place execorder_pass(
	struct execorder *o, pid_t pid, enum execorder_kind kind);

#endif
