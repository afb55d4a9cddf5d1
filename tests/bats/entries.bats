#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Entries of directories, whatever way they came: each new one is told once, when it is complete,
# and what is told agrees with what is there.

load helper
load files

setup() {
	need_root
	need_command python3
	setup_daemon
}

teardown() {
	thaw_daemon
	if [ -n "${WRITING_PID:-}" ]; then
		kill "$WRITING_PID"
		wait_until 10 not_running "$WRITING_PID"
	fi
	cleanup
}

# watch_entries TYPE GLOB [LINE...]: make a filesystem $FS and start a daemon with a rule for what
# is below it; it shows what it would run, one JSON object an event.
watch_entries() {
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	loop_fs "$1" 64M
	rules <<-EOF
		[seen]
		path = $FS/$2
		run-per = event
		command = $HOOK
		$(printf '%s\n' "${@:3}")
	EOF
	mkdir "$FS/tmp" "$FS/new"
	start_daemon --dry-run
}

# python ARGUMENT... <<EOF: run a program in $FS.
python() {
	(cd "$FS" && python3 - "$@")
}

seen() {
	jq -r --arg fs "$FS/" 'select(.rule == "seen" and .event)
		| "\(.event)|\(.path | ltrimstr($fs))"' "$LOG"
}

has_seen() {
	seen | LC_ALL=C sort >"$SCRATCH/seen"
	cmp -s "$SCRATCH/expected" "$SCRATCH/seen"
}

# assert_entries <EXPECTED: these were told, EVENT|PATH, each so often, in any order.
assert_entries() {
	sync_daemon
	LC_ALL=C sort >"$SCRATCH/expected"
	wait_until 10 has_seen && return 0
	diff "$SCRATCH/expected" "$SCRATCH/seen" | head -n 20
	return 1
}

# deliver COUNT SECONDS: put so much mail into a maildir, so long apart.
deliver() {
	python "$@" <<-EOF
		import os, sys, time
		for i in range(int(sys.argv[1])):
		    fd = os.open(f"tmp/{i}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
		    os.write(fd, b"mail")
		    os.close(fd)
		    os.link(f"tmp/{i}", f"new/{i}")
		    os.unlink(f"tmp/{i}")
		    time.sleep(float(sys.argv[2]))
	EOF
}

@test "2,000 messages in a maildir, tmpfs: each once" {
	watch_entries tmpfs "new/*"
	deliver 2000 0
	printf 'create|new/%s\n' {0..1999} | assert_entries
}

@test "2,000 messages in a maildir, ext4: each once" {
	watch_entries ext4 "new/*"
	deliver 2000 0
	printf 'create|new/%s\n' {0..1999} | assert_entries
}

@test "messages in a maildir 10 ms apart: each once" {
	watch_entries ext4 "new/*"
	deliver 100 0.01
	printf 'create|new/%s\n' {0..99} | assert_entries
}

@test "messages in a maildir while the daemon is stopped: each once" {
	watch_entries tmpfs "new/*"
	frozen deliver 100 0
	printf 'create|new/%s\n' {0..99} | assert_entries
}

@test "2,000 files that are made, written and closed: each once, as close-write" {
	watch_entries tmpfs "new/*"
	python <<-EOF
		for i in range(2000):
		    with open(f"new/{i}", "w") as f:
		        f.write("text")
	EOF
	printf 'close-write|new/%s\n' {0..1999} | assert_entries
}

@test "a file renamed by link and unlink" {
	watch_entries ext4 "new/*"
	python <<-EOF
		import os
		open("tmp/a", "w").close()
		os.link("tmp/a", "new/a")
		os.unlink("tmp/a")
		os.link("new/a", "new/b")
		os.unlink("new/a")
	EOF
	sync_daemon
	seen >"$SCRATCH/seen"
	# Whether the file is there for a moment under both names depends on who is faster.
	sed -i '/^create|new\/a$/d' "$SCRATCH/seen"
	LC_ALL=C sort -o "$SCRATCH/seen" "$SCRATCH/seen"
	diff "$SCRATCH/seen" - <<-EOF
		create|new/b
		delete|new/a
	EOF
}

@test "flock FILE true, mknod of a file, and an empty file that is only read" {
	watch_entries tmpfs "new/*"
	flock "$FS/new/lock" true
	python <<-EOF
		import os, stat
		os.mknod("new/node", 0o644 | stat.S_IFREG)
		os.close(os.open("new/read", os.O_RDONLY | os.O_CREAT))
	EOF
	printf 'create|new/%s\n' lock node read | assert_entries
}

@test "a file that is made without a name, and linked after its close" {
	watch_entries ext4 "new/*"
	python <<-EOF
		import os
		for i in range(100):
		    fd = os.open("tmp", os.O_WRONLY | os.O_TMPFILE)
		    os.write(fd, b"text")
		    path = os.open(f"/proc/self/fd/{fd}", os.O_PATH)
		    os.close(fd)
		    # Python follows the link only if it is given a directory.
		    os.link(f"/proc/self/fd/{path}", f"new/{i}", src_dir_fd=path, follow_symlinks=True)
		    os.close(path)
	EOF
	sync_daemon
	# Whether the close or the create tells it depends on who is faster.
	has_each_once() {
		seen | sed 's/^[^|]*|//' | LC_ALL=C sort | cmp - "$SCRATCH/expected"
	}
	printf 'new/%s\n' {0..99} | LC_ALL=C sort >"$SCRATCH/expected"
	wait_until 10 has_each_once
}

@test "a file that is made without a name, and linked before its close" {
	watch_entries ext4 "new/*"
	for i in {0..49}; do
		"$HELPERS/tmpfile" "$FS/tmp" "$FS/new/$i"
	done
	printf 'close-write|new/%s\n' {0..49} | assert_entries
}

@test "git add, commit and push: each object" {
	need_command git
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	loop_fs ext4 64M
	rules <<-EOF
		[seen]
		path = $FS/**/objects/**
		type = file
		run-per = event
		command = $HOOK
	EOF
	git init -q --bare "$FS/bare"
	git init -q -b main "$FS/repo"
	local git=(git -C "$FS/repo" -c user.name=t -c user.email=t@localhost)
	start_daemon --dry-run
	for i in {1..20}; do
		echo "$i" >"$FS/repo/$i"
	done
	"${git[@]}" add .
	"${git[@]}" commit -q -m one
	"${git[@]}" push -q "$FS/bare" main
	sync_daemon
	(cd "$FS" && find . -path '*/objects/*' -type f | cut -c3-) |
		LC_ALL=C sort >"$SCRATCH/expected"
	[ "$(wc -l <"$SCRATCH/expected")" -gt 40 ]
	all_seen() {
		seen | sed 's/^[^|]*|//' | LC_ALL=C sort -u >"$SCRATCH/seen"
		[ -z "$(LC_ALL=C comm -23 "$SCRATCH/expected" "$SCRATCH/seen")" ]
	}
	wait_until 10 all_seen
}

# Start a program that has a file open for writing, $WRITER, as ${WRITING[1]}; it does what it is
# told, a line of Python at a time.
start_writer() {
	coproc WRITING { cd "$FS" && exec python3 -uic "import os, sys; sys.ps1 = ''; sys.ps2 = ''" 2>&1; }
}

# writer LINE: have it done.
writer() {
	local answer=
	printf '%s\nprint("did it")\n' "$1" >&"${WRITING[1]}"
	until [ "$answer" = "did it" ]; do
		read -rt 10 -u "${WRITING[0]}" answer
	done
}

@test "a file is not told while it is written, only when it is closed" {
	watch_entries tmpfs "new/*"
	start_writer
	writer 'f = os.open("new/a", os.O_WRONLY | os.O_CREAT)'
	writer 'n = os.write(f, b"text")'
	touch "$FS/new/b"
	assert_entries <<<"close-write|new/b"
	writer 'os.close(f)'
	printf 'close-write|new/%s\n' a b | assert_entries
}

@test "a file that is linked while it is written is told when it is closed" {
	watch_entries tmpfs "new/*"
	start_writer
	writer 'f = os.open("tmp/a", os.O_WRONLY | os.O_CREAT)'
	writer 'os.link("tmp/a", "new/a"); os.unlink("tmp/a")'
	touch "$FS/new/b"
	assert_entries <<<"close-write|new/b"
	writer 'os.close(f)'
	printf '%s\n' "close-write|new/b" "create|new/a" | assert_entries
}

@test "more files that are written at once than are kept in mind: the oldest are told early" {
	watch_entries tmpfs "new/*"
	python <<-EOF
		import resource, subprocess
		resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000))
		files = [open(f"new/{i}", "w") for i in range(4100)]
		# Else the daemon may hear of the first one when all are closed.
		subprocess.run(["$FSMON", "sync", "--runtime-dir", "$RUNTIME"], check=True)
	EOF
	sync_daemon
	all_closed() {
		[ "$(seen | grep -c '^close-write')" = 4100 ] &&
			seen | grep -c '^create'
	}
	# At least so many too early, as no more than 4,096 fit.
	wait_until 10 all_closed
	[ "$(seen | grep -c '^create')" -ge 4 ]
}

@test "links, devices, pipes and directories are told at once" {
	watch_entries tmpfs "new/*"
	ln -s none "$FS/new/link"
	mkfifo "$FS/new/pipe"
	mknod "$FS/new/null" c 1 3
	mkdir "$FS/new/dir"
	printf 'create|new/%s\n' link pipe null dir | assert_entries
}

@test "a file that was truncated by its name is told as modify" {
	watch_entries tmpfs "new/*"
	echo text >"$FS/new/a"
	python <<<'import os; os.truncate("new/a", 0)'
	printf '%s\n' "close-write|new/a" "modify|new/a" | assert_entries
}

@test "500 files that are written anew: each once, as close-write" {
	python_writes() {
		python <<-EOF
			for i in range(500):
			    with open(f"new/{i}", "w") as f:
			        f.write("text")
			        f.flush()
			        f.write("more")
		EOF
	}
	watch_entries tmpfs "new/*"
	python_writes
	printf 'close-write|new/%s\n' {0..499} | assert_entries
	python_writes
	printf 'close-write|new/%s\n' {0..499} {0..499} | assert_entries
}

@test "a file that somebody writes on and on is told when it is closed" {
	watch_entries tmpfs "new/*"
	start_writer
	writer 'f = os.open("new/a", os.O_WRONLY | os.O_CREAT)'
	for i in {1..20}; do
		writer 'n = os.write(f, b"text")'
		sync_daemon
	done
	writer 'os.close(f)'
	assert_entries <<<"close-write|new/a"
}

# watch_kinds: a hook that says what it is told of a file.
watch_kinds() {
	rules <<-EOF
		[seen]
		path = $W/*
		run-per = event
		command = [ -e /proc/self/fd/3 ] && fd=fd; echo "\$FSMON_EVENT|\$FSMON_EVENTS|\${FSMON_PATH##*/}|\$FSMON_TYPE|\$fd" >>$HOOKLOG
	EOF
	start_daemon
}

@test "link, unlink, link by one process is create; link, unlink is delete" {
	touch "$SCRATCH/file"
	cat >"$SCRATCH/links" <<-EOF
		import os, sys
		for word in sys.argv[3:]:
		    if word == "link":
		        os.link(sys.argv[1], sys.argv[2])
		    else:
		        os.unlink(sys.argv[2])
	EOF
	watch_kinds
	frozen python3 "$SCRATCH/links" "$SCRATCH/file" "$W/a" link unlink link
	sync_daemon
	frozen python3 "$SCRATCH/links" "$SCRATCH/file" "$W/b" link unlink
	sync_daemon
	assert_hook_lines "create|create,delete|a|file|fd" "delete|create,delete|b||"
}

@test "a delete has no type and no descriptor, also where another link is left" {
	touch "$W/a"
	ln "$W/a" "$SCRATCH/other"
	mkdir "$W/dir"
	watch_kinds
	rm "$W/a"
	rmdir "$W/dir"
	sync_daemon
	assert_hook_lines "delete|delete|a||" "delete|delete|dir||"
}

@test "a delete has no type in a list" {
	mkdir "$W/dir"
	touch "$W/a"
	rules <<-EOF
		[seen]
		path = $W/*
		run-per = batch
		stdin = json
		command = jq -c '[.event, .path, .type]' >>$HOOKLOG
	EOF
	start_daemon
	freeze_daemon
	rmdir "$W/dir"
	rm "$W/a"
	thaw_daemon
	sync_daemon
	assert_hook_lines "[\"delete\",\"$W/dir\",null]" "[\"delete\",\"$W/a\",null]"
}
