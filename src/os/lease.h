/* SPDX-License-Identifier: MIT */
/* Leases, F_SETLEASE of fcntl(2): the kernel grants one only on a file that nobody has open for
 * writing. */
#ifndef FSMON_OS_LEASE_H
#define FSMON_OS_LEASE_H

/*
 * Ask whether anybody has a regular file open for writing. `fd` is of any kind, O_PATH too. This
 * may block, as any open(2): others can guard the file (FAN_OPEN_PERM), and it may have to be read
 * from a disk. Returns 1: somebody has; 0: nobody had at that moment, and what was closed before is
 * in the fanotify queue; or -1 with errno where that cannot be told: EINVAL if the filesystem has no
 * leases, EACCES without CAP_LEASE, EWOULDBLOCK if somebody has a lease on it, errno of open(2).
 */
int lease_has_writer(int fd);

#endif
