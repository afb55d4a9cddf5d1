/* SPDX-License-Identifier: MIT */
/* What [daemon] says; fsmon.conf(5) explains the keys. */
#ifndef FSMON_CORE_RULE_DAEMON_H
#define FSMON_CORE_RULE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

enum daemon_log_format { DAEMON_LOG_TEXT, DAEMON_LOG_JSON };

struct daemon {
	bool strict;
	uint32_t max_parallel; /* default 64 */
	enum daemon_log_format log_format;
	uint64_t history_keep_ns; /* history-keep = AGE, COUNT; default 7d, 10000 */
	uint32_t history_keep_count;
};

#endif
