/* SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

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

void thread_take_wakeups(int wakeup)
{
	eventfd_t count;
	eventfd_read(wakeup, &count);
}

bool thread_lift(pid_t id, int priority)
{
	struct sched_param param = {.sched_priority = priority};
	return sched_setscheduler(id, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0;
}

bool thread_be_urgent(int priority)
{
	return thread_lift(0, priority);
}

void thread_be_ordinary(void)
{
	const struct sched_param param = {0};
	sched_setscheduler(0, SCHED_OTHER, &param);
}

pid_t thread_id(void)
{
	return gettid();
}

unsigned thread_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);
	return count > 0 ? (unsigned)count : 1;
}

bool thread_pin(unsigned processor)
{
	cpu_set_t set;
	if (processor >= CPU_SETSIZE)
		return false;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

bool thread_is_ordinary(pid_t pid)
{
	int policy = sched_getscheduler(pid);
	if (policy < 0)
		return false;
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

void thread_pause(uint64_t ns)
{
	const uint64_t second_ns = 1000000000;
	nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / second_ns),
			  .tv_nsec = (long)(ns % second_ns)},
		NULL);
}

int thread_wait(const int *fds, size_t count)
{
	struct pollfd polled[THREAD_WAIT_MAX];
	assert(count <= THREAD_WAIT_MAX);
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	while (poll(polled, count, -1) < 0) {
		if (errno != EINTR)
			return -1;
	}
	size_t first = 0;
	while (!polled[first].revents)
		first++;
	return (int)first;
}
