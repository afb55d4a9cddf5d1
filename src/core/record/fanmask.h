/* SPDX-License-Identifier: MIT */
/* Between fanotify's mask bits and kinds of events. */
#ifndef FSMON_CORE_RECORD_FANMASK_H
#define FSMON_CORE_RECORD_FANMASK_H

#include <stdbool.h>
#include <stdint.h>

/* What every filesystem with rules is watched for besides what the rules ask: the records
 * that keep the tree of directories right, and what programs are executed. */
#define FANMASK_BASE                                                           \
	(UINT64_C(0x100) /* FAN_CREATE */ | UINT64_C(0x200) /* FAN_DELETE */ | \
		UINT64_C(0x10000000) /* FAN_RENAME */ |                        \
		UINT64_C(0x40000000) /* FAN_ONDIR */ | FANMASK_EXEC)

/* FAN_OPEN_EXEC: what every filesystem that programs may lie on is watched for. */
#define FANMASK_EXEC UINT64_C(0x1000)

/* The FAN_* bits to ask for so that the kinds of a rule's mask are reported. */
uint64_t fanmask_of_kinds(uint32_t kinds);

/* The kinds in a record's mask. */
uint32_t fanmask_kinds(uint64_t mask);

bool fanmask_is_dir(uint64_t mask);

#endif
