#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Filesystems: which are watched and how, what happens when they come and go, through which of
# several places something is seen, and which are refused, with the reason.

load helper
load files

setup() {
	need_root
	setup_daemon
}

teardown() {
	cleanup
}

# watch NAME=PATH...: start a daemon with a rule for each path.
watch() {
	local rule
	for rule in "$@"; do
		# shellcheck disable=SC2016
		printf '[%s]\npath = %s\ncommand = echo "$FSMON_RULE|$FSMON_EVENT|$FSMON_PATH" >>%s\n' \
			"${rule%%=*}" "${rule#*=}" "$HOOKLOG"
	done | rules
	start_daemon
}

# What status says of a rule.
rule_state() {
	client status --json | jq -r ".rules[] | select(.name == \"$1\") | .state"
}

rule_reason() {
	client status --json | jq -r ".rules[] | select(.name == \"$1\") | .not_watched[]"
}

# assert_refused PLACE REASON: check and status say that rule `seen` for PLACE is refused, and why.
assert_refused() {
	watch "seen=$1/**"
	[ "$(rule_state seen)" = refused ]
	rule_reason seen
	[ "$(rule_reason seen)" = "$2" ]
	client status | grep -F "not watched: $2"
	run "$FSMON" check -c "$CONF" -d "$RULES"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"[seen] $RULES/rules.conf:1: NOT WATCHED"* ]]
	[[ $output == *"not watched on $2"* ]]
	[[ $output == *"1 rule, 0 errors, 1 warning" ]]
	wait_until 10 grep -F "warning: [seen] is not watched: $2" "$LOG"
}

# Write, rename and remove on a filesystem of the type, with directories that were there before.
assert_watched() {
	need_command "mkfs.$1"
	loop_fs "$1" "$2"
	mkdir -p "$FS/old/dir"
	watch "seen=$FS/**"
	[ "$(client status --json | jq -r ".filesystems[] | select(.point == \"$FS\") | .how")" = "filesystem mark" ]
	echo >"$FS/old/dir/file"
	mkdir -p "$FS/new/dir"
	mv "$FS/old/dir/file" "$FS/new/dir/moved"
	rm -r "$FS/old"
	sync_daemon
	assert_hook_lines "seen|close-write|$FS/old/dir/file" "seen|create|$FS/new" "seen|create|$FS/new/dir" \
		"seen|rename|$FS/new/dir/moved" "seen|delete|$FS/old/dir" "seen|delete|$FS/old"
}

@test "ext4" {
	assert_watched ext4 8M
}

@test "xfs" {
	assert_watched xfs 320M
}

@test "btrfs" {
	assert_watched btrfs 120M
}

@test "tmpfs" {
	ln -s "$(type -P true)" "$SCRATCH/mkfs.tmpfs"
	PATH=$PATH:$SCRATCH assert_watched tmpfs 1M
}

@test "a filesystem mounted while the daemon runs, unmounted, and mounted again" {
	watch "seen=$W/**"
	mkdir "$W/point"
	for i in 1 2 3; do
		mount -t tmpfs tmpfs "$W/point"
		sync_daemon
		touch "$W/point/$i"
		sync_daemon
		umount "$W/point"
	done
	touch "$W/after"
	sync_daemon
	assert_hook_lines "seen|create|$W/point" "seen|close-write|$W/point/1" "seen|close-write|$W/point/2" \
		"seen|close-write|$W/point/3" "seen|close-write|$W/after"
}

@test "a filesystem on a disk can be unmounted and mounted again while it is watched" {
	loop_fs ext4 8M
	mkdir -p "$FS/a/b"
	watch "seen=$FS/**"
	for i in 1 2 3; do
		touch "$FS/a/b/$i"
		sync_daemon
		umount "$FS"
		mount -o loop "$FS.img" "$FS"
		sync_daemon
	done
	assert_hook_lines "seen|close-write|$FS/a/b/1" "seen|close-write|$FS/a/b/2" "seen|close-write|$FS/a/b/3"
}

@test "a filesystem whose rule waits for it to be mounted" {
	mkdir "$W/point"
	watch "seen=$W/point/**"
	loop_fs ext4 8M
	umount "$FS"
	mount -o loop "$FS.img" "$W/point"
	sync_daemon
	touch "$W/point/file"
	sync_daemon
	assert_hook_line "seen|close-write|$W/point/file"
	[ "$(client status --json | jq -r ".rules[0].watched[]")" = "$W/point" ]
}

@test "what lies below a mount point is not seen through it" {
	mkdir -p "$W/point"
	exec {fd}>"$W/point/hidden"
	watch "seen=$W/**"
	mount -t tmpfs tmpfs "$W/point"
	sync_daemon
	exec {fd}>&-
	touch "$W/point/visible"
	sync_daemon
	assert_hook_lines "seen|close-write|$W/point/visible"
}

@test "a bind mount: each rule sees the path that it asks for" {
	mkdir -p "$W/real/sub" "$SCRATCH/bound"
	mount --bind "$W/real" "$SCRATCH/bound"
	watch "real=$W/**" "bound=$SCRATCH/bound/**"
	touch "$W/real/sub/a" "$SCRATCH/bound/sub/b"
	sync_daemon
	sort -o "$HOOKLOG" "$HOOKLOG"
	assert_hook_lines "bound|close-write|$SCRATCH/bound/sub/a" "bound|close-write|$SCRATCH/bound/sub/b" \
		"real|close-write|$W/real/sub/a" "real|close-write|$W/real/sub/b"
}

@test "a bind mount does not show what lies outside of it" {
	mkdir -p "$W/real" "$W/other" "$SCRATCH/bound"
	mount --bind "$W/real" "$SCRATCH/bound"
	watch "bound=$SCRATCH/bound/**"
	touch "$W/other/a" "$W/b" "$W/real/c"
	sync_daemon
	assert_hook_lines "bound|close-write|$SCRATCH/bound/c"
}

@test "a bind mount made while the daemon runs" {
	mkdir -p "$W/real" "$SCRATCH/bound"
	watch "bound=$SCRATCH/bound/**"
	mount --bind "$W/real" "$SCRATCH/bound"
	sync_daemon
	touch "$W/real/a"
	sync_daemon
	umount "$SCRATCH/bound"
	sync_daemon
	touch "$W/real/b"
	sync_daemon
	assert_hook_lines "bound|close-write|$SCRATCH/bound/a"
}

@test "a directory above a mount is renamed: what is in the mount has its new path" {
	mkdir -p "$W/a/m"
	mount -t tmpfs tmpfs "$W/a/m"
	# shellcheck disable=SC2016
	printf '[seen]\npath = %s\nevents = close-write\ncommand = echo "$FSMON_PATH $(readlink /proc/self/fd/$FSMON_FD)" >>%s\n' \
		"$W/**" "$HOOKLOG" | rules
	start_daemon
	mv "$W/a" "$W/b"
	touch "$W/b/m/one"
	sync_daemon
	mv "$W/b" "$W/c"
	sync_daemon
	touch "$W/c/m/two"
	sync_daemon
	assert_hook_lines "$W/b/m/one $W/b/m/one" "$W/c/m/two $W/c/m/two"
}

@test "a directory above a mount is renamed a hundred times before anybody looks" {
	local i last=a expected=()
	rename_and_write() {
		for i in {1..100}; do
			mv "$W/$last" "$W/d$i"
			mkdir "$W/d$i/m/dir$i"
			: >"$W/d$i/m/dir$i/file"
			expected+=("seen|close-write|$W/d$i/m/dir$i/file")
			last=d$i
		done
	}
	mkdir -p "$W/a/m"
	mount -t tmpfs tmpfs "$W/a/m"
	watch "seen=$W/*/m/*/*"
	frozen rename_and_write
	sync_daemon
	assert_hook_lines "${expected[@]}"
}

@test "a rule for what is mounted below a directory holds while that has its name" {
	mkdir -p "$W/a/m"
	mount -t tmpfs tmpfs "$W/a/m"
	watch "seen=$W/b/m/**"
	for i in 1 2 3; do
		mv "$W/a" "$W/b"
		sync_daemon
		touch "$W/b/m/seen$i"
		sync_daemon
		mv "$W/b" "$W/a"
		touch "$W/a/m/unseen$i"
		sync_daemon
	done
	assert_hook_lines "seen|close-write|$W/b/m/seen1" "seen|close-write|$W/b/m/seen2" "seen|close-write|$W/b/m/seen3"
}

@test "what was done before a directory above its mount was renamed keeps its path" {
	mkdir -p "$W/a/m/old/dir"
	mount -t tmpfs tmpfs "$W/a/m"
	mkdir -p "$W/a/m/old/dir"
	watch "seen=$W/*/m/**"
	write_and_rename() {
		touch "$W/a/m/old/dir/file"
		mv "$W/a" "$W/b"
	}
	frozen write_and_rename
	sync_daemon
	assert_hook_lines "seen|close-write|$W/a/m/old/dir/file"
}

@test "directories above two mounts change places" {
	need_command python3
	mkdir -p "$W"/{a,b}/m
	mount -t tmpfs tmpfs "$W/a/m"
	mount -t tmpfs tmpfs "$W/b/m"
	touch "$W/a/m/was-a" "$W/b/m/was-b"
	watch "seen=$W/*/m/*"
	python3 -c 'import ctypes, os, sys
if ctypes.CDLL(None).renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2): sys.exit(1)' \
		"$W/a" "$W/b"
	sync_daemon
	touch "$W/b/m/was-a" "$W/a/m/was-b"
	sync_daemon
	assert_hook_lines "seen|close-write|$W/b/m/was-a" "seen|close-write|$W/a/m/was-b"
}

@test "the source of a bind mount is renamed, and deleted" {
	mkdir -p "$W/src/sub" "$SCRATCH/bound"
	mount --bind "$W/src" "$SCRATCH/bound"
	watch "bound=$SCRATCH/bound/**"
	mv "$W/src" "$W/other"
	touch "$W/other/sub/1"
	mkdir "$W/src"
	touch "$W/src/not-bound"
	sync_daemon
	touch "$W/other/2" "$W/src/not-bound"
	sync_daemon
	rm "$W/other/2" "$W/other/sub/1"
	rm -r "$W/other"
	mkdir "$W/other"
	touch "$W/other/not-bound"
	sync_daemon
	touch "$W/other/not-bound"
	sync_daemon
	assert_hook_lines "bound|close-write|$SCRATCH/bound/sub/1" "bound|close-write|$SCRATCH/bound/2" \
		"bound|delete|$SCRATCH/bound/2" "bound|delete|$SCRATCH/bound/sub/1" "bound|delete|$SCRATCH/bound/sub"
}

@test "a rule for a path that is not there yet" {
	watch "seen=$W/not/yet/*.c"
	mkdir -p "$W/not/yet"
	touch "$W/not/yet/a.c" "$W/not/yet/a.h"
	sync_daemon
	assert_hook_lines "seen|close-write|$W/not/yet/a.c"
}

@test "a rule through a symbolic link: FSMON_PATH is as the rule has it" {
	mkdir "$W/real"
	ln -s "$W/real" "$SCRATCH/link"
	watch "seen=$SCRATCH/link/*.c"
	touch "$SCRATCH/link/a.c" "$W/real/b.c"
	sync_daemon
	assert_hook_lines "seen|close-write|$SCRATCH/link/a.c" "seen|close-write|$SCRATCH/link/b.c"
}

@test "a filesystem in another mount namespace's place is seen where the daemon sees it" {
	loop_fs ext4 8M
	watch "seen=$FS/**"
	mkdir "$SCRATCH/elsewhere"
	unshare -m sh -c "mount --bind $FS $SCRATCH/elsewhere && touch $SCRATCH/elsewhere/file"
	sync_daemon
	assert_hook_lines "seen|close-write|$FS/file"
}

@test "refused: proc" {
	# One of its own: below /proc, other filesystems may be mounted.
	mkdir "$SCRATCH/proc"
	mount -t proc proc "$SCRATCH/proc"
	assert_refused "$SCRATCH/proc" "$SCRATCH/proc (proc): the kernel keeps it in memory and reports no changes of it"
}

@test "refused: sysfs" {
	assert_refused /sys/kernel/mm "/sys (sysfs): the kernel keeps it in memory and reports no changes of it"
}

@test "refused: overlayfs with default options" {
	mkdir "$SCRATCH"/{lower,upper,work,merged}
	mount -t overlay -o "lowerdir=$SCRATCH/lower,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work" \
		overlay "$SCRATCH/merged" || skip "needs overlayfs"
	assert_refused "$SCRATCH/merged" "$SCRATCH/merged (overlay): its files have no handles that a filesystem mark needs"
}

@test "refused: FUSE" {
	need_command fuse2fs mkfs.ext4
	[ -e /dev/fuse ] || skip "needs /dev/fuse"
	truncate -s 8M "$SCRATCH/img"
	mkfs.ext4 -q -F "$SCRATCH/img"
	mkdir "$SCRATCH/fuse"
	fuse2fs -o ro "$SCRATCH/img" "$SCRATCH/fuse" 3>&-
	assert_refused "$SCRATCH/fuse" "$SCRATCH/fuse (fuse.ext4): its files have no handles that a filesystem mark needs"
}

@test "refused: a btrfs subvolume alone" {
	need_command mkfs.btrfs
	loop_fs btrfs 120M
	btrfs -q subvolume create "$FS/sub"
	umount "$FS"
	mount -o loop,subvol=sub "$FS.img" "$FS"
	assert_refused "$FS" "$FS (btrfs): only a part of it is mounted (a bind mount or a subvolume); mount its root as well"
}

@test "refused: a bind mount whose filesystem is not mounted itself" {
	local place
	loop_fs ext4 8M
	place=$FS
	mkdir "$FS/dir" "$SCRATCH/bound"
	mount --bind "$FS/dir" "$SCRATCH/bound"
	umount "$place"
	assert_refused "$SCRATCH/bound" "$SCRATCH/bound (ext4): only a part of it is mounted (a bind mount or a subvolume); mount its root as well"
}

@test "a rule with one place that is watched and one that is refused" {
	watch "seen=/{proc,${W#/}}/**"
	touch "$W/file"
	sync_daemon
	assert_hook_lines "seen|close-write|$W/file"
	[ "$(rule_state seen)" = active ]
	rule_reason seen | grep -Fx "/proc (proc): the kernel keeps it in memory and reports no changes of it"
}
