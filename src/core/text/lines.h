/* SPDX-License-Identifier: MIT */
/* Cuts a stream of output into lines, and remembers its end. */
#ifndef FSMON_CORE_TEXT_LINES_H
#define FSMON_CORE_TEXT_LINES_H

#include <stddef.h>

#define LINES_MAX_BYTES ((size_t)8192) /* a longer line is cut into pieces */
#define LINES_TAIL_BYTES ((size_t)4096)

/* All zero is a stream of which nothing has come yet. */
struct lines {
	char *pending; /* the beginning of a line whose end has not come; NULL or of full
			  size */
	size_t pending_len;
	char *tail; /* the newest bytes of all; NULL or of full size */
	size_t tail_len;
};

/*
 * Take the next bytes, and call line(ctx, …) for each line that they complete, without
 * its newline; it borrows the text for the call. Where there is no memory to keep the
 * beginning of a line, that is given out as a line of its own.
 */
void lines_feed(struct lines *l, const char *bytes, size_t len,
	void (*line)(void *ctx, const char *text, size_t len), void *ctx);

/* The stream is at its end: give out the last line if it had no newline. */
void lines_finish(struct lines *l, void (*line)(void *ctx, const char *text, size_t len),
	void *ctx);

/* Free the memory; all zero afterwards. */
void lines_fini(struct lines *l);

#endif
