/* SPDX-License-Identifier: MIT */
#include "app/keeper/keeper.h"

#include "app/keeper/keeper_hook.h"
#include "app/keeper/keeper_runs.h"
#include "app/keeper/keeper_worker.h"
#include "app/log.h"
#include "core/hook/wire.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/poller.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/spawn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (10000 * NS_PER_MS)
#define STABLE_NS (10000 * NS_PER_MS) /* a worker that lived so long was well */
#define RECEIVE_MAX 64 /* messages of one turn */

enum keeper_stop {
	GOES_ON,
	STOPS, /* after the running hooks */
	STOPS_NOW, /* hooks have been killed */
};

struct keeper {
	const struct keeper_config *config;
	const char *notify_address; /* NULL: no service manager */
	struct spawn_defaults defaults;
	struct poller *poller;
	struct cgroup_home *home; /* NULL: hooks get no cgroups */
	int home_error; /* why */
	bool has_warned_of_cgroups;
	struct keeper_runs *runs;
	int signal_fd;
	bool is_init; /* pid 1: whatever lost its parent is ours to reap */
	char *packet; /* WIRE_MAX_BYTES */

	pid_t worker_pid; /* 0: none */
	int worker_pidfd;
	struct poller_source *worker_exit;
	int worker_fd; /* -1: none */
	uint64_t last_run_id; /* the highest that a run was asked for with */
	int conf_fd; /* the configuration in force; -1: none, as long as none was ready */
	struct poller_source *worker_source;
	uint64_t worker_since_ns;
	bool must_tell_caught_up;
	bool must_tell_reload;
	bool is_reloading; /* the worker was told, and has not said that it is done */
	bool has_retried_reload; /* another worker has died of it */
	bool is_ready; /* this worker was */
	bool must_tell_stop;

	bool was_ready; /* some worker was */
	enum keeper_stop stop;
	uint64_t backoff_ns;
	uint64_t restart_at_ns; /* 0: no restart to come */
	uint64_t kill_at_ns; /* when patience with the worker ends; 0: not waiting */
	bool gave_up; /* it ended: do not wait for hooks either */
	int exit_code;
};

static void notify(const struct keeper *k, const char *state)
{
	if (k->notify_address)
		sock_notify(k->notify_address, state);
}

/* ---- The worker's life ---- */

static void on_worker(void *ctx, uint32_t events);
static void on_worker_exit(void *ctx, uint32_t events);

static void drop_socket(struct keeper *k)
{
	if (k->worker_fd < 0)
		return;
	poller_remove(k->poller, k->worker_source);
	k->worker_source = NULL;
	fd_close(k->worker_fd);
	k->worker_fd = -1;
	keeper_runs_set_worker(k->runs, -1);
}

/* Watch a new worker and its socket. Where they cannot be watched the worker is of no
 * use. */
static int watch_worker(struct keeper *k, int fd)
{
	k->worker_fd = fd;
	k->worker_pidfd = proc_open_pidfd(k->worker_pid);
	if (k->worker_pidfd >= 0)
		k->worker_exit = poller_add(
			k->poller, k->worker_pidfd, EPOLLIN, on_worker_exit, k);
	if (k->worker_exit)
		k->worker_source = poller_add(k->poller, fd, EPOLLIN, on_worker, k);
	return k->worker_source ? 0 : -1;
}

static void forget_worker(struct keeper *k)
{
	drop_socket(k);
	poller_remove(k->poller, k->worker_exit);
	k->worker_exit = NULL;
	fd_close(k->worker_pidfd);
	k->worker_pidfd = -1;
	k->worker_pid = 0;
	k->kill_at_ns = 0;
}

/* A new worker begins with the rules in force: a reload that the last one died in is still to be
 * done. But what kills two is not given to a third. */
static void retry_reload(struct keeper *k)
{
	if (k->is_reloading && k->has_retried_reload)
		log_err("the reload is given up: two workers have died of it");
	else if (k->is_reloading)
		k->must_tell_reload = k->has_retried_reload = true;
	k->is_reloading = false;
}

static int start_worker(struct keeper *k)
{
	const struct keeper_config *c = k->config;
	struct wire_hello hello = {
		.subscribed_ns = c->subscribed_ns,
		.last_run_id = k->last_run_id,
		.degraded = c->degraded,
		.hooks_dir = k->home ? cgroup_home_path(k->home) : NULL,
	};
	int fd;
	struct wire_fds fds = c->fds;
	fds.fd[WIRE_FD_CONF - WIRE_FD_WORKER] = k->conf_fd;
	assert(k->worker_pid == 0 && k->worker_fd < 0);
	pid_t pid = keeper_worker_start(c->worker_argv, &fds, hello, &fd);
	if (pid < 0)
		return -1;
	k->worker_pid = pid;
	k->worker_since_ns = clock_monotonic_ns();
	if (watch_worker(k, fd) < 0) {
		kill(pid, SIGKILL);
		proc_reap(pid);
		forget_worker(k);
		return -1;
	}
	keeper_runs_set_worker(k->runs, k->worker_fd);
	k->must_tell_caught_up = true;
	k->is_ready = false;
	retry_reload(k);
	k->must_tell_stop = k->stop != GOES_ON;
	return 0;
}

/* Plan the next start: soon at first, then less and less often. */
static void plan_restart(struct keeper *k, uint64_t now_ns)
{
	bool was_stable = now_ns - k->worker_since_ns >= STABLE_NS;
	if (was_stable || k->backoff_ns == 0)
		k->backoff_ns = BACKOFF_MIN_NS;
	else if (k->backoff_ns < BACKOFF_MAX_NS / 2)
		k->backoff_ns *= 2;
	else
		k->backoff_ns = BACKOFF_MAX_NS;
	k->restart_at_ns = now_ns + k->backoff_ns;
	log_err("worker starts again in %" PRIu64 " ms", k->backoff_ns / NS_PER_MS);
}

static void restart_worker(struct keeper *k)
{
	k->restart_at_ns = 0;
	if (start_worker(k) == 0)
		return;
	log_err("worker cannot be started: %s", strerror(errno));
	uint64_t now_ns = clock_monotonic_ns();
	k->worker_since_ns = now_ns;
	plan_restart(k, now_ns);
}

static void log_exit(int status)
{
	if (WIFSIGNALED(status))
		log_err("worker was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		log_err("worker ended with status %d", WEXITSTATUS(status));
}

/* Decide what the end of the worker means: the end of all, or a new worker. */
static void judge_exit(struct keeper *k, int status)
{
	bool expected = k->stop != GOES_ON && WIFEXITED(status);
	bool is_final = k->stop != GOES_ON || !k->was_ready;
	if (!expected && (k->was_ready || WIFSIGNALED(status)))
		log_exit(status);
	if (is_final)
		k->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	else
		plan_restart(k, clock_monotonic_ns());
}

/* ---- Messages ---- */

static void on_status(const struct keeper *k, const char *text)
{
	char state[512];
	snprintf(state, sizeof(state), "STATUS=%s", text);
	/* A newline would begin another variable. */
	char *end = strchr(state, '\n');
	if (end)
		*end = '\0';
	notify(k, state);
}

/* Say once if hooks get no cgroups. */
static void warn_of_missing_cgroups(struct keeper *k)
{
	if (k->has_warned_of_cgroups ||
		(k->home && keeper_runs_without_cgroup(k->runs) == 0))
		return;
	k->has_warned_of_cgroups = true;
	if (k->home)
		log_warn("a hook got no cgroup: a stop reaches its process group alone");
	else
		log_warn(
			"hooks get no cgroups (%s): a stop reaches their process groups, "
			"and what is known to descend from them",
			strerror(k->home_error));
}

static void on_ready(struct keeper *k, bool logs_json)
{
	if (k->is_ready)
		k->is_reloading = k->has_retried_reload = false;
	k->was_ready = k->is_ready = true;
	log_set_json(logs_json);
	notify(k, "READY=1");
	warn_of_missing_cgroups(k);
}

/* Take over a configuration for the next worker. */
static void hold_conf(struct keeper *k, int *fds, size_t fd_count)
{
	if (fd_count == 0) {
		log_err("the configuration cannot be held: there are too many "
			"descriptors; a "
			"worker that takes the place of this one has the rules from "
			"before");
		return;
	}
	fd_close(k->conf_fd);
	k->conf_fd = fds[0];
	fds[0] = -1;
}

/* A descriptor that is taken over is replaced by -1. */
static void dispatch(
	struct keeper *k, const struct wire_message *m, int *fds, size_t fd_count)
{
	switch (m->type) {
	case WIRE_RUN:
		if (m->run_id > k->last_run_id)
			k->last_run_id = m->run_id;
		/* The request of a dead worker is made again by the next. */
		if (k->worker_pid != 0)
			keeper_runs_start(
				k->runs, &(struct keeper_request){.run_id = m->run_id,
						 .run = &m->run,
						 .fds = fds,
						 .fd_count = fd_count});
		break;
	case WIRE_SIGNAL:
	case WIRE_STOP:
	case WIRE_KILL:
		keeper_runs_signal(k->runs, m->type, m->run_id, m->signal);
		break;
	case WIRE_DONE:
		keeper_runs_done(k->runs, m->done.ids, m->done.count);
		break;
	case WIRE_READY:
		on_ready(k, m->logs_json);
		break;
	case WIRE_STATUS:
		on_status(k, m->text);
		break;
	case WIRE_CONF:
		hold_conf(k, fds, fd_count);
		break;
	default:
		log_err("unexpected message %d from the worker", (int)m->type);
	}
}

/* Receive one message. Returns whether there may be more. */
static bool receive(struct keeper *k)
{
	int fds[SOCK_MAX_FDS];
	size_t fd_count;
	ssize_t len = sock_recv(k->worker_fd, k->packet, WIRE_MAX_BYTES, fds, &fd_count);
	/* The worker died before it had read all: recvmsg(2) says so once, and then gives
	 * what the worker had sent. */
	if (len < 0 && errno == ECONNRESET)
		return true;
	if (len == 0 || (len < 0 && errno != EAGAIN && errno != EMSGSIZE)) {
		drop_socket(k);
		/* It should be about to end. */
		k->kill_at_ns = clock_monotonic_ns() + WIRE_END_PATIENCE_NS;
		return false;
	}
	if (len < 0 && errno == EAGAIN)
		return false;
	struct wire_message m;
	if (len > 0 && wire_decode(&m, k->packet, (size_t)len) == 0) {
		dispatch(k, &m, fds, fd_count);
		wire_fini(&m);
	} else {
		log_err("faulty message from the worker: %s", strerror(errno));
	}
	while (fd_count > 0)
		fd_close(fds[--fd_count]);
	return true;
}

static void on_worker(void *ctx, uint32_t events)
{
	struct keeper *k = ctx;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	/* A hook announces itself on this socket: only where there is room is one
	 * started. */
	for (int i = 0; i < RECEIVE_MAX && sock_has_room(k->worker_fd); i++) {
		if (!receive(k))
			break;
	}
}

static void on_worker_exit(void *ctx, uint32_t events)
{
	(void)events;
	struct keeper *k = ctx;
	int status;
	pid_t pid = waitpid(k->worker_pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return;
	k->worker_pid = 0;
	/* It may have become ready before it ended. */
	while (k->worker_fd >= 0 && receive(k))
		continue;
	forget_worker(k);
	judge_exit(k, pid < 0 ? EXIT_FAILURE << 8 : status);
}

/* Send a message without fields unless it has been sent. Returns whether it has. */
static bool tell_once(struct keeper *k, bool *must_tell, enum wire_type type)
{
	if (!*must_tell)
		return true;
	struct wire_message m = {.type = type};
	if (type == WIRE_SHUTDOWN)
		m.now = k->stop == STOPS_NOW;
	*must_tell = keeper_worker_send(k->worker_fd, &m, NULL) < 0;
	return !*must_tell;
}

static bool tell_reload(struct keeper *k)
{
	bool must_tell = k->must_tell_reload;
	if (!tell_once(k, &k->must_tell_reload, WIRE_RELOAD))
		return false;
	k->is_reloading = k->is_reloading || must_tell;
	return true;
}

/* Tell the worker all that it does not know; where the socket is full, hear nothing new
 * from it until there is room. */
static void tell(struct keeper *k)
{
	if (k->worker_fd < 0)
		return;
	bool has_told_all = keeper_runs_tell(k->runs) &&
			    tell_once(k, &k->must_tell_caught_up, WIRE_CAUGHT_UP) &&
			    tell_reload(k) &&
			    tell_once(k, &k->must_tell_stop, WIRE_SHUTDOWN);
	bool may_hear = has_told_all && sock_has_room(k->worker_fd);
	poller_change(k->poller, k->worker_source, may_hear ? EPOLLIN : EPOLLOUT);
}

/* ---- Signals and time ---- */

static void on_stop_signal(struct keeper *k)
{
	k->restart_at_ns = 0;
	k->must_tell_stop = true;
	if (k->stop == GOES_ON) {
		k->stop = STOPS;
		notify(k, "STOPPING=1");
		return;
	}
	k->stop = STOPS_NOW;
	keeper_runs_kill_all(k->runs);
	k->kill_at_ns = clock_monotonic_ns() + WIRE_END_PATIENCE_NS;
}

static void on_reload_signal(struct keeper *k)
{
	if (k->stop != GOES_ON)
		return;
	char state[64];
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		clock_monotonic_ns() / 1000);
	notify(k, state);
	k->must_tell_reload = true;
	k->has_retried_reload = false;
}

/* As init: reap what nobody else does. Children of our own are left to whoever knows them. */
static void reap(struct keeper *k)
{
	siginfo_t info = {0};
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid > 0) {
		if (info.si_pid == k->worker_pid)
			on_worker_exit(k, 0);
		else if (!keeper_runs_reap(k->runs, info.si_pid))
			waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

static void on_signal(void *ctx, uint32_t events)
{
	(void)events;
	struct keeper *k = ctx;
	struct signalfd_siginfo info;
	while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(k);
		else if (info.ssi_signo == SIGHUP)
			on_reload_signal(k);
		else
			on_stop_signal(k);
	}
}

static int64_t timeout_ns(const struct keeper *k)
{
	uint64_t at_ns = k->restart_at_ns;
	if (at_ns == 0 || (k->kill_at_ns != 0 && k->kill_at_ns < at_ns))
		at_ns = k->kill_at_ns;
	if (at_ns == 0)
		return POLLER_FOREVER;
	uint64_t now_ns = clock_monotonic_ns();
	return at_ns > now_ns ? (int64_t)(at_ns - now_ns) : 0;
}

static void do_due(struct keeper *k)
{
	if (k->restart_at_ns == 0 && k->kill_at_ns == 0)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	if (k->restart_at_ns != 0 && now_ns >= k->restart_at_ns)
		restart_worker(k);
	if (k->kill_at_ns != 0 && now_ns >= k->kill_at_ns) {
		k->kill_at_ns = 0;
		k->gave_up = k->stop == STOPS_NOW;
		if (k->worker_pid != 0)
			kill(k->worker_pid, SIGKILL);
	}
}

/* ---- Start and end ---- */

static int open_signals(struct keeper *k)
{
	const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < (k->is_init ? 4 : 3); i++)
		sigaddset(&set, signals[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signal_fd < 0)
		return -1;
	return poller_add(k->poller, k->signal_fd, EPOLLIN, on_signal, k) ? 0 : -1;
}

static int init(struct keeper *k, const struct keeper_config *config)
{
	*k = (struct keeper){
		.config = config,
		.notify_address = getenv("NOTIFY_SOCKET"),
		.signal_fd = -1,
		.is_init = getpid() == 1,
		.worker_fd = -1,
		.conf_fd = -1,
		.worker_pidfd = -1,
	};
	k->poller = poller_new();
	k->packet = malloc(WIRE_MAX_BYTES);
	if (!k->poller || !k->packet || open_signals(k) < 0)
		return -1;
	spawn_get_defaults(&k->defaults);
	proc_allow_files();
	k->home = keeper_hook_open_home();
	k->home_error = errno;
	k->runs = keeper_runs_new(k->poller, &k->defaults, k->home);
	return k->runs ? start_worker(k) : -1;
}

static void fini(struct keeper *k)
{
	if (k->runs) {
		forget_worker(k);
		keeper_runs_free(k->runs);
	}
	cgroup_home_close(k->home);
	fd_close(k->conf_fd);
	fd_close(k->signal_fd);
	poller_free(k->poller);
	free(k->packet);
}

static bool has_finished(const struct keeper *k)
{
	if (k->worker_pid != 0 || k->restart_at_ns != 0)
		return false;
	return k->gave_up || keeper_runs_alive(k->runs) == 0;
}

int keeper_run(const struct keeper_config *config)
{
	struct keeper k;
	assert(config->worker_argv && config->worker_argv[0]);
	log_open(false);
	if (init(&k, config) < 0) {
		log_err("cannot start: %s", strerror(errno));
		fini(&k);
		return EXIT_FAILURE;
	}
	while (!has_finished(&k)) {
		tell(&k);
		if (k.was_ready)
			warn_of_missing_cgroups(&k);
		if (poller_turn(k.poller, timeout_ns(&k)) < 0) {
			log_err("cannot wait: %s", strerror(errno));
			k.exit_code = EXIT_FAILURE;
			break;
		}
		do_due(&k);
	}
	fini(&k);
	return k.exit_code;
}
