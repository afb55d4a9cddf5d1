/* SPDX-License-Identifier: MIT */
/* The socket of the process connector (linux/cn_proc.h). Receive with netlink_receive. */
#ifndef FSMON_OS_CONNECTOR_H
#define FSMON_OS_CONNECTOR_H

/*
 * Open the socket, subscribe, and wait up to 500 ms for the kernel to confirm; from then
 * on every record is in the socket. Records of threads other than the first of a process,
 * and those of kinds that fsmon has no use for, are kept out by a filter in the kernel,
 * where it takes one.
 *
 * Returns the descriptor, or -1 with errno and *why set to a static sentence fragment:
 * ETIMEDOUT if nobody answered (a process namespace of its own), ECONNREFUSED (a network
 * namespace of its own), EPERM, EPROTONOSUPPORT (a kernel without it), or others.
 */
int connector_open(const char **why);

/*
 * Open a socket that receives only how first threads of processes change their users on that
 * processor; connector_open must have succeeded, here or in the process that holds that socket.
 * The record is there before the process goes on. Returns the descriptor, or -1 with errno as
 * netlink_open or setsockopt(2) have it.
 */
int connector_open_users(unsigned processor);

#endif
