/* SPDX-License-Identifier: MIT */
#include "os/cgroup.h"

#include "base/grow.h"
#include "os/fd.h"
#include "os/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/sched.h>

#define IDLE_MAX 32 /* empty ones that are kept for later */
#define PASSES_MAX 100 /* over processes that may go on forking */
#define LOCK_TRIES 100
#define LOCK_WAIT_US 1000 /* between two of them */
#define NAME_BYTES 64
#define DEPTH_MAX 16 /* of what hooks made below their cgroup */
#define LABEL_NAME "user.fsmon"
#define LABEL_BYTES 256

struct cgroup_home {
	int parent_fd; /* the own cgroup */
	int fd; /* locked */
	char name[NAME_BYTES]; /* in the parent */
	char *path; /* of it */
	char *inner; /* as /proc/PID/cgroup has it, without the cgroup's number */
	uint64_t last_number;
	LIST_HEAD(, cgroup) idle;
	size_t idle_count;
};

struct cgroup {
	LIST_ENTRY(cgroup) link; /* on cgroup_home.idle */
	struct cgroup_home *home;
	char name[NAME_BYTES]; /* a number */
	int dir_fd;
	int events_fd;
	/* Linux 6.18 kills what is started in a cgroup that was ever killed. */
	bool is_spoilt;
};

/* Pids that have had their turn, those of former passes in ascending order. */
struct pids {
	pid_t *items;
	size_t count;
	pid_t wanted;
	bool has_reached; /* wanted got the signal */
};

/* ---- Directories ---- */

static int open_dir(int parent_fd, const char *name)
{
	return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The next cgroup in the directory of one. */
static struct dirent *next_inside(DIR *dir)
{
	struct dirent *e;
	while ((e = readdir(dir)) && (e->d_type != DT_DIR || e->d_name[0] == '.'))
		continue;
	return e;
}

/* Remove a directory and what is below it, as far as nothing runs there. */
static void remove_tree(int parent_fd, const char *name, int depth)
{
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || depth == 0)
		return;
	DIR *dir = fd_open_dir(parent_fd, name);
	if (!dir)
		return;
	for (struct dirent *e; (e = next_inside(dir));)
		remove_tree(dirfd(dir), e->d_name, depth - 1);
	closedir(dir);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* Remove a directory that nobody has locked. */
static void remove_leftover(int parent_fd, const char *name)
{
	int fd = open_dir(parent_fd, name);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_tree(parent_fd, name, DEPTH_MAX);
	fd_close(fd);
}

static void remove_leftovers(int parent_fd, const char *prefix)
{
	size_t len = strlen(prefix);
	DIR *dir = fd_open_dir(parent_fd, ".");
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, prefix, len) == 0 && e->d_name[len] == '.')
			remove_leftover(parent_fd, e->d_name);
	}
	closedir(dir);
}

/* Make the home's directory and lock it, before another process can take it for left over.
 */
static int make_home(struct cgroup_home *h)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		struct stat mine, named;
		if (mkdirat(h->parent_fd, h->name, 0755) < 0 && errno != EEXIST)
			return -1;
		h->fd = open_dir(h->parent_fd, h->name);
		if (h->fd >= 0 && flock(h->fd, LOCK_EX | LOCK_NB) == 0 &&
			fstat(h->fd, &mine) == 0 &&
			fstatat(h->parent_fd, h->name, &named, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			mine.st_ino == named.st_ino)
			return 0;
		fd_close(h->fd);
		h->fd = -1;
		/* Another process takes it for left over, and removes it. */
		usleep(LOCK_WAIT_US);
	}
	errno = EAGAIN;
	return -1;
}

/* ---- The home ---- */

/* Start a process in a cgroup that does nothing: some sandboxes forbid it, and where the own
 * cgroup was killed once the kernel may kill it. */
static int try_start(struct cgroup_home *h)
{
	struct cgroup *c = cgroup_open(h);
	if (!c)
		return -1;
	struct clone_args args = {.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)c->dir_fd};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	int status = pid > 0 ? proc_reap(pid) : 0;
	cgroup_close(c);
	if (status)
		errno = ECANCELED;
	return pid < 0 || status ? -1 : 0;
}

static char *join(const char *dir, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int init_home(
	struct cgroup_home *h, const char *path, const char *inner, const char *prefix)
{
	if (snprintf(h->name, sizeof(h->name), "%s.%d", prefix, (int)getpid()) >=
		(int)sizeof(h->name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	h->inner = join(strcmp(inner, "/") == 0 ? "" : inner, h->name);
	h->path = join(path, h->name);
	if (!h->inner || !h->path)
		return -1;
	h->parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->parent_fd < 0)
		return -1;
	remove_leftovers(h->parent_fd, prefix);
	if (make_home(h) < 0)
		return -1;
	return try_start(h);
}

struct cgroup_home *cgroup_home_open(
	const char *path, const char *inner, const char *prefix)
{
	assert(inner[0] == '/');
	struct cgroup_home *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->parent_fd = -1;
	h->fd = -1;
	if (init_home(h, path, inner, prefix) == 0)
		return h;
	int saved = errno;
	cgroup_home_close(h);
	errno = saved;
	return NULL;
}

static void free_cgroup(struct cgroup *c)
{
	fd_close(c->dir_fd);
	fd_close(c->events_fd);
	free(c);
}

void cgroup_home_close(struct cgroup_home *h)
{
	if (!h)
		return;
	struct cgroup *c;
	while ((c = LIST_FIRST(&h->idle)) != NULL) {
		LIST_REMOVE(c, link);
		free_cgroup(c);
	}
	if (h->fd >= 0) {
		remove_tree(h->parent_fd, h->name, DEPTH_MAX);
		fd_close(h->fd);
	}
	fd_close(h->parent_fd);
	free(h->path);
	free(h->inner);
	free(h);
}

const char *cgroup_home_path(const struct cgroup_home *h)
{
	return h->path;
}

/* ---- One cgroup ---- */

static int make_cgroup(struct cgroup *c)
{
	struct cgroup_home *h = c->home;
	/* An earlier process with this pid may have left some. */
	int made;
	do {
		snprintf(c->name, sizeof(c->name), "%" PRIu64, ++h->last_number);
		made = mkdirat(h->fd, c->name, 0755);
	} while (made < 0 && errno == EEXIST);
	if (made < 0)
		return -1;
	c->dir_fd = open_dir(h->fd, c->name);
	if (c->dir_fd >= 0)
		c->events_fd = openat(c->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (c->events_fd >= 0)
		return 0;
	int saved = errno;
	unlinkat(h->fd, c->name, AT_REMOVEDIR);
	errno = saved;
	return -1;
}

struct cgroup *cgroup_open(struct cgroup_home *h)
{
	struct cgroup *c = LIST_FIRST(&h->idle);
	if (c) {
		LIST_REMOVE(c, link);
		h->idle_count--;
		return c;
	}
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct cgroup){.home = h, .dir_fd = -1, .events_fd = -1};
	if (make_cgroup(c) == 0)
		return c;
	free_cgroup(c);
	return NULL;
}

/* What cgroup.events says of "populated": 0, 1, or -1 with errno. */
static int read_populated(const struct cgroup *c)
{
	static const char key[] = "populated ";
	char text[256];
	ssize_t n = pread(c->events_fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return -1;
	text[n] = '\0';
	const char *at = strstr(text, key);
	return at && at[sizeof(key) - 1] == '1';
}

void cgroup_close(struct cgroup *c)
{
	if (!c)
		return;
	int saved = errno;
	struct cgroup_home *h = c->home;
	int populated = read_populated(c);
	if (populated == 0 && !c->is_spoilt && h->idle_count < IDLE_MAX) {
		LIST_INSERT_HEAD(&h->idle, c, link);
		h->idle_count++;
	} else {
		if (populated == 0)
			remove_tree(h->fd, c->name, DEPTH_MAX);
		free_cgroup(c);
	}
	errno = saved;
}

int cgroup_dir_fd(const struct cgroup *c)
{
	return c->dir_fd;
}

int cgroup_events_fd(const struct cgroup *c)
{
	return c->events_fd;
}

bool cgroup_is_populated(const struct cgroup *c)
{
	return read_populated(c) > 0;
}

/* ---- Signals ---- */

int cgroup_kill(struct cgroup *c)
{
	c->is_spoilt = true;
	int fd = openat(c->dir_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, "1", 1);
	fd_close(fd);
	return n == 1 ? 0 : -1;
}

/* Read the cgroup of a process from a file of /proc, into `text`. NULL with errno. */
static const char *read_place(const char *file, char *text, size_t size)
{
	ssize_t n = proc_read(AT_FDCWD, file, text, size - 1);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	}
	errno = ENOENT;
	return NULL;
}

const char *cgroup_own(char *text, size_t size)
{
	return read_place("/proc/self/cgroup", text, size);
}

/* Whether the process that has this pid now is in the cgroup. */
static bool has_process(const struct cgroup *c, pid_t pid)
{
	char file[32], text[2 * PATH_MAX];
	size_t len = strlen(c->home->inner);
	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	const char *place = read_place(file, text, sizeof(text));
	return place && strncmp(place, c->home->inner, len) == 0 && place[len] == '/' &&
	       strcmp(place + len + 1, c->name) == 0;
}

static FILE *open_procs(int dir_fd)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file)
		fd_close(fd);
	return file;
}

/* The descriptor is taken before the look at /proc: it is that life of the pid, or a dead
 * one. */
static bool signal_one(const struct cgroup *c, pid_t pid, int signal)
{
	int fd = proc_open_pidfd(pid);
	if (fd < 0)
		return false;
	bool is_sent = has_process(c, pid) && proc_signal(fd, signal) == 0;
	fd_close(fd);
	return is_sent;
}

static int add_pid(struct pids *pids, pid_t pid)
{
	if (grow(pids->items, pids->count) < 0)
		return -1;
	pids->items[pids->count++] = pid;
	return 0;
}

/* Signal those that have not been signalled. Returns their number, or -1 with errno. */
static ssize_t signal_pass(const struct cgroup *c, int signal, struct pids *pids)
{
	FILE *file = open_procs(c->dir_fd);
	if (!file)
		return -1;
	size_t sorted = pids->count;
	ssize_t fresh = 0;
	int pid;
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid <= 0 || (sorted > 0 && bsearch(&pid, pids->items, sorted,
						       sizeof(pid_t), proc_compare)))
			continue;
		if (signal_one(c, pid, signal) && pid == pids->wanted)
			pids->has_reached = true;
		if (add_pid(pids, pid) < 0)
			break;
		fresh++;
	}
	fclose(file);
	if (pids->count > 0)
		qsort(pids->items, pids->count, sizeof(pid_t), proc_compare);
	return fresh;
}

int cgroup_signal(const struct cgroup *c, int signal, pid_t pid)
{
	struct pids pids = {.wanted = pid};
	ssize_t fresh = 1;
	for (int i = 0; i < PASSES_MAX && fresh > 0; i++)
		fresh = signal_pass(c, signal, &pids);
	free(pids.items);
	return fresh < 0 ? -1 : pids.has_reached;
}

/* ---- Labels ---- */

struct walk {
	void (*found)(void *ctx, pid_t pid, const char *label);
	void *ctx;
	char label[LABEL_BYTES];
};

void cgroup_set_label(int dir_fd, const char *label)
{
	int saved = errno;
	if (fsetxattr(dir_fd, LABEL_NAME, label, strlen(label), 0) < 0)
		fremovexattr(dir_fd, LABEL_NAME);
	errno = saved;
}

/* Read the label of a cgroup; false: there is none. */
static bool read_label(struct walk *w, int dir_fd)
{
	ssize_t n = fgetxattr(dir_fd, LABEL_NAME, w->label, sizeof(w->label) - 1);
	if (n < 0 || memchr(w->label, '\0', (size_t)n))
		return false;
	w->label[n] = '\0';
	return true;
}

static void find_processes(const struct walk *w, int dir_fd)
{
	int pid;
	FILE *file = open_procs(dir_fd);
	if (!file)
		return;
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid > 0)
			w->found(w->ctx, pid, w->label);
	}
	fclose(file);
}

/* The cgroups in a directory: at depth 0 they have labels, below they share theirs. */
static void descend(struct walk *w, DIR *dir, int depth)
{
	for (struct dirent *e; (e = next_inside(dir));) {
		DIR *inner = fd_open_dir(dirfd(dir), e->d_name);
		if (!inner)
			continue;
		if (depth > 0 || read_label(w, dirfd(inner))) {
			find_processes(w, dirfd(inner));
			if (depth < DEPTH_MAX)
				descend(w, inner, depth + 1);
		}
		closedir(inner);
	}
}

void cgroup_each_labelled(const char *path,
	void (*found)(void *ctx, pid_t pid, const char *label), void *ctx)
{
	struct walk w = {.found = found, .ctx = ctx};
	DIR *dir = fd_open_dir(AT_FDCWD, path);
	if (!dir)
		return;
	descend(&w, dir, 0);
	closedir(dir);
}
