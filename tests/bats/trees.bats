#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whole trees that come, go and move: every path is exact, also of what is gone before the daemon
# looks.

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

# Start a daemon that shows what it would run, one JSON object an event, so that a test of
# thousands of events does not start as many hooks.
watch_dry() {
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	rules <<-EOF
		[seen]
		path = $W/**
		events = $1
		run-per = event
		command = $HOOK
	EOF
	start_daemon --dry-run
}

# has_paths EVENT: the log has the expected paths, and no others.
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
	[ "$(client status --json | jq .counters.records_unresolved)" = 0 ]
}

# 500 directories, 50 with 9 in each, of 20 files each.
make_tree() {
	mkdir -p "$W"/{0..49}/{1..9}
	printf '%s\0' "$W"/{0..49}/{f,{1..9}/f}{1..20} | xargs -0 touch
}

@test "rm -rf of 500 directories of 20 files while the daemon is stopped: every path" {
	make_tree
	find "$W" -mindepth 1 >"$SCRATCH/all"
	[ "$(wc -l <"$SCRATCH/all")" = 10500 ]
	watch_dry delete
	freeze_daemon
	rm -rf "${W:?}"/*
	thaw_daemon
	assert_paths delete <"$SCRATCH/all"
}

@test "rm -rf of a tree while the daemon runs: every path" {
	make_tree
	find "$W" -mindepth 1 >"$SCRATCH/all"
	watch_dry delete
	rm -rf "${W:?}"/*
	assert_paths delete <"$SCRATCH/all"
}

@test "a file in a fresh tree of six directories, 500 times: every one" {
	watch_dry close-write
	for i in {1..500}; do
		mkdir -p "$W/$i/a/b/c/d/e/f" && : >"$W/$i/a/b/c/d/e/f/x"
	done
	printf '%s\n' "$W"/{1..500}/a/b/c/d/e/f/x | assert_paths close-write
}

@test "a file in a fresh tree that is removed at once, 500 times: every one" {
	watch_dry delete
	freeze_daemon
	for i in {1..500}; do
		mkdir -p "$W/$i/a/b" && : >"$W/$i/a/b/x"
	done
	rm -rf "${W:?}"/*
	thaw_daemon
	printf '%s\n' "$W"/{1..500}{,/a{,/b{,/x}}} | assert_paths delete
}

@test "a write below a directory that was renamed has the new path" {
	mkdir -p "$W/old/sub"
	watch_dry close-write
	touch "$W/old/sub/before"
	sync_daemon
	mv "$W/old" "$W/new"
	touch "$W/new/sub/after"
	printf '%s\n' "$W/old/sub/before" "$W/new/sub/after" | assert_paths close-write
}

@test "a directory renamed while no rule concerned its filesystem: its new path" {
	rules <<-EOF
		[seen]
		path = $W/**
		events = close-write
		command = $HOOK
	EOF
	start_daemon
	mkdir "$W/a"
	touch "$W/a/before"
	sync_daemon
	sed -i 's/^command/enabled = no\ncommand/' "$RULES/rules.conf"
	client reload
	mv "$W/a" "$W/b"
	sed -i '/^enabled = no/d' "$RULES/rules.conf"
	client reload
	touch "$W/b/after"
	sync_daemon
	assert_hook_line "close-write|$W/b/after|touch|root"
}

@test "directories renamed while the daemon is stopped: each write has a path of its time" {
	mkdir -p "$W/one/sub" "$W/two/sub"
	watch_dry close-write
	touch "$W/one/sub/0" "$W/two/sub/0"
	sync_daemon
	freeze_daemon
	mv "$W/one" "$W/spare"
	touch "$W/spare/sub/1"
	mv "$W/two" "$W/one"
	touch "$W/one/sub/2"
	mv "$W/spare" "$W/two"
	touch "$W/two/sub/3"
	thaw_daemon
	printf '%s\n' "$W"/{one/sub/0,two/sub/0,spare/sub/1,one/sub/2,two/sub/3} |
		assert_paths close-write
}

@test "directories renamed back and forth while the daemon runs: every write has its path" {
	mkdir "$W/a"
	watch_dry close-write
	for i in {1..200}; do
		: >"$W/a/$i"
		mv "$W/a" "$W/b"
		: >"$W/b/$((i + 200))"
		mv "$W/b" "$W/a"
	done
	printf '%s\n' "$W"/a/{1..200} "$W"/b/{201..400} | assert_paths close-write
}

@test "a tree that was moved into the watched one and removed there: every path" {
	mkdir -p "$SCRATCH/outside/sub"
	touch "$SCRATCH/outside/sub/file"
	watch_dry delete
	freeze_daemon
	mv "$SCRATCH/outside" "$W/inside"
	rm -rf "$W/inside"
	thaw_daemon
	printf '%s\n' "$W"/inside{,/sub{,/file}} | assert_paths delete
}

@test "a directory made anew under a name that was removed" {
	mkdir "$W/dir"
	watch_dry close-write
	freeze_daemon
	touch "$W/dir/first"
	rm -r "$W/dir"
	mkdir -p "$W/other" "$W/dir"
	touch "$W/dir/second" "$W/other/third"
	thaw_daemon
	printf '%s\n' "$W"/{dir/first,dir/second,other/third} | assert_paths close-write
}
