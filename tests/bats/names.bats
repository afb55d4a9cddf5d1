#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# File and process names of any bytes and any length: a hook gets them byte for byte, the log
# stays one line an event, and nothing in them is ever executed.

load helper
load files

setup() {
	need_root
	setup_daemon
	PATHS=$SCRATCH/paths
}

teardown() {
	thaw_daemon
	cleanup
}

# Start a daemon whose hook writes the path, ended by NUL, to $PATHS.
watch_paths() {
	: >"$PATHS"
	rules <<-EOF
		[seen]
		path = $W/**
		events = close-write
		run-per = event
		command = printf '%s\0' "\$FSMON_PATH" >>$PATHS
	EOF
	start_daemon
}

# assert_paths PATH...: the hook wrote these paths, byte for byte, in any order.
assert_paths() {
	sync_daemon
	printf '%s\0' "$@" | LC_ALL=C sort -z >"$SCRATCH/expected"
	LC_ALL=C sort -z "$PATHS" | cmp - "$SCRATCH/expected"
}

# Do with each of some nasty names what a test does, and see that the hook is told them.
assert_names() {
	local names=("${@/#/$W/}")
	watch_paths
	touch -- "${names[@]}"
	assert_paths "${names[@]}"
}

# repeat COUNT TEXT: the text that many times, in $REPEATED.
repeat() {
	printf -v REPEATED "%$1s" ""
	REPEATED=${REPEATED// /"$2"}
}

# The paths of what was logged of the rule's runs, decoded, each ended by NUL.
logged_paths() {
	local line
	sed -nE 's/.*\[seen#[0-9]+\] close-write (.*) by .* \(.*, pid [0-9]+\)$/\1/p' "$LOG" |
		while IFS= read -r line; do
			LC_ALL=C printf '%b\0' "$line"
		done
}

@test "file names with every byte but / and NUL" {
	local i byte names=() LC_ALL=C
	for i in {1..255}; do
		printf -v byte %b "\\x$(printf %x "$i")"
		[ "$byte" = / ] || names+=("$byte" "a${byte}b")
	done
	watch_paths
	touch -- "${names[@]/#/$W/x}"
	assert_paths "${names[@]/#/$W/x}"
	assert_log_count ${#names[@]} ' close-write '
	[ -z "$(LC_ALL=C tr -d '\n\40-\176' <"$LOG")" ]
	logged_paths | LC_ALL=C sort -z | cmp - "$SCRATCH/expected"
}

@test "names of UTF-8 are in the log as they are, but for what ends or turns a line" {
	assert_names 'café €' $'a\xc2\x85b' $'a\xc2\x9b2J' $'a\xe2\x80\xa8b' $'a\xe2\x80\xa9b' $'a\xe2\x80\xaeb' $'a\xe2\x81\xa6b'
	assert_log " close-write $W/café € by "
	assert_log_count 7 ' close-write '
	[ -z "$(LC_ALL=C sed 's/café €//' "$LOG" | LC_ALL=C tr -d '\n\40-\176')" ]
	logged_paths | LC_ALL=C sort -z | cmp - "$SCRATCH/expected"
}

@test "names that begin with -" {
	cd "$W"
	assert_names -- --help -rf "-n a"
}

@test "names that are shell code are not executed, neither by a shell nor without one" {
	cd "$W"
	# shellcheck disable=SC2016
	local names=('$(touch pwned)' '`touch pwned`' ';touch pwned;' '|touch pwned' '&& touch pwned'
		$'\ntouch pwned\n' '"; touch pwned; "' "'; touch pwned; '" '$(touch ${PWD}pwned)' '%s%n' '*'
		'() { :;}; touch pwned')
	rules direct <<-EOF
		[direct]
		path = $W/**
		events = close-write
		run-per = event
		directory = $W
		command = $SCRATCH/hook
		[shell]
		path = $W/**
		events = close-write
		directory = $W
		command = : "\$FSMON_PATH" "\$FSMON_CMD" "\$FSMON_CMDLINE"; eval :
	EOF
	assert_names "${names[@]}"
	[ ! -e "$W/pwned" ] && [ ! -e /pwned ]
	[ "$(client status --json | jq '[.rules[] | .ok]' -c)" = "[12,12,12]" ]
}

@test "names with newline and escape sequences: one line an event, and it decodes back" {
	local names=($'a\nb' $'a\n2026-01-01 00:00:00.000 stopped' $'\e[2Ja' $'a\e]0;title\a' $'a\rb'
		$'a\x9b2J' 'a\nb' $'a\\' 'blank at the end ' $'tab\t')
	assert_names "${names[@]}"
	assert_log_count 10 ' close-write '
	[ -z "$(LC_ALL=C tr -d '\n\40-\176' <"$LOG")" ]
	logged_paths | LC_ALL=C sort -z | cmp - "$SCRATCH/expected"
}

@test "names with newline and escape sequences in the JSON log" {
	need_command python3
	local names=($'a\nb' $'\e[2Ja' $'\xff\xfe' 'ä' '"' $'\\' $'a\xe2\x80\xa8b')
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	assert_names "${names[@]}"
	assert_log_count ${#names[@]} '"event":"close-write"'
	grep -qF '"path":"'"$W/ä"'"' "$LOG"
	grep -qF '"path":"'"$W/"'\udcff\udcfe"' "$LOG"
	grep -F '"event":"close-write"' "$LOG" | python3 -c '
import json, os, sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(os.fsencode(json.loads(line)["path"]) + b"\0")' |
		LC_ALL=C sort -z | cmp - "$SCRATCH/expected"
}

@test "a name of 255 bytes" {
	repeat 255 ä
	assert_names "${REPEATED:0:127}" "$(LC_ALL=C && echo "${REPEATED:0:255}")"
}

@test "process names with newline and escape sequences" {
	local sync="$FSMON sync --runtime-dir $RUNTIME"
	rules <<-EOF
		[seen]
		path = $W/**
		command = printf '%s\0' "\$FSMON_CMD" >>$PATHS
	EOF
	start_daemon
	# That a process took its name before it wrote is certain once the name was handled.
	"$HELPERS/namedas" $'new\nline' "$W/a" "$sync"
	"$HELPERS/namedas" $'\e[31mred' "$W/b" "$sync"
	"$HELPERS/namedas" $'\xff$(x);`y`' "$W/c" "$sync"
	sync_daemon
	printf '%s\0' $'new\nline' $'\e[31mred' $'\xff$(x);`y`' | cmp - "$PATHS"
	assert_log_count 3 ' close-write '
	[ -z "$(LC_ALL=C tr -d '\n\40-\176' <"$LOG")" ]
}

@test "a path longer than 4,096 bytes that was made while the daemon ran" {
	repeat 30 "/$(printf 'd%.0s' {1..200})"
	watch_paths
	"$HELPERS/deep" "$W" 30 "${REPEATED:1:200}" file
	assert_paths "$W$REPEATED/file"
}

@test "a path longer than 4,096 bytes that was there before the daemon" {
	repeat 30 "/$(printf 'd%.0s' {1..200})"
	"$HELPERS/deep" "$W" 30 "${REPEATED:1:200}" file
	watch_paths
	"$HELPERS/deep" "$W" 30 "${REPEATED:1:200}" file
	assert_paths "$W$REPEATED/file"
}

@test "a path longer than 4,096 bytes that was removed before the daemon looked" {
	repeat 30 "/$(printf 'd%.0s' {1..200})"
	"$HELPERS/deep" "$W" 30 "${REPEATED:1:200}" file
	watch_paths
	freeze_daemon
	"$HELPERS/deep" "$W" 30 "${REPEATED:1:200}" file
	rm -rf "${W:?}/${REPEATED:1:200}"
	thaw_daemon
	assert_paths "$W$REPEATED/file"
}

@test "a path longer than the environment takes is cut, and the hook is told" {
	repeat 700 "/$(printf 'd%.0s' {1..200})"
	rules <<-EOF
		[seen]
		path = $W/**/file
		events = close-write
		command = printf '%s\n' "\$FSMON_TRUNCATED" "\${#FSMON_PATH}" "\$FSMON_PATH" >>$PATHS
	EOF
	start_daemon
	"$HELPERS/deep" "$W" 700 "${REPEATED:1:200}" file
	sync_daemon
	[ "$(sed -n 1p "$PATHS")" = 1 ]
	[ "$(sed -n 2p "$PATHS")" -gt 130000 ]
	[[ $W$REPEATED == "$(sed -n 3p "$PATHS")"* ]]
}

@test "a directory that really is called x (deleted)" {
	mkdir "$W/x (deleted)"
	watch_paths
	touch "$W/x (deleted)/file"
	assert_paths "$W/x (deleted)/file"
}

@test "a directory that is called x (deleted), while one called x was removed" {
	mkdir "$W/x" "$W/x (deleted)"
	watch_paths
	freeze_daemon
	touch "$W/x/file" "$W/x (deleted)/file"
	rm -r "$W/x"
	thaw_daemon
	assert_paths "$W/x/file" "$W/x (deleted)/file"
}
