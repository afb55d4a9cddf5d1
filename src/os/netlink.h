/* SPDX-License-Identifier: MIT */
/* Netlink sockets on which only the kernel is believed. */
#ifndef FSMON_OS_NETLINK_H
#define FSMON_OS_NETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Large enough for any datagram of the process connector and of taskstats. */
#define NETLINK_BUF_SIZE 8192

/*
 * Open and bind a socket of a netlink family with the multicast groups in `groups`,
 * without blocking, with a receive buffer of 16 MiB or as much as is allowed. Returns the
 * descriptor, or -1 with errno of socket(2) or bind(2).
 */
int netlink_open(int family, uint32_t groups);

/*
 * Receive one datagram if one is there. Those whose sender is not the kernel are thrown
 * away and counted in *spoofed. Returns its length; or -1 with errno: EAGAIN if there is
 * none, ENOBUFS once after datagrams were lost, EMSGSIZE if it did not fit (it is gone),
 * or another of recvmsg(2); or -1 with EPIPE if the socket was shut down.
 */
ssize_t netlink_receive(int fd, void *buf, size_t size_bytes, uint64_t *spoofed);

/*
 * Send a request to the kernel, and give answer(ctx, …) each datagram that comes, aligned as
 * messages are, until it returns 1 (this was the answer) or -1 with errno (likewise, and it
 * says no), for 500 ms at most. Returns 0, or -1 with that errno, ETIMEDOUT, or one of
 * sendto(2) or recvmsg(2). Borrows its arguments.
 */
int netlink_ask(int fd, const void *request, size_t len_bytes,
	int (*answer)(void *ctx, const char *bytes, size_t len_bytes), void *ctx);

/* Datagrams lost for want of buffer since the socket was opened; 0 if the kernel does not
 * say. */
uint32_t netlink_drops(int fd);

#endif
