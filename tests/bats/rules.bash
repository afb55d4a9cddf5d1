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
