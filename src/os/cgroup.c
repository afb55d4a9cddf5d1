/* SPDX-License-Identifier: MIT */
#include "os/cgroup.h"

#include "base/grow.h"
#include "os/fd.h"
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#define CGROUP_IDLE_MAX 32 /* empty ones that are kept for later */
#define CGROUP_PASSES_MAX 100 /* over processes that may go on forking */
#define CGROUP_LOCK_TRIES 10
#define CGROUP_NAME_BYTES 64
#define CGROUP_DEPTH_MAX 16 /* of what hooks made below their cgroup */

struct cgroup_home {
	int parent_fd; /* the own cgroup */
	int fd; /* locked */
	char name[CGROUP_NAME_BYTES]; /* in the parent */
	char *path; /* of it */
	char *inner; /* as /proc/PID/cgroup has it, without the cgroup's number */
	uint64_t last_number;
	LIST_HEAD(, cgroup) idle;
	size_t idle_count;
};

struct cgroup {
	LIST_ENTRY(cgroup) link; /* on cgroup_home.idle */
	struct cgroup_home *home;
	uint64_t number; /* its name */
	int dir_fd;
	int events_fd;
	/* Linux 6.18 kills what is started in a cgroup that was ever killed. */
	bool is_spoilt;
};

/* Pids that have had their turn, those of former passes in ascending order. */
struct cgroup_pids {
	pid_t *items;
	size_t count;
	pid_t wanted;
	bool has_reached; /* wanted got the signal */
};

/* ---- Directories ---- */

static int cgroup_open_dir(int parent_fd, const char *name)
{
	return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Remove a directory and what is below it, as far as nothing runs there. */
static void cgroup_remove(int parent_fd, const char *name, int depth)
{
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || depth == 0)
		return;
	int fd = cgroup_open_dir(parent_fd, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			cgroup_remove(fd, e->d_name, depth - 1);
	}
	closedir(dir);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* Remove a directory that nobody has locked. */
static void cgroup_remove_leftover(int parent_fd, const char *name)
{
	int fd = cgroup_open_dir(parent_fd, name);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		cgroup_remove(parent_fd, name, CGROUP_DEPTH_MAX);
	fd_close(fd);
}

static void cgroup_remove_leftovers(int parent_fd, const char *prefix)
{
	size_t len = strlen(prefix);
	int fd = cgroup_open_dir(parent_fd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, prefix, len) == 0 && e->d_name[len] == '.')
			cgroup_remove_leftover(parent_fd, e->d_name);
	}
	closedir(dir);
}

/* Make the home's directory and lock it, before another process can take it for left over.
 */
static int cgroup_home_make(struct cgroup_home *h)
{
	for (int i = 0; i < CGROUP_LOCK_TRIES; i++) {
		struct stat mine, named;
		if (mkdirat(h->parent_fd, h->name, 0755) < 0 && errno != EEXIST)
			return -1;
		h->fd = cgroup_open_dir(h->parent_fd, h->name);
		if (h->fd < 0)
			continue;
		if (flock(h->fd, LOCK_EX | LOCK_NB) == 0 && fstat(h->fd, &mine) == 0 &&
			fstatat(h->parent_fd, h->name, &named, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			mine.st_ino == named.st_ino)
			return 0;
		fd_close(h->fd);
		h->fd = -1;
	}
	errno = EAGAIN;
	return -1;
}

/* ---- The home ---- */

/* Start a process in a cgroup that does nothing: some sandboxes forbid it, and where the own
 * cgroup was killed once the kernel may kill it. */
static int cgroup_try(struct cgroup_home *h)
{
	int status = 0;
	struct cgroup *c = cgroup_open(h);
	if (!c)
		return -1;
	struct clone_args args = {.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)c->dir_fd};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	int saved = errno;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	cgroup_close(c);
	errno = status ? ECANCELED : saved;
	return pid < 0 || status ? -1 : 0;
}

static int cgroup_home_init(
	struct cgroup_home *h, const char *path, const char *inner, const char *prefix)
{
	int len = snprintf(h->name, sizeof(h->name), "%s.%d", prefix, (int)getpid());
	if (len < 0 || (size_t)len >= sizeof(h->name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (asprintf(&h->inner, "%s/%s", strcmp(inner, "/") == 0 ? "" : inner, h->name) <
		0) {
		h->inner = NULL;
		errno = ENOMEM;
		return -1;
	}
	if (asprintf(&h->path, "%s/%s", path, h->name) < 0) {
		h->path = NULL;
		errno = ENOMEM;
		return -1;
	}
	h->parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->parent_fd < 0)
		return -1;
	cgroup_remove_leftovers(h->parent_fd, prefix);
	if (cgroup_home_make(h) < 0)
		return -1;
	return cgroup_try(h);
}

struct cgroup_home *cgroup_home_open(
	const char *path, const char *inner, const char *prefix)
{
	struct cgroup_home *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->parent_fd = -1;
	h->fd = -1;
	LIST_INIT(&h->idle);
	if (cgroup_home_init(h, path, inner, prefix) == 0)
		return h;
	int saved = errno;
	cgroup_home_close(h);
	errno = saved;
	return NULL;
}

static void cgroup_free(struct cgroup *c)
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
		cgroup_free(c);
	}
	if (h->fd >= 0) {
		cgroup_remove(h->parent_fd, h->name, CGROUP_DEPTH_MAX);
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

static void cgroup_name(const struct cgroup *c, char name[CGROUP_NAME_BYTES])
{
	snprintf(name, CGROUP_NAME_BYTES, "%llu", (unsigned long long)c->number);
}

static int cgroup_make(struct cgroup *c)
{
	char name[CGROUP_NAME_BYTES];
	cgroup_name(c, name);
	/* An earlier process with this pid may have left some. */
	while (mkdirat(c->home->fd, name, 0755) < 0) {
		if (errno != EEXIST)
			return -1;
		c->number = ++c->home->last_number;
		cgroup_name(c, name);
	}
	c->dir_fd = cgroup_open_dir(c->home->fd, name);
	if (c->dir_fd >= 0)
		c->events_fd = openat(c->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (c->events_fd >= 0)
		return 0;
	int saved = errno;
	unlinkat(c->home->fd, name, AT_REMOVEDIR);
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
	*c = (struct cgroup){
		.home = h, .number = ++h->last_number, .dir_fd = -1, .events_fd = -1};
	if (cgroup_make(c) == 0)
		return c;
	cgroup_free(c);
	return NULL;
}

/* What cgroup.events says of "populated": 0, 1, or -1 with errno. */
static int cgroup_read_populated(const struct cgroup *c)
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
	int populated = cgroup_read_populated(c);
	if (populated == 0 && !c->is_spoilt && h->idle_count < CGROUP_IDLE_MAX) {
		LIST_INSERT_HEAD(&h->idle, c, link);
		h->idle_count++;
	} else {
		char name[CGROUP_NAME_BYTES];
		cgroup_name(c, name);
		if (populated == 0)
			cgroup_remove(h->fd, name, CGROUP_DEPTH_MAX);
		cgroup_free(c);
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
	return cgroup_read_populated(c) > 0;
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

/* Whether a line of /proc/PID/cgroup says that the process is in the cgroup. */
static bool cgroup_is_line_of(const struct cgroup *c, const char *line)
{
	size_t len = strlen(c->home->inner);
	if (strncmp(line, "0::", 3) != 0 || strncmp(line + 3, c->home->inner, len) != 0)
		return false;
	char name[CGROUP_NAME_BYTES];
	cgroup_name(c, name);
	line += 3 + len;
	len = strlen(name);
	return *line == '/' && strncmp(line + 1, name, len) == 0 && line[1 + len] == '\n';
}

/* Read what /proc says of a process's cgroups. Returns 0, or -1 with errno. */
static int cgroup_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, size - 1);
	fd_close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -1 : 0;
}

const char *cgroup_own(char *text, size_t size)
{
	if (cgroup_read("/proc/self/cgroup", text, size) < 0)
		return NULL;
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	}
	errno = ENOENT;
	return NULL;
}

/* Whether the process that has this pid now is in the cgroup. */
static bool cgroup_has(const struct cgroup *c, pid_t pid)
{
	char path[32], text[2 * PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (cgroup_read(path, text, sizeof(text)) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (cgroup_is_line_of(c, line))
			return true;
	}
	return false;
}

/* The descriptor is taken before the look at /proc: it is that life of the pid, or a dead
 * one. */
static bool cgroup_signal_one(const struct cgroup *c, pid_t pid, int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return false;
	bool is_sent = cgroup_has(c, pid) &&
		       syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
	fd_close(fd);
	return is_sent;
}

static int cgroup_add_pid(struct cgroup_pids *pids, pid_t pid)
{
	if (grow(pids->items, pids->count) < 0)
		return -1;
	pids->items[pids->count++] = pid;
	return 0;
}

/* Signal those that have not been. Returns how many there were, or -1 with errno. */
static ssize_t cgroup_signal_pass(
	const struct cgroup *c, int signal, struct cgroup_pids *pids)
{
	int fd = openat(c->dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file) {
		fd_close(fd);
		return -1;
	}
	size_t sorted = pids->count;
	ssize_t fresh = 0;
	int pid;
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid <= 0 || (sorted > 0 && bsearch(&pid, pids->items, sorted,
						       sizeof(pid_t), proc_compare)))
			continue;
		if (cgroup_signal_one(c, pid, signal) && pid == pids->wanted)
			pids->has_reached = true;
		if (cgroup_add_pid(pids, pid) < 0)
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
	struct cgroup_pids pids = {.wanted = pid};
	ssize_t fresh = 1;
	for (int i = 0; i < CGROUP_PASSES_MAX && fresh > 0; i++)
		fresh = cgroup_signal_pass(c, signal, &pids);
	free(pids.items);
	return fresh < 0 ? -1 : pids.has_reached;
}
