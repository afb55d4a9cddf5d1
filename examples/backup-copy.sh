#!/bin/sh
# SPDX-License-Identifier: MIT
# A hook for fsmon: copies the file that changed to $BACKUP_DIR/<its path>.<time>, see backup.conf.
# It reads the file by its descriptor, so nobody can have it copy another one by swapping in a
# symbolic link.
set -eu
umask 077

# More files have come with a directory than are told one by one: keep it as a whole.
if [ "${FSMON_TRUNCATED-}" ] && [ "$FSMON_TYPE" = dir ]; then
	copy=$BACKUP_DIR$FSMON_PATH.$FSMON_TIME
	mkdir -p -- "$copy"
	cp -R -P -- "/proc/self/fd/$FSMON_FD/." "$copy"
	exit
fi

# Gone again, or not a file any more.
[ "$FSMON_TYPE" = file ] || exit 0

copy=$BACKUP_DIR$FSMON_PATH.$FSMON_TIME
mkdir -p -- "${copy%/*}"
cp -- "/proc/self/fd/$FSMON_FD" "$copy"
