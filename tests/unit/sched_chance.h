/* SPDX-License-Identifier: MIT */
/* Chance, and how lanes work by chance. */
#ifndef TESTS_UNIT_SCHED_CHANCE_H
#define TESTS_UNIT_SCHED_CHANCE_H

#include "core/sched/sched.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANCE_S UINT64_C(1000000000)

/* A number from all, from 0 to n - 1; whether the one case in n comes. */
uint64_t chance(uint64_t *state);
uint32_t chance_below(uint64_t *state, uint32_t n);
bool chance_one_in(uint64_t *state, uint32_t n);

/* Whole seconds, so that many things fall together, and now and then a little beside. */
uint64_t chance_time_ns(uint64_t *state, uint32_t most_s);

/* How a lane works; `scale`: what is a number of things is up to so many times as large. */
void chance_config(uint64_t *state, struct timing *c, uint32_t scale);

/* Print such a lane, as comments of TAP. */
void chance_print(uint32_t number, const struct timing *c);

#endif
