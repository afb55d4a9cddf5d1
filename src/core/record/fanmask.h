/* SPDX-License-Identifier: MIT */
/* Between fanotify's mask bits and kinds of events. */
#ifndef FSMON_CORE_RECORD_FANMASK_H
#define FSMON_CORE_RECORD_FANMASK_H

#include <linux/fanotify.h>
#include <stdint.h>

/* What every filesystem with rules is watched for besides what the rules ask: the records
 * that keep the tree of directories right, and what programs are executed. */
#define FANMASK_BASE (FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ONDIR | FAN_OPEN_EXEC)

/* What every filesystem that programs may lie on is watched for. */
#define FANMASK_EXEC FAN_OPEN_EXEC

/* The FAN_* bits to ask for so that the kinds of a rule's mask are reported. */
uint64_t fanmask_of_kinds(uint32_t kinds);

/* The kinds in a record's mask. */
uint32_t fanmask_kinds(uint64_t mask);

#endif
