# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Functions for the behaviour tests. A test file loads it, calls setup_daemon in setup() and
# cleanup in teardown(), and nothing in a test ever waits for a time: sync_daemon returns when all
# that happened before it has been handled, wait_until when a condition holds.
#
#	load helper
#	setup() { need_root; setup_daemon; }
#	teardown() { cleanup; }
#	@test "touch is seen" {
#		rules <<-EOF
#			[seen]
#			path = $W/**
#			command = $HOOK
#		EOF
#		start_daemon
#		touch "$W/a"
#		sync_daemon
#		assert_hook_line "close-write|$W/a|touch|root"
#	}

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
FSMON=${FSMON:-$BUILD/fsmon}
HELPERS=$BUILD/helpers
READY_SECONDS=${READY_SECONDS:-30}
DAEMON_PID=

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# need_command NAME...: skip the test where one is missing.
need_command() {
	local name
	for name in "$@"; do
		command -v "$name" >/dev/null || skip "needs $name"
	done
}

# Make the scratch directory and all that a daemon needs: the watched directory $W, the rule
# directory $RULES, $CONF (empty), $STATE, $RUNTIME; and $HOOK, a command that appends
# EVENT|PATH|CMD|USER to $HOOKLOG. The daemon's log goes to $LOG.
setup_daemon() {
	SCRATCH=$(mktemp -d /tmp/fsmon-test.XXXXXX)
	chmod 755 "$SCRATCH"
	W=$SCRATCH/w
	RULES=$SCRATCH/rules.d
	CONF=$SCRATCH/fsmon.conf
	STATE=$SCRATCH/state
	RUNTIME=$SCRATCH/run
	LOG=$SCRATCH/log
	HOOKLOG=$SCRATCH/hooks
	HOOK=$SCRATCH/hook
	mkdir -m 755 "$W" "$RULES" "$STATE" "$RUNTIME"
	touch "$CONF" "$LOG" "$HOOKLOG"
	chmod 666 "$HOOKLOG"
	cat >"$HOOK" <<-EOF
		#!/bin/sh
		printf '%s|%s|%s|%s\n' "\$FSMON_EVENT" "\$FSMON_PATH" "\$FSMON_CMD" "\$FSMON_USER" >>'$HOOKLOG'
	EOF
	chmod 755 "$HOOK"
	mkfifo "$SCRATCH/pause" "$SCRATCH/ready"
	exec {PAUSE_FD}<>"$SCRATCH/pause"
}

# rules [NAME] <<EOF: write the rule file $RULES/NAME.conf (rules.conf).
rules() {
	cat >"$RULES/${1:-rules}.conf"
}

# Where this test's daemon lives, as options of `fsmon run`, and of the client verbs.
daemon_options() {
	printf '%s\n' -c "$CONF" -d "$RULES" --state-dir "$STATE" --runtime-dir "$RUNTIME"
}

# start_daemon [OPTION...]: start the daemon and wait until it says that it is ready; fails, with
# the log, if it does not. Its process is $DAEMON_PID.
start_daemon() {
	local result=nothing options
	mapfile -t options < <(daemon_options)
	"$HELPERS/notifywait" "$SCRATCH/ready" "$READY_SECONDS" "$FSMON" run "${options[@]}" "$@" \
		</dev/null >>"$LOG" 2>&1 3>&- &
	DAEMON_PID=$!
	read -rt $((READY_SECONDS + 5)) result <>"$SCRATCH/ready" || :
	if [ "$result" != ready ]; then
		echo "start_daemon: $result"
		return 1
	fi
}

# Is the daemon, or process $1, there and not just waiting to be reaped?
is_running() {
	local state
	read -r state < <(sed 's/.*) //' "/proc/${1:-$DAEMON_PID}/stat" 2>/dev/null) || return 1
	[[ $state != [ZX]* ]]
}

not_running() {
	! is_running "$@"
}

# stop_daemon [SIGNAL]: end the daemon (TERM) and wait for it. Its exit status is $DAEMON_STATUS.
stop_daemon() {
	kill -"${1:-TERM}" "$DAEMON_PID"
	await_daemon
}

# Wait until the daemon has ended; its exit status is $DAEMON_STATUS.
await_daemon() {
	wait_until 30 not_running "$DAEMON_PID"
	DAEMON_STATUS=0
	# shellcheck disable=SC2034
	wait "$DAEMON_PID" || DAEMON_STATUS=$?
	DAEMON_PID=
}

# client VERB [ARGUMENT...]: run a client verb against this test's daemon.
client() {
	"$FSMON" "$1" --runtime-dir "$RUNTIME" "${@:2}"
}

# Returns when all that happened before has been handled.
sync_daemon() {
	client sync "$@"
}

# wait_until SECONDS COMMAND...: poll until COMMAND succeeds; fails when it has not in time, and
# then shows what COMMAND said last.
wait_until() {
	local deadline=$((SECONDS + $1 + 1)) seconds=$1
	shift
	until "$@" >"$SCRATCH/said" 2>&1; do
		if ((SECONDS >= deadline)); then
			cat "$SCRATCH/said"
			echo "wait_until: not within $seconds s: $*"
			return 1
		fi
		read -rt 0.02 -u "$PAUSE_FD" || :
	done
}

# assert_hook_line LINE: the hook wrote exactly this line, at least once.
assert_hook_line() {
	grep -Fxq -- "$1" "$HOOKLOG" && return 0
	printf 'no hook line: %s\nthere is:\n' "$1"
	tail -n 50 "$HOOKLOG"
	return 1
}

# refute_hook_line LINE: the hook never wrote this line.
refute_hook_line() {
	grep -Fxq -- "$1" "$HOOKLOG" || return 0
	printf 'unexpected hook line: %s\n' "$1"
	return 1
}

# assert_hook_lines [LINE...]: the hook wrote these lines, in this order, and no others.
assert_hook_lines() {
	local want=
	[ $# = 0 ] || want=$(printf '%s\n' "$@")
	[ "$(<"$HOOKLOG")" = "$want" ] && return 0
	printf 'hook lines expected:\n%s\nthere is:\n' "$want"
	cat "$HOOKLOG"
	return 1
}

# hook_count [LINE]: how many lines the hook wrote, or how often this one.
hook_count() {
	if [ $# = 0 ]; then
		wc -l <"$HOOKLOG"
	else
		grep -Fxc -- "$1" "$HOOKLOG" || :
	fi
}

# Forget what the hook wrote so far.
clear_hooks() {
	: >"$HOOKLOG"
}

# assert_log REGEX: a line of the daemon's log matches, now or in a moment: a thread writes it, for
# which nothing waits.
assert_log() {
	wait_until 10 grep -Eq -- "$1" "$LOG" && return 0
	printf 'no line in the log matches: %s\n' "$1"
	return 1
}

log_has() {
	[ "$(grep -Ec -- "$2" "$LOG")" = "$1" ]
}

# assert_log_count N REGEX: so many lines of the log match, likewise.
assert_log_count() {
	wait_until 10 log_has "$@" && return 0
	printf '%s lines in the log match, not %s: %s\n' "$(grep -Ec -- "$2" "$LOG")" "$1" "$2"
	return 1
}

refute_log() {
	! grep -E -- "$1" "$LOG"
}

# as_user USER COMMAND...: run a command as somebody else, as a child with no process in between.
as_user() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"
}

# loop_fs TYPE SIZE [MOUNT-OPTION...]: make a filesystem in an image file and mount it; $FS is its
# mount point. TYPE tmpfs needs no image. cleanup unmounts it.
loop_fs() {
	local type=$1 size=$2 image options
	options=$(IFS=, && echo "${*:3}")
	FS=$(mktemp -d "$SCRATCH/fs.XXXXXX")
	chmod 755 "$FS"
	if [ "$type" = tmpfs ]; then
		mount -t tmpfs -o "size=$size${options:+,$options}" tmpfs "$FS"
		return
	fi
	image=$FS.img
	truncate -s "$size" "$image"
	case $type in
	ext4) mkfs.ext4 -q -F "$image" ;;
	*) "mkfs.$type" -q "$image" >/dev/null ;;
	esac
	mount -o "loop${options:+,$options}" "$image" "$FS"
}

# What is mounted below the scratch directory, the last first.
scratch_mounts() {
	awk -v dir="$SCRATCH/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac
}

unmount_one() {
	umount "$1" 2>/dev/null
}

# Ends the daemon, unmounts what loop_fs mounted and removes the scratch directory. Belongs in
# teardown(); shows the daemon's log when the test has failed.
cleanup() {
	local mount pid failed=0
	[ -n "${SCRATCH:-}" ] || return 0
	if [ -n "$DAEMON_PID" ] && is_running; then
		kill -TERM "$DAEMON_PID" 2>/dev/null || :
		kill -CONT "$DAEMON_PID" 2>/dev/null || :
		wait_until 20 not_running "$DAEMON_PID" || { failed=1 && kill -KILL "$DAEMON_PID"; }
	fi
	for pid in $(scratch_processes); do
		kill -KILL "$pid" 2>/dev/null || :
		wait_until 5 not_running "$pid" || :
	done
	while read -r mount; do
		if ! wait_until 5 unmount_one "$mount"; then
			umount -l "$mount"
			failed=1
		fi
	done < <(scratch_mounts)
	if [ -z "${BATS_TEST_COMPLETED:-}${BATS_TEST_SKIPPED:-}" ]; then
		echo "--- the daemon's log:"
		tail -n 100 "$LOG"
	fi
	exec {PAUSE_FD}>&-
	rm -rf --one-file-system "$SCRATCH"
	SCRATCH=
	return $failed
}

# Processes with the scratch directory on their command line: what outlived the daemon.
scratch_processes() {
	local pid files=(/proc/[0-9]*/cmdline)
	while IFS=/ read -r _ _ pid _; do
		[ "$pid" = $$ ] || echo "$pid"
	done < <(grep -Flsa --file=- "${files[@]}" <<<"$SCRATCH/")
}
