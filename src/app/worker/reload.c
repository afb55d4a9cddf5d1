/* SPDX-License-Identifier: MIT */
#include "app/worker/reload.h"

#include "os/fd.h"
#include "os/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>

struct reload {
	struct poller *poller;
	struct poller_source *source;
	const struct options *options;
	void (*done)(void *ctx, struct load *l);
	void *ctx;
	int fd;
	pthread_t thread;
	bool is_running;
	bool is_wanted_again;
	struct load load; /* the thread's while it runs */
	int rc; /* likewise */
};

static void *run(void *ctx)
{
	struct reload *r = ctx;
	r->rc = load(&r->load, r->options, NULL, 0);
	thread_wake(r->fd);
	return NULL;
}

static void on_done(void *ctx, uint32_t events)
{
	struct reload *r = ctx;
	(void)events;
	thread_take_wakeups(r->fd);
	pthread_join(r->thread, NULL);
	r->is_running = false;
	if (r->is_wanted_again) {
		/* Files may have changed since they were read. */
		load_fini(&r->load);
		reload_start(r);
		return;
	}
	r->done(r->ctx, r->rc == 0 ? &r->load : NULL);
	load_fini(&r->load);
}

struct reload *reload_new(struct poller *poller, const struct options *o,
	void (*done)(void *ctx, struct load *l), void *ctx)
{
	struct reload *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->poller = poller;
	r->options = o;
	r->done = done;
	r->ctx = ctx;
	r->fd = thread_wakeup_open();
	if (r->fd >= 0)
		r->source = poller_add(poller, r->fd, EPOLLIN, on_done, r);
	if (r->source)
		return r;
	fd_close(r->fd);
	free(r);
	return NULL;
}

void reload_start(struct reload *r)
{
	r->is_wanted_again = r->is_running;
	if (r->is_running)
		return;
	r->is_running = thread_start(&r->thread, run, r) == 0;
	if (!r->is_running)
		r->done(r->ctx, NULL);
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	if (r->is_running) {
		pthread_join(r->thread, NULL);
		load_fini(&r->load);
	}
	poller_remove(r->poller, r->source);
	fd_close(r->fd);
	free(r);
}
