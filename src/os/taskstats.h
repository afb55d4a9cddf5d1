/* SPDX-License-Identifier: MIT */
/* The socket on which taskstats reports each exit (linux/taskstats.h). Receive with
 * netlink_receive. */
#ifndef FSMON_OS_TASKSTATS_H
#define FSMON_OS_TASKSTATS_H

/*
 * Open the socket and register for the exits on all processors. Returns the descriptor,
 * or -1 with errno and *why set to a static sentence fragment: ENOENT (a kernel without
 * taskstats), EPERM (CAP_NET_ADMIN is missing), EINVAL (a process or user namespace of
 * its own), ETIMEDOUT, or others.
 */
int taskstats_open(const char **why);

#endif
