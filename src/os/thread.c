/* SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

int thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(thread, NULL, run, ctx);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return error ? -1 : 0;
}

int thread_wakeup_open(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void thread_wake(int wakeup)
{
	eventfd_write(wakeup, 1);
}

void thread_woken(int wakeup)
{
	eventfd_t count;
	eventfd_read(wakeup, &count);
}
