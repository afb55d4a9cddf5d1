/* SPDX-License-Identifier: MIT */
/* Points in time and spans of it, as people write and read them. */
#ifndef FSMON_CORE_TEXT_WHEN_H
#define FSMON_CORE_TEXT_WHEN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A point in time. */
struct when {
	bool is_local; /* what was given is `local`, of the caller's time zone: mktime(3) */
	struct tm local;
	uint64_t ns; /* else: CLOCK_REALTIME */
};

/*
 * Parse a point in time: a duration back from now (`2h`, `2h ago`), `now`, `today`,
 * `yesterday`, a date (`2026-11-23`), a time of today (`04:00`), both with a blank or a `T`
 * between them, seconds and their fraction if there are any, and a zone (`Z`, `UTC`,
 * `+01:00`) if it is not the local one; `@` and seconds since 1970. *local_now is now_ns in
 * the local zone. Returns 0, or -1 with EINVAL and a fragment appended to `why`, as
 * core/text/value does.
 */
int when_parse(const char *text, uint64_t now_ns, const struct tm *local_now,
	struct when *out, struct buf *why);

#define WHEN_UTC_SIZE 40

/* Write a time of CLOCK_REALTIME as RFC 3339 has it, in UTC with nanoseconds. */
void when_utc(char text[WHEN_UTC_SIZE], uint64_t realtime_ns);

/* Append a span as one short word: `0ms`, `38ms`, `1.2s`, `2min3s`, `1h5min`, `3d4h`. It is cut
 * to the next lower value that can be written so. Returns 0, or -1 with ENOMEM. */
int when_add_span(struct buf *b, uint64_t span_ns);

#endif
