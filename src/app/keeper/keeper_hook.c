/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper_hook.h"

#include "core/place/mounts.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_TRIES 3
#define HOME_PREFIX "fsmon.hooks"

/* ---- Where the cgroups are ---- */

/* Make the home in the keeper's own cgroup, if the mount shows that. NULL with errno. */
static struct cgroup_home *open_home_on(
	const struct mounts *mounts, const struct mount *m, const char *own)
{
	struct buf path = {0};
	struct cgroup_home *h = NULL;
	size_t len = strcmp(own, "/") == 0 ? 0 : strlen(own);
	int shown = mounts_show(mounts, m, own, len, &path);
	if (shown > 0)
		h = cgroup_home_open(path.data, own, HOME_PREFIX);
	else if (shown == 0)
		errno = ENOENT;
	buf_fini(&path);
	return h;
}

struct cgroup_home *keeper_hook_open_home(void)
{
	char text[2 * PATH_MAX];
	const char *own = cgroup_own(text, sizeof(text));
	int fd = own ? proc_open_mounts() : -1;
	if (fd < 0)
		return NULL;
	struct buf table = {0};
	struct mounts mounts = {0};
	struct cgroup_home *h = NULL;
	if (proc_read_mounts(fd, &table) == 0 &&
		mounts_parse(&mounts, table.data, table.len) == 0)
		errno = ENOENT;
	for (size_t i = 0; i < mounts.count && !h; i++) {
		if (strcmp(mounts.items[i].type, "cgroup2") == 0)
			h = open_home_on(&mounts, &mounts.items[i], own);
	}
	fd_close(fd);
	mounts_fini(&mounts);
	buf_fini(&table);
	return h;
}

/* ---- Its process ---- */

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

/* Open the pipe for the hook's output. The hook's end blocks, as those of pipes do; the
 * reading end does not. */
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

/* Start the process in a cgroup; in another one if somebody has removed that; without one
 * at last. */
static int start_in_cgroup(const struct keeper_hook_common *common, const char *label,
	struct spawn_request *request, struct keeper_hook *hook, struct spawn_error *err)
{
	for (int tries = CGROUP_TRIES;; tries--) {
		if (common->home && tries > 0)
			hook->cgroup = cgroup_open(common->home);
		/* The label is there before the first process: whatever is found in the
		 * cgroup belongs to the run that the label names. */
		if (hook->cgroup)
			cgroup_set_label(cgroup_dir_fd(hook->cgroup), label);
		request->cgroup_fd = hook->cgroup ? cgroup_dir_fd(hook->cgroup) : -1;
		int result = spawn_start(common->defaults, request, &hook->child, err);
		if (result == 0 || !hook->cgroup || strcmp(err->stage, "cgroup") != 0)
			return result;
		*err = (struct spawn_error){0};
		cgroup_close(hook->cgroup);
		hook->cgroup = NULL;
	}
}

/* Have the process started that the request asks for, which writes to output_fd. */
static int start_process(const struct keeper_hook_common *common,
	const struct keeper_request *r, int output_fd, struct keeper_hook *hook,
	struct spawn_error *err)
{
	const struct wire_run *w = r->run;
	struct spawn_ids ids = {.uid = w->uid,
		.gid = w->gid,
		.groups = w->groups,
		.group_count = w->group_count};
	struct announcement a = {
		.worker_fd = common->worker_fd, .output_fd = hook->output_fd};
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
		result = start_in_cgroup(common, w->label, &request, hook, err);
	buf_fini(&a.bytes);
	return result;
}

int keeper_hook_start(const struct keeper_hook_common *common,
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
	int result = start_process(common, request, output[1], hook, err);
	fd_close(output[1]);
	return result;
}
