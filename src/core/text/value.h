/* SPDX-License-Identifier: MIT */
/* Values of rule files: text to numbers, as fsmon.conf(5) says. */
#ifndef FSMON_CORE_TEXT_VALUE_H
#define FSMON_CORE_TEXT_VALUE_H

#include "base/buf.h"
#include "core/sched/timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VALUE_DURATION_MAX_NS (UINT64_C(36500) * 86400 * 1000000000) /* 100 years */

/* How a number is compared with the one that stands behind. */
enum value_compare {
	VALUE_CMP_NONE,
	VALUE_CMP_LT,
	VALUE_CMP_LE,
	VALUE_CMP_EQ,
	VALUE_CMP_GE,
	VALUE_CMP_GT
};

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

/* `>10M`, `<=4K`, `=0`: a comparison and a size. */
int value_size_condition(const char *text, enum value_compare *compare,
	uint64_t *size_bytes, struct buf *why);

/* `10/1min`: a count of at least 1 and a duration of more than 0. `none` is a count of 0.
 */
int value_rate(const char *text, struct timing_rate *out, struct buf *why);

/* `yes no true false on off 1 0`, in any case. */
int value_bool(const char *text, bool *out, struct buf *why);

/* A whole number from min to max, decimal; min is not more than max. */
int value_number(
	const char *text, uint64_t min, uint64_t max, uint64_t *out, struct buf *why);

/* A signal's name, in any case, with or without SIG. */
int value_signal(const char *text, int *out, struct buf *why);

/* One to four octal digits, at most 0777. */
int value_umask(const char *text, mode_t *out, struct buf *why);

/* -20 to 19. */
int value_nice(const char *text, int *out, struct buf *why);

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

#endif
