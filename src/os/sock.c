/* SPDX-License-Identifier: MIT */
#include "os/sock.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_BYTES (4 * 1024 * 1024)
#define BACKLOG 64

/* Room for the control message that carries descriptors. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * SOCK_MAX_FDS)];
};

/* Ask for large buffers; with less it works too. */
static void enlarge(int fd)
{
	int size = BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int sock_pair(int fds[2])
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -1;
	enlarge(fds[0]);
	enlarge(fds[1]);
	return 0;
}

int sock_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd_count > SOCK_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	ssize_t n;
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

bool sock_has_room(int fd)
{
	return fd_wait(fd, POLLOUT, 0);
}

/* Copy the descriptors out of a received message. */
static size_t take_fds(struct msghdr *msg, int fds[SOCK_MAX_FDS])
{
	size_t count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > SOCK_MAX_FDS - count)
			n = SOCK_MAX_FDS - count;
		memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
		count += n;
	}
	return count;
}

ssize_t sock_recv(
	int fd, void *bytes, size_t size, int fds[SOCK_MAX_FDS], size_t *fd_count)
{
	union control control = {0};
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	*fd_count = 0;
	ssize_t n;
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	size_t count = take_fds(&msg, fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (count > 0)
			close(fds[--count]);
	}
	if (msg.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	*fd_count = count;
	return n;
}

static int set_address(struct sockaddr_un *sun, const char *path)
{
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun->sun_path, path, len + 1);
	return 0;
}

/* The lock that says who may listen at the path. */
static int lock_path(const char *path)
{
	char file[PATH_MAX];
	if (snprintf(file, sizeof(file), "%s.lock", path) >= (int)sizeof(file)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			errno = EADDRINUSE;
		fd_close(fd);
		return -1;
	}
	return fd;
}

/* Take away a socket that nobody listens at any more. */
static int remove_stale(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return -1;
	}
	return unlink(path);
}

static int bind_to(const struct sockaddr_un *sun, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* bind(2) gives the file the mode of the socket: nobody can connect before a
	 * chmod. */
	if (fchmod(fd, 0600) < 0 ||
		bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ||
		listen(fd, BACKLOG) < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

int sock_listen(const char *path, int type, int *lock_fd)
{
	struct sockaddr_un sun;
	if (set_address(&sun, path) < 0)
		return -1;
	int lock = lock_path(path);
	if (lock < 0)
		return -1;
	int fd = remove_stale(path) < 0 ? -1 : bind_to(&sun, type);
	if (fd < 0) {
		fd_close(lock);
		return -1;
	}
	*lock_fd = lock;
	return fd;
}

int sock_connect(const char *path, int type)
{
	struct sockaddr_un sun;
	if (set_address(&sun, path) < 0)
		return -1;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

int sock_accept(int listen_fd)
{
	return accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

pid_t sock_peer(int fd)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

ssize_t sock_write(int fd, const void *bytes, size_t len)
{
	ssize_t n;
	do {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n;
}

ssize_t sock_read(int fd, void *bytes, size_t size)
{
	ssize_t n;
	do {
		n = recv(fd, bytes, size, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

int sock_notify(const char *address, const char *state)
{
	struct sockaddr_un sun;
	if (*address != '/' && *address != '@') {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (set_address(&sun, address) < 0)
		return -1;
	if (*address == '@')
		sun.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	size_t size = offsetof(struct sockaddr_un, sun_path) + strlen(address);
	ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		(struct sockaddr *)&sun, (socklen_t)size);
	fd_close(fd);
	return n < 0 ? -1 : 0;
}
