/* SPDX-License-Identifier: MIT */
/* Reads what /proc says about a process into a snapshot. */
#ifndef FSMON_APP_ACTORS_PROCSNAP_H
#define FSMON_APP_ACTORS_PROCSNAP_H

#include "core/proc/actor.h"
#include "core/proc/proctable.h"
#include "core/proc/proctext.h"

#include <sys/types.h>

/* Command lines are kept up to this length. */
#define PROCSNAP_CMDLINE_MAX (32 * 1024)

enum procsnap_parts {
	PROCSNAP_COMM = 1 << 0,
	PROCSNAP_PROGRAM = 1 << 1, /* what an exec replaces */
	PROCSNAP_ORIGIN = 1 << 2, /* what outlasts an exec */
	PROCSNAP_STATUS = 1 << 3, /* parent, users, start, kind */
	PROCSNAP_EXEC = PROCSNAP_COMM | PROCSNAP_PROGRAM | PROCSNAP_ORIGIN,
	PROCSNAP_ALL = PROCSNAP_EXEC | PROCSNAP_STATUS,
};

/* Room for what is read; one for each thread. */
struct procsnap_buf {
	char bytes[PROCSNAP_CMDLINE_MAX];
};

/*
 * Read the parts (bits of enum procsnap_parts) that can be had; the rest stays unknown.
 * Fills *out, which the caller frees with program_fini or gives to the table.
 */
void procsnap_read(
	pid_t pid, unsigned parts, struct procsnap_buf *buf, struct proc_snapshot *out);

/* Scan /proc into the table: all processes that can be read. since_ns is as for
 * proctable_scan_add. Returns 0, or -1 with errno. */
int procsnap_scan(struct proctable *t, uint64_t since_ns);

/*
 * Who a process is of which the table knows nothing, by what /proc says now: by now that
 * may be another process or program, so at best the attribution is partial. Fills *out,
 * which the caller frees with actor_fini. Returns 0, or -1 with ENOMEM.
 */
int procsnap_actor(pid_t pid, struct actor *out);

#endif
