/* SPDX-License-Identifier: MIT */
#include "app/actors/procsnap.h"

#include "base/buf.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANCESTORS_MAX 32

static void read_comm(int dir, struct procsnap_buf *buf, struct proc_snapshot *out)
{
	ssize_t n = proc_read(dir, "comm", buf->bytes, sizeof(buf->bytes));
	if (n > 0)
		proctext_comm(buf->bytes, (size_t)n, out->program.comm);
}

static void read_program(int dir, struct procsnap_buf *buf, struct proc_snapshot *out)
{
	if (proc_readlink(dir, "exe", buf->bytes, PATH_MAX) > 0)
		out->program.exe = strdup(buf->bytes);
	ssize_t n = proc_read(dir, "cmdline", buf->bytes, sizeof(buf->bytes));
	if (n > 0)
		out->program.cmdline = proctext_cmdline(buf->bytes, (size_t)n);
}

static void read_origin(int dir, struct procsnap_buf *buf, struct proc_snapshot *out)
{
	ssize_t n = proc_read(dir, "cgroup", buf->bytes, sizeof(buf->bytes));
	if (n > 0)
		out->program.unit = proctext_unit(buf->bytes, (size_t)n);
	n = proc_read(dir, "loginuid", buf->bytes, sizeof(buf->bytes));
	out->has_login_uid = n > 0 && proctext_login_uid(buf->bytes, (size_t)n,
					      &out->program.login_uid);
}

/* When a process started, by the clock that records use; 0 if that cannot be told. */
static uint64_t start_ns_of(uint64_t ticks)
{
	struct timespec boot;
	long hz = sysconf(_SC_CLK_TCK);
	if (hz <= 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	uint64_t boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec;
	uint64_t start_ns = ticks * (UINT64_C(1000000000) / (uint64_t)hz);
	uint64_t now_ns = clock_monotonic_ns();
	return boot_ns - start_ns < now_ns ? now_ns - (boot_ns - start_ns) : 0;
}

static void read_status(int dir, struct procsnap_buf *buf, struct proc_snapshot *out)
{
	ssize_t n = proc_read(dir, "status", buf->bytes, sizeof(buf->bytes));
	if (n > 0)
		proctext_status(buf->bytes, (size_t)n, out);
	n = proc_read(dir, "stat", buf->bytes, sizeof(buf->bytes));
	if (n > 0 && proctext_stat(buf->bytes, (size_t)n, out))
		out->start_ns = start_ns_of(out->start_ticks);
}

void procsnap_read(
	pid_t pid, unsigned parts, struct procsnap_buf *buf, struct proc_snapshot *out)
{
	*out = (struct proc_snapshot){
		.pid = pid, .t0_ns = clock_monotonic_ns(), .program = PROGRAM_UNKNOWN};
	int dir = proc_open(pid);
	if (dir >= 0) {
		if (parts & PROCSNAP_COMM)
			read_comm(dir, buf, out);
		if (parts & PROCSNAP_PROGRAM)
			read_program(dir, buf, out);
		if (parts & PROCSNAP_ORIGIN)
			read_origin(dir, buf, out);
		if (parts & PROCSNAP_STATUS)
			read_status(dir, buf, out);
		fd_close(dir);
	}
	out->t1_ns = clock_monotonic_ns();
}

int procsnap_scan(struct proctable *t, uint64_t since_ns)
{
	pid_t *pids = NULL;
	size_t count;
	struct procsnap_buf *buf = malloc(sizeof(*buf));
	int rc = buf ? proc_pids(&pids, &count) : -1;
	if (rc == 0)
		proctable_scan_begin(t, since_ns);
	for (size_t i = 0; pids && i < count; i++) {
		struct proc_snapshot snap;
		procsnap_read(pids[i], PROCSNAP_ALL, buf, &snap);
		if (!snap.program.comm[0] || !snap.has_status)
			proctext_fini(&snap);
		else if (proctable_scan_add(t, &snap) < 0)
			rc = -1;
	}
	if (pids)
		proctable_scan_end(t, clock_monotonic_ns());
	free(pids);
	free(buf);
	return rc;
}

/* ---- One process as an actor ---- */

/* The names of the ancestors, one NUL-terminated after the other. Returns 0, or -1 with
 * ENOMEM. */
static int add_ancestors(pid_t ppid, struct procsnap_buf *text, struct buf *names)
{
	for (int i = 0; ppid > 0 && i < ANCESTORS_MAX; i++) {
		struct proc_snapshot snap;
		procsnap_read(ppid, PROCSNAP_COMM | PROCSNAP_STATUS, text, &snap);
		ppid = snap.has_status ? snap.ppid : 0;
		if (snap.program.comm[0])
			buf_add(names, snap.program.comm, strlen(snap.program.comm) + 1);
		proctext_fini(&snap);
	}
	return names->failed ? -1 : 0;
}

/* Move what was read into an actor. */
static void fill(struct proc_snapshot *snap, struct actor *out)
{
	if (!snap->program.comm[0] && !snap->has_status)
		return;
	out->attribution = ACTOR_PARTIAL;
	if (snap->has_status) {
		out->ppid = snap->ppid;
		out->uid = snap->uid;
		out->euid = snap->euid;
	}
	program_take(&out->program, &snap->program);
}

int procsnap_actor(pid_t pid, struct actor *out)
{
	*out = (struct actor)ACTOR_NOBODY;
	out->pid = pid;
	if (pid <= 0)
		return 0;
	struct procsnap_buf *text = malloc(sizeof(*text));
	if (!text)
		return -1;

	struct proc_snapshot snap;
	struct buf names = {0};
	procsnap_read(pid, PROCSNAP_ALL, text, &snap);
	fill(&snap, out);
	int rc = add_ancestors(out->ppid, text, &names);
	if (rc == 0 && names.len > 0) {
		out->ancestors_len = names.len;
		out->ancestors = buf_take(&names);
	}
	buf_fini(&names);
	proctext_fini(&snap);
	free(text);
	if (rc < 0) {
		actor_fini(out);
		errno = ENOMEM;
	}
	return rc;
}
