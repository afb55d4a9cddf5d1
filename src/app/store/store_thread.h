/* SPDX-License-Identifier: MIT */
/* The store's thread: writes what has come, a moment later. */
#ifndef FSMON_APP_STORE_STORE_THREAD_H
#define FSMON_APP_STORE_STORE_THREAD_H

#include "app/store/store_state.h"

/* What the thread runs, with the struct store; it ends when is_stopping is set. */
void *store_thread_run(void *store);

#endif
