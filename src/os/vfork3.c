/* SPDX-License-Identifier: MIT */
#include "os/vfork3.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>

/* AddressSanitizer marks the child's stack, which is never returned from, as in use for good.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VFORK3_HAS_MARKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(VFORK3_HAS_MARKS)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

/*
 * The child has the parent's registers and a stack of its own: what it is to call must be in
 * registers when the system call is made. All that calls preserve is preserved here too.
 */
#if defined(__x86_64__)
static long start_child(
	const struct clone_args *args, void (*start)(void *ctx), void *ctx)
{
	register long result __asm__("rax") = SYS_clone3;
	register void (*child)(void *) __asm__("r12") = start;
	register void *argument __asm__("r13") = ctx;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "hlt\n"
			 "1:"
			 : "+r"(result)
			 : "D"(args), "S"(sizeof(*args)), "r"(child), "r"(argument)
			 : "rcx", "r11", "cc", "memory");
	return result;
}
#elif defined(__aarch64__)
static long start_child(
	const struct clone_args *args, void (*start)(void *ctx), void *ctx)
{
	register long number __asm__("x8") = SYS_clone3;
	register long result __asm__("x0") = (long)(uintptr_t)args;
	register long size __asm__("x1") = sizeof(*args);
	register void (*child)(void *) __asm__("x20") = start;
	register void *argument __asm__("x21") = ctx;
	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x21\n\t"
			 "blr x20\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(result)
			 : "r"(number), "r"(size), "r"(child), "r"(argument)
			 : "cc", "memory");
	return result;
}
#else
static long start_child(
	const struct clone_args *args, void (*start)(void *ctx), void *ctx)
{
	(void)args, (void)start, (void)ctx;
	return -ENOSYS;
}
#endif

pid_t vfork3(const struct clone_args *args, void (*start)(void *ctx), void *ctx)
{
	long result = start_child(args, start, ctx);
	const void *stack = (const void *)(uintptr_t)args->stack;
	ASAN_UNPOISON_MEMORY_REGION(stack, args->stack_size);
	if (result >= 0)
		return (pid_t)result;
	errno = (int)-result;
	return -1;
}
