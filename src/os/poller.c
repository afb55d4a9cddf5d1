/* SPDX-License-Identifier: MIT */
#include "os/poller.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define NS_PER_S INT64_C(1000000000)

struct poller_source {
	LIST_ENTRY(poller_source) link; /* on poller.sources, or on poller.removed */
	int fd;
	uint32_t events;
	bool removed;
	void (*callback)(void *ctx, uint32_t events);
	void *ctx;
};

LIST_HEAD(poller_list, poller_source);

struct poller {
	int epoll_fd;
	bool in_turn; /* callbacks are being made: nothing is freed */
	struct poller_list sources; /* live ones */
	struct poller_list removed; /* to be freed after the turn */
};

struct poller *poller_new(void)
{
	struct poller *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0) {
		free(p);
		return NULL;
	}
	return p;
}

static void free_sources(struct poller_list *list)
{
	struct poller_source *s;
	while ((s = LIST_FIRST(list)) != NULL) {
		LIST_REMOVE(s, link);
		free(s);
	}
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	assert(!p->in_turn);
	close(p->epoll_fd);
	free_sources(&p->sources);
	free_sources(&p->removed);
	free(p);
}

struct poller_source *poller_add(struct poller *p, int fd, uint32_t events,
	void (*callback)(void *ctx, uint32_t events), void *ctx)
{
	struct poller_source *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct poller_source){
		.fd = fd, .events = events, .callback = callback, .ctx = ctx};
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(s);
		return NULL;
	}
	LIST_INSERT_HEAD(&p->sources, s, link);
	return s;
}

int poller_change(struct poller *p, struct poller_source *s, uint32_t events)
{
	if (s->events == events)
		return 0;
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev) < 0)
		return -1;
	s->events = events;
	return 0;
}

void poller_remove(struct poller *p, struct poller_source *s)
{
	if (!s)
		return;
	int saved = errno;
	epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	errno = saved;
	LIST_REMOVE(s, link);
	if (p->in_turn) {
		s->removed = true;
		LIST_INSERT_HEAD(&p->removed, s, link);
	} else {
		free(s);
	}
}

int poller_turn(struct poller *p, int64_t timeout_ns)
{
	assert(!p->in_turn);
	struct epoll_event events[BATCH];
	struct timespec ts = {0};
	if (timeout_ns > 0) {
		ts.tv_sec = (time_t)(timeout_ns / NS_PER_S);
		ts.tv_nsec = (long)(timeout_ns % NS_PER_S);
	}
	int n = epoll_pwait2(
		p->epoll_fd, events, BATCH, timeout_ns < 0 ? NULL : &ts, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	int called = 0;
	p->in_turn = true;
	for (int i = 0; i < n; i++) {
		struct poller_source *s = events[i].data.ptr;
		if (!s->removed) {
			s->callback(s->ctx, events[i].events);
			called++;
		}
	}
	p->in_turn = false;
	free_sources(&p->removed);
	return called;
}
