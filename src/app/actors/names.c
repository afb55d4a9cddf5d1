/* SPDX-License-Identifier: MIT */
#include "app/actors/names.h"

#include "core/proc/actor.h"
#include "os/fd.h"
#include "os/thread.h"
#include "os/user.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define NAME_SIZE 256
#define KEEP_NS (UINT64_C(600) * 1000000000)
/* A name service that is down is asked again soon. */
#define KEEP_FAILED_NS (UINT64_C(5) * 1000000000)

/* One user. While `is_asked` it belongs to the thread as well, which writes only
 * `answer`. */
struct name {
	UT_hash_handle hh;
	STAILQ_ENTRY(name) next; /* on names.asked or names.answered */
	uint32_t uid;
	bool is_known; /* text says what is so */
	bool is_asked;
	uint64_t until_ns; /* then it is asked for again */
	char text[NAME_SIZE]; /* "" : no name */
	char answer[NAME_SIZE]; /* the thread's */
	bool has_failed; /* the thread's: no answer could be had */
};

STAILQ_HEAD(name_queue, name);

struct names {
	struct name *by_uid; /* the loop's own */
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t filled;
	struct name_queue asked;
	struct name_queue answered;
	bool is_ending;
};

static void *answer(void *ctx)
{
	struct names *n = ctx;
	pthread_mutex_lock(&n->lock);
	for (;;) {
		struct name *e = STAILQ_FIRST(&n->asked);
		if (n->is_ending)
			break;
		if (!e) {
			pthread_cond_wait(&n->filled, &n->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&n->asked, next);
		pthread_mutex_unlock(&n->lock);
		e->answer[0] = '\0';
		e->has_failed = user_name_of(e->uid, e->answer, sizeof(e->answer)) < 0 &&
				errno != ENOENT;
		pthread_mutex_lock(&n->lock);
		STAILQ_INSERT_TAIL(&n->answered, e, next);
		thread_wake(n->fd);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->fd = thread_wakeup_open();
	STAILQ_INIT(&n->asked);
	STAILQ_INIT(&n->answered);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->filled, NULL);
	if (n->fd >= 0 && thread_start(&n->thread, answer, n) == 0)
		return n;
	fd_close(n->fd);
	free(n);
	return NULL;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->is_ending = true;
	bool is_idle = true;
	struct name *e, *next;
	HASH_ITER (hh, n->by_uid, e, next) {
		is_idle = is_idle && !e->is_asked;
	}
	pthread_cond_signal(&n->filled);
	pthread_mutex_unlock(&n->lock);
	/* Whoever is asking the name service cannot be called back. */
	if (!is_idle) {
		pthread_detach(n->thread);
		return;
	}
	pthread_join(n->thread, NULL);
	HASH_ITER (hh, n->by_uid, e, next) {
		HASH_DEL(n->by_uid, e);
		free(e);
	}
	fd_close(n->fd);
	free(n);
}

static struct name *entry_of(struct names *n, uint32_t uid)
{
	struct name *e;
	HASH_FIND(hh, n->by_uid, &uid, sizeof(uid), e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->uid = uid;
	HASH_ADD(hh, n->by_uid, uid, sizeof(uid), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return e;
}

bool names_get(struct names *n, uint32_t uid, uint64_t now_ns, const char **name)
{
	*name = NULL;
	if (uid == ACTOR_ID_UNKNOWN)
		return true;
	struct name *e = entry_of(n, uid);
	if (!e)
		return true; /* out of memory: the number will do */
	if (!e->is_asked && (!e->is_known || now_ns >= e->until_ns)) {
		e->is_asked = true;
		pthread_mutex_lock(&n->lock);
		STAILQ_INSERT_TAIL(&n->asked, e, next);
		pthread_cond_signal(&n->filled);
		pthread_mutex_unlock(&n->lock);
	}
	if (e->is_known && e->text[0])
		*name = e->text;
	return e->is_known;
}

int names_fd(const struct names *n)
{
	return n->fd;
}

void names_collect(struct names *n, uint64_t now_ns)
{
	thread_take_wakeups(n->fd);
	pthread_mutex_lock(&n->lock);
	struct name *e;
	while ((e = STAILQ_FIRST(&n->answered))) {
		STAILQ_REMOVE_HEAD(&n->answered, next);
		/* A name that was known stays in use while the service is down. */
		if (!e->has_failed)
			memcpy(e->text, e->answer, sizeof(e->text));
		e->is_known = true;
		e->is_asked = false;
		e->until_ns = now_ns + (e->has_failed ? KEEP_FAILED_NS : KEEP_NS);
	}
	pthread_mutex_unlock(&n->lock);
}
