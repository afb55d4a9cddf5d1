#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a rule with `events = changed` sees of the tools that people use. Each test lists every
# event with its path below the watched directory, temporary files included, in order; XXXXXX
# stands for what the tool chose at random. A rename is OLD>NEW. The daemon stands still while the
# tool runs, so what happens to one name in a row is one event, named for the last of it.

load helper
load files

setup() {
	need_root
	setup_daemon
	O=$SCRATCH/outside
	mkdir "$O"
}

teardown() {
	thaw_daemon
	cleanup
}

# Start a daemon with one rule for all below $W, and stop it until assert_seen.
watch_changed() {
	rules <<-EOF
		[seen]
		path = $W/**
		events = changed
		run-per = event
		command = printf '%s|%s\n' "\$FSMON_EVENT" "\${FSMON_OLD_PATH:-\$FSMON_PATH}\${FSMON_NEW_PATH:+>\$FSMON_NEW_PATH}" >>$HOOKLOG
	EOF
	start_daemon
	freeze_daemon
}

# assert_seen LINE...: these events, in this order, and no others.
assert_seen() {
	thaw_daemon
	sync_daemon
	sed -i -E "s,$W/,,g; s,$O/,outside/,g
		s/(\bsed|\.[a-z]+\.)[A-Za-z0-9]{6}\b/\1XXXXXX/g; s/\bC[A-Za-z0-9]{7}\b/XXXXXX/g" "$HOOKLOG"
	assert_hook_lines "$@"
}

@test "touch of a new file: close-write" {
	watch_changed
	touch "$W/new"
	assert_seen "close-write|new"
}

@test "touch of an old file: close-write" {
	echo old >"$W/old"
	watch_changed
	touch "$W/old"
	assert_seen "close-write|old"
}

@test "mkdir -p: create of each directory" {
	watch_changed
	mkdir -p "$W/a/b/c"
	assert_seen "create|a" "create|a/b" "create|a/b/c"
}

@test "rm -r: delete of each entry, the directory last" {
	mkdir "$W/d"
	touch "$W/d/f"
	watch_changed
	rm -r "$W/d"
	assert_seen "delete|d/f" "delete|d"
}

@test "ln: create of the new name" {
	touch "$W/file"
	watch_changed
	ln "$W/file" "$W/link"
	assert_seen "create|link"
}

@test "ln -s: create of the link" {
	watch_changed
	ln -s nowhere "$W/link"
	assert_seen "create|link"
}

@test "ln -sf over a link: create of a temporary link, rename of it" {
	ln -s nowhere "$W/link"
	watch_changed
	ln -sf elsewhere "$W/link"
	assert_seen "create|XXXXXX" "rename|XXXXXX>link"
}

@test "mknod of a fifo: create" {
	watch_changed
	mknod "$W/fifo" p
	assert_seen "create|fifo"
}

@test "mknod of a device: create" {
	watch_changed
	mknod "$W/null" c 1 3
	assert_seen "create|null"
}

@test "sed -i: close-write of its temporary file, rename of it to the file" {
	echo old >"$W/file"
	watch_changed
	sed -i s/old/new/ "$W/file"
	assert_seen "close-write|sedXXXXXX" "rename|sedXXXXXX>file"
}

@test "vim: close-write of the file, delete of its backup and swap files" {
	need_command vim
	echo old >"$W/file"
	watch_changed
	vim -N -u NONE -i NONE -es -c 'set backupskip= backupcopy=yes' -c 's/old/new/' -c wq "$W/file"
	[ "$(<"$W/file")" = new ]
	assert_seen "delete|.file.swp" "delete|.file.swpx" "delete|.file.swp" "delete|file~" \
		"close-write|file"
}

@test "vim with backupcopy=no: rename of the old file, close-write of the new one, delete of the old" {
	need_command vim
	echo old >"$W/file"
	watch_changed
	vim -N -u NONE -i NONE -es -c 'set backupskip= backupcopy=no' -c 's/old/new/' -c wq "$W/file"
	[ "$(<"$W/file")" = new ]
	assert_seen "delete|.file.swp" "delete|.file.swpx" "delete|.file.swp" \
		"rename|file>file~" "close-write|file" "delete|file~"
}

@test "rsync: create of directories, close-write of a temporary file, rename of it" {
	need_command rsync
	mkdir "$O/src"
	echo one >"$O/src/one"
	watch_changed
	rsync -a "$O/src" "$W/"
	assert_seen "create|src" "close-write|src/.one.XXXXXX" "rename|src/.one.XXXXXX>src/one"
}

@test "rsync of what is the same: nothing" {
	need_command rsync
	mkdir "$O/src"
	echo one >"$O/src/one"
	rsync -a "$O/src" "$W/"
	watch_changed
	rsync -a "$O/src" "$W/"
	assert_seen
}

@test "git checkout: delete and close-write of each changed file, and its own files" {
	need_command git
	local git=(git -C "$W/repo" -c user.name=t -c user.email=t@localhost -c advice.detachedHead=false)
	git init -q -b main "$W/repo"
	echo one >"$W/repo/file"
	mkdir "$W/repo/sub"
	echo one >"$W/repo/sub/gone"
	"${git[@]}" add .
	"${git[@]}" commit -q -m one
	"${git[@]}" checkout -q -b other
	echo two >"$W/repo/file"
	"${git[@]}" rm -q sub/gone
	echo two >"$W/repo/new"
	"${git[@]}" add .
	"${git[@]}" commit -q -m two
	watch_changed
	"${git[@]}" checkout -q main
	thaw_daemon
	sync_daemon
	# Newer ones of git also take locks that they give up unused.
	sed -i '\,^delete|.*/\.git/[^/]*\.lock$,d' "$HOOKLOG"
	assert_seen "close-write|repo/.git/index.lock" \
		"delete|repo/new" "delete|repo/file" "close-write|repo/file" \
		"create|repo/sub" "close-write|repo/sub/gone" \
		"rename|repo/.git/index.lock>repo/.git/index" \
		"close-write|repo/.git/HEAD.lock" "close-write|repo/.git/logs/HEAD" \
		"rename|repo/.git/HEAD.lock>repo/.git/HEAD"
}

@test "tar x: create of directories and links, close-write of files" {
	mkdir "$O/src"
	echo one >"$O/src/one"
	ln -s one "$O/src/link"
	tar -C "$O" -cf "$O/src.tar" src/one src/link
	watch_changed
	tar -C "$W" -xf "$O/src.tar"
	assert_seen "create|src" "close-write|src/one" "create|src/link"
}

@test "cp -r: create of directories, close-write of files" {
	mkdir -p "$O/src/sub"
	echo one >"$O/src/sub/one"
	watch_changed
	cp -r "$O/src" "$W/"
	assert_seen "create|src" "create|src/sub" "close-write|src/sub/one"
}

@test "mv of a directory into the tree: moved-to of the directory and of what is in it" {
	mkdir "$O/dir"
	touch "$O/dir/file"
	watch_changed
	mv "$O/dir" "$W/dir"
	assert_seen "moved-to|outside/dir>dir" "moved-to|outside/dir/file>dir/file"
}

@test "mv of a directory out of the tree: moved-from of the directory and of what is in it" {
	mkdir "$W/dir"
	touch "$W/dir/file"
	watch_changed
	mv "$W/dir" "$O/dir"
	assert_seen "moved-from|dir>outside/dir" "moved-from|dir/file>outside/dir/file"
}

@test "mv within the tree: rename" {
	touch "$W/from"
	watch_changed
	mv "$W/from" "$W/to"
	assert_seen "rename|from>to"
}

@test "O_TMPFILE and linkat: close-write of the name that it was given" {
	watch_changed
	"$HELPERS/tmpfile" "$W" "$W/linked"
	assert_seen "close-write|linked"
}

@test "O_TMPFILE alone: nothing, for it never had a name" {
	watch_changed
	"$HELPERS/tmpfile" "$W"
	assert_seen
}

@test "a file that really is named # and a number is like any other" {
	local own
	touch "$W/file"
	own="#$(stat -c %i "$W/file")"
	mv "$W/file" "$W/$own"
	watch_changed
	echo >"$W/#123"
	rm "$W/#123"
	echo >"$W/$own"
	assert_seen "close-write|#123" "delete|#123" "close-write|$own"
}
