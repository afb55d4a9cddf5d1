/* SPDX-License-Identifier: MIT */
/*
 * A thread that asks whoever may not answer soon (a name service, a disk, a file that somebody
 * guards), so that the loop never waits. Questions are answered one after another, in order.
 */
#ifndef FSMON_APP_ASKER_H
#define FSMON_APP_ASKER_H

#include <stdbool.h>
#include <sys/queue.h>

/* One question: the first member of what the caller has to ask. From asker_put to asker_take it
 * belongs to the thread. */
struct ask {
	STAILQ_ENTRY(ask) next;
};

struct asker; /* opaque */

/* Start a thread that answers by calling `answer`, which writes into the question. `wake_fd` is a
 * wake-up of the caller's (os/thread), which is sent with each answer; -1: the asker has one of its
 * own. Returns NULL with ENOMEM, EMFILE or EAGAIN. */
struct asker *asker_new(void (*answer)(struct ask *a), int wake_fd);

/* End the thread; NULL is allowed. Questions that were not taken are the caller's again. Returns
 * false if one is being answered: nobody can call that thread back, so it is left behind, and with
 * it every question that was put. */
bool asker_free(struct asker *a);

/* Put a question. */
void asker_put(struct asker *a, struct ask *q);

/* The next question that was answered, or NULL: then a descriptor of the asker's own is not
 * readable until there is another. */
struct ask *asker_take(struct asker *a);

/* The wake-up that is sent. */
int asker_fd(const struct asker *a);

#endif
