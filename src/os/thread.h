/* SPDX-License-Identifier: MIT */
/* Threads, and the descriptor by which one wakes another that waits for many. */
#ifndef FSMON_OS_THREAD_H
#define FSMON_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Start a thread that no signal goes to: they are the business of the others. Whoever starts it
 * joins or detaches it. Returns 0, or -1 with errno as pthread_create(3) returns it. */
int thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx);

/* Open a wake-up: a descriptor that is readable from thread_wake to thread_take_wakeups.
 * The caller closes it. Returns -1 with errno as eventfd(2) has it. */
int thread_wakeup_open(void);

/* Wake whoever waits for the descriptor, which may be in another thread. Never blocks. */
void thread_wake(int wakeup);

/* Take all wake-ups that there were until now. */
void thread_take_wakeups(int wakeup);

/* Give the calling thread alone, and nothing that it forks, real-time priority
 * (SCHED_FIFO). Returns whether this was allowed. */
bool thread_be_urgent(int priority);

/* Likewise for another thread, by thread_id, until that calls thread_be_ordinary. */
bool thread_lift(pid_t id, int priority);
void thread_be_ordinary(void);

/* The calling thread. */
pid_t thread_id(void);

/* How many processors there are, those included that are off: they are numbered from 0. */
unsigned thread_processors(void);

/* Keep the calling thread on one processor. Returns whether this was allowed, and the processor
 * is there. */
bool thread_pin(unsigned processor);

/* Whether a thread of real-time priority is run before that process, which has none. */
bool thread_is_ordinary(pid_t pid);

/* Let the calling thread do nothing for so long, or less if a signal comes. */
void thread_pause(uint64_t ns);

#define THREAD_WAIT_MAX 4

/* Wait until one of the descriptors (THREAD_WAIT_MAX at most) can be read or is of no
 * use; those below 0 do not count. Returns the index of the first such, or -1 with
 * ENOMEM. */
int thread_wait(const int *fds, size_t count);

#endif
