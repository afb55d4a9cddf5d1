/* SPDX-License-Identifier: MIT */
#include "app/actors/procsnap.h"

#include "base/buf.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"

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
	for (size_t i = 0; pids && i < count; i++) {
		struct proc_snapshot snap;
		procsnap_read(pids[i], PROCSNAP_ALL, buf, &snap);
		if (!snap.program.comm[0] || !snap.has_status)
			program_fini(&snap.program);
		else if (proctable_scan_add(t, &snap, since_ns) < 0)
			rc = -1;
	}
	if (pids)
		proctable_scan_end(t, clock_monotonic_ns());
	free(pids);
	free(buf);
	return rc;
}

/* ---- One process as an actor ---- */

/* Read a process and its ancestors into a table. Returns 0, or -1 with ENOMEM. */
static int read_lineage(pid_t pid, struct procsnap_buf *text, struct proctable *t)
{
	int rc = 0;
	unsigned parts = PROCSNAP_ALL;
	for (int i = 0; rc == 0 && pid > 0 && i <= ANCESTORS_MAX; i++) {
		struct proc_snapshot snap;
		procsnap_read(pid, parts, text, &snap);
		pid = snap.has_status ? snap.ppid : 0;
		if (snap.program.comm[0] || snap.has_status)
			rc = proctable_scan_add(t, &snap, 0);
		program_fini(&snap.program);
		parts = PROCSNAP_COMM | PROCSNAP_STATUS;
	}
	proctable_scan_end(t, clock_monotonic_ns());
	return rc;
}

int procsnap_actor(pid_t pid, struct actor *out)
{
	struct proctable *t = proctable_new(ANCESTORS_MAX + 1);
	struct procsnap_buf *text = malloc(sizeof(*text));
	int rc = t && text ? read_lineage(pid, text, t) : -1;
	/* Whatever has been read already is in force. */
	const struct proctable_window w = {
		.after_ns = clock_monotonic_ns(), .before_ns = clock_monotonic_ns()};
	if (rc == 0)
		rc = proctable_who(t, pid, &w, out);
	if (rc == 0 && out->attribution == ACTOR_EXACT)
		out->attribution = ACTOR_PARTIAL;
	free(text);
	proctable_free(t);
	return rc;
}
