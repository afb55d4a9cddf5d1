/* SPDX-License-Identifier: MIT */
#include "app/keeper_run.h"

#include "os/cgrouplabel.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEEPER_CGROUP_TRIES 3

/* What a child needs to announce itself. */
struct keeper_announcement {
	int worker_fd;
	int output_fd;
	struct buf bytes;
};

/* Called in the child. */
static int keeper_announce(void *ctx, pid_t pid)
{
	struct keeper_announcement *a = ctx;
	wire_set_pid(a->bytes.data, pid);
	return sock_send(a->worker_fd, a->bytes.data, a->bytes.len, &a->output_fd, 1);
}

/* The pipe for the hook's output: it writes as to any pipe, nobody waits who reads. */
static int keeper_open_output(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	int saved = errno;
	close(fds[0]);
	close(fds[1]);
	errno = saved;
	return -1;
}

/* Start the process: in a cgroup, in another one if that one cannot be used (somebody has
 * removed it), without one at last. */
static int keeper_run_try(struct keeper_run *run, struct spawn_request *request)
{
	struct keeper_runs *rs = run->runs;
	for (int tries = KEEPER_CGROUP_TRIES;; tries--) {
		if (rs->home && tries > 0)
			run->cgroup = cgroup_open(rs->home);
		/* Before its first process: who is found there is whose the label says. */
		if (run->cgroup)
			cgrouplabel_set(cgroup_dir_fd(run->cgroup), run->label);
		request->cgroup_fd = run->cgroup ? cgroup_dir_fd(run->cgroup) : -1;
		run->err = (struct spawn_error){0};
		int result = spawn_start(rs->defaults, request, &run->child, &run->err);
		if (result == 0 && rs->home && !run->cgroup)
			rs->without_cgroup++;
		if (result == 0 || !run->cgroup || strcmp(run->err.stage, "cgroup") != 0)
			return result;
		cgroup_close(run->cgroup);
		run->cgroup = NULL;
	}
}

/* Have the process started that the request asks for. Returns 0, or -1 with run->err. */
static int keeper_run_spawn(struct keeper_run *run, const struct wire_run *w,
	int stdin_fd, int file_fd, int output_fd)
{
	struct spawn_ids ids = {.uid = w->uid,
		.gid = w->gid,
		.groups = w->groups,
		.group_count = w->group_count};
	struct keeper_announcement a = {
		.worker_fd = run->runs->worker_fd, .output_fd = run->output_fd};
	struct wire_message m = {.type = WIRE_STARTED, .run_id = run->id};
	m.started.has_output = true;
	struct spawn_request request = {
		.argv = w->argv,
		.envp = w->envp,
		.directory = w->directory,
		.umask = (mode_t)w->umask,
		.nice = w->nice,
		.ids = w->has_ids ? &ids : NULL,
		.stdin_fd = stdin_fd,
		.output_fd = output_fd,
		.file_fd = file_fd,
		.announce = a.worker_fd >= 0 ? keeper_announce : NULL,
		.ctx = &a,
	};
	if (wire_encode(&a.bytes, &m) < 0) {
		run->err = (struct spawn_error){.error = errno, .stage = "announce"};
		buf_fini(&a.bytes);
		return -1;
	}
	int result = keeper_run_try(run, &request);
	run->is_told = result < 0 || request.announce != NULL;
	buf_fini(&a.bytes);
	return result;
}

int keeper_run_start(struct keeper_run *run, const struct wire_run *request,
	const int *fds, size_t fd_count)
{
	size_t needed = (request->has_stdin ? 1u : 0u) + (request->has_file ? 1u : 0u);
	if (fd_count < needed) {
		run->err = (struct spawn_error){.error = EMFILE, .stage = "descriptors"};
		return -1;
	}
	int stdin_fd = request->has_stdin ? fds[0] : -1;
	int file_fd = request->has_file ? fds[needed - 1] : -1;
	int output[2];
	if (keeper_open_output(output) < 0) {
		run->err = (struct spawn_error){.error = errno, .stage = "pipe"};
		return -1;
	}
	run->output_fd = output[0];
	int result = keeper_run_spawn(run, request, stdin_fd, file_fd, output[1]);
	close(output[1]);
	return result;
}
