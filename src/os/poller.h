/* SPDX-License-Identifier: MIT */
/* The event loop's wait: descriptors and whom to call for them, over epoll(7). */
#ifndef FSMON_OS_POLLER_H
#define FSMON_OS_POLLER_H

#include <stdint.h>

struct poller; /* opaque: an epoll instance and its sources */
struct poller_source; /* opaque: one descriptor and its callback; owned by the poller */

#define POLLER_FOREVER (-1)

/*
 * Make a poller. The caller frees it with poller_free. Returns NULL with ENOMEM, EMFILE
 * or ENFILE.
 */
__attribute__((warn_unused_result)) struct poller *poller_new(void);

/*
 * Free a poller and all its sources; NULL is allowed. Not from within a callback. Does
 * not close the sources' descriptors.
 */
void poller_free(struct poller *p);

/*
 * Call callback(ctx, events) in each turn in which the descriptor has one of the events
 * (EPOLLIN, EPOLLOUT, EPOLLPRI …, level-triggered; EPOLLERR and EPOLLHUP always). A
 * callback must not block. It may add, change and remove any source, its own too. ctx is
 * borrowed until the source is removed; the descriptor stays the caller's, who removes
 * the source before closing it. Events may be 0 to hear of errors only.
 *
 * Returns the source, or NULL with ENOMEM, EEXIST (already added), EPERM (a regular
 * file), EBADF or ENOSPC.
 */
__attribute__((warn_unused_result)) struct poller_source *poller_add(struct poller *p,
	int fd, uint32_t events, void (*callback)(void *ctx, uint32_t events), void *ctx);

/*
 * Wait for other events from now on. Returns 0, or -1 with ENOMEM or EBADF (then nothing
 * has changed). To ask for what is already asked for costs no system call.
 */
int poller_change(struct poller *p, struct poller_source *s, uint32_t events);

/*
 * Forget a source; NULL is allowed. Its callback is not called again, not even for what
 * this turn has already seen; in a callback the memory is freed when the turn ends. The
 * pointer must not be used any more. Keeps errno.
 */
void poller_remove(struct poller *p, struct poller_source *s);

/*
 * Wait at most timeout_ns nanoseconds (POLLER_FOREVER: without end; 0: not at all) for
 * events and call whom they concern. Not from within a callback. Returns the number of
 * callbacks made: 0 when the time was over or a signal came; or -1 with the errno of
 * epoll_pwait2(2).
 */
int poller_turn(struct poller *p, int64_t timeout_ns);

#endif
