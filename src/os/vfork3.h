/* SPDX-License-Identifier: MIT */
/* vfork(2) with what clone3(2) alone can do; the C library has no function for it. */
#ifndef FSMON_OS_VFORK3_H
#define FSMON_OS_VFORK3_H

#include <sys/types.h>

#include <linux/sched.h>

/* Whether it is there for this processor. ThreadSanitizer loses count of what is called in a
 * child that shares its memory. */
#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__SANITIZE_THREAD__)
#define VFORK3_IS_THERE 1
#else
#define VFORK3_IS_THERE 0
#endif

/*
 * Start a child that shares the caller's memory, and wait until it has executed a program or
 * ended. It calls start(ctx) on the stack that args name, which must be big enough and a
 * multiple of 16 bytes at both ends; start must not return. args->flags must hold CLONE_VM
 * and CLONE_VFORK. Must be called from a process with a single thread.
 *
 * Returns the pid, or -1 with the errno of clone(2), or ENOSYS where VFORK3_IS_THERE is 0.
 */
__attribute__((warn_unused_result)) pid_t vfork3(
	const struct clone_args *args, void (*start)(void *ctx), void *ctx);

#endif
