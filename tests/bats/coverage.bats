#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Random operations: the default events must tell of every path that has changed. SEED=N begins with
# that seed, else each run has another one; ROUNDS=N does so many rounds on each filesystem;
# LEAVE_OUT=LETTERS leaves out these operations of churn.

load helper

setup() {
	need_root
	setup_daemon
	SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
	ROUNDS=${ROUNDS:-12}
}

teardown() {
	cleanup
}

# covered_rounds TYPE SIZE COUNT CHURN-OPTION...: of what differs below tree and in flat hooks are
# told, whatever comes from and goes to where no rule is.
covered_rounds() {
	local round
	loop_fs "$1" "$2"
	mkdir "$FS"/{tree,flat,out}
	"$HELPERS/churn" -w "$FS" "$SEED" 100 tree flat out
	rules <<-EOF
		[defaults]
		run-per = batch
		breaker = none
		stdin = json
		command = cat >>'$SCRATCH/events'
		[tree]
		path = $FS/tree/**
		[flat]
		path = $FS/flat/*
	EOF
	start_daemon
	for ((round = 0; round < ROUNDS; round++)); do
		SEED=$((SEED + 1))
		: >"$SCRATCH/events"
		"$HELPERS/covered" -s "$FS/tree" "$FS/flat/" >"$SCRATCH/before"
		"$HELPERS/churn" -w -x "${LEAVE_OUT:-}" "${@:4}" "$FS" "$SEED" "$3" tree flat out
		sync_daemon
		"$HELPERS/covered" -s "$FS/tree" "$FS/flat/" >"$SCRATCH/after"
		if ! "$HELPERS/covered" "$SCRATCH"/{before,after,events}; then
			echo "seed $SEED: $1, $3 operations, churn -w ${*:4}"
			return 1
		fi
	done
}

one_covered_at_a_time() {
	covered_rounds "$1" "$2" 15 -n "${@:3}" -s "'$FSMON' sync --runtime-dir '$RUNTIME'"
}

@test "files come, go and move, tmpfs: the default events tell of all that differs" {
	covered_rounds tmpfs 16M 300 -n -f
}

@test "files come, go and move, ext4: the default events tell of all that differs" {
	covered_rounds ext4 16M 300 -n -f
}

@test "files come, go and move, one by one: the default events tell of all that differs" {
	one_covered_at_a_time tmpfs 16M -f
}

@test "whatever is done at full speed, tmpfs: the default events tell of all that differs" {
	covered_rounds tmpfs 16M 300 -n
}

@test "whatever is done at full speed, ext4: the default events tell of all that differs" {
	covered_rounds ext4 16M 300 -n
}

@test "whatever is done at full speed, xfs: the default events tell of all that differs" {
	covered_rounds xfs 320M 300 -n
}

@test "whatever is done at full speed, btrfs: the default events tell of all that differs" {
	covered_rounds btrfs 128M 300 -n
}

@test "whatever is done, one by one, tmpfs: the default events tell of all that differs" {
	one_covered_at_a_time tmpfs 16M
}

@test "whatever is done, one by one, ext4: the default events tell of all that differs" {
	one_covered_at_a_time ext4 16M
}

# ---- A path through links ----

# What the path leads to: its type and inode and content, or that there is nothing.
led_to() {
	stat -Lc '%F %i' "$1" 2>/dev/null && cat "$1" 2>/dev/null || echo nothing
}

# Change a file, a directory or a link on the way of $FS/app/current/conf; the change is $DONE.
change_the_way() {
	# Three places where conf is at first, and one more.
	local at=$FS/app to=releases/$((RANDOM % 4))
	case $((RANDOM % 8)) in
	0) DONE=(dd status=none if=/proc/self/stat of="$at/$to/conf") ;;
	1) DONE=(sed -i "s/$/$RANDOM/" "$at/$to/conf") ;;
	2) DONE=(rm -f "$at/$to/conf") ;;
	3) DONE=(ln -sfn "$to" "$at/current") ;;
	4) ln -s "$to" "$at/new" && DONE=(mv -fT "$at/new" "$at/current") ;;
	5) DONE=(rm -f "$at/current") ;;
	6) DONE=(mv -nT "$at/$to" "$at/other") ;;
	7) DONE=(mv -nT "$at/other" "$at/$to") ;;
	esac
	"${DONE[@]}" 2>/dev/null || :
}

# link_rounds CHANGES: each round makes so many, and then what is told of must be what differs.
link_rounds() {
	local round i before after path=$FS/app/current/conf
	RANDOM=$((SEED % 32768))
	for ((round = 0; round < 4 * ROUNDS; round++)); do
		: >"$SCRATCH/events"
		before=$(led_to "$path")
		for ((i = 0; i < $1; i++)); do
			change_the_way
		done
		sync_daemon
		after=$(led_to "$path")
		if [ "$before" != "$after" ] && ! grep -Fxq "$path" "$SCRATCH/events"; then
			printf 'seed %s: not told of: %s\n%s\n%s\n' "$SEED" "$path" "$before" "$after"
			echo "the last change: ${DONE[*]}"
			return 1
		fi
	done
}

# A rule on a path that leads through a link, to one of three releases.
watch_link() {
	local i
	loop_fs ext4 16M
	mkdir -p "$FS"/app/releases/{0..2}
	for i in {0..2}; do
		echo "$i" >"$FS/app/releases/$i/conf"
	done
	ln -s releases/0 "$FS/app/current"
	rules <<-EOF
		[conf]
		path = $FS/app/current/conf
		run-per = batch
		breaker = none
		stdin = paths
		command = cat >>'$SCRATCH/events'
	EOF
	start_daemon
}

@test "a path through a link: whatever changes on the way, one by one, is told of" {
	watch_link
	link_rounds 1
}

@test "a path through a link: whatever changes on the way, twenty at a time, is told of" {
	watch_link
	link_rounds 20
}
