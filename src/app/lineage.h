/* SPDX-License-Identifier: MIT */
/* Processes by what they descend from: how a run is stopped where there are no cgroups. */
#ifndef FSMON_APP_LINEAGE_H
#define FSMON_APP_LINEAGE_H

#include "app/witness.h"
#include "core/proctable.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Send a signal to every process that carries the tag, and never to another that has got
 * its pid meanwhile; 0 sends none. Returns how many there are.
 */
size_t lineage_signal(
	struct witness *w, struct proctable *processes, uint64_t tag, int signal);

#endif
