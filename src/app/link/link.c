/* SPDX-License-Identifier: MIT */
#include "app/link/link.h"

#include "os/fd.h"
#include "os/sock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define QUEUE_MAX 1024 /* messages that wait for the socket */
#define QUEUE_MORE 16384 /* likewise, but no requests for more runs */
#define LINGER_MAX 512 /* pipes of runs that have ended */
#define RECEIVE_MAX 1024 /* messages of one turn, so that others have theirs */
#define DONE_MAX 4096 /* runs in one message */
#define READ_BYTES 65536 /* a pipe's capacity */
#define MESSAGE_BYTES 4096

/* A message that waits until the socket has room. */
struct link_message {
	STAILQ_ENTRY(link_message) next; /* on link.queue */
	enum wire_type type;
	uint64_t run_id;
	struct buf bytes;
	int fds[WIRE_MAX_FDS];
	size_t fd_count;
};

/* A run that has not ended, or whose pipe somebody still holds. */
struct link_run {
	UT_hash_handle hh; /* in link.runs until it has ended */
	TAILQ_ENTRY(link_run) next; /* then on link.lingering */
	struct link *owner;
	uint64_t id;
	bool has_ended;
	int output_fd; /* -1 before the start and after the end of the output */
	struct poller_source *source;
	struct lines lines;
};

struct link {
	struct poller *poller;
	int keeper_fd; /* -1 once the keeper is gone */
	struct poller_source *source;
	bool is_caught_up; /* the keeper has told of all runs of earlier workers */
	bool has_cgroups;
	const struct link_handlers *handlers;
	void *ctx;
	const struct link_run_handlers *run_handlers;
	void *run_ctx;
	struct link_run *runs; /* hash by id */
	TAILQ_HEAD(, link_run) lingering;
	size_t lingering_count;
	STAILQ_HEAD(, link_message) queue;
	size_t queue_count;
	char read_buffer[READ_BYTES];
};

/* ---- Runs and their output ---- */

static struct link_run *find(struct link *l, uint64_t id)
{
	struct link_run *run;
	HASH_FIND(hh, l->runs, &id, sizeof(id), run);
	return run;
}

static void put_line(void *ctx, const char *line, size_t len)
{
	struct link_run *run = ctx;
	run->owner->run_handlers->output(run->owner->run_ctx, run->id, line, len);
}

static struct link_run *add_run(struct link *l, uint64_t id)
{
	struct link_run *run = calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->owner = l;
	run->id = id;
	run->output_fd = -1;
	run->lines = (struct lines){.take = put_line, .ctx = run};
	HASH_ADD(hh, l->runs, id, sizeof(run->id), run);
	if (!run->hh.tbl) {
		free(run);
		errno = ENOMEM;
		return NULL;
	}
	return run;
}

static void close_output(struct link_run *run)
{
	if (run->output_fd < 0)
		return;
	poller_remove(run->owner->poller, run->source);
	run->source = NULL;
	fd_close(run->output_fd);
	run->output_fd = -1;
	lines_finish(&run->lines);
}

static void free_run(struct link_run *run)
{
	struct link *l = run->owner;
	close_output(run);
	if (run->has_ended) {
		TAILQ_REMOVE(&l->lingering, run, next);
		l->lingering_count--;
	} else {
		HASH_DEL(l->runs, run);
	}
	lines_fini(&run->lines);
	free(run);
}

/* Read once, at most max bytes; close the pipe at its end. Returns how many bytes there
 * were. */
static size_t read_output(struct link_run *run, size_t max)
{
	if (run->output_fd < 0)
		return 0;
	char *buffer = run->owner->read_buffer;
	ssize_t n = read(run->output_fd, buffer, max < READ_BYTES ? max : READ_BYTES);
	if (n > 0)
		lines_feed(&run->lines, buffer, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_output(run);
	return n > 0 ? (size_t)n : 0;
}

static void on_output(void *ctx, uint32_t events)
{
	(void)events;
	struct link_run *run = ctx;
	read_output(run, READ_BYTES);
	if (run->has_ended && run->output_fd < 0)
		free_run(run);
}

/* Deliver what is in the pipe now, but not what a process left behind goes on writing. */
static void drain_output(struct link_run *run)
{
	int left = 0;
	if (run->output_fd < 0 || ioctl(run->output_fd, FIONREAD, &left) < 0)
		left = 0;
	for (size_t n = 1; left > 0 && n > 0; left -= (int)n)
		n = read_output(run, (size_t)left);
	read_output(run, READ_BYTES);
}

/* ---- Messages from the keeper ---- */

/* The run that is over; one that an earlier worker asked for may not be known yet. */
static struct link_run *find_or_adopt(struct link *l, uint64_t id)
{
	struct link_run *run = find(l, id);
	return run || l->is_caught_up ? run : add_run(l, id);
}

static void take_output(struct link_run *run, int fd)
{
	struct link *l = run->owner;
	run->source = poller_add(l->poller, fd, EPOLLIN, on_output, run);
	if (!run->source) {
		fd_close(fd);
		return;
	}
	run->output_fd = fd;
}

/* Takes over the descriptor; -1 is none. */
static void on_started(struct link *l, const struct wire_message *m, int fd)
{
	bool resumed = m->type == WIRE_RUNNING;
	struct link_run *run = find(l, m->run_id);
	if (!run && resumed)
		run = add_run(l, m->run_id);
	if (run && fd >= 0 && run->output_fd < 0)
		take_output(run, fd);
	else
		fd_close(fd);
	if (run)
		l->run_handlers->started(
			l->run_ctx, m->run_id, m->started.pid, m->started.label);
}

static void on_failed(struct link *l, uint64_t run_id, int error, const char *stage)
{
	struct link_run *run = find_or_adopt(l, run_id);
	if (!run)
		return;
	free_run(run);
	l->run_handlers->failed(l->run_ctx, run_id, error, stage);
}

static void on_ended(struct link *l, const struct wire_message *m)
{
	struct link_run *run = find_or_adopt(l, m->run_id);
	if (!run)
		return;
	drain_output(run);
	HASH_DEL(l->runs, run);
	run->has_ended = true;
	TAILQ_INSERT_TAIL(&l->lingering, run, next);
	l->lingering_count++;
	struct outcome outcome = outcome_of_wait(m->ended.status);
	outcome.usage = m->ended.usage;
	outcome.output = run->lines.tail;
	outcome.output_len = run->lines.tail_len;
	l->run_handlers->ended(l->run_ctx, m->run_id, &outcome);
	if (run->output_fd < 0)
		free_run(run);
	if (l->lingering_count > LINGER_MAX)
		free_run(TAILQ_FIRST(&l->lingering));
}

static void dispatch(struct link *l, const struct wire_message *m, int fd)
{
	assert(l->run_handlers);
	switch (m->type) {
	case WIRE_STARTED:
	case WIRE_RUNNING:
		on_started(l, m, fd);
		return;
	case WIRE_FAILED:
		on_failed(l, m->run_id, m->failed.error, m->failed.stage);
		break;
	case WIRE_ENDED:
		on_ended(l, m);
		break;
	case WIRE_CAUGHT_UP:
		l->is_caught_up = true;
		l->run_handlers->caught_up(l->run_ctx);
		break;
	case WIRE_RELOAD:
		l->handlers->reload_requested(l->ctx);
		break;
	case WIRE_SHUTDOWN:
		l->handlers->stop_requested(l->ctx, m->now);
		break;
	default:
		break;
	}
	fd_close(fd);
}

static void lose_keeper(struct link *l)
{
	poller_remove(l->poller, l->source);
	l->source = NULL;
	fd_close(l->keeper_fd);
	l->keeper_fd = -1;
	l->handlers->keeper_gone(l->ctx);
}

/* Receive and deliver one message. Returns whether there may be more. */
static bool receive(struct link *l)
{
	char bytes[MESSAGE_BYTES];
	int fds[SOCK_MAX_FDS];
	size_t fd_count;
	ssize_t len = sock_recv(l->keeper_fd, bytes, sizeof(bytes), fds, &fd_count);
	if (len < 0 && errno == EAGAIN)
		return false;
	/* The keeper died before it had read all: recvmsg(2) says so once, and then gives
	 * what the keeper had sent. */
	if (len < 0 && (errno == EMSGSIZE || errno == ECONNRESET))
		return true;
	if (len <= 0) {
		lose_keeper(l);
		return false;
	}
	while (fd_count > 1)
		fd_close(fds[--fd_count]);
	int fd = fd_count > 0 ? fds[0] : -1;
	struct wire_message m;
	if (wire_decode(&m, bytes, (size_t)len) == 0) {
		dispatch(l, &m, fd);
		wire_fini(&m);
	} else {
		fd_close(fd);
	}
	return l->keeper_fd >= 0;
}

/* There is an end to it: what the keeper and hooks say is about runs that were asked for, and
 * none is asked for meanwhile. */
void link_drain(struct link *l)
{
	while (l->keeper_fd >= 0 && receive(l))
		continue;
}

/* ---- Messages to the keeper ---- */

static void free_message(struct link_message *msg)
{
	while (msg->fd_count > 0)
		fd_close(msg->fds[--msg->fd_count]);
	buf_fini(&msg->bytes);
	free(msg);
}

static void watch(struct link *l)
{
	uint32_t events = STAILQ_EMPTY(&l->queue) ? EPOLLIN : EPOLLIN | EPOLLOUT;
	if (l->source)
		poller_change(l->poller, l->source, events);
}

/* Let a message wait. Takes over its bytes; copies its descriptors. */
static int enqueue(struct link *l, const struct wire_message *m, struct buf *bytes,
	const int *fds, size_t fd_count)
{
	size_t max = m->type == WIRE_RUN ? QUEUE_MAX : QUEUE_MORE;
	if (l->queue_count >= max) {
		errno = EAGAIN;
		return -1;
	}
	struct link_message *msg = calloc(1, sizeof(*msg));
	if (!msg)
		return -1;
	msg->type = m->type;
	msg->run_id = m->run_id;
	for (size_t i = 0; i < fd_count; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			free_message(msg);
			return -1;
		}
		msg->fds[msg->fd_count++] = fd;
	}
	msg->bytes = *bytes;
	*bytes = (struct buf){0};
	STAILQ_INSERT_TAIL(&l->queue, msg, next);
	l->queue_count++;
	watch(l);
	return 0;
}

static int submit(
	struct link *l, const struct wire_message *m, const int *fds, size_t fd_count)
{
	if (l->keeper_fd < 0) {
		errno = EPIPE;
		return -1;
	}
	struct buf bytes = {0};
	int result = wire_encode(&bytes, m);
	if (result == 0) {
		result = -1;
		errno = EAGAIN;
		if (STAILQ_EMPTY(&l->queue))
			result = sock_send(
				l->keeper_fd, bytes.data, bytes.len, fds, fd_count);
		if (result < 0 && errno == ECONNRESET)
			errno = EPIPE;
		if (result < 0 && errno == EAGAIN)
			result = enqueue(l, m, &bytes, fds, fd_count);
	}
	buf_fini(&bytes);
	return result;
}

/* Send a message without descriptors. */
static int tell_keeper(struct link *l, struct wire_message m)
{
	return submit(l, &m, NULL, 0);
}

/* Send what waits, as far as there is room. */
static void flush(struct link *l)
{
	struct link_message *msg;
	while (l->keeper_fd >= 0 && (msg = STAILQ_FIRST(&l->queue)) != NULL) {
		int error = 0;
		if (sock_send(l->keeper_fd, msg->bytes.data, msg->bytes.len, msg->fds,
			    msg->fd_count) < 0)
			error = errno;
		/* Where the keeper is gone nothing has failed but the keeper. */
		if (error == EAGAIN || error == EPIPE || error == ECONNRESET)
			break;
		STAILQ_REMOVE_HEAD(&l->queue, next);
		l->queue_count--;
		if (error != 0 && msg->type == WIRE_RUN)
			on_failed(l, msg->run_id, error, "send");
		free_message(msg);
	}
	watch(l);
}

static void on_keeper(void *ctx, uint32_t events)
{
	struct link *l = ctx;
	if (events & EPOLLOUT)
		flush(l);
	for (int i = 0; l->keeper_fd >= 0 && i < RECEIVE_MAX; i++) {
		if (!receive(l))
			break;
	}
}

/* ---- What runs ask ---- */

static void listen_to_runs(
	void *ctx, const struct link_run_handlers *handlers, void *handlers_ctx)
{
	struct link *l = ctx;
	assert(handlers->started && handlers->failed && handlers->output &&
		handlers->ended && handlers->caught_up);
	l->run_handlers = handlers;
	l->run_ctx = handlers_ctx;
}

static int start_run(void *ctx, const struct link_request *request)
{
	struct link *l = ctx;
	const struct rule_user *user = request->user;
	assert(!find(l, request->run_id));
	/* With a group alone, `set` is false and the user stays the daemon's. */
	if (user && !user->set && user->group_count == 0)
		user = NULL;
	uid_t uid = user && user->set ? user->uid : getuid();
	struct wire_message m = {.type = WIRE_RUN, .run_id = request->run_id};
	m.run = (struct wire_run){
		.argv = (char **)(uintptr_t)request->argv,
		.envp = (char **)(uintptr_t)request->envp,
		.directory = request->directory,
		.label = request->label,
		.umask = request->umask,
		.nice = request->nice,
		.has_ids = user != NULL,
		.uid = uid,
		.gid = user ? user->gid : 0,
		.groups = user ? user->groups : NULL,
		.group_count = user ? user->group_count : 0,
		.has_stdin = request->stdin_fd >= 0,
		.has_file = request->file_fd >= 0,
	};
	int fds[WIRE_MAX_FDS];
	size_t fd_count = 0;
	if (request->stdin_fd >= 0)
		fds[fd_count++] = request->stdin_fd;
	if (request->file_fd >= 0)
		fds[fd_count++] = request->file_fd;
	struct link_run *run = add_run(l, request->run_id);
	if (!run)
		return -1;
	if (submit(l, &m, fds, fd_count) == 0)
		return 0;
	free_run(run);
	return -1;
}

static int signal_run(void *ctx, enum wire_type how, uint64_t run_id, int signal)
{
	assert(how == WIRE_SIGNAL || how == WIRE_STOP || how == WIRE_KILL);
	return tell_keeper(ctx,
		(struct wire_message){.type = how, .run_id = run_id, .signal = signal});
}

static int tell_done(void *ctx, const uint64_t *run_ids, size_t count)
{
	while (count > 0) {
		size_t n = count < DONE_MAX ? count : DONE_MAX;
		struct wire_message m = {.type = WIRE_DONE};
		m.done = (struct wire_done){
			.ids = (uint64_t *)(uintptr_t)run_ids, .count = n};
		if (tell_keeper(ctx, m) < 0)
			return -1;
		run_ids += n;
		count -= n;
	}
	return 0;
}

static bool has_room(void *ctx)
{
	const struct link *l = ctx;
	return l->queue_count < QUEUE_MAX;
}

struct link_port link_port(struct link *l)
{
	return (struct link_port){
		.ctx = l,
		.listen = listen_to_runs,
		.start = start_run,
		.signal = signal_run,
		.done = tell_done,
		.has_room = has_room,
		.has_cgroups = l->has_cgroups,
	};
}

/* ---- What the worker asks ---- */

int link_ready(struct link *l, bool logs_json)
{
	return tell_keeper(
		l, (struct wire_message){.type = WIRE_READY, .logs_json = logs_json});
}

int link_status(struct link *l, const char *text)
{
	return tell_keeper(l, (struct wire_message){.type = WIRE_STATUS, .text = text});
}

int link_hold_conf(struct link *l, int fd)
{
	return submit(l, &(struct wire_message){.type = WIRE_CONF}, &fd, 1);
}

/* ---- Life ---- */

struct link *link_open(struct poller *poller, const struct link_inheritance *in,
	const struct link_handlers *handlers, void *ctx)
{
	assert(handlers->stop_requested && handlers->reload_requested &&
		handlers->keeper_gone);
	struct link *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->poller = poller;
	l->keeper_fd = in->fds.fd[0];
	l->has_cgroups = in->hooks_dir != NULL;
	l->handlers = handlers;
	l->ctx = ctx;
	TAILQ_INIT(&l->lingering);
	STAILQ_INIT(&l->queue);
	l->source = poller_add(poller, l->keeper_fd, EPOLLIN, on_keeper, l);
	if (l->source)
		return l;
	free(l);
	return NULL;
}

/* Drop a run without a word to anybody. */
static void discard_run(struct link_run *run)
{
	lines_fini(&run->lines);
	free_run(run);
}

void link_close(struct link *l)
{
	if (!l)
		return;
	struct link_run *run, *next_run;
	HASH_ITER (hh, l->runs, run, next_run)
		discard_run(run);
	while ((run = TAILQ_FIRST(&l->lingering)) != NULL)
		discard_run(run);
	struct link_message *msg;
	while ((msg = STAILQ_FIRST(&l->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->queue, next);
		free_message(msg);
	}
	poller_remove(l->poller, l->source);
	fd_close(l->keeper_fd);
	free(l);
}
