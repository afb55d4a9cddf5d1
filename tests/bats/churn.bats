#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Random operations: the events, applied in order, must give the tree that is there. SEED=N begins
# with that seed, else each run has another one; ROUNDS=N does so many rounds on each filesystem;
# KEEP=DIR copies there what a round that failed was about. LEAVE_OUT=LETTERS leaves out these
# operations of churn where things come and go.

load helper

setup() {
	need_root
	setup_daemon
	SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
	ROUNDS=${ROUNDS:-3}
	TOPS=(tree)
}

teardown() {
	cleanup
}

# Watch all below $FS/tree, for these events, and gather them in $SCRATCH/events.
watch_tree() {
	rules <<-EOF
		[tree]
		path = $FS/tree/**
		events = $1
		run-per = batch
		breaker = none
		stdin = json
		command = cat >>'$SCRATCH/events'
	EOF
}

names() {
	find "$FS/tree" -mindepth 1
}

# churn [OPTION...] COUNT: random operations below $FS/tree and other $TOPS, and handle them.
churn_tree() {
	"$HELPERS/churn" "${@:1:$#-1}" "$FS" "$SEED" "${!#}" "${TOPS[@]}"
	sync_daemon
}

# tree_rounds TYPE SIZE EVENTS COUNT MODEL-OPTIONS CHURN-OPTION...: each round on a tree that is
# older than the daemon. With `-l` among the options each event's path is checked too.
tree_rounds() {
	local round options=("${@:6}") operations=()
	loop_fs "$1" "$2"
	mkdir "${TOPS[@]/#/$FS/}"
	"$HELPERS/churn" "$FS" "$SEED" 100 "${TOPS[@]}"
	watch_tree "$3"
	for ((round = 0; round < ROUNDS; round++)); do
		SEED=$((SEED + 1))
		rm -f "$SCRATCH/operations"
		: >"$SCRATCH/events"
		names >"$SCRATCH/before"
		start_daemon
		churn_tree "${options[@]}" "$4"
		stop_daemon
		names >"$SCRATCH/after"
		[ ! -e "$SCRATCH/operations" ] || operations=("$SCRATCH/operations")
		# shellcheck disable=SC2086 # none, or one
		if ! "$HELPERS/treemodel" $5 "$SCRATCH"/{before,after,events} "${operations[@]}"; then
			echo "seed $SEED: $1, $4 operations, churn ${options[*]}"
			[ -z "${KEEP:-}" ] || cp "$SCRATCH"/{before,after,events,log} "${operations[@]}" "$KEEP"
			return 1
		fi
		[ "$(wc -l <"$SCRATCH/after")" -lt 1000 ] || rm -rf "${FS:?}"/tree/*
	done
}

CHANGES="create, delete, rename, modify, close-write"

# Not with files that have no name first: where these are is looked up.
fast() {
	tree_rounds "$1" "$2" "$CHANGES" 2000 "" -x t -l "$SCRATCH/operations"
}

one_at_a_time() {
	tree_rounds "$1" "$2" "$CHANGES" 60 -n -n \
		-s "'$FSMON' sync --runtime-dir '$RUNTIME'"
}

several() {
	tree_rounds "$1" "$2" "create, delete, rename" 400 "" -p 4
}

@test "one fast process, tmpfs: the events give the tree, each with the path of its operation" {
	fast tmpfs 16M
}

@test "one fast process, ext4: the events give the tree, each with the path of its operation" {
	fast ext4 16M
}

@test "one fast process, xfs: the events give the tree, each with the path of its operation" {
	fast xfs 320M
}

@test "one fast process, btrfs: the events give the tree, each with the path of its operation" {
	fast btrfs 128M
}

@test "one fast process with files that have no name first, ext4: likewise" {
	tree_rounds ext4 16M "$CHANGES" 500 "" -l "$SCRATCH/operations"
}

@test "one operation at a time, the same few names, tmpfs: the events give the tree" {
	one_at_a_time tmpfs 16M
}

@test "one operation at a time, the same few names, ext4: the events give the tree" {
	one_at_a_time ext4 16M
}

@test "several processes whose directories are renamed meanwhile, tmpfs: the events give the tree" {
	several tmpfs 16M
}

@test "several processes whose directories are renamed meanwhile, ext4: the events give the tree" {
	several ext4 16M
}

@test "several processes whose directories are renamed meanwhile, xfs: the events give the tree" {
	several xfs 320M
}

@test "several processes whose directories are renamed meanwhile, btrfs: the events give the tree" {
	several btrfs 128M
}

# ---- What comes from and goes to where no rule is ----

# One by one: what is in a directory may be told after what happened later.
in_and_out() {
	TOPS=(tree out)
	tree_rounds "$1" "$2" "$CHANGES" 100 "" -x "${LEAVE_OUT:-}" -s "'$FSMON' sync --runtime-dir '$RUNTIME'"
}

@test "what comes and goes as a whole, tmpfs: the events give the tree" {
	in_and_out tmpfs 16M
}

@test "what comes and goes as a whole, ext4: the events give the tree" {
	in_and_out ext4 16M
}
