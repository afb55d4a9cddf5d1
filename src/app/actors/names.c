/* SPDX-License-Identifier: MIT */
#include "app/actors/names.h"

#include "app/asker.h"
#include "core/proc/actor.h"
#include "os/user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define NAME_SIZE 256
#define KEEP_NS (UINT64_C(600) * 1000000000)
/* A name service that is down is asked again soon. */
#define KEEP_FAILED_NS (UINT64_C(5) * 1000000000)

/* One user. While `is_asked` it belongs to the thread as well, which writes only
 * `answer`. */
struct name {
	struct ask ask; /* first */
	UT_hash_handle hh;
	uint32_t uid;
	bool is_known; /* text says what is so */
	bool is_asked;
	uint64_t until_ns; /* then it is asked for again */
	char text[NAME_SIZE]; /* "" : no name */
	char answer[NAME_SIZE]; /* the thread's */
	bool has_failed; /* the thread's: no answer could be had */
};

struct names {
	struct name *by_uid;
	struct asker *asker;
};

static void answer(struct ask *a)
{
	struct name *e = (struct name *)a;
	e->answer[0] = '\0';
	e->has_failed =
		user_name_of(e->uid, e->answer, sizeof(e->answer)) < 0 && errno != ENOENT;
}

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));
	if (n && (n->asker = asker_new(answer, -1)))
		return n;
	free(n);
	return NULL;
}

void names_free(struct names *n)
{
	struct name *e, *next;
	if (!n || !asker_free(n->asker))
		return;
	HASH_ITER (hh, n->by_uid, e, next) {
		HASH_DEL(n->by_uid, e);
		free(e);
	}
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
		asker_put(n->asker, &e->ask);
	}
	if (e->is_known && e->text[0])
		*name = e->text;
	return e->is_known;
}

int names_fd(const struct names *n)
{
	return asker_fd(n->asker);
}

void names_collect(struct names *n, uint64_t now_ns)
{
	struct name *e;
	while ((e = (struct name *)asker_take(n->asker))) {
		/* A name that was known stays in use while the service is down. */
		if (!e->has_failed)
			memcpy(e->text, e->answer, sizeof(e->text));
		e->is_known = true;
		e->is_asked = false;
		e->until_ns = now_ns + (e->has_failed ? KEEP_FAILED_NS : KEEP_NS);
	}
}
