/* SPDX-License-Identifier: MIT */
/* Processes: bytes out of /proc, signals and ends. */
#ifndef FSMON_OS_PROC_H
#define FSMON_OS_PROC_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open /proc/PID, whose files proc_read and proc_readlink then read; never another
 * process's that got the same pid. Returns the descriptor for the caller to close, or -1
 * with errno: ENOENT. */
int proc_open(pid_t pid);

/* Read a file of an open /proc/PID (or any, by an absolute path), up to size_bytes.
 * Returns how many bytes there were, or -1 with errno: ESRCH or ENOENT if the process is
 * gone, EACCES, EPERM. */
ssize_t proc_read(int dir, const char *name, char *buf, size_t size_bytes);

/*
 * What a link of an open /proc/PID (exe, cwd ...) points to, NUL-terminated, without the mark
 * that the kernel appends to the path of what is deleted. Returns its length, or -1 with
 * errno: ENOENT if the process is gone or (exe) a kernel thread, ENAMETOOLONG, EACCES.
 */
ssize_t proc_readlink(int dir, const char *name, char *buf, size_t size_bytes);

/* The ids of all processes, in ascending order, for the caller to free. Returns 0, or -1
 * with errno. */
int proc_pids(pid_t **pids, size_t *count);

/* For qsort(3) and bsearch(3): two pid_t in ascending order. */
int proc_compare(const void *a, const void *b);

/* Open the kernel's mount table. It has POLLPRI (and EPOLLERR) when the table has changed since
 * it was read last. Returns the descriptor, or -1 with errno of open(2). */
int proc_open_mounts(void);

/* Read the whole text into *out. Returns 0, or -1 with errno. */
int proc_read_mounts(int fd, struct buf *out);

/* Open a pidfd. Returns it for the caller to close, or -1 with errno of pidfd_open(2). */
int proc_open_pidfd(pid_t pid);

/* Wait until a child has ended. Returns its status as wait(2) has it. Keeps errno. */
int proc_reap(pid_t pid);

/* Signal the process of a pidfd. Returns 0, or -1 with errno of pidfd_send_signal(2). */
int proc_signal(int pidfd, int signal);

/* Whether the process of a pidfd has not been reaped: its pid means no other one. */
bool proc_is_there(int pidfd);

/*
 * Let this process, and what it starts from now on, have as many descriptors as they may:
 * each running hook takes a few, and each record can bring one.
 */
void proc_allow_files(void);

#endif
