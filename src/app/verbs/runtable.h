/* SPDX-License-Identifier: MIT */
/* Runs, as the store gives them (fsmon(8), RUNS AS JSON), as text for people. */
#ifndef FSMON_APP_VERBS_RUNTABLE_H
#define FSMON_APP_VERBS_RUNTABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether a run has ended otherwise than well. */
bool runtable_is_failure(json_t *run);

/*
 * Print an array of runs as a table, with the time of the local zone. now_ns is
 * CLOCK_REALTIME, for those that have not ended; 0 where nobody knows whether they have.
 * Returns 0, or -1 with ENOMEM: nothing was printed.
 */
int runtable_print(json_t *runs, uint64_t now_ns, FILE *out);

/* Print what runs have printed, each below a line that heads it; now_ns as above. Returns 0,
 * or -1 with ENOMEM. */
int runtable_print_output(json_t *runs, uint64_t now_ns, FILE *out);

#endif
