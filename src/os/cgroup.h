/* SPDX-License-Identifier: MIT */
/*
 * Cgroups (version 2) of a process's own, one for each of its children and all that they
 * start. No controllers are touched: a cgroup is used to reach all processes in it.
 */
#ifndef FSMON_OS_CGROUP_H
#define FSMON_OS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

struct cgroup_home; /* opaque: the directory with a process's cgroups */
struct cgroup; /* opaque: one of them */

/*
 * Make the directory PREFIX.PID in `path`, the directory of the caller's own cgroup, and see
 * that a process can be started in it. `inner` is that cgroup as /proc/self/cgroup has it
 * ("/", "/system.slice/x.service"). A lock that ends with the process says that the
 * directory is in use: others of the same prefix are what earlier processes left over, and
 * are removed as far as nothing runs there. Call it with a single thread. Borrows its
 * arguments; the caller closes the result.
 *
 * Returns NULL with ENOMEM, ENAMETOOLONG, or an errno of open(2), mkdir(2) (EACCES, EPERM,
 * EROFS …) or clone(2) (ENOSYS, EBUSY …), or ECANCELED if the process was killed.
 */
__attribute__((warn_unused_result)) struct cgroup_home *cgroup_home_open(
	const char *path, const char *inner, const char *prefix);

/* The path of the caller's own cgroup, as /proc/self/cgroup has it: in `text`, of `size` bytes.
 * NULL with ENOENT (no version 2) or an errno of open(2) or read(2). */
const char *cgroup_own(char *text, size_t size);

/* The directory. It is the home's own. */
const char *cgroup_home_path(const struct cgroup_home *h);

/* Remove the directory as far as nothing runs in it; all its cgroups must have been closed.
 * NULL is allowed. */
void cgroup_home_close(struct cgroup_home *h);

/*
 * An empty cgroup, which may have been somebody else's before. Close it before its home.
 * Returns NULL with ENOMEM or an errno of mkdir(2) or open(2).
 */
__attribute__((warn_unused_result)) struct cgroup *cgroup_open(struct cgroup_home *h);

/* Give a cgroup back: if it is empty it is used again, or removed where it was killed, else
 * it stays as it is until its home is closed or found left over. NULL is allowed. Keeps
 * errno. */
void cgroup_close(struct cgroup *c);

/* The directory's descriptor, for CLONE_INTO_CGROUP. The cgroup's own. */
int cgroup_dir_fd(const struct cgroup *c);

/* A descriptor that has EPOLLPRI when cgroup_is_populated may say something else than it
 * did last. Do not ask it for EPOLLIN, which it always has. The cgroup's own. */
int cgroup_events_fd(const struct cgroup *c);

/* Whether any process is in it that has not ended (a zombie has). False also for a cgroup
 * that somebody has removed. */
bool cgroup_is_populated(const struct cgroup *c);

/*
 * Send a signal to every process in it, also to those that come while this goes on; each
 * gets it once, and nobody else does, even if a pid is used again meanwhile. Returns 1 if
 * the process `pid` was among them, 0 if not, or -1 with the errno of open(2).
 */
int cgroup_signal(const struct cgroup *c, int signal, pid_t pid);

/* Kill all processes in it and below. Nothing can be started in it afterwards. Returns 0, or
 * -1 with the errno of open(2) or write(2). */
int cgroup_kill(struct cgroup *c);

/*
 * Label a cgroup by its directory's descriptor (the attribute user.fsmon), in the place of a label
 * that it has: text for another process that finds it. Before Linux 5.7, and where the kernel
 * refuses it otherwise, it has none afterwards. Keeps errno.
 */
void cgroup_set_label(int dir_fd, const char *label);

/*
 * Call found(ctx, pid, label) for each process in the labelled cgroups of a directory, and
 * below them. Who comes meanwhile may be missed, unless his parent is found. What cannot be
 * read is passed over. Borrows its arguments; the label lives as long as the call.
 */
void cgroup_each_labelled(const char *path,
	void (*found)(void *ctx, pid_t pid, const char *label), void *ctx);

#endif
