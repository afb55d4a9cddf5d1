#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sudo make run, the first thing that anybody tries.

load helper

setup() {
	need_root
	setup_daemon
	# In a process group of its own, as a terminal has it, and with SIGINT as a shell leaves it.
	env --default-signal=INT,QUIT setsid make -C "$ROOT" --no-print-directory run BUILD="$BUILD" \
		MODE="${MODE:-release}" </dev/null >"$LOG" 2>&1 3>&- &
	DAEMON_PID=$!
	wait_until 120 grep -q ' ready' "$LOG"
	DIR=$(sed -n 's/^Watching \(.*\)\. In another terminal.*/\1/p' "$LOG")
	[ -d "$DIR" ]
}

teardown() {
	cleanup
}

# Nothing of it is there any more: neither the directory nor a process.
is_gone() {
	[ ! -e "${DIR%/watched}" ] && [ -z "$(SCRATCH=${DIR%/watched} scratch_processes)" ]
}

@test "make run says first that it builds" {
	assert_log '^Building fsmon$'
}

@test "make run shows path, command, user and outcome of what happens" {
	as_user nobody touch "$DIR/hello"
	assert_log 'nobody did close-write on .*/watched/hello with touch'
	assert_log 'close-write .*/watched/hello by touch \(nobody'
	assert_log 'exit 0'
}

@test "make run ends at Ctrl-C and leaves nothing behind" {
	kill -INT -- "-$DAEMON_PID"
	wait_until 30 not_running
	is_gone
	refute_log '^make.*\*\*\*'
	refute_log 'rror'
}

@test "make run ends at SIGTERM and leaves nothing behind" {
	kill -TERM "$DAEMON_PID"
	wait_until 30 not_running
	is_gone
}
