#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Files that are cut by their names, with truncate(2): nobody opens them, and nobody closes them.

load helper
load files

setup() {
	need_root
	need_command python3
	setup_daemon
}

teardown() {
	thaw_daemon
	cleanup
}

# watch GLOB: start a daemon with a rule that has the default events.
watch() {
	# shellcheck disable=SC2016
	printf '[seen]\npath = %s\ncommand = echo "$FSMON_EVENT|$FSMON_PATH|$FSMON_CMD" >>%s\n' "$1" "$HOOKLOG" | rules
	start_daemon
}

# cut FILE...: truncate them, by name.
cut_files() {
	python3 -c 'import os, sys
for name in sys.argv[1:]: os.truncate(name, 0)' "$@"
}

@test "a file that a path names is cut" {
	mkdir "$W/etc"
	echo secret | tee "$W/etc/gshadow" "$W/etc/other" >"$W/gshadow"
	watch "$W/etc/gshadow"
	cut_files "$W/etc/gshadow" "$W/etc/other" "$W/gshadow"
	sync_daemon
	assert_hook_lines "modify|$W/etc/gshadow|python3"
}

@test "entries of a directory that a path names are cut" {
	mkdir -p "$W/etc/deep"
	echo x | tee "$W/etc/a.conf" "$W/etc/b.conf" "$W/etc/c" >"$W/etc/deep/d.conf"
	watch "$W/etc/*.conf"
	cut_files "$W"/etc/{a.conf,b.conf,c,deep/d.conf}
	sync_daemon
	assert_hook_lines "modify|$W/etc/a.conf|python3" "modify|$W/etc/b.conf|python3"
}

@test "a file is cut in a directory that came later, and in one that took its place" {
	watch "$W/up/etc/*.conf"
	mkdir -p "$W/up/etc" "$W/new/etc"
	echo x | tee "$W/up/etc/a.conf" >"$W/new/etc/a.conf"
	sync_daemon
	cut_files "$W/up/etc/a.conf"
	sync_daemon
	mv "$W/up" "$W/old"
	mv "$W/new" "$W/up"
	sync_daemon
	: >"$HOOKLOG"
	cut_files "$W/old/etc/a.conf" "$W/up/etc/a.conf"
	sync_daemon
	assert_hook_lines "modify|$W/up/etc/a.conf|python3"
}

@test "a file is cut after another worker took over" {
	echo x >"$W/a.conf"
	watch "$W/*.conf"
	kill -KILL "$(client status --json | jq .worker_pid)"
	sync_daemon
	cut_files "$W/a.conf"
	sync_daemon
	assert_hook_lines "modify|$W/a.conf|python3"
}

@test "who writes a file has one event for it, though each write is seen" {
	watch "$W/*.conf"
	for i in {1..100}; do echo "$i"; done >"$W/a.conf"
	sync_daemon
	assert_hook_lines "close-write|$W/a.conf|bash"
}
