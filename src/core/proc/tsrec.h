/* SPDX-License-Identifier: MIT */
/* Decodes taskstats messages (linux/taskstats.h): bytes in, records out. */
#ifndef FSMON_CORE_PROC_TSREC_H
#define FSMON_CORE_PROC_TSREC_H

#include "core/proc/procrec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks over one datagram. */
struct tsrec {
	const void *at; /* next message */
	int left_bytes; /* from there on */
	uint32_t skipped; /* messages without a thread's exit record */
	uint32_t bad; /* malformed, or of a version whose layout is not that of the others
			 (15) */
};

/* Begin with the bytes of a datagram, aligned to 4 bytes, which must outlive the walk. */
void tsrec_init(struct tsrec *it, const void *bytes, size_t len_bytes);

/*
 * Decode the next exit record into a PROCREC_TASK without a time. Before version 12 the
 * kernel does not say of which process a thread was: tgid is then the thread's own id and
 * has_group false. Returns false at the end. Whether the kernel sent the datagram the
 * reader has to have checked.
 */
bool tsrec_next(struct tsrec *it, struct proc_record *out);

#endif
