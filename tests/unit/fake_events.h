/* SPDX-License-Identifier: MIT */
/*
 * A world that file events come from: a few filesystems with what is on them, processes, and the
 * queue of a fanotify group (a pipe). It answers what the pipeline and the actors ask the kernel,
 * in place of os/handle, os/lease, os/fanotify, app/asker and the witness. For one program alone.
 */
#ifndef FSMON_TESTS_UNIT_FAKE_EVENTS_H
#define FSMON_TESTS_UNIT_FAKE_EVENTS_H

#include "app/asker.h"
#include "app/events/pipeline.h"
#include "base/countof.h"
#include "core/record/fanrec.h"
#include "fake_jobs.h"
#include "os/dirlist.h"
#include "os/fanotify.h"
#include "os/handle.h"
#include "os/lease.h"
#include "os/readbuf.h"
#include "record_bytes.h"

#include <assert.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define OWN_PID 1000
#define NODES_MAX 128
#define FIRST_ID 100 /* of what is in the handles of nodes */
#define PROCESSES_MAX 32
#define RECORDS_MAX 256

#define MOUNTINFO                              \
	"1 0 8:1 / / rw - ext4 /dev/a rw\n"    \
	"2 1 8:2 / /srv rw - ext4 /dev/b rw\n" \
	"3 1 8:3 / /home rw - ext4 /dev/c rw\n"

static const char *const points[] = {"/", "/srv", "/home"};

/* A file or directory. */
struct node {
	size_t fs; /* of points */
	struct node *parent; /* NULL: the root of its filesystem */
	char name[32];
	bool is_dir, is_gone;
	bool is_nameless; /* made with O_TMPFILE, and not linked yet */
	bool is_device;
	bool has_writer; /* somebody has it open for writing */
	const struct node *file; /* of which this is another link; NULL: none */
	bool has_mark; /* a directory: what is modified among its entries is reported */
};

struct process {
	pid_t pid, ppid;
	uint32_t uid;
	char comm[PROGRAM_COMM_SIZE];
	bool is_gone;
};

#define LISTER 1

/* In place of a thread that asks: made in this order. */
struct asker {
	STAILQ_HEAD(, ask) asked, answered;
	void (*answer)(struct ask *a); /* NULL: there is none */
};

static struct world {
	struct node nodes[NODES_MAX]; /* the roots first */
	size_t node_count;
	struct process processes[PROCESSES_MAX];
	size_t process_count;
	uint64_t masks[countof(points)]; /* what each filesystem is watched for */
	const struct node *node_by_fd[256]; /* what is open by that descriptor */
	struct buf queue; /* records that nobody can read yet */
	size_t ends[RECORDS_MAX]; /* of these */
	size_t record_count;
	size_t racing; /* of these, so many can be read when a file is looked up */
	size_t moved_count; /* records that could be read at some time */
	struct procrec proc_records[RECORDS_MAX];
	struct proc_snapshot snapshots[RECORDS_MAX]; /* of /proc, for those of an exec */
	size_t proc_record_count;
	bool is_scanned; /* the actors know what runs */
	uint64_t empty_ns; /* the queue was seen empty */
	struct asker askers[2]; /* about files; LISTER: about directories */
	size_t ask_count; /* questions that were put */
	bool is_slow; /* they are answered when the script says so */
	struct buf messages; /* of the keeper, to be heard before records are resolved */
	int group[2], buffer_fd;
	int pidfd; /* of the first record of a script without the connector */
	int list_errno; /* why it cannot; 0: it can */
	int reused_fd; /* in the worker that took over, the number of that */
	struct actors *actors;
	struct dirtree *tree;
	struct entry_marks entry_marks;
	struct pipeline *pipeline;
} world;

/* A moment later than all before. */
static uint64_t tick(void)
{
	play.tick_ns += 1000;
	return clock_monotonic_ns();
}

/* ---- Files ---- */

static const struct node *file_of(const struct node *n)
{
	return n->file ? n->file : n;
}

static uint32_t node_id(const struct node *n)
{
	return (uint32_t)(file_of(n) - world.nodes) + FIRST_ID;
}

/* Whether a link of the file is left. */
static bool has_name(const struct node *file)
{
	for (size_t i = 0; i < world.node_count; i++) {
		const struct node *n = &world.nodes[i];
		if (file_of(n) == file && !n->is_gone && !n->is_nameless)
			return true;
	}
	return false;
}

static struct node *add_node(size_t fs, struct node *parent, const char *name)
{
	assert_true(world.node_count < NODES_MAX);
	struct node *n = &world.nodes[world.node_count++];
	*n = (struct node){.fs = fs, .parent = parent};
	strlcpy(n->name, name, sizeof(n->name));
	return n;
}

static struct node *child_of(const struct node *dir, const char *name)
{
	for (size_t i = 0; i < world.node_count; i++) {
		struct node *n = &world.nodes[i];
		if (n->parent == dir && !n->is_gone && strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

/* The file of a path. What is not there is made, as if it had always been. */
static struct node *node_at(const char *path)
{
	size_t fs = 0;
	char text[256], *at = text, *name;
	for (size_t i = 1; i < countof(points); i++) {
		if (mounts_is_within(path, strlen(path), points[i]))
			fs = i;
	}
	strlcpy(text, path + (fs ? strlen(points[fs]) : 0), sizeof(text));
	struct node *n = &world.nodes[fs];
	while ((name = strsep(&at, "/"))) {
		struct node *child = *name ? child_of(n, name) : n;
		n->is_dir = n->is_dir || child != n;
		n = child ? child : add_node(fs, n, name);
	}
	return n;
}

static void put_inner_path(const struct node *n, struct buf *out)
{
	if (!n->parent)
		return;
	put_inner_path(n->parent, out);
	buf_printf(out, "/%s", n->name);
}

/* ---- The queue ---- */

/* Where and what a record is about. */
struct about {
	uint8_t kind;
	const struct node *dir;
	const char *name;
};

/* The kernel has something to report, to whoever watches the filesystem for it. */
static void report(uint64_t bits, pid_t pid, const struct node *n,
	const struct about *places, size_t place_count)
{
	uint64_t fsid = n->fs + 1;
	tick();
	uint64_t mask = world.masks[n->fs];
	if (n->parent && n->parent->has_mark)
		mask |= FAN_MODIFY;
	if (!(mask & bits))
		return;
	size_t record = record_begin(
		&world.queue, bits | (n->is_dir ? FAN_ONDIR : 0), (int32_t)pid);
	for (size_t i = 0; i < place_count; i++) {
		uint32_t handle[2] = {node_id(places[i].dir), 0};
		record_add_fid(&world.queue, record, places[i].kind, fsid, handle,
			sizeof(handle), places[i].name);
	}
	uint32_t handle[2] = {node_id(n), 0};
	record_add_fid(&world.queue, record, FAN_EVENT_INFO_TYPE_FID, fsid, handle,
		sizeof(handle), NULL);
	if (play.script->is_degraded) {
		int32_t pidfd = (int32_t)syscall(SYS_pidfd_open, getpid(), 0);
		record_add_info(&world.queue, record, FAN_EVENT_INFO_TYPE_PIDFD, &pidfd,
			sizeof(pidfd), 0);
		world.pidfd = world.pidfd ? world.pidfd : pidfd;
	}
	world.ends[world.record_count++] = world.queue.len;
}

/* A record about one entry of a directory. */
static void report_entry(uint64_t bits, pid_t pid, const struct node *n)
{
	char name[32];
	snprintf(name, sizeof(name), "#%" PRIu32, node_id(n));
	const struct about place = {FAN_EVENT_INFO_TYPE_DFID_NAME, n->parent,
		n->is_nameless ? name : n->name};
	const struct about self = {FAN_EVENT_INFO_TYPE_DFID, n, NULL};
	report(bits, pid, n, n->parent ? &place : &self, 1);
}

/* Let the first records be read (all, if there are no more). */
static void let_read(size_t count)
{
	count = count < world.record_count ? count : world.record_count;
	size_t len = count ? world.ends[count - 1] : 0;
	if (!count)
		return;
	assert_int_equal(write(world.group[1], world.queue.data, len), len);
	struct buf rest = {0};
	buf_add(&rest, world.queue.data + len, world.queue.len - len);
	buf_fini(&world.queue);
	world.queue = rest;
	world.record_count -= count;
	world.moved_count += count;
	for (size_t i = 0; i < world.record_count; i++)
		world.ends[i] = world.ends[i + count] - len;
}

/* ---- Processes ---- */

static struct process *process_of(pid_t pid)
{
	for (size_t i = world.process_count; i-- > 0;) {
		if (world.processes[i].pid == pid && !world.processes[i].is_gone)
			return &world.processes[i];
	}
	fail_msg("%s: %s: there is no such process", play.script->name, play.word);
	return NULL;
}

static struct process *add_process(pid_t pid, pid_t ppid, uint32_t uid, const char *comm)
{
	assert_true(world.process_count < PROCESSES_MAX);
	struct process *p = &world.processes[world.process_count++];
	*p = (struct process){.pid = pid, .ppid = ppid, .uid = uid};
	strlcpy(p->comm, comm, sizeof(p->comm));
	return p;
}

/* What /proc says of a process. */
static struct proc_snapshot snapshot_of(const struct process *p)
{
	struct proc_snapshot s = {.t0_ns = clock_monotonic_ns(),
		.t1_ns = clock_monotonic_ns(),
		.pid = p->pid,
		.program = PROGRAM_UNKNOWN,
		.has_status = true,
		.ppid = p->ppid,
		.uid = p->uid,
		.euid = p->uid};
	struct buf exe = {0};
	buf_printf(&exe, "/usr/bin/%s", p->comm);
	strlcpy(s.program.comm, p->comm, sizeof(s.program.comm));
	s.program.exe = buf_take(&exe);
	s.program.cmdline = strdup(p->comm);
	return s;
}

static void add_proc_record(struct procrec rec)
{
	size_t i = world.proc_record_count++;
	assert_true(i < RECORDS_MAX);
	rec.time_ns = tick();
	rec.pid = rec.tgid;
	world.proc_records[i] = rec;
	if (rec.kind == PROCREC_EXEC)
		world.snapshots[i] = snapshot_of(process_of(rec.pid));
}

static void drop_proc_records(void)
{
	for (size_t i = 0; i < world.proc_record_count; i++) {
		program_fini(&world.snapshots[i].program);
		world.snapshots[i] = (struct proc_snapshot){0};
	}
	world.proc_record_count = 0;
}

static int fake_scan(struct proctable *t)
{
	for (size_t i = 0; i < world.process_count; i++) {
		struct proc_snapshot s = snapshot_of(&world.processes[i]);
		int rc = world.processes[i].is_gone
				 ? 0
				 : proctable_scan_add(t, &s, START_MS * MS);
		program_fini(&s.program);
		if (rc < 0)
			return -1;
	}
	proctable_scan_end(t, tick());
	drop_proc_records();
	return 0;
}

static bool can_read(void)
{
	int bytes = 0;
	return ioctl(world.group[0], FIONREAD, &bytes) == 0 && bytes > 0;
}

static int fake_drain(void *ctx, struct proctable *t)
{
	(void)ctx;
	if (!world.is_scanned && !play.script->is_degraded && fake_scan(t) < 0)
		return -1;
	world.is_scanned = true;
	for (size_t i = 0; i < world.proc_record_count; i++) {
		const struct procrec *rec = &world.proc_records[i];
		bool is_exec = rec->kind == PROCREC_EXEC;
		if (proctable_apply(t, rec, is_exec ? &world.snapshots[i] : NULL) < 0)
			return -1;
	}
	drop_proc_records();
	if (!can_read())
		world.empty_ns = tick();
	return 0;
}

static uint64_t fake_empty_ns(void *ctx)
{
	(void)ctx;
	return world.empty_ns;
}

static int fake_proc(void *ctx, pid_t pid, struct actor *out)
{
	(void)ctx;
	*out = (struct actor)ACTOR_NOBODY;
	out->attribution = ACTOR_PARTIAL;
	out->pid = pid;
	out->uid = out->euid = process_of(pid)->uid;
	strlcpy(out->program.comm, process_of(pid)->comm, sizeof(out->program.comm));
	return 0;
}

static void fake_counters(void *ctx, struct actors_counters *out)
{
	(void)ctx;
	*out = (struct actors_counters){0};
}

static void fake_free(void *ctx)
{
	(void)ctx;
}

static const struct actors_source fake_source = {
	.drain = fake_drain,
	.empty_ns = fake_empty_ns,
	.look_up = fake_proc,
	.counters = fake_counters,
	.free = fake_free,
};

/* ---- os/fanotify and os/handle ---- */

/* What is open by a descriptor of handle_open and the like. */
static const struct node *node_of_fd(int fd)
{
	assert_in_range(fd, 0, countof(world.node_by_fd) - 1);
	return world.node_by_fd[fd];
}

static int open_node(const struct node *n)
{
	if (!has_name(file_of(n))) {
		errno = ESTALE;
		return -1;
	}
	const char *like = n->is_dir      ? "/"
			   : n->is_device ? "/dev/null"
					  : "/proc/self/exe";
	int fd = open(like, O_PATH | O_CLOEXEC);
	assert_in_range(fd, 0, countof(world.node_by_fd) - 1);
	world.node_by_fd[fd] = n;
	return fd;
}

int fanotify_watch(int group, int dir_fd, uint64_t old_mask, uint64_t mask)
{
	size_t fs = node_of_fd(dir_fd)->fs;
	assert_int_equal(group, world.group[0]);
	assert_int_equal(old_mask, world.masks[fs]);
	world.masks[fs] = mask;
	return 0;
}

ssize_t fanotify_depth(int group)
{
	(void)group;
	return (ssize_t)world.record_count;
}

int fanotify_watch_entries(int group, int dir_fd, bool watches)
{
	assert_int_equal(group, world.group[0]);
	world.nodes[node_of_fd(dir_fd) - world.nodes].has_mark = watches;
	return 0;
}

int fanotify_forget_entries(int group)
{
	assert_int_equal(group, world.group[0]);
	for (size_t i = 0; i < world.node_count; i++)
		world.nodes[i].has_mark = false;
	return 0;
}

bool fanotify_is_empty(int group)
{
	(void)group;
	return !can_read() && !world.record_count;
}

int handle_of(int dir_fd, const char *path, struct handle *out, int *mount_id)
{
	const struct node *n = node_of_fd(dir_fd);
	if (strcmp(path, "..") == 0)
		n = n->parent ? n->parent : n;
	else if (strcmp(path, ".") != 0)
		n = child_of(n, path);
	if (!n) {
		errno = ENOENT;
		return -1;
	}
	uint32_t bytes[2] = {node_id(n), 0};
	*out = (struct handle){.len = sizeof(bytes), .type = 1};
	memcpy(out->bytes, bytes, sizeof(bytes));
	if (mount_id)
		*mount_id = (int)n->fs + 1;
	return 0;
}

int handle_fsid(int fd, uint64_t *fsid)
{
	*fsid = node_of_fd(fd)->fs + 1;
	return 0;
}

int handle_open(int mount_fd, int32_t type, const void *bytes, uint32_t len)
{
	uint32_t id;
	(void)type;
	assert_int_equal(len, 2 * sizeof(id));
	memcpy(&id, bytes, sizeof(id));
	assert_in_range(id, FIRST_ID, FIRST_ID + world.node_count - 1);
	const struct node *n = &world.nodes[id - FIRST_ID];
	assert_int_equal(node_of_fd(mount_fd)->fs, n->fs);
	let_read(world.racing);
	world.racing = 0;
	return open_node(n);
}

int handle_open_dir(const char *path)
{
	for (size_t i = 0; i < countof(points); i++) {
		if (strcmp(points[i], path) == 0)
			return open_node(&world.nodes[i]);
	}
	errno = ENOENT;
	return -1;
}

int handle_open_below(int dir_fd, const char *path)
{
	const struct node *n = node_of_fd(dir_fd);
	char text[256], *at = text, *name;
	strlcpy(text, path, sizeof(text));
	while (n && (name = strsep(&at, "/"))) {
		if (*name)
			n = child_of(n, name);
	}
	if (n && n->is_dir)
		return open_node(n);
	errno = ENOENT;
	return -1;
}

int handle_open_above(int dir_fd)
{
	return open_node(node_of_fd(dir_fd)->parent);
}

ssize_t handle_path(int fd, char *out, size_t size)
{
	const struct node *n = node_of_fd(fd);
	struct buf path = {0};
	buf_add_str(&path, n->fs ? points[n->fs] : "");
	put_inner_path(n, &path);
	size_t len = path.len < size ? path.len : size;
	memcpy(out, path.data, len);
	buf_fini(&path);
	return (ssize_t)len;
}

/* What is in a directory by the time that a script lets it be read. */
int dirlist_read(int mount_fd, const struct handle *dir,
	bool (*each)(void *ctx, const struct dirlist_entry *e), void *ctx)
{
	uint32_t id;
	memcpy(&id, dir->bytes, sizeof(id));
	const struct node *n = &world.nodes[id - FIRST_ID];
	errno = n->is_gone                     ? ESTALE
		: fcntl(mount_fd, F_GETFD) < 0 ? EBADF
					       : world.list_errno;
	for (size_t i = 0; !errno && i < world.node_count; i++) {
		const struct node *child = &world.nodes[i];
		struct dirlist_entry e = {.name = child->name, .is_dir = child->is_dir};
		id = node_id(child);
		e.handle.len = 2 * sizeof(id);
		e.handle.type = 1;
		memcpy(e.handle.bytes, &id, sizeof(id));
		if (child->parent == n && !child->is_gone && !each(ctx, &e))
			break;
	}
	return errno ? -1 : 0;
}

/* Only asked for where a path is too long. */
int handle_name_in(int parent_fd, const struct stat *child, char *out, size_t size)
{
	(void)parent_fd;
	(void)child;
	(void)out;
	(void)size;
	fail_msg("a directory is read");
	return -1;
}

/* ---- os/lease and app/asker ---- */

int lease_has_writer(int fd)
{
	return node_of_fd(fd)->has_writer;
}

static void answer_all(struct asker *of)
{
	struct ask *a;
	while ((a = STAILQ_FIRST(&of->asked))) {
		STAILQ_REMOVE_HEAD(&of->asked, next);
		of->answer(a);
		STAILQ_INSERT_TAIL(&of->answered, a, next);
	}
}

static void answer_asks(void)
{
	for (size_t i = 0; i < countof(world.askers); i++) {
		if (world.askers[i].answer && i != LISTER)
			answer_all(&world.askers[i]);
	}
}

struct asker *asker_new(void (*answer)(struct ask *a), int wake_fd)
{
	(void)wake_fd;
	struct asker *a = world.askers;
	while (a->answer)
		assert_true(++a < world.askers + countof(world.askers));
	a->answer = answer;
	STAILQ_INIT(&a->asked);
	STAILQ_INIT(&a->answered);
	return a;
}

bool asker_free(struct asker *a)
{
	if (a)
		a->answer = NULL;
	return true;
}

void asker_put(struct asker *a, struct ask *q)
{
	STAILQ_INSERT_TAIL(&a->asked, q, next);
	if (a == world.askers)
		world.ask_count++;
	if (a == world.askers && !world.is_slow)
		answer_all(a);
}

struct ask *asker_take(struct asker *a)
{
	struct ask *q = STAILQ_FIRST(&a->answered);
	if (q)
		STAILQ_REMOVE_HEAD(&a->answered, next);
	return q;
}

/* Let the directories be listed that are asked for. */
static void let_list(int error)
{
	struct asker *lister = &world.askers[LISTER];
	if (!lister->answer || STAILQ_EMPTY(&lister->asked))
		fail_msg("%s: nothing is being listed", play.script->name);
	world.list_errno = error;
	answer_all(lister);
}

#endif
