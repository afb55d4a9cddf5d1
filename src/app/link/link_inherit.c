/* SPDX-License-Identifier: MIT */
#include "app/link/link_inherit.h"

#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>

int link_inherit(struct link_inheritance *in)
{
	int fds[SOCK_MAX_FDS];
	size_t fd_count;
	struct wire_message m = {0};
	ssize_t len =
		sock_recv(WIRE_FD_WORKER, in->bytes, sizeof(in->bytes), fds, &fd_count);
	while (fd_count > 0)
		fd_close(fds[--fd_count]);
	if (len < 0 || wire_decode(&m, in->bytes, (size_t)len) < 0 ||
		m.type != WIRE_HELLO) {
		wire_fini(&m);
		errno = ENOENT;
		return -1;
	}
	for (int i = 0; i < WIRE_FD_COUNT; i++) {
		int fd = WIRE_FD_WORKER + i;
		bool is_here =
			m.hello.places >> i & 1 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
		in->fds.fd[i] = is_here ? fd : -1;
	}
	in->subscribed_ns = m.hello.subscribed_ns;
	in->last_run_id = m.hello.last_run_id;
	in->degraded = *m.hello.degraded ? m.hello.degraded : NULL;
	in->hooks_dir = *m.hello.hooks_dir ? m.hello.hooks_dir : NULL;
	/* Executing /proc/self/exe gave it the name "exe". */
	prctl(PR_SET_NAME, "fsmon");
	return 0;
}
