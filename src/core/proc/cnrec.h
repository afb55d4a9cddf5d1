/* SPDX-License-Identifier: MIT */
/* Decodes messages of the process connector (linux/cn_proc.h): bytes in, records out. */
#ifndef FSMON_CORE_PROC_CNREC_H
#define FSMON_CORE_PROC_CNREC_H

#include "core/proc/procrec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks over one datagram. */
struct cnrec {
	const void *at; /* next message */
	int left_bytes; /* from there on */
	uint32_t skipped; /* messages of kinds that are not decoded */
	uint32_t bad; /* messages too short for what they claim to be */
};

/* Begin with the bytes of a datagram, aligned to 4 bytes, which must outlive the walk. */
void cnrec_init(struct cnrec *it, const void *bytes, size_t len_bytes);

/*
 * Decode the next record that is known. Returns false at the end. Whether the kernel sent
 * the datagram only its sender's address can tell: the reader has to have checked that.
 */
bool cnrec_next(struct cnrec *it, struct proc_record *out);

#endif
