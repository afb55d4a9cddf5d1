#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A rename of a directory is a rename of all that is in it.

load helper
load files
load rules

setup() {
	need_root
	setup_daemon
	loop_fs tmpfs 64M
	TMPFS=$FS
}

teardown() {
	thaw_daemon
	cleanup
}

# on_each TEST: a test on ext4 and on tmpfs, in the directory $D.
on_each() {
	loop_fs ext4 32M
	for D in "$FS" "$TMPFS"; do
		clear_hooks
		"$@"
	done
}

# below_rule NAME GLOB [KEY-LINE...]: a rule whose hook says
# EVENT|PATH|OLD|NEW|TYPE|USER|TRUNCATED, the paths below $D.
below_rule() {
	cat >"$SCRATCH/say" <<-'EOF'
		#!/bin/sh
		cut() { printf %s "${1#"$BELOW"/}"; }
		printf '%s|%s|%s|%s|%s|%s|%s\n' "$FSMON_EVENT" "$(cut "$FSMON_PATH")" \
			"$(cut "$FSMON_OLD_PATH")" "$(cut "$FSMON_NEW_PATH")" "$FSMON_TYPE" \
			"$FSMON_USER" "${FSMON_TRUNCATED-}" >>"$HOOKLOG"
	EOF
	chmod 755 "$SCRATCH/say"
	printf '%s\n' 'run-per = event' "command = $SCRATCH/say" \
		"env = BELOW=$D, HOOKLOG=$HOOKLOG" "${@:3}" | rule "$1" "$2"
	if [ -n "$DAEMON_PID" ]; then
		client reload
	else
		start_daemon
	fi
}

# What the hooks have said, sorted.
said() {
	sync_daemon
	LC_ALL=C sort "$HOOKLOG"
}

# assert_said LINE...: these, in any order, and nothing else.
assert_said() {
	local want
	want=$(printf '%s\n' "$@" | LC_ALL=C sort)
	[ "$(said)" = "$want" ] && return 0
	diff <(echo "$want") <(said)
}

# exchange A B: in one step.
exchange() {
	python3 -c 'import ctypes, os, sys
paths = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, next(paths), -100, next(paths), 2))' "$@"
}

# watch_site [KEY-LINE...]: a rule for site/**/*.md below $D.
watch_site() {
	mkdir -p "$D/site"
	below_rule site "$D/site/**/*.md" "$@"
}

# make_docs DIR: three files of which two are the rule's.
make_docs() {
	mkdir -p "$1/sub"
	touch "$1/a.md" "$1/sub/b.md" "$1/c.txt"
}

into_site() {
	watch_site
	make_docs "$D/new"
	mv "$D/new" "$D/site/new"
	assert_said "moved-to|site/new/a.md|new/a.md|site/new/a.md|file|root|" \
		"moved-to|site/new/sub/b.md|new/sub/b.md|site/new/sub/b.md|file|root|"
}

@test "a directory that is moved in: moved-to for each file that it holds" {
	on_each into_site
}

out_of_site() {
	make_docs "$D/site/docs"
	watch_site
	mv "$D/site/docs" "$D/away"
	assert_said "moved-from|site/docs/a.md|site/docs/a.md|away/a.md|file|root|" \
		"moved-from|site/docs/sub/b.md|site/docs/sub/b.md|away/sub/b.md|file|root|"
}

@test "a directory that is moved away: moved-from for each file that it holds" {
	on_each out_of_site
}

within_site() {
	make_docs "$D/site/a"
	watch_site
	mv "$D/site/a" "$D/site/b"
	assert_said "rename|site/b/a.md|site/a/a.md|site/b/a.md|file|root|" \
		"rename|site/b/sub/b.md|site/a/sub/b.md|site/b/sub/b.md|file|root|"
}

@test "a directory that is renamed: rename for each file that it holds" {
	on_each within_site
}

replaced_site() {
	make_docs "$D/site"
	watch_site
	mkdir "$D/new"
	touch "$D/new/n.md"
	mv "$D/site" "$D/old"
	mv "$D/new" "$D/site"
	assert_said "moved-from|site/a.md|site/a.md|old/a.md|file|root|" \
		"moved-from|site/sub/b.md|site/sub/b.md|old/sub/b.md|file|root|" \
		"moved-to|site/n.md|new/n.md|site/n.md|file|root|"
}

@test "a directory that is moved away, and another to its place: each file of both" {
	on_each replaced_site
}

exchanged_site() {
	make_docs "$D/site"
	watch_site
	mkdir "$D/next"
	touch "$D/next/n.md"
	exchange "$D/site" "$D/next"
	assert_said "moved-from|site/a.md|site/a.md|next/a.md|file|root|" \
		"moved-from|site/sub/b.md|site/sub/b.md|next/sub/b.md|file|root|" \
		"moved-to|site/n.md|next/n.md|site/n.md|file|root|"
}

@test "two directories that are exchanged: each file of both" {
	need_command python3
	on_each exchanged_site
}

exchanged_names() {
	watch_site
	mkdir "$D/next"
	touch "$D"/{site,next}/both.md "$D/site/old.md" "$D/next/new.md"
	sync_daemon
	clear_hooks
	exchange "$D/next" "$D/site"
	assert_said "moved-to|site/new.md|next/new.md|site/new.md|file|root|" \
		"moved-to|site/both.md|next/both.md|site/both.md|file|root|" \
		"moved-from|site/old.md|site/old.md|next/old.md|file|root|"
	clear_hooks
	exchange "$D/site" "$D/next"
	sync_daemon
	[ "$(grep -F both.md "$HOOKLOG" | sed 's/|.*//' | tr '\n' ' ')" = "moved-from moved-to " ]
}

@test "of a name in both of two exchanged directories the last event is that it is there" {
	need_command python3
	on_each exchanged_names
}

one_file() {
	mkdir -p "$D/a/b"
	echo one >"$D/a/b/conf"
	below_rule conf "$D/a/b/conf"
	mv "$D/a/b" "$D/a/x"
	sync_daemon
	echo two >"$D/a/x/conf"
	mv "$D/a/x" "$D/a/b"
	sync_daemon
	mv "$D/a" "$D/y"
	sync_daemon
	echo three >"$D/y/b/conf"
	mv "$D/y" "$D/a"
	assert_said "moved-from|a/b/conf|a/b/conf|a/x/conf|file|root|" \
		"moved-to|a/b/conf|a/x/conf|a/b/conf|file|root|" \
		"moved-from|a/b/conf|a/b/conf|y/b/conf|file|root|" \
		"moved-to|a/b/conf|y/b/conf|a/b/conf|file|root|"
}

@test "a rule for one file hears of the directories above it that come and go" {
	on_each one_file
}

@test "excluded entries of a directory are not told" {
	D=$TMPFS
	make_docs "$D/new"
	watch_site 'exclude = **/sub/**'
	mv "$D/new" "$D/site/new"
	assert_said 'moved-to|site/new/a.md|new/a.md|site/new/a.md|file|root|'
}

@test "a rule that does not ask for renames hears nothing of a directory's" {
	D=$TMPFS
	make_docs "$D/new"
	watch_site 'events = close-write, create, delete'
	mv "$D/new" "$D/site/new"
	sync_daemon
	assert_hook_lines
}

@test "who renamed the directory has renamed what is in it" {
	D=$TMPFS
	chmod 1777 "$D"
	make_docs "$D/mine"
	chown -R nobody "$D/mine"
	mkdir "$D/site"
	chmod 777 "$D/site"
	watch_site 'by-user = nobody'
	make_docs "$D/roots"
	mv "$D/roots" "$D/site/roots"
	as_user nobody mv "$D/mine" "$D/site/mine"
	assert_said 'moved-to|site/mine/a.md|mine/a.md|site/mine/a.md|file|nobody|' \
		'moved-to|site/mine/sub/b.md|mine/sub/b.md|site/mine/sub/b.md|file|nobody|'
}

@test "a hook that renames a directory does not set off its own rule, but others" {
	D=$TMPFS
	make_docs "$D/new"
	mkdir "$D/site"
	rule mover "$D/{go,site/**}" <<-EOF
		command = echo "\$FSMON_PATH" >>'$SCRATCH/moved'; mv '$D/new' '$D/site/new' || :
	EOF
	watch_site
	touch "$D/go"
	wait_field mover ok 1
	assert_said 'moved-to|site/new/a.md|new/a.md|site/new/a.md|file|root|' \
		'moved-to|site/new/sub/b.md|new/sub/b.md|site/new/sub/b.md|file|root|'
	[ "$(<"$SCRATCH/moved")" = "$D/go" ]
}

# A daemon with a rule for site/** below $D, whose hook writes each event as JSON to $SCRATCH/told.
watch_all() {
	mkdir -p "$D/site"
	find "$D/site" -type f >"$SCRATCH/before"
	: >"$SCRATCH/told"
	rule site "$D/site/**" <<-EOF
		type = file
		run-per = batch
		stdin = json
		breaker = none
		command = cat >>'$SCRATCH/told'
	EOF
	start_daemon
}

# assert_told EVENT <EXPECTED: these paths were told, each once.
assert_told() {
	LC_ALL=C sort >"$SCRATCH/expected"
	sync_daemon
	jq -r "select(.event == \"$1\") | .path" "$SCRATCH/told" | LC_ALL=C sort |
		diff "$SCRATCH/expected" - | head -n 20
	[ "${PIPESTATUS[2]}" = 0 ]
}

# assert_tree: what was told, in its order, makes of the files that were below site those that are.
assert_tree() {
	sync_daemon
	jq -rn --rawfile before "$SCRATCH/before" '
		reduce inputs as $e ($before | split("\n") | map({(.): 1}) | add | del(.[""]);
			if $e.event == "rename" then del(.[$e.old_path]) else . end
			| if $e.event == "moved-from" or $e.event == "delete" then del(.[$e.path])
			else .[$e.path] = 1 end)
		| keys[]' "$SCRATCH/told" | LC_ALL=C sort >"$SCRATCH/made"
	find "$D/site" -type f | LC_ALL=C sort | diff - "$SCRATCH/made" | head -n 20
	[ "${PIPESTATUS[2]}" = 0 ]
}

@test "what is in directories in it moves with a directory, and nothing of what it is beside" {
	D=$TMPFS
	mkdir -p "$D"/new/{1..9}/{1..9}
	touch "$D"/new/{1..9}/{1..9}/x.md "$D"/{x,new2,new/y}.md
	watch_all
	mv "$D/new" "$D/site/new"
	printf '%s\n' "$D"/site/new/{{1..9}/{1..9}/x,y}.md | assert_told moved-to
	assert_tree
}

# 1,000 files in 20 directories below DIR.
make_thousand() {
	mkdir -p "$1"/{1..10}/sub
	printf '%s\0' "$1"/{1..10}/{,sub/}{1..50} | xargs -0 touch
}

moved_and_removed() {
	mv "$D/site/docs" "$D/away"
	rm -rf "$D/away"
}

@test "a tree that is moved away and removed at once: moved-from for each file" {
	D=$TMPFS
	make_thousand "$D/site/docs"
	watch_all
	moved_and_removed
	printf '%s\n' "$D/site/docs"/{1..10}/{,sub/}{1..50} | assert_told moved-from
	refute_log FSMON_TRUNCATED
}

@test "a tree that is moved away and removed while the daemon is stopped: likewise" {
	D=$TMPFS
	make_thousand "$D/site/docs"
	watch_all
	frozen moved_and_removed
	printf '%s\n' "$D/site/docs"/{1..10}/{,sub/}{1..50} | assert_told moved-from
	refute_log FSMON_TRUNCATED
}

moved_on() {
	mv "$D/site/docs" "$D/away"
	mv "$D/away/1" "$D/1"
	mv "$D/away/2/sub/1" "$D/away/2/sub/renamed"
	rm -rf "$D/1" "$D/away/3"
	exchange "$D/away/4" "$D/away/5"
	mkdir "$D/away/3"
	touch "$D/away/3/new" "$D/away/new"
}

@test "what is moved on, exchanged or removed after its tree was moved away: each once" {
	need_command python3
	D=$TMPFS
	make_thousand "$D/site/docs"
	watch_all
	frozen moved_on
	# Nobody can tell whether a file was replaced by the one that was renamed.
	printf '%s\n' "$D/site/docs"/{{1..10}/{,sub/}{1..50},2/sub/renamed} | assert_told moved-from
	refute_log FSMON_TRUNCATED
}

moved_in_and_changed() {
	mv "$D/new" "$D/site/new"
	rm "$D/site/new/1/1"
	mv "$D/site/new/1/2" "$D/site/new/1/renamed"
	mv "$D/site/new/2" "$D/site/two"
	mv "$D/site/new/3" "$D/three"
	rm -rf "$D/site/new/4"
	exchange "$D/site/new/5" "$D/site/new/6"
	rm "$D/site/new/5/1"
	mv "$D/other" "$D/site/new/other"
	touch "$D/site/new/new"
}

@test "what changes in a tree after it was moved in is told of behind that" {
	need_command python3
	D=$TMPFS
	make_thousand "$D/new"
	make_thousand "$D/other"
	watch_all
	frozen moved_in_and_changed
	# Nobody can tell whether a file was replaced by the one that was renamed; and what the two
	# exchanged directories hold took its place, but for the file that was removed.
	{
		printf '%s\n' "$D/site/new"/{{,other/}{1..10}/{,sub/}{1..50},1/renamed}
		printf '%s\n' "$D/site/new"/5/{,sub/}{1..50} | grep -Fxv "$D/site/new/5/1"
	} | assert_told moved-to
	assert_tree
}

# Files made in a tree, and some of them changed and removed, while it is listed.
busy_in() {
	local i
	for i in {1..300}; do
		: >"$1/1/new$i"
		: >"$1/2/sub/new$i"
		rm "$1/3/$((i % 50 + 1))" 2>/dev/null || :
		mv "$1/2/sub/new$i" "$1/4/moved$i"
	done
}

@test "what happens in a tree while it is handed on is told, and at most once too often" {
	D=$TMPFS
	for i in {1..10}; do
		make_thousand "$D/new/$i"
	done
	watch_all
	mv "$D/new" "$D/site/new"
	local pids=()
	for i in 1 5 10; do
		busy_in "$D/site/new/$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_tree
	jq -r '.path' "$SCRATCH/told" | sort | uniq -c | awk '$1 > 3 { print; bad = 1 } END { exit bad }'
}

limit() {
	jq -r 'select(.truncated) | [.event, .path, .type] | join(" ")' "$SCRATCH/told"
}

@test "of more than 100,000 entries one event tells, for the directory itself" {
	D=$TMPFS
	mkdir "$D/new" "$D/new/sub"
	seq -f "$D/new/sub/%g" 1 99999 | xargs touch
	watch_all
	mv "$D/new" "$D/site/new"
	sync_daemon
	[ "$(wc -l <"$SCRATCH/told")" = 99999 ]
	touch "$D/site/new/one-more"
	sync_daemon
	: >"$SCRATCH/told"
	mv "$D/site/new" "$D/site/other"
	sync_daemon
	[ "$(limit)" = "rename $D/site/other dir" ]
	[ "$(wc -l <"$SCRATCH/told")" = 1 ]
	assert_log_count 1 "$D/site/other was renamed, .*FSMON_TRUNCATED.* 100,000 entries"
}

@test "that an event stands for more outlasts the worker" {
	D=$TMPFS
	mkdir "$D/new"
	seq -f "$D/new/%g" 1 100001 | xargs touch
	watch_site
	client pause site
	mv "$D/new" "$D/site/new"
	sync_daemon
	replace_worker
	client resume site
	wait_field site ok 1
	assert_said "moved-to|site/new|new|site/new|dir|root|1"
}

many_moved_in() {
	mv "$D"/new/* "$D/site/"
}

@test "of very many directories at once some are told as a whole, and none is left out" {
	D=$TMPFS
	mkdir -p "$D/new"/{1..1100}
	touch "$D/new"/{1..1100}/x
	watch_all
	frozen many_moved_in
	sync_daemon
	jq -r 'select(.truncated).path' "$SCRATCH/told" >"$SCRATCH/whole"
	[ "$(wc -l <"$SCRATCH/whole")" = 76 ]
	jq -r 'if .truncated then .path + "/x" else .path end' "$SCRATCH/told" |
		LC_ALL=C sort | diff - <(printf '%s\n' "$D/site"/{1..1100}/x | LC_ALL=C sort)
	assert_log_count 1 'too many directories'
}

@test "a filesystem whose directories were listed can be unmounted" {
	loop_fs ext4 32M
	D=$FS
	make_docs "$D/new"
	watch_site
	mv "$D/new" "$D/site/new"
	sync_daemon
	umount "$D"
}

@test "rules of a reload hear what is handed on after it" {
	D=$TMPFS
	mkdir "$D/new"
	seq -f "$D/new/%g" 1 20000 | xargs touch
	watch_all
	mv "$D/new" "$D/site/new"
	rule site "$D/site/**" <<-EOF
		type = file
		run-per = batch
		stdin = json
		breaker = none
		command = cat >>'$SCRATCH/told'; : reloaded
	EOF
	client reload
	seq -f "$D/site/new/%g" 1 20000 | assert_told moved-to
}

# mirrored: the copy is what /srv/site is.
mirrored() {
	sync_daemon
	diff -r "$D/site" "$SCRATCH/copy$D/site"
}

@test "the mirror of fsmon-hook(7) is right when directories come, go and are renamed" {
	need_command rsync jq
	D=$TMPFS
	mkdir "$D/site" "$SCRATCH/copy"
	{
		printf '[mirror]\npath = %s\nrun-per = batch\nstdin = json\n' "$D/site/**"
		sed -n '/^command =$/,/^\.Ed/{/^\.Ed/d;p;}' "$ROOT/man/fsmon-hook.7" |
			sed -n '/FSMON_TRUNCATED/,$p' |
			sed "1i command =
				s|/srv/site|$D/site|; s|/mnt/copy|$SCRATCH/copy|; s|\\\\e|\\\\|"
	} | rules
	cat "$RULES/rules.conf"
	start_daemon
	make_docs "$D/one"
	make_docs "$D/two"
	mv "$D/one" "$D/two" "$D/site"
	mirrored
	mv "$D/site/one" "$D/site/three"
	echo new >"$D/site/three/sub/b.md"
	mv "$D/site/two" "$D/away"
	mirrored
	make_docs "$D/next"
	mv "$D/site/three/sub" "$D/site/sub"
	mirrored
	mv "$D/site" "$D/old"
	mv "$D/next" "$D/site"
	mirrored
	mkdir "$D/many"
	seq -f "$D/many/%g" 1 100001 | xargs touch
	mv "$D/many" "$D/site/many"
	mirrored
	mv "$D/site/many" "$D/away"
	mirrored
}
