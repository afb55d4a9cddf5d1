#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the log says of events.

load helper

setup() {
	need_root
	setup_daemon
	rules <<-EOF
		[quiet]
		path = $W/**
		command = :
	EOF
}

teardown() {
	cleanup
}

@test "a file that was moved away is logged by the path that the rule watches" {
	touch "$W/a"
	start_daemon
	mv "$W/a" "$SCRATCH/b"
	sync_daemon
	assert_log "moved-from $W/a by mv \\(root, pid [0-9]+\\)"
}

@test "log-format = json gives one object a line with rule, run, event, path, cmd and user" {
	printf '%s\n' "[daemon]" "log-format = json" >"$CONF"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(jq -r 'select(.event) | "\(.rule) \(.run) \(.event) \(.path) \(.cmd) \(.user)"' "$LOG")" \
		= "quiet 1 close-write $W/a touch root" ]
}

@test "a file name in the log is escaped, and stays on one line" {
	start_daemon
	touch "$W/"$'a\nb\\\033'
	sync_daemon
	assert_log 'close-write [^ ]*/a\\nb\\\\\\033 by touch'
}
