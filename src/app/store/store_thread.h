/* SPDX-License-Identifier: MIT */
/* The store's thread: writes what has come, a moment later. */
#ifndef FSMON_APP_STORE_STORE_THREAD_H
#define FSMON_APP_STORE_STORE_THREAD_H

#include "app/store/store_state.h"

/* What the thread runs, with the struct store; it ends when is_stopping is set. */
void *store_thread_run(void *store);

/* Wait for a condition until a time of CLOCK_MONOTONIC, with `lock` held. Returns 0, or ETIMEDOUT,
 * as pthread_cond_timedwait(3) does. */
int store_thread_wait(struct store *s, pthread_cond_t *condition, uint64_t until_ns);

#endif
