/* SPDX-License-Identifier: MIT */
/* Unix sockets: packets with descriptors, listening at a path, and the service manager. */
#ifndef FSMON_OS_SOCK_H
#define FSMON_OS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SOCK_MAX_FDS 8 /* descriptors with one packet */

/*
 * Make a connected pair of SOCK_SEQPACKET sockets, CLOEXEC and non-blocking, with buffers
 * of 4 MiB (as far as the kernel lets this process have them). The caller closes both.
 * Returns 0, or -1 with the errno of socketpair(2).
 */
__attribute__((warn_unused_result)) int sock_pair(int fds[2]);

/*
 * Send one packet with up to SOCK_MAX_FDS descriptors, which stay the caller's. Never
 * raises SIGPIPE; makes only system calls, so a child may call it between fork and exec.
 * Returns 0, or -1 with EAGAIN (no room now), EMSGSIZE (never any room), EINVAL (too many
 * descriptors) or another errno of sendmsg(2).
 */
int sock_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count);

/* Whether a socket of sock_pair has room for packets; not so some time before sock_send returns
 * EAGAIN. True as well where the other end is gone. */
bool sock_has_room(int fd);

/*
 * Receive one packet without waiting. Its descriptors, CLOEXEC, go to fds[0..*fd_count-1]
 * and are the caller's to close; if there are more than SOCK_MAX_FDS or the process can
 * have no more, it gets none of them. Returns the length, 0 at the end of the connection,
 * or -1 with EAGAIN, EMSGSIZE (the packet is longer than size and lost), or another errno
 * of recvmsg(2).
 */
ssize_t sock_recv(
	int fd, void *bytes, size_t size, int fds[SOCK_MAX_FDS], size_t *fd_count);

/*
 * Listen at a path with a socket of a type (SOCK_STREAM …) that only the own user may
 * connect to, from the moment at which it exists. A lock on the file PATH.lock, held
 * until *lock_fd is closed, keeps a second listener away; with the lock in hand, a socket
 * left over at the path is replaced. The socket is CLOEXEC and non-blocking. The caller
 * closes both descriptors, the socket first, and may unlink the path before that.
 *
 * Returns the socket, or -1 with EADDRINUSE (somebody listens), ENOTSOCK (there is
 * something else), ENAMETOOLONG, or an errno of open(2), flock(2) or bind(2).
 */
__attribute__((warn_unused_result)) int sock_listen(
	const char *path, int type, int *lock_fd);

/*
 * Connect to such a socket. The result is CLOEXEC and blocking; the caller closes it.
 * Returns -1 with ENAMETOOLONG or an errno of connect(2), such as ENOENT and
 * ECONNREFUSED.
 */
__attribute__((warn_unused_result)) int sock_connect(const char *path, int type);

/* Take a connection. The result is CLOEXEC and non-blocking; the caller closes it. Returns -1
 * with EAGAIN (there is none) or another errno of accept4(2). */
__attribute__((warn_unused_result)) int sock_accept(int listen_fd);

/* The process that has connected, as it is called here; 0 where it cannot be seen from here (it
 * is in a foreign pid namespace). */
pid_t sock_peer(int fd);

/* Write to or read from a connection of type SOCK_STREAM, some of the bytes. Never raises
 * SIGPIPE. Returns how many, 0 at the end of the connection, or -1 with an errno of send(2) or
 * recv(2), such as EAGAIN where it does not block. */
ssize_t sock_write(int fd, const void *bytes, size_t len);
ssize_t sock_read(int fd, void *bytes, size_t size);

/*
 * Send a state such as "READY=1" to the service manager, as sd_notify(3) does: to the address
 * that the environment variable NOTIFY_SOCKET named, a path, or `@` and an abstract name. Does
 * not wait. Returns 0, or -1 with EAFNOSUPPORT (another kind of address), ENAMETOOLONG, or an
 * errno of sendto(2).
 */
int sock_notify(const char *address, const char *state);

#endif
