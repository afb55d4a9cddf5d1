/* SPDX-License-Identifier: MIT */
#include "app/runner.h"

#include "base/idhash.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#define RUNNER_QUEUE_MAX 1024 /* messages that wait for the socket */
#define RUNNER_QUEUE_MORE 16384 /* likewise, but no requests for more runs */
#define RUNNER_LINGER_MAX 512 /* pipes of runs that have ended */
#define RUNNER_RECEIVE_MAX 1024 /* messages read in one go */
#define RUNNER_DONE_MAX 4096 /* runs in one message */
#define RUNNER_READ_BYTES 65536 /* a pipe's capacity */
#define RUNNER_MESSAGE_BYTES 4096

/* A message that waits until the socket has room. */
struct runner_message {
	STAILQ_ENTRY(runner_message) link; /* on runner.queue */
	enum wire_type type;
	uint64_t run_id;
	struct buf bytes;
	int fds[WIRE_MAX_FDS];
	size_t fd_count;
};

/* A run that has not ended, or whose pipe somebody still holds. */
struct runner_run {
	UT_hash_handle hh; /* in runner.runs until it has ended */
	TAILQ_ENTRY(runner_run) link; /* then on runner.lingering */
	struct runner *runner;
	uint64_t id;
	bool has_ended;
	int output_fd; /* -1 before the start and after the end of the output */
	struct poller_source *source;
	struct lines lines;
};

struct runner {
	struct poller *poller;
	int keeper_fd; /* -1 once the keeper is gone */
	struct poller_source *source;
	bool was_told; /* all of an earlier worker's runs */
	bool has_cgroups;
	const struct runner_handlers *handlers;
	void *ctx;
	struct runner_run *runs; /* hash by id */
	TAILQ_HEAD(, runner_run) lingering;
	size_t lingering_count;
	STAILQ_HEAD(, runner_message) queue;
	size_t queue_count;
	char *read_buffer; /* RUNNER_READ_BYTES */
};

/* ---- Runs and their output ---- */

static struct runner_run *runner_find(struct runner *r, uint64_t id)
{
	struct runner_run *run;
	HASH_FIND(hh, r->runs, &id, sizeof(id), run);
	return run;
}

static struct runner_run *runner_add_run(struct runner *r, uint64_t id)
{
	struct runner_run *run = calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->runner = r;
	run->id = id;
	run->output_fd = -1;
	HASH_ADD(hh, r->runs, id, sizeof(run->id), run);
	if (!run->hh.tbl) {
		free(run);
		errno = ENOMEM;
		return NULL;
	}
	return run;
}

static void runner_put_line(void *ctx, const char *line, size_t len)
{
	struct runner_run *run = ctx;
	run->runner->handlers->output(run->runner->ctx, run->id, line, len);
}

static void runner_close_output(struct runner_run *run)
{
	if (run->output_fd < 0)
		return;
	poller_remove(run->runner->poller, run->source);
	run->source = NULL;
	close(run->output_fd);
	run->output_fd = -1;
	lines_finish(&run->lines, runner_put_line, run);
}

static void runner_free_run(struct runner_run *run)
{
	struct runner *r = run->runner;
	runner_close_output(run);
	if (run->has_ended) {
		TAILQ_REMOVE(&r->lingering, run, link);
		r->lingering_count--;
	} else {
		HASH_DEL(r->runs, run);
	}
	lines_fini(&run->lines);
	free(run);
}

/* Read once, at most max bytes; close the pipe at its end. Returns how many bytes there
 * were. */
static size_t runner_read_output(struct runner_run *run, size_t max)
{
	if (run->output_fd < 0)
		return 0;
	char *buffer = run->runner->read_buffer;
	ssize_t n = read(run->output_fd, buffer,
		max < RUNNER_READ_BYTES ? max : RUNNER_READ_BYTES);
	if (n > 0)
		lines_feed(&run->lines, buffer, (size_t)n, runner_put_line, run);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		runner_close_output(run);
	return n > 0 ? (size_t)n : 0;
}

static void runner_on_output(void *ctx, uint32_t events)
{
	(void)events;
	struct runner_run *run = ctx;
	runner_read_output(run, RUNNER_READ_BYTES);
	if (run->has_ended && run->output_fd < 0)
		runner_free_run(run);
}

/* Deliver what is in the pipe now, but not what a process left behind goes on writing. */
static void runner_drain_output(struct runner_run *run)
{
	int left = 0;
	if (run->output_fd < 0 || ioctl(run->output_fd, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0) {
		size_t n = runner_read_output(run, (size_t)left);
		if (n == 0)
			break;
		left -= (int)n;
	}
	runner_read_output(run, RUNNER_READ_BYTES);
}

/* ---- Messages from the keeper ---- */

/* The run that is over; one that an earlier worker asked for may not be known yet. */
static struct runner_run *runner_find_over(struct runner *r, uint64_t id)
{
	struct runner_run *run = runner_find(r, id);
	return run || r->was_told ? run : runner_add_run(r, id);
}

static void runner_take_output(struct runner_run *run, int fd)
{
	struct runner *r = run->runner;
	run->source = poller_add(r->poller, fd, EPOLLIN, runner_on_output, run);
	if (!run->source) {
		close(fd);
		return;
	}
	run->output_fd = fd;
}

/* Takes over the descriptor; -1 is none. */
static void runner_on_started(struct runner *r, const struct wire_message *m, int fd)
{
	bool resumed = m->type == WIRE_RUNNING;
	struct runner_run *run = runner_find(r, m->run_id);
	if (!run && resumed)
		run = runner_add_run(r, m->run_id);
	if (run && fd >= 0 && run->output_fd < 0)
		runner_take_output(run, fd);
	else if (fd >= 0)
		close(fd);
	if (run)
		r->handlers->started(r->ctx, m->run_id, m->started.pid, m->started.label);
}

static void runner_on_failed(
	struct runner *r, uint64_t run_id, int error, const char *stage)
{
	struct runner_run *run = runner_find_over(r, run_id);
	if (!run)
		return;
	runner_free_run(run);
	r->handlers->failed(r->ctx, run_id, error, stage);
}

static void runner_limit_lingering(struct runner *r)
{
	if (r->lingering_count > RUNNER_LINGER_MAX)
		runner_free_run(TAILQ_FIRST(&r->lingering));
}

static void runner_on_ended(struct runner *r, const struct wire_message *m)
{
	struct runner_run *run = runner_find_over(r, m->run_id);
	if (!run)
		return;
	runner_drain_output(run);
	HASH_DEL(r->runs, run);
	run->has_ended = true;
	TAILQ_INSERT_TAIL(&r->lingering, run, link);
	r->lingering_count++;
	struct runner_outcome outcome = {
		.status = m->ended.status,
		.usage = m->ended.usage,
		.output = run->lines.tail_len ? run->lines.tail : "",
		.output_len = run->lines.tail_len,
	};
	r->handlers->ended(r->ctx, m->run_id, &outcome);
	if (run->output_fd < 0)
		runner_free_run(run);
	runner_limit_lingering(r);
}

static void runner_dispatch(struct runner *r, const struct wire_message *m, int fd)
{
	switch (m->type) {
	case WIRE_STARTED:
	case WIRE_RUNNING:
		runner_on_started(r, m, fd);
		return;
	case WIRE_FAILED:
		runner_on_failed(r, m->run_id, m->failed.error, m->failed.stage);
		break;
	case WIRE_ENDED:
		runner_on_ended(r, m);
		break;
	case WIRE_HELLO:
		r->was_told = true;
		r->has_cgroups = m->has_cgroups;
		r->handlers->told(r->ctx);
		break;
	case WIRE_RELOAD:
		r->handlers->reload_requested(r->ctx);
		break;
	case WIRE_SHUTDOWN:
		r->handlers->stop_requested(r->ctx, m->now);
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void runner_lose_keeper(struct runner *r)
{
	poller_remove(r->poller, r->source);
	r->source = NULL;
	close(r->keeper_fd);
	r->keeper_fd = -1;
	r->handlers->keeper_gone(r->ctx);
}

/* Receive and deliver one message. Returns whether there may be more. */
static bool runner_receive(struct runner *r)
{
	char bytes[RUNNER_MESSAGE_BYTES];
	int fds[SOCK_MAX_FDS];
	size_t fd_count;
	ssize_t len = sock_recv(r->keeper_fd, bytes, sizeof(bytes), fds, &fd_count);
	if (len < 0 && errno == EAGAIN)
		return false;
	/* The keeper that died with unread messages: said once, what it sent comes after it. */
	if (len < 0 && (errno == EMSGSIZE || errno == ECONNRESET))
		return true;
	if (len <= 0) {
		runner_lose_keeper(r);
		return false;
	}
	while (fd_count > 1)
		close(fds[--fd_count]);
	int fd = fd_count > 0 ? fds[0] : -1;
	struct wire_message m;
	if (wire_decode(&m, bytes, (size_t)len) == 0) {
		runner_dispatch(r, &m, fd);
		wire_fini(&m);
	} else if (fd >= 0) {
		close(fd);
	}
	return r->keeper_fd >= 0;
}

void runner_drain(struct runner *r)
{
	for (int i = 0; r->keeper_fd >= 0 && i < RUNNER_RECEIVE_MAX; i++) {
		if (!runner_receive(r))
			break;
	}
}

/* ---- Messages to the keeper ---- */

static void runner_free_message(struct runner_message *msg)
{
	while (msg->fd_count > 0)
		close(msg->fds[--msg->fd_count]);
	buf_fini(&msg->bytes);
	free(msg);
}

static void runner_watch(struct runner *r)
{
	uint32_t events = STAILQ_EMPTY(&r->queue) ? EPOLLIN : EPOLLIN | EPOLLOUT;
	if (r->source)
		poller_change(r->poller, r->source, events);
}

/* Let a message wait. Takes over its bytes; copies its descriptors. */
static int runner_enqueue(struct runner *r, const struct wire_message *m,
	struct buf *bytes, const int *fds, size_t fd_count)
{
	size_t max = m->type == WIRE_RUN ? RUNNER_QUEUE_MAX : RUNNER_QUEUE_MORE;
	if (r->queue_count >= max) {
		errno = EAGAIN;
		return -1;
	}
	struct runner_message *msg = calloc(1, sizeof(*msg));
	if (!msg)
		return -1;
	msg->type = m->type;
	msg->run_id = m->run_id;
	for (size_t i = 0; i < fd_count; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			int saved = errno;
			runner_free_message(msg);
			errno = saved;
			return -1;
		}
		msg->fds[msg->fd_count++] = fd;
	}
	msg->bytes = *bytes;
	*bytes = (struct buf){0};
	STAILQ_INSERT_TAIL(&r->queue, msg, link);
	r->queue_count++;
	runner_watch(r);
	return 0;
}

static int runner_send(
	struct runner *r, const struct wire_message *m, const int *fds, size_t fd_count)
{
	if (r->keeper_fd < 0) {
		errno = EPIPE;
		return -1;
	}
	struct buf bytes = {0};
	int result = wire_encode(&bytes, m);
	if (result == 0) {
		result = -1;
		errno = EAGAIN;
		if (STAILQ_EMPTY(&r->queue))
			result = sock_send(
				r->keeper_fd, bytes.data, bytes.len, fds, fd_count);
		if (result < 0 && errno == ECONNRESET)
			errno = EPIPE;
		if (result < 0 && errno == EAGAIN)
			result = runner_enqueue(r, m, &bytes, fds, fd_count);
	}
	int saved = errno;
	buf_fini(&bytes);
	errno = saved;
	return result;
}

/* Send what waits, as far as there is room. */
static void runner_flush(struct runner *r)
{
	struct runner_message *msg;
	while (r->keeper_fd >= 0 && (msg = STAILQ_FIRST(&r->queue)) != NULL) {
		int error = 0;
		if (sock_send(r->keeper_fd, msg->bytes.data, msg->bytes.len, msg->fds,
			    msg->fd_count) < 0)
			error = errno;
		/* Where the keeper is gone nothing has failed but the keeper. */
		if (error == EAGAIN || error == EPIPE || error == ECONNRESET)
			break;
		STAILQ_REMOVE_HEAD(&r->queue, link);
		r->queue_count--;
		if (error != 0 && msg->type == WIRE_RUN)
			runner_on_failed(r, msg->run_id, error, "send");
		runner_free_message(msg);
	}
	runner_watch(r);
}

static void runner_on_keeper(void *ctx, uint32_t events)
{
	struct runner *r = ctx;
	if (events & EPOLLOUT)
		runner_flush(r);
	runner_drain(r);
}

/* ---- The interface ---- */

int runner_start(struct runner *r, const struct runner_request *request)
{
	const struct rule_user *user = request->user;
	/* With a group alone, `set` is false and the user stays the daemon's. */
	if (user && !user->set && user->group_count == 0)
		user = NULL;
	uid_t uid = user && user->set ? user->uid : getuid();
	struct wire_message m = {.type = WIRE_RUN, .run_id = request->run_id};
	m.run = (struct wire_run){
		.argv = (char **)(uintptr_t)request->argv,
		.envp = (char **)(uintptr_t)request->envp,
		.directory = request->directory,
		.label = request->label ? request->label : "",
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
	struct runner_run *run = runner_add_run(r, request->run_id);
	if (!run)
		return -1;
	if (runner_send(r, &m, fds, fd_count) < 0) {
		int saved = errno;
		runner_free_run(run);
		errno = saved;
		return -1;
	}
	return 0;
}

bool runner_has_room(const struct runner *r)
{
	return r->queue_count < RUNNER_QUEUE_MAX;
}

bool runner_has_cgroups(const struct runner *r)
{
	return r->has_cgroups;
}

int runner_signal(struct runner *r, uint64_t run_id, int signal)
{
	struct wire_message m = {.type = WIRE_SIGNAL, .run_id = run_id, .signal = signal};
	return runner_send(r, &m, NULL, 0);
}

int runner_stop(struct runner *r, uint64_t run_id, int signal)
{
	struct wire_message m = {.type = WIRE_STOP, .run_id = run_id, .signal = signal};
	return runner_send(r, &m, NULL, 0);
}

int runner_kill(struct runner *r, uint64_t run_id)
{
	struct wire_message m = {.type = WIRE_KILL, .run_id = run_id};
	return runner_send(r, &m, NULL, 0);
}

int runner_done(struct runner *r, const uint64_t *run_ids, size_t count)
{
	while (count > 0) {
		size_t n = count < RUNNER_DONE_MAX ? count : RUNNER_DONE_MAX;
		struct wire_message m = {.type = WIRE_DONE};
		m.done = (struct wire_done){
			.ids = (uint64_t *)(uintptr_t)run_ids, .count = n};
		if (runner_send(r, &m, NULL, 0) < 0)
			return -1;
		run_ids += n;
		count -= n;
	}
	return 0;
}

int runner_ready(struct runner *r, bool logs_json)
{
	struct wire_message m = {.type = WIRE_READY, .logs_json = logs_json};
	return runner_send(r, &m, NULL, 0);
}

int runner_status(struct runner *r, const char *text)
{
	struct wire_message m = {.type = WIRE_STATUS, .text = text};
	return runner_send(r, &m, NULL, 0);
}

struct runner *runner_new(struct poller *poller, int keeper_fd,
	const struct runner_handlers *handlers, void *ctx)
{
	struct runner *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->poller = poller;
	r->handlers = handlers;
	r->ctx = ctx;
	TAILQ_INIT(&r->lingering);
	STAILQ_INIT(&r->queue);
	r->read_buffer = malloc(RUNNER_READ_BYTES);
	if (r->read_buffer)
		r->source = poller_add(poller, keeper_fd, EPOLLIN, runner_on_keeper, r);
	if (!r->source) {
		int saved = errno;
		free(r->read_buffer);
		free(r);
		errno = saved;
		return NULL;
	}
	r->keeper_fd = keeper_fd;
	return r;
}

/* Drop a run without a word to anybody. */
static void runner_discard_run(struct runner_run *run)
{
	poller_remove(run->runner->poller, run->source);
	if (run->output_fd >= 0)
		close(run->output_fd);
	lines_fini(&run->lines);
	free(run);
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	struct runner_run *run, *next_run;
	HASH_ITER (hh, r->runs, run, next_run) {
		HASH_DEL(r->runs, run);
		runner_discard_run(run);
	}
	while ((run = TAILQ_FIRST(&r->lingering)) != NULL) {
		TAILQ_REMOVE(&r->lingering, run, link);
		runner_discard_run(run);
	}
	struct runner_message *msg;
	while ((msg = STAILQ_FIRST(&r->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&r->queue, link);
		runner_free_message(msg);
	}
	poller_remove(r->poller, r->source);
	if (r->keeper_fd >= 0)
		close(r->keeper_fd);
	free(r->read_buffer);
	free(r);
}
