/* SPDX-License-Identifier: MIT */
#include "app/asker.h"

#include "os/fd.h"
#include "os/thread.h"

#include <pthread.h>
#include <stdlib.h>

STAILQ_HEAD(ask_queue, ask);

struct asker {
	void (*answer)(struct ask *a);
	int fd; /* a wake-up */
	bool has_own_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t filled;
	struct ask_queue asked;
	struct ask_queue answered;
	bool is_busy;
	bool is_ending;
};

static void *run(void *ctx)
{
	struct asker *a = ctx;
	pthread_mutex_lock(&a->lock);
	while (!a->is_ending) {
		struct ask *q = STAILQ_FIRST(&a->asked);
		if (!q) {
			pthread_cond_wait(&a->filled, &a->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&a->asked, next);
		a->is_busy = true;
		pthread_mutex_unlock(&a->lock);
		a->answer(q);
		pthread_mutex_lock(&a->lock);
		a->is_busy = false;
		STAILQ_INSERT_TAIL(&a->answered, q, next);
		thread_wake(a->fd);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void release(struct asker *a)
{
	if (a->has_own_fd)
		fd_close(a->fd);
	free(a);
}

struct asker *asker_new(void (*answer)(struct ask *a), int wake_fd)
{
	struct asker *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->answer = answer;
	a->has_own_fd = wake_fd < 0;
	a->fd = a->has_own_fd ? thread_wakeup_open() : wake_fd;
	STAILQ_INIT(&a->asked);
	STAILQ_INIT(&a->answered);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->filled, NULL);
	if (a->fd >= 0 && thread_start(&a->thread, run, a) == 0)
		return a;
	release(a);
	return NULL;
}

bool asker_free(struct asker *a)
{
	if (!a)
		return true;
	pthread_mutex_lock(&a->lock);
	a->is_ending = true;
	bool is_busy = a->is_busy;
	pthread_cond_signal(&a->filled);
	pthread_mutex_unlock(&a->lock);
	if (is_busy) {
		pthread_detach(a->thread);
		return false;
	}
	pthread_join(a->thread, NULL);
	release(a);
	return true;
}

void asker_put(struct asker *a, struct ask *q)
{
	pthread_mutex_lock(&a->lock);
	STAILQ_INSERT_TAIL(&a->asked, q, next);
	pthread_cond_signal(&a->filled);
	pthread_mutex_unlock(&a->lock);
}

struct ask *asker_take(struct asker *a)
{
	pthread_mutex_lock(&a->lock);
	struct ask *q = STAILQ_FIRST(&a->answered);
	if (q)
		STAILQ_REMOVE_HEAD(&a->answered, next);
	else if (a->has_own_fd)
		thread_take_wakeups(a->fd);
	pthread_mutex_unlock(&a->lock);
	return q;
}

int asker_fd(const struct asker *a)
{
	return a->fd;
}
