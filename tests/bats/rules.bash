# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the tests about jobs and runs, beside helper.bash.

# rule NAME GLOB: a rule; its other keys, `command` too, come from standard input.
rule() {
	{
		printf '[%s]\npath = %s\n' "$1" "$2"
		cat
	} >"$RULES/$1.conf"
}

# rule_field RULE FIELD: of what `status --json` says of a rule.
rule_field() {
	client status --json | jq --arg name "$1" ".rules[] | select(.name == \$name) | .$2"
}

# wait_field RULE FIELD VALUE: until `status` says so.
wait_field() {
	wait_until 20 is_field "$@"
}

is_field() {
	[ "$(rule_field "$1" "$2")" = "$3" ]
}

# Make the fifo $SCRATCH/gate: a hook that says `read line <'$SCRATCH/gate'` is held there until
# the test lets it go.
make_gate() {
	mkfifo "$SCRATCH/gate"
	exec {GATE_FD}<>"$SCRATCH/gate"
}

# Let one hook, or $1 of them, go.
let_go() {
	seq "${1:-1}" >&"$GATE_FD"
}

# write_each FILE...: write every file by a process of its own, so that the kernel merges nothing.
write_each() {
	local file
	for file in "$@"; do
		"$HELPERS/quickwrite" "$file"
	done
}

# write_counted RULE FILE...: likewise, and wait until the rule's events are so many more.
write_counted() {
	local matched
	matched=$(rule_field "$1" matched)
	write_each "${@:2}"
	wait_field "$1" matched $((matched + $# - 1))
}

# The most hooks at once, of those that say "in" and "out" in $HOOKLOG.
most_at_once() {
	awk '/^in/ { n++ } /^out/ { n-- } n > max { max = n } END { print max + 0 }' "$HOOKLOG"
}

# The times between runs: for each but the first, the seconds since the one N before it started.
# started_apart RULE N
started_apart() {
	client runs --rule "$1" --json |
		jq -n --argjson n "$2" '[inputs] | flatten | map(.started_ns)
			| [range($n; length) as $i | (.[$i] - .[$i - $n]) / 1e9] | .[]'
}

# The worker's process.
worker_pid() {
	client status --json | jq .worker_pid
}

# Kill the daemon's first worker, and wait for the second one.
replace_worker() {
	kill -KILL "$(worker_pid)"
	await_second_worker
}

await_second_worker() {
	wait_until 20 eval '[ "$(grep -c "ready: " "$LOG")" = 2 ]'
}

# A daemon that finds no cgroups to put its hooks into.
start_without_cgroups() {
	cat >"$SCRATCH/fsmon" <<-EOF
		#!/bin/sh
		exec unshare --mount --propagation private sh -c 'umount --all --lazy --types cgroup2; exec "\$@"' sh "$FSMON" "\$@"
	EOF
	chmod 755 "$SCRATCH/fsmon"
	FSMON=$SCRATCH/fsmon start_daemon
}

# Skip the test without cgroups, version 2; they are mounted at $CGROUPS.
need_cgroups() {
	CGROUPS=$(awk '$(NF - 2) == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
	[ -w "$CGROUPS/cgroup.procs" ] || skip "needs cgroup v2"
}
