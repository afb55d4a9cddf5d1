/* SPDX-License-Identifier: MIT */
#include "os/notify.h"

#include "os/fd.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_send(const char *address, const char *state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(address);
	if (*address != '/' && *address != '@') {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (len >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, address, len);
	if (*address == '@')
		sun.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	socklen_t sun_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	ssize_t n = sendto(
		fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun, sun_len);
	fd_close(fd);
	return n < 0 ? -1 : 0;
}
