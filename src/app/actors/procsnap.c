/* SPDX-License-Identifier: MIT */
#include "app/actors/procsnap.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

int procsnap_scan(struct proctable *t, uint64_t since_ns, struct procsnap_buf *buf)
{
	pid_t *pids;
	size_t count;
	int rc = proc_pids(&pids, &count);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct proc_snapshot snap;
		procsnap_read(pids[i], PROCSNAP_ALL, buf, &snap);
		if (!snap.program.comm[0] || !snap.has_status)
			program_fini(&snap.program);
		else if (proctable_scan_add(t, &snap, since_ns) < 0)
			rc = -1;
	}
	proctable_scan_end(t, clock_monotonic_ns());
	free(pids);
	return rc;
}
