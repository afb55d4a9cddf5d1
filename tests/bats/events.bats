#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Which events reach a rule: each event's name alone in `events`, what is merged, and the
# conditions on the file and on who did it.

load helper
load files

setup() {
	need_root
	setup_daemon
	chmod 777 "$W"
}

teardown() {
	thaw_daemon
	cleanup
}

# watch LINE...: start a daemon with one rule for all below $W, with these lines added; its hook
# shows what the shell makes of $SHOW.
watch() {
	local show=${SHOW:-"\$FSMON_EVENT|\${FSMON_PATH#$W/}"}
	rules <<-EOF
		[seen]
		path = $W/**
		run-per = event
		command = printf '%s\n' "$show" >>$HOOKLOG
		$(printf '%s\n' "$@")
	EOF
	start_daemon
}

# assert_seen LINE...: these events, in this order, and no others.
assert_seen() {
	thaw_daemon
	sync_daemon
	assert_hook_lines "$@"
}

# Everything that can happen to a file, in order.
live() {
	echo 1 >"$W/file"
	cat "$W/file"
	chmod 600 "$W/file"
	mv "$W/file" "$W/moved"
	rm "$W/moved"
}

@test "events = create" {
	watch "events = create"
	live
	assert_seen "create|file"
}

@test "events = modify" {
	watch "events = modify"
	live
	assert_seen "modify|file"
}

@test "events = close-write" {
	watch "events = close-write"
	live
	assert_seen "close-write|file"
}

@test "events = open" {
	watch "events = open"
	freeze_daemon
	live
	assert_seen "open|file" "open|file"
}

@test "events = access" {
	watch "events = access"
	freeze_daemon
	live
	assert_seen "access|file"
}

@test "events = close-nowrite" {
	watch "events = close-nowrite"
	live
	assert_seen "close-nowrite|file"
}

@test "events = attrib" {
	watch "events = attrib"
	live
	assert_seen "attrib|file"
}

@test "events = delete" {
	watch "events = delete"
	live
	assert_seen "delete|moved"
}

@test "events = rename" {
	watch "events = rename"
	live
	assert_seen "rename|moved"
}

@test "events = open-exec" {
	watch "events = open-exec"
	live
	cp /bin/true "$W/program"
	"$W/program"
	assert_seen "open-exec|program"
}

@test "events = all" {
	watch "events = all"
	freeze_daemon
	live
	assert_seen "close-write|file" "close-nowrite|file" "attrib|file" "rename|moved" \
		"delete|moved"
}

@test "events = changed" {
	watch "events = changed"
	freeze_daemon
	live
	assert_seen "close-write|file" "rename|moved" "delete|moved"
}

@test "events of inotify are understood" {
	watch "events = IN_CLOSE_WRITE, FAN_DELETE"
	live
	assert_seen "close-write|file" "delete|moved"
}

# watch_renames: start a daemon with a rule for *.new that shows a rename's paths.
watch_renames() {
	rules <<-EOF
		[seen]
		path = $W/*.new
		events = $1
		run-per = event
		command = printf '%s|%s|%s|%s\n' "\$FSMON_EVENT" "\$FSMON_PATH" "\$FSMON_OLD_PATH" "\$FSMON_NEW_PATH" | sed 's,$W/,,g' >>$HOOKLOG
	EOF
	start_daemon
	touch "$W/a"
	mv "$W/a" "$W/a.new"
	mv "$W/a.new" "$W/b.new"
	mv "$W/b.new" "$W/b"
}

@test "rename: moved-to, rename and moved-from by which of the paths match" {
	watch_renames rename
	assert_seen "moved-to|a.new|a|a.new" "rename|b.new|a.new|b.new" "moved-from|b.new|b.new|b"
}

@test "events = moved-to: every rename whose new path matches" {
	watch_renames moved-to
	assert_seen "moved-to|a.new|a|a.new" "moved-to|b.new|a.new|b.new"
}

@test "events = moved-from: every rename whose old path matches" {
	watch_renames moved-from
	assert_seen "moved-from|a.new|a.new|b.new" "moved-from|b.new|b.new|b"
}

@test "FSMON_EVENT is the newest of what was merged, FSMON_EVENTS names all" {
	# shellcheck disable=SC2016
	SHOW='$FSMON_EVENT of $FSMON_EVENTS' watch "events = all"
	freeze_daemon
	echo 1 >"$W/file"
	mkdir "$W/dir"
	assert_seen "close-write of create,open,modify,close-write" "create of create"
}

@test "FSMON_TYPE: file, dir, symlink, other, and nothing for what is gone" {
	# shellcheck disable=SC2016
	SHOW='${FSMON_PATH##*/}: $FSMON_TYPE' watch
	touch "$W/a"
	mkdir "$W/b"
	ln -s a "$W/c"
	mkfifo "$W/d"
	sync_daemon
	rm "$W/a"
	assert_seen "a: file" "b: dir" "c: symlink" "d: other" "a: "
}

# One of each type.
make_types() {
	touch "$W/file"
	mkdir "$W/dir"
	ln -s nowhere "$W/symlink"
	mkfifo "$W/fifo"
}

@test "type = file" {
	watch "type = file"
	make_types
	assert_seen "close-write|file"
}

@test "type = dir" {
	watch "type = dir"
	make_types
	assert_seen "create|dir"
}

@test "type = symlink, other" {
	watch "type = symlink, other"
	make_types
	assert_seen "create|symlink" "create|fifo"
}

# size CONDITION FILE...: of files of 0, 1024 and 2048 bytes, the rule sees these.
assert_size() {
	local size
	watch "size = $1"
	for size in 0 1024 2048; do
		truncate -s "$size" "$W/$size"
	done
	assert_seen "${@:2}"
}

@test "size = >1K" {
	assert_size ">1K" "close-write|2048"
}

@test "size = <=1K" {
	assert_size "<=1K" "close-write|0" "close-write|1024"
}

@test "by-user = name" {
	watch "by-user = nobody"
	touch "$W/root"
	as_user nobody touch "$W/nobody"
	assert_seen "close-write|nobody"
}

@test "by-user = uid" {
	watch "by-user = $(id -u nobody)"
	touch "$W/root"
	as_user nobody touch "$W/nobody"
	assert_seen "close-write|nobody"
}

@test "by-user = !name: everyone else" {
	watch "by-user = !nobody"
	as_user nobody touch "$W/nobody"
	touch "$W/root"
	assert_seen "close-write|root"
}

@test "by-cmd" {
	watch "by-cmd = tou*"
	touch "$W/touch"
	cp /dev/null "$W/cp"
	assert_seen "close-write|touch"
}

@test "by-cmd = glob, !glob" {
	watch "by-cmd = *, !tou*"
	touch "$W/touch"
	cp /dev/null "$W/cp"
	assert_seen "close-write|cp"
}

@test "by-exe" {
	watch "by-exe = $SCRATCH/bin/**"
	mkdir "$SCRATCH/bin"
	cp /usr/bin/touch "$SCRATCH/bin"
	touch "$W/theirs"
	"$SCRATCH/bin/touch" "$W/ours"
	assert_seen "close-write|ours"
}

@test "by-ancestor: the parent's parent counts too" {
	watch "by-ancestor = nightly"
	cp /bin/sh "$SCRATCH/nightly"
	touch "$W/by-day"
	"$SCRATCH/nightly" -c "sh -c 'touch $W/by-night; :'; :"
	assert_seen "close-write|by-night"
}

@test "by-unit: the cgroup" {
	local top unit=fsmon-test-$$ status=0
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$top" ] && mkdir "$top/$unit" || skip "needs cgroup v2"
	watch "by-unit = /$unit"
	touch "$W/outside"
	sh -c "echo \$\$ >$top/$unit/cgroup.procs && touch $W/inside"
	rmdir "$top/$unit"
	assert_seen "close-write|inside"
}

@test "conditions all hold together" {
	watch "by-user = nobody" "by-cmd = touch" "type = file"
	touch "$W/root"
	as_user nobody cp /dev/null "$W/cp"
	as_user nobody touch "$W/all"
	assert_seen "close-write|all"
}

@test "exclude: a glob without / in front is for any depth" {
	watch "exclude = **/.git/**" "exclude = *.tmp"
	mkdir -p "$W/a/.git/b"
	touch "$W/a/.git/b/c" "$W/a/x.tmp" "$W/a/seen"
	assert_seen "create|a" "create|a/.git" "close-write|a/seen"
}

@test "exclude: an absolute glob" {
	watch "exclude = $W/not/**"
	mkdir "$W/not"
	touch "$W/not/this"
	touch "$W/this"
	assert_seen "create|not" "close-write|this"
}

@test "a rename to what is excluded" {
	watch "exclude = *.tmp"
	touch "$W/a.tmp"
	mv "$W/a.tmp" "$W/a"
	mv "$W/a" "$W/b.tmp"
	assert_seen "moved-to|a" "moved-from|a"
}

@test "path with braces" {
	rules <<-EOF
		[seen]
		path = $W/{a,b{1,2}}/*.{c,h}
		command = $HOOK
	EOF
	mkdir "$W/a" "$W/b1" "$W/b3"
	start_daemon
	touch "$W/a/x.c" "$W/b1/x.h" "$W/b3/x.c" "$W/a/x.o"
	sync_daemon
	assert_hook_lines "close-write|$W/a/x.c|touch|root" "close-write|$W/b1/x.h|touch|root"
}

@test "a rule sees nothing beside its path" {
	mkdir "$SCRATCH/w2"
	watch
	touch "$SCRATCH/w2/file"
	mkdir "$SCRATCH/w2/w"
	touch "$SCRATCH/w2/w/file"
	touch "$W"
	assert_seen
}
