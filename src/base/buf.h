/* SPDX-License-Identifier: MIT */
/* A growing string of bytes. */
#ifndef FSMON_BASE_BUF_H
#define FSMON_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes with a NUL behind them. All zero is an empty buffer. Once an append has failed
 * for want of memory, `failed` stays set and later appends do nothing, so a writer checks
 * once, at the end.
 */
struct buf {
	char *data; /* NULL until the first append; data[len] is NUL after that */
	size_t len; /* bytes in use, without the NUL */
	size_t size; /* bytes allocated */
	bool failed; /* an append ran out of memory */
};

/* Append len bytes. Returns 0, or -1 with ENOMEM. */
int buf_add(struct buf *b, const void *bytes, size_t len);

/* Append a NUL-terminated string. Returns 0, or -1 with ENOMEM. */
int buf_add_str(struct buf *b, const char *s);

/* Append formatted text. Returns 0, or -1 with ENOMEM. */
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *b, const char *fmt, ...);

/*
 * Append bytes so that they stay one line to be read, whatever they hold: characters of UTF-8
 * that show something stay, a backslash is doubled, all else is escaped byte by byte as in C
 * (`\n`, `\033`). unvis(3) gives the bytes back. Returns 0, or -1 with ENOMEM.
 */
int buf_add_vis(struct buf *b, const void *bytes, size_t len);

/*
 * Append bytes so that they can be read as they were meant and do nothing to a terminal:
 * likewise, but newlines, tabs and backslashes stay, and all that is escaped is octal. This is
 * for eyes, not for unvis(3).
 */
int buf_add_screen(struct buf *b, const void *bytes, size_t len);

/* Forget the contents, keep the memory. */
void buf_clear(struct buf *b);

/* Give the string away: the caller frees it. Returns NULL with ENOMEM if an append had
 * failed. The buffer is empty afterwards. */
__attribute__((warn_unused_result)) char *buf_take(struct buf *b);

/* Free the memory; the buffer is empty afterwards. Keeps errno, as free(3) does (POSIX.1-2024,
 * glibc 2.33). */
void buf_fini(struct buf *b);

#endif
