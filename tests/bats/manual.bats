#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual pages name all that there is, and nothing that there is not.

load helper

setup() {
	setup_daemon
}

teardown() {
	cleanup
}

# terms PAGE: the words that a manual page explains, one a line: those of its .It lines, and options.
terms() {
	sed -n '/^\.\(It\|Fl\) /{s/Fl Fl /--/g;p}' "$ROOT/man/$1" | tr -cs 'A-Za-z0-9_-' '\n' | sort -u
}

# assert_terms PAGE WORD...: the page explains each of the words.
assert_terms() {
	local word explained missing=
	explained=$(terms "$1")
	for word in "${@:2}"; do
		grep -Fxq -- "$word" <<<"$explained" || missing+=" $word"
	done
	[ -z "$missing" ] || { echo "$1 lacks:$missing" && return 1; }
}

@test "fsmon(8) names every verb and every option of --help" {
	local verbs words verb
	verbs=$("$FSMON" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
	[ "$(wc -w <<<"$verbs")" -ge 6 ]
	words=$(for verb in $verbs; do "$FSMON" "$verb" --help; done |
		grep -oE '(^|[ ,])--[a-z-]+' | tr -d ' ,' | sort -u)
	[ "$(wc -w <<<"$words")" -ge 15 ]
	# shellcheck disable=SC2086
	assert_terms fsmon.8 $verbs $words
}

@test "fsmon(8) names every field of status --json" {
	local fields
	need_root
	need_command jq
	ln -s nowhere "$W/link"
	rules <<-EOF
		[refused]
		path = /proc/x
		path = $W/link
		command = :
	EOF
	start_daemon
	fields=$(client status --json | jq -r '[paths | .[-1] | strings] | unique | .[]')
	[ "$(wc -w <<<"$fields")" -ge 40 ]
	# shellcheck disable=SC2086
	assert_terms fsmon.8 $fields
}

@test "fsmon.conf(5) names every key" {
	local keys
	keys=$(sed -n 's/^\t\(RULE\|DAEMON\)("\([a-z-]*\)".*/\2/p' "$ROOT/src/core/rule/keys.c")
	[ "$(wc -w <<<"$keys")" -ge 35 ]
	# shellcheck disable=SC2086
	assert_terms fsmon.conf.5 $keys
}

@test "fsmon.conf(5) names every event" {
	local events
	# The first paragraph of the table holds the names that only others have.
	events=$(sed -n '/event_names\[\]/,/^};/p' "$ROOT/src/core/record/event.c" |
		sed -n '/^$/,$s/^\t{"\([a-z-]*\)".*/\1/p')
	[ "$(wc -w <<<"$events")" -ge 15 ]
	# shellcheck disable=SC2086
	assert_terms fsmon.conf.5 $events
}

@test "fsmon-hook(7) names every variable that a hook gets, and no other" {
	local got named
	need_root
	rules <<-EOF
		[env]
		path = $W/**
		command = env -0 | cut -z -d= -f1 | tr '\\0' '\\n' >$HOOKLOG
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	got=$(grep -v '^_$' "$HOOKLOG" | sort -u)
	named=$(terms fsmon-hook.7 | grep '^FSMON_.')
	# What only some runs have.
	got+=$(printf '\nFSMON_%s' TRUNCATED REASON STATUS OUTPUT)
	diff <(grep '^FSMON_' <<<"$got" | sort) <(echo "$named")
}

@test "the rules that the manual pages and the README show are free of errors" {
	local page="$ROOT/man/fsmon.conf.5"
	sed -n '/^\[rebuild-site\]/,/^\.Ed/{/^\.Ed/!p}' "$page" >"$RULES/a.conf"
	sed -n '/^\[docs\]/,/^\.Ed/{/^\.Ed/!p}' "$page" >"$RULES/b.conf"
	sed -n '/^\[programs\]/,/^\.Ed/{/^\.Ed/!p}' "$page" >"$RULES/c.conf"
	sed -n '/^\[defaults\]/,/^\.Ed/{/^\.Ed/!p}' "$page" >"$RULES/d.conf"
	sed -n '/^\[build\]/,/^\.Ed/{/^\.Ed/!p}' "$page" >"$RULES/f.conf"
	# shellcheck disable=SC2016
	sed -n '/^\[rebuild-site\]/,/^```/{/^```/!p}' "$ROOT/README.md" |
		sed 's/^\[rebuild-site\]/[readme]/' >"$RULES/e.conf"
	# Users that not every system has.
	sed -i -E 's/deploy|www-data|backup$/nobody/' "$RULES"/*.conf
	"$FSMON" check -c "$CONF" -d "$RULES" >"$SCRATCH/out"
	[[ $(tail -n 1 "$SCRATCH/out") = "7 rules, 0 errors, "* ]]
}
