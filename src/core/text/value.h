/* SPDX-License-Identifier: MIT */
/* Values of rule files: text to numbers, as fsmon.conf(5) says. */
#ifndef FSMON_CORE_TEXT_VALUE_H
#define FSMON_CORE_TEXT_VALUE_H

#include "base/buf.h"
#include "core/sched/timing.h"

#include <stddef.h>
#include <stdint.h>

#define VALUE_DURATION_MAX_NS (UINT64_C(36500) * 86400 * 1000000000) /* 100 years */

/*
 * Each takes a text without blanks around it and fills *out. Returns 0, or -1 with EINVAL
 * and a fragment appended to `why` that says what was found and what was expected ("the
 * duration \"5\" has no unit; did you mean 5s?"); *out is as it was. `why` is the
 * caller's; that it ran out of memory shows in why->failed.
 */

/* `500ms`, `2s`, `1min`, `1h`, `1d`, in nanoseconds, at most VALUE_DURATION_MAX_NS. A
 * plain 0 needs no unit. */
int value_duration(const char *text, uint64_t *out, struct buf *why);

/* `4096`, `4K`, `10M`, `1G`, `1T`, in bytes. */
int value_size(const char *text, uint64_t *out, struct buf *why);

/* `10/1min`: a count and a duration of more than 0 each. `none` is a count of 0. */
int value_rate(const char *text, struct timing_rate *out, struct buf *why);

/* A whole number from min to max, decimal; min is not more than max. */
int value_number(
	const char *text, uint64_t min, uint64_t max, uint64_t *out, struct buf *why);

/* A name and the number that it stands for; tables of them are arrays. */
struct value_name {
	const char *name;
	unsigned value;
};

/* One of the names of a table, which has some, exactly. */
int value_choice(const char *text, const struct value_name *table, size_t count,
	unsigned *out, struct buf *why);

/* Append text in quotes, on one line, escaped, and cut where it is long: how messages
 * show what was found. */
void value_quote(struct buf *b, const char *text, size_t len);

/* Say why a text is refused: append it in quotes, between what stands before it and a format for
 * what stands behind it, or NULL. Returns -1 with EINVAL. */
__attribute__((format(printf, 4, 5))) int value_refuse(
	struct buf *why, const char *before, const char *text, const char *fmt, ...);

#endif
