/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper_start.h"

#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_TRIES 3

/* What a child needs to announce itself. */
struct announcement {
	int worker_fd;
	int output_fd;
	struct buf bytes;
};

/* Called in the child. */
static int announce(void *ctx, pid_t pid)
{
	struct announcement *a = ctx;
	wire_set_pid(a->bytes.data, pid);
	return sock_send(a->worker_fd, a->bytes.data, a->bytes.len, &a->output_fd, 1);
}

/* The pipe for the hook's output: it writes as to any pipe, nobody waits who reads. */
static int open_output(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	fd_close(fds[0]);
	fd_close(fds[1]);
	return -1;
}

/* Start the process: in a cgroup, in another one if that one cannot be used (somebody has
 * removed it), without one at last. */
static int start_in_cgroup(const struct keeper_surroundings *around, const char *label,
	struct spawn_request *request, struct keeper_hook *hook, struct spawn_error *err)
{
	for (int tries = CGROUP_TRIES;; tries--) {
		if (around->home && tries > 0)
			hook->cgroup = cgroup_open(around->home);
		/* The label is there before the first process is: whoever is found in the
		 * cgroup belongs to the run that the label names. */
		if (hook->cgroup)
			cgroup_set_label(cgroup_dir_fd(hook->cgroup), label);
		request->cgroup_fd = hook->cgroup ? cgroup_dir_fd(hook->cgroup) : -1;
		int result = spawn_start(around->defaults, request, &hook->child, err);
		if (result == 0 || !hook->cgroup || strcmp(err->stage, "cgroup") != 0)
			return result;
		*err = (struct spawn_error){0};
		cgroup_close(hook->cgroup);
		hook->cgroup = NULL;
	}
}

/* Have the process started that the request asks for, which writes to output_fd. */
static int start_process(const struct keeper_surroundings *around,
	const struct keeper_request *r, int output_fd, struct keeper_hook *hook,
	struct spawn_error *err)
{
	const struct wire_run *w = r->run;
	struct spawn_ids ids = {.uid = w->uid,
		.gid = w->gid,
		.groups = w->groups,
		.group_count = w->group_count};
	struct announcement a = {
		.worker_fd = around->worker_fd, .output_fd = hook->output_fd};
	struct wire_message m = {.type = WIRE_STARTED, .run_id = r->run_id};
	m.started.has_output = true;
	struct spawn_request request = {
		.argv = w->argv,
		.envp = w->envp,
		.directory = w->directory,
		.umask = (mode_t)w->umask,
		.nice = w->nice,
		.ids = w->has_ids ? &ids : NULL,
		.stdin_fd = w->has_stdin ? r->fds[0] : -1,
		.output_fd = output_fd,
		.file_fd = w->has_file ? r->fds[w->has_stdin] : -1,
		.announce = a.worker_fd >= 0 ? announce : NULL,
		.ctx = &a,
	};
	int result = wire_encode(&a.bytes, &m);
	if (result < 0)
		*err = (struct spawn_error){.error = errno, .stage = "announce"};
	else
		result = start_in_cgroup(around, w->label, &request, hook, err);
	buf_fini(&a.bytes);
	return result;
}

int keeper_start(const struct keeper_surroundings *around,
	const struct keeper_request *request, struct keeper_hook *hook,
	struct spawn_error *err)
{
	int output[2];
	*hook = (struct keeper_hook){
		.child = {.pidfd = -1, .report_fd = -1}, .output_fd = -1};
	*err = (struct spawn_error){0};
	if (request->fd_count <
		(size_t)request->run->has_stdin + request->run->has_file) {
		*err = (struct spawn_error){.error = EMFILE, .stage = "descriptors"};
		return -1;
	}
	if (open_output(output) < 0) {
		*err = (struct spawn_error){.error = errno, .stage = "pipe"};
		return -1;
	}
	hook->output_fd = output[0];
	int result = start_process(around, request, output[1], hook, err);
	fd_close(output[1]);
	return result;
}
