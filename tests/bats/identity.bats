#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# As whom a hook runs.

load helper

setup() {
	need_root
	setup_daemon
}

teardown() {
	cleanup
}

# Run `id` as the hook of a rule with these lines; its output is in $HOOKLOG.
run_id_with() {
	rules <<-EOF
		[id]
		path = $W/**
		command = id -u >>$HOOKLOG; id -g >>$HOOKLOG; id -G >>$HOOKLOG
		$(printf '%s\n' "$@")
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
}

@test "user alone: the user, its group and its supplementary groups" {
	run_id_with "user = nobody"
	assert_hook_lines "$(id -u nobody)" "$(id -g nobody)" "$(id -G nobody)"
}

@test "user and group: the user with that group" {
	run_id_with "user = nobody" "group = daemon"
	assert_hook_lines "$(id -u nobody)" "$(id -g daemon)" "$(id -g daemon)"
}

@test "group alone: the daemon's user with that group and no other" {
	run_id_with "group = daemon"
	assert_hook_lines "$(id -u)" "$(id -g daemon)" "$(id -g daemon)"
}
