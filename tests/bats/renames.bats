#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Renames: of directories that nobody knew, to and fro, exchanges, and over others.

load helper
load files

setup() {
	need_root
	setup_daemon
}

teardown() {
	thaw_daemon
	cleanup
}

# Start a daemon that shows what it would run, one JSON object an event. The rules come on standard
# input.
watch_dry() {
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	rules
	start_daemon --dry-run
}

# one_rule PATH EVENTS: the rule "seen".
one_rule() {
	printf '[seen]\npath = %s\nevents = %s\nrun-per = event\ncommand = %s\n' "$1" "$2" "$HOOK"
}

has_paths() {
	jq -r "select(.event == \"$1\") | .path" "$LOG" | LC_ALL=C sort >"$SCRATCH/seen"
	cmp "$SCRATCH/expected" "$SCRATCH/seen"
}

# assert_paths EVENT <EXPECTED: these paths were reported, each once, in any order.
assert_paths() {
	sync_daemon
	LC_ALL=C sort >"$SCRATCH/expected"
	if ! wait_until 10 has_paths "$1"; then
		diff "$SCRATCH/expected" "$SCRATCH/seen" | head -n 20
		return 1
	fi
}

# Start a daemon whose hook, of the rules on standard input, tells EVENT|PATH|OLD-PATH.
watch_renames() {
	printf '#!/bin/sh\necho "$FSMON_EVENT|$FSMON_PATH|$FSMON_OLD_PATH" >>%s\n' "$HOOKLOG" >"$HOOK"
	rules
	start_daemon
}

# assert_last_event EVENT|PATH|OLD-PATH: so was the last event.
assert_last_event() {
	sync_daemon
	[ "$(tail -n 1 "$HOOKLOG")" = "$1" ] && return 0
	cat "$HOOKLOG"
	return 1
}

# The directories were there before the daemon; each is renamed as soon as it was written into.
older_directories() {
	local fs
	loop_fs "$1" "$2"
	fs=$FS
	mkdir "$fs/a" "$fs/b"
	(cd "$fs/a" && seq -f 'd%g' 1000 | xargs mkdir)
	watch_dry <<-EOF
		$(one_rule "$fs/a/**" close-write)
		[later]
		path = $fs/b/**
		events = close-write
		command = $HOOK
	EOF
	"$HELPERS/renamer" away "$fs/a" "$fs/b" 1000
	seq -f "$fs/a/d%g/f" 1000 | assert_paths close-write
}

@test "older directories written into and renamed at once, tmpfs: each path is the earlier one" {
	older_directories tmpfs 64M
}

@test "older directories written into and renamed at once, ext4: each path is the earlier one" {
	need_command mkfs.ext4
	older_directories ext4 64M
}

@test "older directories written into and renamed at once, xfs: each path is the earlier one" {
	need_command mkfs.xfs
	older_directories xfs 320M
}

# round_names COUNT NAME...: the directory NAME, the first of them, goes round them COUNT times, and
# then a file in it is written, 20 times.
round_names() {
	local i
	for i in {1..20}; do
		mkdir -p "$W/$*$i/$2"
		sync_daemon
		"$HELPERS/renamer" round "$W/$*$i" "$@"
		echo "$W/$*$i/${*:2+$1%($#-1):1}/f" >>"$SCRATCH/want"
	done
}

@test "a directory renamed to and fro at once: what is written below then has its path" {
	local n
	watch_dry < <(one_rule "$W/**" close-write)
	for n in 3 5 7; do
		round_names "$n" d e
	done
	assert_paths close-write <"$SCRATCH/want"
}

@test "a directory that goes round three names at once: what is written below has its path" {
	local n
	watch_dry < <(one_rule "$W/**" close-write)
	for n in 4 5 7; do
		round_names "$n" a b c
	done
	assert_paths close-write <"$SCRATCH/want"
}

@test "renamed to and fro while the daemon is stopped: the last event is the last rename" {
	watch_renames < <(one_rule "$W/**" rename)
	: >"$W/a"
	frozen "$HELPERS/renamer" round "$W" 3 a b
	assert_last_event "rename|$W/b|$W/a"
	frozen "$HELPERS/renamer" round "$W" 5 b c d
	assert_last_event "rename|$W/d|$W/c"
	mkdir "$W/x"
	frozen "$HELPERS/renamer" round "$W" 21 x y
	assert_last_event "rename|$W/y|$W/x"
}

@test "two files change places: a rule on either ends with moved-to" {
	echo a >"$W/a"
	echo b >"$W/b"
	watch_renames < <(one_rule "$W/a" changed)
	frozen "$HELPERS/renamer" exchange "$W/a" "$W/b" 1
	assert_last_event "moved-to|$W/a|$W/b"
	one_rule "$W/b" changed | rules
	client reload
	frozen "$HELPERS/renamer" exchange "$W/a" "$W/b" 1
	assert_last_event "moved-to|$W/b|$W/a"
	frozen "$HELPERS/renamer" exchange "$W/a" "$W/b" 3
	assert_last_event "moved-to|$W/b|$W/a"
}

# replaced_directories COUNT: directories with a file in each and one beside it that will replace it.
replaced_directories() {
	local i
	for ((i = 1; i <= $1; i++)); do
		mkdir -p "$W/$i/a" "$W/$i/b"
		: >"$W/$i/b/x"
	done
}

@test "a file of an older directory that was replaced since: an overflow there, and only there" {
	replaced_directories 5
	mkdir "$W/other"
	watch_renames <<-EOF
		[replaced]
		path = $W/3/b/*
		events = delete
		command = $HOOK
		[ignores]
		path = $W/3/b/*
		events = delete
		on-overflow = ignore
		command = $HOOK
		[other]
		path = $W/other/**
		command = $HOOK
	EOF
	frozen "$HELPERS/renamer" over "$W" 5
	sync_daemon
	assert_hook_lines "overflow|$W/3/b|"
	[ "$(client status --json | jq .counters.records_unresolved)" = 5 ]
	[ "$(client status --json | jq .counters.queue_overflows)" = 0 ]
	assert_log "warning: the directory $W/3/b was replaced"
}

@test "1,000 older directories replaced at once: each is told of, and no rule of elsewhere" {
	replaced_directories 1000
	mkdir "$W/other"
	rules <<-EOF
		[replaced]
		path = $W/*/b/*
		events = delete
		run-per = batch
		stdin = paths
		command = cat >>$SCRATCH/told
		[other]
		path = $W/other/*
		command = $HOOK
	EOF
	start_daemon
	frozen "$HELPERS/renamer" over "$W" 1000
	sync_daemon
	LC_ALL=C sort -u "$SCRATCH/told" >"$SCRATCH/seen"
	printf '%s\n' "$W"/{1..1000}/b | LC_ALL=C sort | cmp - "$SCRATCH/seen"
	[ "$(hook_count)" = 0 ]
}
