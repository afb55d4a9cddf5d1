/* SPDX-License-Identifier: MIT */
/*
 * uthash(3) for tables whose keys are numbers of 64 bits, and which may run out of memory: for
 * files that have no other tables. Jenkins' hash, the default, is for keys of any length.
 */
#ifndef FSMON_BASE_IDHASH_H
#define FSMON_BASE_IDHASH_H

#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, key_len, hash) ((hash) = idhash(*(const uint64_t *)(key)))
#include <uthash.h>

/* The upper half of a product with 2^64 by the golden ratio (Knuth). */
static inline unsigned idhash(uint64_t id)
{
	return (unsigned)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

#endif
