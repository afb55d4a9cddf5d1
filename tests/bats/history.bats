#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The verbs runs, logs, rerun, pause and resume, and what status says of them.

bats_require_minimum_version 1.5.0
load helper

setup() {
	need_root
	need_command jq
	setup_daemon
}

teardown() {
	cleanup
}

# field JQ-EXPRESSION: of what `status --json` prints.
field() {
	client status --json | jq -r "$1"
}

# told VERB [ARGUMENT...]: runs or logs, from the daemon or what one has left.
told() {
	client "$1" --state-dir "$STATE" "${@:2}"
}

# One rule that calls $HOOK for everything below $W; more of its keys come from standard input.
seen_rule() {
	rules "${1:-seen}" <<-EOF
		[${1:-seen}]
		path = $W/${1:-seen}*
		command = $HOOK
		$(cat)
	EOF
}

# Rules that end in different ways, each for a file of its name.
outcome_rules() {
	rules <<-EOF
		[good]
		path = $W/good*
		command = echo all is well
		[quiet]
		path = $W/quiet*
		command = true
		[bad]
		path = $W/bad*
		command = echo it broke >&2; exit 3
		[killed]
		path = $W/killed*
		command = kill -SEGV \$\$
		[absent]
		path = $W/absent*
		command = $SCRATCH/none
	EOF
}

# column N: the Nth column of the table in $output, which are two blanks apart, without its title.
column() {
	tail -n +2 <<<"$output" | sed 's/^ *//' | awk -F '  +' -v n="$1" '{ print $n }'
}

# has_ended RULE COUNT: so many runs of the rule have ended.
has_ended() {
	told runs --rule "$1" --json | jq -e "map(select(.outcome != \"running\")) | length == $2"
}

# ---- runs

@test "runs shows each run in a line, the oldest first" {
	outcome_rules
	start_daemon
	touch "$W/good"
	sync_daemon
	touch "$W/bad"
	sync_daemon
	run -0 told runs
	[[ ${lines[0]} =~ ^RUN\ +STARTED\ +RULE\ +WAITED\ +TOOK\ +OUTCOME\ +BY\ +EVENT\ +PATH$ ]]
	[ "${#lines[@]}" = 3 ]
	[ "$(column 1)" = "1"$'\n'"2" ]
	[ "$(column 3)" = "good"$'\n'"bad" ]
	[ "$(column 6)" = "ok"$'\n'"exit 3" ]
	[ "$(column 7)" = "touch/root"$'\n'"touch/root" ]
	[ "$(column 8)" = "close-write"$'\n'"close-write" ]
	[ "$(column 9)" = "$W/good"$'\n'"$W/bad" ]
}

@test "runs says when a run started, in local time" {
	local before after
	seen_rule </dev/null
	start_daemon
	before=$(TZ=UTC-5 date '+%F %T')
	touch "$W/seen"
	sync_daemon
	after=$(TZ=UTC-5 date '+%F %T')
	TZ=UTC-5 run -0 told runs
	[[ ! $(column 2) < $before && ! $(column 2) > $after ]]
}

@test "runs names the signal that killed a hook, and why one could not start" {
	outcome_rules
	start_daemon
	touch "$W/killed"
	sync_daemon
	touch "$W/absent"
	sync_daemon
	run -0 told runs
	[ "$(column 6)" = "SIGSEGV"$'\n'"could not start: No such file or directory" ]
}

@test "runs shows a run that has not ended" {
	mkfifo "$SCRATCH/gate"
	exec {gate}<>"$SCRATCH/gate"
	rules <<-EOF
		[gate]
		path = $W/**
		command = echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line in
	run -0 told runs
	[ "$(column 6)" = running ]
	echo >&"$gate"
	sync_daemon
	run -0 told runs
	[ "$(column 6)" = ok ]
}

@test "runs and logs tell attempts and on-failure commands apart" {
	seen_rule <<-EOF
		command = exit 4
		retry = 1
		retry-delay = 10ms
		on-failure = echo given up
	EOF
	sed -i '/^command = \//d' "$RULES/seen.conf"
	start_daemon
	touch "$W/seen"
	wait_until 20 has_ended seen 3
	run -0 told runs
	[ "$(column 6)" = "exit 4"$'\n'"exit 4, attempt 2"$'\n'"ok" ]
	[ "$(column 3)" = "seen"$'\n'"seen"$'\n'"seen on-failure" ]
	run -0 told logs seen
	[[ ${lines[1]} =~ ^"--- run 2, seen, ".*": exit 4 after "[0-9.]+"ms, attempt 2"$ ]]
	[[ ${lines[2]} =~ ^"--- run 3, seen on-failure, ".*": ok after " ]]
	[ "${lines[3]}" = "given up" ]
}

@test "runs says how many more events a job had, and shows odd names on one line" {
	seen_rule <<-EOF
		run-per = batch
		debounce = 200ms
	EOF
	start_daemon
	touch "$W/seen1" "$W/seen2" "$W/seen"$'\n'"3"
	sync_daemon
	run -0 told runs
	[ "${#lines[@]}" = 2 ]
	[ "$(column 9)" = "$W/seen\\n3 +2" ]
}

@test "runs shows names of UTF-8 as they are, and writes other bytes in JSON as a hook reads them" {
	seen_rule
	start_daemon
	for name in café $'caf\xe9' $'a\xe2\x80\xaeb'; do
		touch "$W/seen-$name"
		sync_daemon
	done
	run -0 told runs
	[ "$(column 9)" = "$W/seen-café"$'\n'"$W/seen-caf\\351"$'\n'"$W/seen-a\\342\\200\\256b" ]
	run -0 told runs --json
	[[ $output == *"\"path\": \"$W/seen-café\""* ]]
	[[ $output == *"\"path\": \"$W/seen-caf\\udce9\""* ]]
	[[ $output == *"\"path\": \"$W/seen-a\\u202eb\""* ]]
}

@test "runs --rule shows the runs of one rule" {
	outcome_rules
	start_daemon
	touch "$W/good" "$W/bad"
	sync_daemon
	run -0 told runs --rule bad
	[ "$(column 3)" = bad ]
}

@test "runs --failed shows what went wrong" {
	outcome_rules
	start_daemon
	touch "$W/good" "$W/bad" "$W/absent"
	sync_daemon
	run -0 told runs --failed
	[ "$(column 3 | sort | xargs)" = "absent bad" ]
}

@test "runs --since shows what started then or later" {
	local now
	seen_rule </dev/null
	start_daemon
	touch "$W/seen1"
	sync_daemon
	now=$(date +%FT%T.%N%:z)
	touch "$W/seen2"
	sync_daemon
	run -0 told runs --since "$now"
	[ "$(column 9)" = "$W/seen2" ]
	run -0 told runs --since 1h
	[ "${#lines[@]}" = 3 ]
	run -0 told runs --since "$(date -d tomorrow +%F)"
	[ "$output" = "no runs" ]
}

@test "runs --since refuses what is no time, exit 2" {
	run -2 told runs --since yesterdya
	[[ $output == 'fsmon: --since: expected a duration back from now such as 2h, '*'found "yesterdya"' ]]
}

@test "runs --rule with a name that nobody knows suggests one, exit 1" {
	outcome_rules
	start_daemon
	run -1 told runs --rule goood
	[ "$output" = 'fsmon: there is no rule "goood"; did you mean good?' ]
	run -0 told runs --rule good
	[ "$output" = "no runs" ]
}

@test "runs shows the runs of a rule that is gone" {
	outcome_rules
	seen_rule </dev/null
	start_daemon
	touch "$W/seen"
	sync_daemon
	rm "$RULES/seen.conf"
	client reload
	run -0 told runs --rule seen
	[ "$(column 3)" = seen ]
	run -0 told runs --rule seen --failed
	[ "$output" = "no runs" ]
}

@test "runs --json gives every field that is documented" {
	outcome_rules
	start_daemon
	touch "$W/bad"
	sync_daemon
	told runs --json | jq -e --arg path "$W/bad" '
		length == 1
		and (.[0] | (.run == 1 and .job >= 1 and .rule == "bad" and .on_failure == false
			and .attempt == 1 and .count >= 1 and .event == "close-write"
			and .path == $path and .cmd == "touch" and .user == "root" and .pid > 0
			and .queued_ns >= 0 and .started_ns > 1.6e18
			and (.started | test("^20[0-9-]{8}T[0-9:]{8}\\.[0-9]{9}Z$"))
			and .duration_ns > 0 and .outcome == "exit" and .status == 3
			and .user_us >= 0 and .system_us >= 0 and .max_rss_kib > 0)
			and (has("output") | not))'
}

@test "without a daemon runs and logs tell what the last one has left" {
	outcome_rules
	start_daemon
	touch "$W/good"
	sync_daemon
	told runs >"$SCRATCH/with"
	stop_daemon
	run -0 told runs
	[ "$output" = "$(<"$SCRATCH/with")" ]
	run -0 told logs good
	[ "${lines[1]}" = "all is well" ]
	run -1 told runs --rule god
	[ "$output" = 'fsmon: the history knows no rule "god"; did you mean good?' ]
	[ "$(told runs --json | jq length)" = 1 ]
}

@test "without a daemon and without a history runs says so, exit 1" {
	run -1 told runs
	[ "$output" = "fsmon: no daemon runs here (--runtime-dir $RUNTIME), and none has left a history in $STATE (--state-dir)" ]
}

@test "a history that is broken, or somebody else's, is not taken for an empty one, exit 1" {
	seen_rule </dev/null
	start_daemon
	touch "$W/seen"
	sync_daemon
	stop_daemon
	run -1 as_user nobody "$FSMON" runs --runtime-dir "$RUNTIME" --state-dir "$STATE"
	[[ $output == "fsmon: no daemon runs here, and the history in $STATE cannot be read: "*"; try sudo" ]]
	echo garbage >"$STATE/fsmon.db"
	run -1 told runs
	[[ $output == "fsmon: no daemon runs here, and the history in $STATE cannot be read: "* ]]
}

@test "only the user who runs the daemon may ask it" {
	local verb
	seen_rule </dev/null
	start_daemon
	for verb in runs "logs seen" "rerun 1" "pause seen" "resume seen"; do
		# shellcheck disable=SC2086
		run -1 as_user nobody "$FSMON" $verb --runtime-dir "$RUNTIME"
		[ "$output" = "fsmon: $RUNTIME/fsmon.sock: only the user who runs the daemon may ask it; try sudo" ]
	done
	[ "$(field '.rules[0].state')" = active ]
}

@test "runs with a dry run says that there is no history, exit 1" {
	seen_rule </dev/null
	start_daemon --dry-run
	run -1 told runs
	[ "$output" = "fsmon: this is a dry run: there is no history" ]
	[ "$(field .store.where)" = nowhere ]
}

# ---- logs

@test "logs of a run shows what it printed, below a line that heads it" {
	outcome_rules
	start_daemon
	touch "$W/bad"
	sync_daemon
	run -0 told logs 1
	[[ ${lines[0]} =~ ^---\ run\ 1,\ bad,\ 20[0-9-]{8}\ [0-9:]{8}:\ exit\ 3\ after\ [0-9.]+m?s$ ]]
	[ "${lines[1]}" = "it broke" ]
	[ "${#lines[@]}" = 2 ]
}

@test "logs of a rule shows all runs that printed or failed, and no other" {
	rules <<-EOF
		[r]
		path = $W/*
		command = case \$FSMON_PATH in *print) echo "\$FSMON_PATH" ;; *fail) exit 1 ;; esac
	EOF
	start_daemon
	for name in 1print 2quiet 3fail 4print; do
		touch "$W/$name"
		sync_daemon
	done
	run -0 told logs r
	[ "$(grep -c '^---' <<<"$output")" = 3 ]
	[ "$(grep -v '^---' <<<"$output" | xargs)" = "$W/1print $W/4print" ]
	[[ ${lines[2]} == "--- run 3, r, "*": exit 1 after "* ]]
}

@test "logs keeps lines, tabs and letters, and lets nothing act on the terminal" {
	rules <<-'EOF'
		[odd]
		path = W/*
		command = printf 'a\tb\nc \303\274 \033[31mred\r\a\377\\'
	EOF
	sed -i "s|^path = W|path = $W|" "$RULES/rules.conf"
	start_daemon
	touch "$W/a"
	sync_daemon
	run -0 told logs odd
	[ "${lines[1]}" = $'a\tb' ]
	[ "${lines[2]}" = $'c \303\274 \\033[31mred\\015\\007\\377\\' ]
}

@test "logs says why a hook could not start" {
	outcome_rules
	start_daemon
	touch "$W/absent"
	sync_daemon
	run -0 told logs absent
	[[ ${lines[0]} == "--- run 1, absent, "*": could not start: No such file or directory" ]]
}

@test "logs keeps the end of a long output, and says that there was more" {
	rules <<-EOF
		[long]
		path = $W/*
		command = seq 10000
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	run -0 told logs 1
	[ "${lines[1]}" = "[what came before was not kept]" ]
	[ "${lines[-1]}" = 10000 ]
	[ "${#output}" -lt 5000 ]
}

@test "logs --json gives the runs with their output" {
	outcome_rules
	start_daemon
	touch "$W/good" "$W/quiet"
	sync_daemon
	[ "$(told logs --json good | jq -r '.[] | "\(.rule) \(.output)|"')" = $'good all is well\n|' ]
	[ "$(told logs --json quiet)" = "[]" ]
}

@test "logs of what is not there says so, exit 1" {
	outcome_rules
	start_daemon
	run -1 told logs 17
	[ "$output" = "fsmon: there is no run 17 in the history" ]
	run -1 told logs baad
	[ "$output" = 'fsmon: there is no rule "baad"; did you mean bad?' ]
	run -0 told logs bad
	[ "$output" = "no run that has printed anything or failed" ]
	run -2 told logs
	[ "$output" = "fsmon logs: one rule or the number of one run was expected (fsmon logs 17)" ]
}

# ---- rerun

@test "rerun runs the job of a run again, with its event and its actor" {
	seen_rule </dev/null
	start_daemon
	touch "$W/seen"
	sync_daemon
	rm "$W/seen"
	sync_daemon
	clear_hooks
	run -0 client rerun 1
	[[ $output =~ ^"run 1 is run again as job "[0-9]+$ ]]
	sync_daemon
	assert_hook_lines "close-write|$W/seen|touch|root"
	run -0 told runs --json
	jq -e 'length == 3 and .[2].job != .[0].job and .[2].path == .[0].path' <<<"$output"
}

@test "rerun after a restart of the daemon still knows the events" {
	seen_rule </dev/null
	start_daemon
	touch "$W/seen"
	sync_daemon
	stop_daemon
	start_daemon
	clear_hooks
	client rerun 1
	sync_daemon
	assert_hook_lines "close-write|$W/seen|touch|root"
}

@test "rerun of what cannot be run says why, exit 1; of what is no number, exit 2" {
	outcome_rules
	seen_rule </dev/null
	start_daemon
	touch "$W/seen"
	sync_daemon
	run -1 client rerun 17
	[ "$output" = "fsmon: there is no such run, or its events are not known any more" ]
	rm "$RULES/seen.conf"
	client reload
	run -1 client rerun 1
	[ "$output" = "fsmon: its rule is gone" ]
	run -2 client rerun seen
	[ "$output" = "fsmon rerun: 'seen' is no number of a run; fsmon runs shows them" ]
	run -2 client rerun
	[ "$output" = "fsmon rerun: the number of a run was expected (fsmon rerun 17)" ]
}

# ---- pause and resume

@test "a paused rule runs nothing until it is resumed, then one run for each path" {
	seen_rule </dev/null
	seen_rule other </dev/null
	start_daemon
	run -0 client pause seen
	[ "$output" = "paused: seen, until fsmon resume seen; events gather" ]
	touch "$W/seen1" "$W/other"
	sync_daemon
	touch "$W/seen1" "$W/seen2"
	sync_daemon
	assert_hook_lines "close-write|$W/other|touch|root"
	run -0 client resume seen
	[ "$output" = "resumed: seen; 2 jobs waited" ]
	sync_daemon
	[ "$(hook_count)" = 3 ]
	[ "$(hook_count "close-write|$W/seen1|touch|root")" = 1 ]
	[ "$(hook_count "close-write|$W/seen2|touch|root")" = 1 ]
}

@test "what gathers in a pause is one run with run-per = batch, and one an event with event" {
	seen_rule batch <<<"run-per = batch"
	seen_rule event <<<"run-per = event"
	start_daemon
	client pause batch
	client pause event
	for _ in 1 2 3; do
		touch "$W/batch1" "$W/batch2" "$W/event"
		sync_daemon
	done
	run -0 client resume batch
	[ "$output" = "resumed: batch; 1 job waited" ]
	run -0 client resume event
	[ "$output" = "resumed: event; 3 jobs waited" ]
	sync_daemon
	[ "$(grep -c /batch "$HOOKLOG")" = 1 ]
	[ "$(grep -c /event "$HOOKLOG")" = 3 ]
}

@test "a pause with a time ends by itself" {
	seen_rule </dev/null
	start_daemon
	run -0 client pause seen --for 300ms
	[[ $output =~ ^"paused: seen, for 300ms, until "[0-9:]{8}"; events gather"$ ]]
	touch "$W/seen"
	wait_until 20 assert_hook_line "close-write|$W/seen|touch|root"
	[ "$(field '.rules[0].paused')" = false ]
}

@test "to pause a paused rule replaces the time" {
	seen_rule </dev/null
	start_daemon
	client pause seen
	client pause seen --for 200ms
	touch "$W/seen"
	wait_until 20 assert_hook_line "close-write|$W/seen|touch|root"
}

@test "a run that is under way goes on in a pause" {
	mkfifo "$SCRATCH/gate"
	rules <<-EOF
		[gate]
		path = $W/**
		command = echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line in
	client pause gate
	echo go >"$SCRATCH/gate"
	sync_daemon
	assert_hook_lines in out
}

@test "a pause outlives a reload and a restart" {
	seen_rule </dev/null
	start_daemon
	client pause seen --for 1h
	client reload
	[ "$(field '.rules[0].state')" = paused ]
	stop_daemon
	start_daemon
	[ "$(field '.rules[0].state')" = paused ]
	touch "$W/seen"
	sync_daemon
	assert_hook_lines
	client resume seen
	sync_daemon
	assert_hook_lines "close-write|$W/seen|touch|root"
}

@test "status shows what is paused, and until when" {
	local until
	seen_rule </dev/null
	start_daemon
	client pause seen
	touch "$W/seen"
	sync_daemon
	run -0 client status
	grep -Exq 'seen +paused +1 +0 +0 +0 +0 +1 +0 +0' <<<"$output"
	grep -Fxq '    paused until fsmon resume seen' <<<"$output"
	[ "$(field '.rules[0] | "\(.state) \(.paused) \(.paused_until_ns)"')" = "paused true null" ]
	client pause seen --for 1d
	until=$(field '.rules[0].paused_until_ns / 1e9 | floor')
	((until > $(date +%s) + 86300 && until < $(date +%s) + 86500))
	client status | grep -Fxq "    paused until $(date -d "@$until" '+%F %T')"
}

@test "resume of a rule that is not paused says so, exit 0" {
	seen_rule </dev/null
	start_daemon
	run -0 client resume seen
	[ "$output" = "not paused: seen" ]
}

@test "pause and resume of a rule that there is not suggest one, exit 1" {
	seen_rule </dev/null
	start_daemon
	run -1 client pause sen
	[ "$output" = 'fsmon: there is no rule "sen"; did you mean seen?' ]
	run -1 client resume nothing-like-it
	[ "$output" = 'fsmon: there is no rule "nothing-like-it"' ]
	run -1 client pause $'\377'
	[[ $output == 'fsmon: there is no rule '* ]]
}

@test "pause without a rule or with a time that is none says what was expected, exit 2" {
	run -2 client pause
	[ "$output" = "fsmon pause: the name of a rule was expected (fsmon pause rebuild --for 2h)" ]
	run -2 client pause seen --for 2
	[ "$output" = 'fsmon: --for: the duration "2" has no unit; did you mean 2s?' ]
	run -2 client pause seen --for 0
	[ "$output" = "fsmon: --for: a pause of no time is none" ]
	run -2 client resume
	[ "$output" = "fsmon resume: the name of a rule was expected (fsmon resume rebuild)" ]
}

@test "pause, resume and rerun without a daemon say so, exit 1" {
	for verb in "pause seen" "resume seen" "rerun 1"; do
		# shellcheck disable=SC2086
		run -1 client $verb
		[[ ${lines[0]} == "fsmon: no daemon runs here ($RUNTIME/fsmon.sock: "* ]]
	done
}

# ---- status

@test "status --names prints the names of the rules and nothing else" {
	outcome_rules
	start_daemon
	run -0 client status --names
	[ "$(xargs <<<"$output")" = "good quiet bad killed absent" ]
}

@test "status stays within 110 columns" {
	rules <<-EOF
		[a-name-of-24-bytes-just-]
		path = $W/**
		command = true
	EOF
	start_daemon
	run -0 client status
	[ "$(wc -L <<<"$output")" -le 110 ]
}

@test "status says where the history is kept, and that the daemon is degraded without a disk" {
	seen_rule </dev/null
	start_daemon
	[ "$(field .store.where)" = disk ]
	stop_daemon
	rm -rf "$STATE"
	touch "$STATE"
	start_daemon
	[ "$(field '.store.where')" = memory ]
	[ "$(field .state)" = degraded ]
	[[ $(field '.reasons[0]') == "waiting jobs and the history are kept in memory only, "* ]]
	touch "$W/seen"
	sync_daemon
	run -0 told runs
	[ "${#lines[@]}" = 2 ]
}
