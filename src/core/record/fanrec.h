/* SPDX-License-Identifier: MIT */
/* Decodes what read(2) on a fanotify group returns, an ok/next iterator over bytes; and the bits
 * of its masks. */
#ifndef FSMON_CORE_RECORD_FANREC_H
#define FSMON_CORE_RECORD_FANREC_H

#include <linux/fanotify.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Largest handle that name_to_handle_at(2) gives (MAX_HANDLE_SZ). */
#define FANREC_HANDLE_MAX 128

/* A file handle within one filesystem. `bytes` points into the buffer that is decoded. */
struct fanrec_handle {
	const unsigned char *bytes; /* NULL: no such handle */
	uint32_t len;
	int32_t type;
};

/* A directory and a name in it. */
struct fanrec_place {
	struct fanrec_handle dir; /* dir.bytes NULL: not reported */
	const char *name; /* NUL-terminated, in the buffer; "." is the directory itself */
};

/*
 * One record. All pointers go into the buffer. A queue overflow (FAN_Q_OVERFLOW) and
 * nameless records have no place; a filesystem error may have neither place nor target.
 */
struct fanrec {
	uint64_t mask; /* FAN_* bits as in fanotify(7) */
	pid_t pid; /* 0: outside of our pid namespace */
	uint64_t fsid; /* the __kernel_fsid_t as it lies in memory; 0: none */
	struct fanrec_place place; /* entry; of a rename, the old one */
	struct fanrec_place new_place; /* of a rename */
	struct fanrec_handle target; /* the file itself */
	int pidfd; /* FAN_REPORT_PIDFD: descriptor to close, else -1 */
	int32_t fs_error; /* FAN_FS_ERROR: errno, else 0 */
	uint32_t fs_error_count;
};

/*
 * Decode the record at *at (an offset into buf, 0 at first) and move *at behind it.
 * Records and info records whose kind is not known are skipped; a broken one ends the
 * iteration. Returns true with *out filled, or false at the end. *bad (may be NULL) is
 * increased for each record that was not whole.
 */
bool fanrec_next(
	const void *buf, size_t len, size_t *at, struct fanrec *out, unsigned *bad);

/* What every filesystem with rules is watched for besides what the rules ask: the records
 * that keep the tree of directories right, and what programs are executed. */
#define FANREC_MASK_BASE \
	(FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ONDIR | FAN_OPEN_EXEC)

/* The FAN_* bits to ask for so that the kinds of a rule's mask are reported. */
uint64_t fanrec_mask(uint32_t kinds);

/* The kinds (enum event_kind) in a record's mask. */
uint32_t fanrec_kinds(uint64_t mask);

#endif
