#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whatever a program does, the default events tell of every path whose content, type or existence
# is another one afterwards. Each test has a program do its work at full speed, and compares.

load helper

setup() {
	need_root
	setup_daemon
	O=$SCRATCH/outside
	mkdir "$O"
	EVENTS=$SCRATCH/events
}

teardown() {
	cleanup
}

# Watch all below $W, and remember what is there now.
watch_all() {
	rules <<-EOF
		[all]
		path = $W/**
		run-per = batch
		breaker = none
		stdin = json
		command = cat >>'$EVENTS'
	EOF
	: >"$EVENTS"
	start_daemon
	"$HELPERS/covered" -s "$W" >"$SCRATCH/before"
}

# Something has changed since then, and all of it was told.
assert_all_told() {
	sync_daemon
	"$HELPERS/covered" -s "$W" >"$SCRATCH/after"
	if cmp -s "$SCRATCH/before" "$SCRATCH/after"; then
		echo "nothing has changed"
		return 1
	fi
	"$HELPERS/covered" "$SCRATCH/before" "$SCRATCH/after" "$EVENTS"
}

# assert_told PATH: an event has this path.
assert_told() {
	jq -r .path "$EVENTS" | grep -Fxq -- "$1" && return 0
	echo "not told: $1"
	return 1
}

# Forty directories of ten files below $1, of different contents.
make_files() {
	local dir file
	for dir in {1..40}; do
		mkdir -p "$1/$dir"
		for file in {1..10}; do
			echo "$2 $dir $file" >"$1/$dir/$file"
		done
	done
}

as_git() {
	git -C "$W/repo" -c user.name=t -c user.email=t@localhost -c advice.detachedHead=false "$@"
}

@test "git init, add, commit, push to a bare repository, gc, checkout" {
	need_command git
	watch_all
	git init -q --bare "$W/bare"
	git init -q -b main "$W/repo"
	make_files "$W/repo/src" one
	as_git add .
	as_git commit -q -m one
	as_git push -q "$W/bare" main
	assert_all_told
	as_git gc -q
	as_git checkout -q -b other
	as_git rm -q -r src/1
	as_git mv src/2 src/new
	as_git commit -q -m two
	as_git push -q "$W/bare" other
	as_git checkout -q main
	git clone -q "$W/bare" "$W/clone"
	assert_all_told
}

@test "rsync of a tree, of another one over it with --delete, and mv of it" {
	need_command rsync
	make_files "$O/one" one
	make_files "$O/two" two
	rm -r "$O/two/7"
	watch_all
	rsync -a "$O/one/" "$W/site"
	assert_all_told
	rsync -a --checksum --delete "$O/two/" "$W/site"
	mv "$W/site" "$W/moved"
	assert_all_told
}

@test "a directory is moved in, away, swapped with another one, and out" {
	make_files "$O/new" one
	make_files "$W/a" two
	make_files "$W/b" three
	watch_all
	mv "$O/new" "$W/new"
	assert_all_told
	mv "$W/a" "$W/old"
	mv "$W/new" "$W/a"
	mv "$W/b" "$O/b"
	assert_all_told
}

@test "tar x over a tree, cp -a, cp -al, and rm -rf" {
	make_files "$O/src" one
	ln "$O/src/1/1" "$O/src/1/again"
	ln -s 1 "$O/src/1/link"
	mkfifo "$O/src/1/fifo"
	make_files "$W/dst/src" two
	tar -C "$O" -cf "$SCRATCH/tar" src
	watch_all
	tar -C "$W/dst" -xf "$SCRATCH/tar"
	cp -a "$O/src" "$W/copied"
	assert_all_told
	cp -al "$W/copied" "$W/linked"
	rm -rf "$W/copied"
	assert_all_told
}

@test "editors: write in place, write and rename over, rename away and write anew" {
	echo old >"$W/a"
	cp "$W/a" "$W/b"
	cp "$W/a" "$W/c"
	cp "$W/a" "$W/d"
	watch_all
	echo new >"$W/a"
	# Emacs
	echo new >"$W/#b#"
	mv "$W/b" "$W/b~"
	mv "$W/#b#" "$W/b"
	sed -i s/old/new/ "$W/c"
	# mcedit, joe
	cp "$W/d" "$W/d~"
	echo new >"$W/d.tmp"
	mv -f "$W/d.tmp" "$W/d"
	assert_all_told
}

@test "vim, with and without backupcopy" {
	need_command vim
	echo old >"$W/a"
	echo old >"$W/b"
	watch_all
	vim -N -u NONE -i NONE -es -c 's/old/new/' -c wq "$W/a"
	vim -N -u NONE -i NONE -es -c 'set backupskip= backupcopy=no' -c 's/old/new/' -c wq "$W/b"
	[ "$(cat "$W"/{a,b})" = new$'\n'new ]
	assert_all_told
}

@test "install, and a package manager that renames .dpkg-new over the file" {
	echo old | tee "$W/tool" "$W/conf" >/dev/null
	echo new >"$O/new"
	watch_all
	install -m 755 "$O/new" "$W/tool"
	install -D -m 644 "$O/new" "$W/share/doc/new"
	cp "$O/new" "$W/conf.dpkg-new"
	ln "$W/conf" "$W/conf.dpkg-tmp"
	mv -f "$W/conf.dpkg-new" "$W/conf"
	rm "$W/conf.dpkg-tmp"
	assert_all_told
}

@test "logrotate: rename and create, copy and truncate" {
	local log
	for log in a b; do
		echo line >"$W/$log.log"
		echo older >"$W/$log.log.1"
	done
	exec {log}>>"$W/b.log"
	watch_all
	mv "$W/a.log.1" "$W/a.log.2"
	mv "$W/a.log" "$W/a.log.1"
	install -m 640 /dev/null "$W/a.log"
	cp "$W/b.log" "$W/b.log.1"
	truncate -s 0 "$W/b.log"
	assert_all_told
	exec {log}>&-
}

@test "certbot: archive gets a file, live a link to it instead of that before" {
	mkdir -p "$W"/{archive,live}/x
	echo one >"$W/archive/x/chain1.pem"
	ln -s ../../archive/x/chain1.pem "$W/live/x/chain.pem"
	watch_all
	echo two >"$W/archive/x/chain2.pem"
	rm "$W/live/x/chain.pem"
	ln -s ../../archive/x/chain2.pem "$W/live/x/chain.pem"
	assert_all_told
	assert_told "$W/live/x/chain.pem"
}

@test "releases: ln -sfn, ln -T over a link by rename, and an old release is removed" {
	make_files "$W/releases/1" one
	ln -s releases/1 "$W/current"
	watch_all
	make_files "$W/releases/2" two
	ln -sfn releases/2 "$W/current"
	make_files "$W/releases/3" three
	ln -s releases/3 "$W/current.new"
	mv -T "$W/current.new" "$W/current"
	rm -rf "$W/releases/1"
	assert_all_told
	assert_told "$W/current"
}

@test "SQLite with a write-ahead log: the database and its log, when they are closed" {
	need_command sqlite3
	watch_all
	sqlite3 "$W/db" 'PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1);' >/dev/null
	assert_all_told
	assert_told "$W/db"
	: >"$EVENTS"
	"$HELPERS/covered" -s "$W" >"$SCRATCH/before"
	sqlite3 "$W/db" 'INSERT INTO t VALUES (2); DELETE FROM t WHERE x = 1;'
	assert_all_told
}

@test "lock files, of flock(1) and by link" {
	watch_all
	flock "$W/lock" true
	echo 1 >"$W/.lock.1"
	ln "$W/.lock.1" "$W/lock.d"
	assert_all_told
}
