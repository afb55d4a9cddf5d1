/* SPDX-License-Identifier: MIT */
/* Standard error, as where a log goes. */
#ifndef FSMON_OS_ERROUT_H
#define FSMON_OS_ERROUT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it is the journal's stream, as JOURNAL_STREAM of systemd.exec(5) has it. */
bool errout_is_journal(void);

/*
 * Write all bytes. With a limit to the waiting (0: none; -1: no limit) only while somebody reads
 * or there is room. Returns the number of bytes that could not be written.
 */
size_t errout_write(const char *bytes, size_t len, int wait_ms);

#endif
