/* SPDX-License-Identifier: MIT */
/* Cuts a stream of output into lines, and remembers its end. */
#ifndef FSMON_CORE_TEXT_LINES_H
#define FSMON_CORE_TEXT_LINES_H

#include <stddef.h>

#define LINES_MAX_BYTES ((size_t)8192) /* a longer line is cut into pieces */
#define LINES_TAIL_BYTES ((size_t)4096)

/* Whoever has one sets `take` and `ctx`; the rest is zero until something has come. */
struct lines {
	/* Takes a line without its newline, and borrows it for the call. */
	void (*take)(void *ctx, const char *text, size_t len);
	void *ctx;
	char *pending; /* a line whose end has not come; NULL or of full size */
	size_t pending_len;
	char *tail; /* the newest bytes of all; NULL or of full size */
	size_t tail_len;
};

/*
 * Take the next bytes, and give out each line that they complete. Where there is no memory to
 * keep the beginning of a line, that is given out as a line of its own.
 */
void lines_feed(struct lines *l, const char *bytes, size_t len);

/* The stream is at its end: give out the last line if it had no newline. */
void lines_finish(struct lines *l);

/* Free the memory. */
void lines_fini(struct lines *l);

#endif
