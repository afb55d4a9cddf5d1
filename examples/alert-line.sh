#!/bin/sh
# SPDX-License-Identifier: MIT
# A hook for fsmon: appends a line to $ALERT_FILE that says who did what, see alert.conf. A file may
# have any name: what is not printable becomes a question mark, so that no name forges a line.
set -eu
umask 077

line="$FSMON_TIME $FSMON_USER (login ${FSMON_LOGIN_USER:-none}) did $FSMON_EVENT on $FSMON_PATH"
line="$line with $FSMON_CMD ($FSMON_EXE, pid $FSMON_PID): $FSMON_CMDLINE"
line=$(printf '%s' "$line" | LC_ALL=C tr -c '[:print:]' '?')

printf '%s\n' "$line" >>"$ALERT_FILE"
# To syslog as well: logger -p auth.warning -t fsmon -- "$line"
# By mail: printf '%s\n' "$line" | mail -s "fsmon: $FSMON_RULE" root
