/* SPDX-License-Identifier: MIT */
/* Makes sense of the text in /proc/PID: bytes in, values out. */
#ifndef FSMON_CORE_PROC_PROCTEXT_H
#define FSMON_CORE_PROC_PROCTEXT_H

#include "core/proc/program.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What /proc told about a process between two moments. Every part may be missing: the
 * process can be gone at any time. Strings are owned.
 */
struct proc_snapshot {
	uint64_t t0_ns; /* CLOCK_MONOTONIC before the first read */
	uint64_t t1_ns; /* and after the last */
	pid_t pid;
	struct program program;
	bool has_login_uid; /* it was read, be it that none is set */
	bool has_status; /* ppid, uid, euid */
	pid_t ppid;
	uint32_t uid;
	uint32_t euid;
	bool has_stat; /* start_ticks and is_kthread */
	uint64_t start_ticks; /* clock ticks from boot to its fork */
	uint64_t start_ns; /* by CLOCK_MONOTONIC, set by the reader; 0: unknown */
	bool is_kthread;
};

/* The name in /proc/PID/comm, which may hold newlines. Returns false if there is none. */
bool proctext_comm(const char *bytes, size_t len, char out[PROGRAM_COMM_SIZE]);

/* Parent and users from /proc/PID/status, into ppid, uid, euid and has_status. Returns
 * whether all of them were there. */
bool proctext_status(const char *bytes, size_t len, struct proc_snapshot *out);

/* Start and kind from /proc/PID/stat, into start_ticks, is_kthread and has_stat. Returns
 * whether they were there. */
bool proctext_stat(const char *bytes, size_t len, struct proc_snapshot *out);

/* The number in /proc/PID/loginuid. Returns false if there is none. */
bool proctext_login_uid(const char *bytes, size_t len, uint32_t *out);

/*
 * The arguments in /proc/PID/cmdline joined by blanks. Returns a string for the caller to
 * free; NULL with errno 0 if there are none (a kernel thread, or a process at its end),
 * or NULL with ENOMEM.
 */
__attribute__((warn_unused_result)) char *proctext_cmdline(const char *bytes, size_t len);

/*
 * The systemd unit in /proc/PID/cgroup: the innermost service, scope, socket, mount or
 * swap of the unified hierarchy or else of systemd's own; without one, the path in the
 * first of them that is not the root, or "/". Returns a string for the caller to free;
 * NULL with errno 0 if the text names none, or NULL with ENOMEM.
 */
__attribute__((warn_unused_result)) char *proctext_unit(const char *bytes, size_t len);

#endif
