#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# When hooks run: how many, how often, what for, and what becomes of those that fail.

bats_require_minimum_version 1.5.0
load helper
load rules

setup() {
	need_root
	setup_daemon
	make_gate
}

teardown() {
	cleanup
}

# ---- run-per = event

# A thousand files for a rule with that many runs at once: sees to it that each had its run.
burst() {
	rule burst "$W/*" <<-EOF
		run-per = event
		parallel = $1
		command = echo "in \${FSMON_PATH##*/}" >>'$HOOKLOG'; /bin/true; echo "out \${FSMON_PATH##*/}" >>'$HOOKLOG'
	EOF
	start_daemon
	seq -f "$W/%.0f" 1000 | xargs touch
	sync_daemon
	grep '^in' "$HOOKLOG" | sort | cmp - <(seq -f 'in %.0f' 1000 | sort)
	[ "$(hook_count)" = 2000 ]
	[ "$(rule_field burst ok)" = 1000 ]
	[ "$(most_at_once)" -le "$1" ]
}

@test "1,000 files at once, parallel = 1: a run for each, one after the other, in order" {
	burst 1
	cmp "$HOOKLOG" <(seq 1000 | sed 's/.*/in &\nout &/')
}

@test "1,000 files at once, parallel = 2: a run for each, never more than two at once" {
	burst 2
}

@test "1,000 files at once, parallel = 8: a run for each, never more than eight at once" {
	burst 8
}

@test "parallel = 3 lets three run, and a fourth when one of them has ended" {
	rule three "$W/*" <<-EOF
		parallel = 3
		command = echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted three "$W/1" "$W/2" "$W/3" "$W/4"
	wait_until 20 eval '[ "$(hook_count in)" = 3 ]'
	is_field three running 3
	is_field three waiting 1
	let_go
	wait_until 20 eval '[ "$(hook_count in)" = 4 ]'
	let_go 3
	sync_daemon
	[ "$(most_at_once)" = 3 ]
}

@test "parallel: two runs for one path never overlap" {
	rule one "$W/*" <<-EOF
		run-per = event
		parallel = 8
		command = echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted one "$W/a" "$W/a" "$W/a"
	wait_field one running 1
	is_field one waiting 2
	let_go 3
	sync_daemon
	[ "$(most_at_once)" = 1 ]
	[ "$(hook_count out)" = 3 ]
}

@test "rules take turns: one with much to do does not keep another waiting" {
	printf '[daemon]\nmax-parallel = 1\n' >"$CONF"
	mkdir "$W/many" "$W/few"
	for name in many few; do
		rule "$name" "$W/$name/*" <<-EOF
			command = read line <'$SCRATCH/gate'; echo "\${FSMON_PATH#$W/}" >>'$HOOKLOG'
		EOF
	done
	start_daemon
	write_counted many "$W"/many/{1,2,3,4}
	write_counted few "$W/few/1"
	let_go 5
	sync_daemon
	assert_hook_lines many/1 few/1 many/2 many/3 many/4
}

# ---- run-per = path

@test "run-per = path: events on one path that wait together make one run, each path its own" {
	rule path "$W/*" <<-EOF
		stdin = paths
		command = read line <'$SCRATCH/gate'; echo "\${FSMON_PATH##*/} \$FSMON_COUNT" \$(wc -l) >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted path "$W/first"
	wait_field path running 1
	write_counted path "$W/a" "$W/b" "$W/a" "$W/a"
	let_go 3
	sync_daemon
	assert_hook_lines "first 1 1" "a 3 3" "b 1 1"
}

# ---- run-per = batch, and what hooks read

# A rule for batches, that keeps what each run reads in $SCRATCH/lists/RUN, and its count.
batch_rule() {
	mkdir "$SCRATCH/lists"
	rule batch "$W/**" <<-EOF
		run-per = batch
		debounce = 200ms
		max-wait = 1min
		stdin = $1
		command = cat >"$SCRATCH/lists/\$FSMON_RUN_ID"; echo "\$FSMON_COUNT" >"$SCRATCH/lists/\$FSMON_RUN_ID.count"
	EOF
	start_daemon
}

# Names that are hard to tell apart from others, in one list.
make_odd_names() {
	local name
	for name in 'a b' $'new\nline' '"quoted"' "it's" 'back\slash' $'esc\e[31m' '*' $'caf\xc3\xa9'; do
		"$HELPERS/quickwrite" "$W/$name"
		printf '%s\0' "$W/$name" >>"$SCRATCH/odd"
	done
}

@test "run-per = batch: 5,000 files make few runs, whose lists name each file once" {
	batch_rule paths
	seq -f "$W/%.0f" 5000 >"$SCRATCH/names"
	xargs touch <"$SCRATCH/names"
	sync_daemon
	cat "$SCRATCH/lists/"*[0-9] | sort | cmp - <(sort "$SCRATCH/names")
	[ "$(rule_field batch started)" -le 5 ]
	for list in "$SCRATCH/lists/"*[0-9]; do
		[ "$(wc -l <"$list")" = "$(cat "$list.count")" ]
	done
}

@test "run-per = batch: what comes during a run waits for it, and makes one run" {
	rule batch "$W/*" <<-EOF
		run-per = batch
		parallel = 8
		stdin = paths
		command = read line <'$SCRATCH/gate'; echo "\$FSMON_COUNT" \$(sed 's|.*/||') >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted batch "$W/a"
	wait_field batch running 1
	write_counted batch "$W/b" "$W/c" "$W/a"
	is_field batch waiting 1
	let_go 2
	sync_daemon
	assert_hook_lines "1 a" "3 b c a"
}

@test "stdin = paths0 names every file, with newlines in its name too" {
	batch_rule paths0
	make_odd_names
	sync_daemon
	cat "$SCRATCH/lists/"*[0-9] | cmp - "$SCRATCH/odd"
}

@test "stdin = json: an object a line, with path, event and actor" {
	batch_rule json
	make_odd_names
	sync_daemon
	cat "$SCRATCH/lists/"*[0-9] >"$SCRATCH/json"
	[ "$(wc -l <"$SCRATCH/json")" = 8 ]
	jq -j '.path + "\u0000"' "$SCRATCH/json" | cmp - "$SCRATCH/odd"
	[ "$(jq -c '[.event, .cmd, .user, .uid, .depth]' "$SCRATCH/json" | sort -u)" = \
		'["close-write","quickwrite","root",0,0]' ]
}

@test "stdin = json: a name that is not UTF-8 comes back byte for byte" {
	need_command python3
	batch_rule json
	"$HELPERS/quickwrite" "$W"/$'\xff\xc3(\xe2\x82'
	sync_daemon
	cat "$SCRATCH/lists/"*[0-9] |
		python3 -c 'import json, os, sys; sys.stdout.buffer.write(os.fsencode(json.loads(sys.stdin.buffer.read())["path"]))' |
		cmp - <(printf '%s/\xff\xc3(\xe2\x82' "$W")
}

@test "what a hook reads is a file: it can be read twice, and has no name" {
	rule twice "$W/*" <<-EOF
		stdin = paths
		command = cat >'$SCRATCH/one'; cat /proc/self/fd/0 >'$SCRATCH/two'; stat -Lc %h /proc/self/fd/0 >'$SCRATCH/links'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(cat "$SCRATCH/one")" = "$W/a" ]
	cmp "$SCRATCH/one" "$SCRATCH/two"
	[ "$(cat "$SCRATCH/links")" = 0 ]
}

@test "a batch of more events than queue-max counts them all, and says that its list is cut" {
	rule batch "$W/*" <<-EOF
		run-per = batch
		queue-max = 3
		stdin = paths
		command = echo "\$FSMON_COUNT \${FSMON_TRUNCATED-no} \$(wc -l)" >>'$HOOKLOG'; read line <'$SCRATCH/gate'
	EOF
	start_daemon
	write_counted batch "$W/a"
	wait_field batch running 1
	write_counted batch "$W"/{b,c,d,e,f}
	let_go 2
	sync_daemon
	assert_hook_lines "1 no 1" "5 1 3"
}

# ---- An event while the hook runs

@test "an event during a run is followed by another run, for each run-per" {
	for per in event path batch; do
		mkdir "$W/$per"
		rule "$per" "$W/$per/*" <<-EOF
			run-per = $per
			command = echo in >>'$SCRATCH/$per'; read line <'$SCRATCH/gate'; echo out >>'$SCRATCH/$per'
		EOF
	done
	start_daemon
	for per in event path batch; do
		write_counted "$per" "$W/$per/f"
		wait_field "$per" running 1
		write_counted "$per" "$W/$per/f"
	done
	let_go 6
	sync_daemon
	for per in event path batch; do
		[ "$(tr '\n' ' ' <"$SCRATCH/$per")" = "in out in out " ]
	done
}

@test "an event at any moment of a run is followed by another run, 100 times, for each on-busy" {
	local round name busy
	for busy in queue restart "signal USR1"; do
		name=${busy%% *}
		rule "$name" "$W/$name" <<-EOF
			breaker = none
			on-busy = $busy
			command = trap '' USR1; cat "\$FSMON_PATH" >'$SCRATCH/$name'; /bin/true
		EOF
	done
	start_daemon
	for round in {1..100}; do
		echo first | tee "$W/queue" "$W/restart" >"$W/signal"
		# Not to wait for anything, but to hit another moment each time.
		read -rt "0.00$((RANDOM % 8))" -u "$PAUSE_FD" || :
		echo "$round" | tee "$W/queue" "$W/restart" >"$W/signal"
		sync_daemon
		for name in queue restart signal; do
			[ "$(cat "$SCRATCH/$name")" = "$round" ]
		done
	done
}

@test "on-busy = drop: what comes during a run is counted and makes no run, what comes later does" {
	rule drop "$W/*" <<-EOF
		on-busy = drop
		command = echo "in \$FSMON_COUNT" >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted drop "$W/f"
	wait_field drop running 1
	write_counted drop "$W/f" "$W/f"
	is_field drop dropped 2
	is_field drop waiting 0
	let_go 2
	sync_daemon
	assert_hook_lines "in 1" out
	write_each "$W/f"
	sync_daemon
	assert_hook_lines "in 1" out "in 1" out
}

@test "on-busy = signal: the hook gets it, and another run follows" {
	rule signal "$W/*" <<-EOF
		on-busy = signal USR1
		command = trap 'echo usr1 >>"$HOOKLOG"' USR1
		  (trap '' USR1; read line <'$SCRATCH/gate') &
		  echo in >>'$HOOKLOG'
		  until wait \$!; do :; done
		  echo out >>'$HOOKLOG'
	EOF
	start_daemon
	write_each "$W/f"
	wait_until 20 assert_hook_line in
	write_each "$W/f"
	wait_until 20 assert_hook_line usr1
	let_go 2
	sync_daemon
	assert_hook_lines in usr1 out in out
}

@test "on-busy = restart: the old run and what it has started are gone before the new one begins" {
	cat >"$SCRATCH/job" <<-EOF
		#!/bin/sh
		for pid in \$(cat '$SCRATCH/pids'); do
			! grep -s '^State:.[^ZX]' "/proc/\$pid/status" >>'$HOOKLOG'
		done
		echo begin >>'$HOOKLOG'
		[ ! -s '$SCRATCH/pids' ] || exit 0
		setsid sh -c 'trap "" TERM; echo \$\$ >>"$SCRATCH/pids"; read line <"$SCRATCH/gate"' &
		echo \$\$ >>'$SCRATCH/pids'
		wait
		echo end >>'$HOOKLOG'
	EOF
	chmod 755 "$SCRATCH/job"
	touch "$SCRATCH/pids"
	rule restart "$W/*" <<-EOF
		on-busy = restart
		stop-timeout = 200ms
		command = $SCRATCH/job
	EOF
	start_daemon
	write_each "$W/f"
	wait_until 20 eval '[ "$(wc -l <"$SCRATCH/pids")" = 2 ]'
	write_each "$W/f"
	sync_daemon
	assert_hook_lines begin begin
	assert_log '\[restart#1] stopped after [0-9]+ ms: a newer event came'
	is_field restart restarted 1
	is_field restart failed 0
	is_field restart ok 1
}

@test "on-busy = restart: the new run is told of the old one's events too" {
	rule restart "$W/*" <<-EOF
		on-busy = restart
		run-per = batch
		stdin = paths
		command = echo "\$FSMON_COUNT" \$(sed 's|.*/||') >>'$HOOKLOG'; [ "\$FSMON_COUNT" = 2 ] || read line <'$SCRATCH/gate'
	EOF
	start_daemon
	write_each "$W/a"
	wait_until 20 assert_hook_line "1 a"
	write_each "$W/b"
	sync_daemon
	assert_hook_lines "1 a" "2 a b"
}

# ---- debounce, max-wait, throttle

# Write $W/live again and again until 200 ms have passed.
write_for_a_while() {
	local end=$(($(date +%s%N) + 200000000))
	while [ "$(date +%s%N)" -lt $end ]; do
		write_each "$W/live"
	done
}

@test "debounce: one run, that begins when nothing more came for so long" {
	local worker count=0 name events last began
	rule quiet "$W/*" <<-EOF
		debounce = 300ms
		command = began=\$(date +%s%N); echo "\${FSMON_PATH##*/} \$FSMON_COUNT \$(date -d "\$FSMON_TIME" +%s%N) \$began" >>'$HOOKLOG'
	EOF
	start_daemon
	# However slow the machine is, these come to the worker in one piece.
	worker=$(worker_pid)
	kill -STOP "$worker"
	write_each "$W/f" "$W/f" "$W/f" "$W/f" "$W/f"
	kill -CONT "$worker"
	sync_daemon
	[ "$(cut -d ' ' -f 1,2 "$HOOKLOG")" = "f 5" ]
	# And these do not, but no run begins too early after the last one that it is for.
	write_for_a_while
	sync_daemon
	while read -r name events last began; do
		[ $((began - last)) -ge 295000000 ]
		[ "$name" != live ] || count=$((count + events))
	done <"$HOOKLOG"
	is_field quiet matched $((count + 5))
	[ "$count" -gt 0 ]
}

# Write the file once more; true when the hook has run.
write_until_run() {
	write_each "$W/f"
	[ -s "$HOOKLOG" ]
}

@test "max-wait: steady writes do not put the run off for ever" {
	rule steady "$W/*" <<-EOF
		debounce = 1s
		max-wait = 700ms
		command = echo "\$FSMON_COUNT" >>'$HOOKLOG'
	EOF
	start_daemon
	wait_until 10 write_until_run
	[ "$(head -n 1 "$HOOKLOG")" -gt 1 ]
}

@test "throttle: not more runs than that in the time, and the rest waits and merges" {
	rule slow "$W/*" <<-EOF
		throttle = 2/500ms
		command = echo "\${FSMON_PATH##*/} \$FSMON_COUNT" >>'$HOOKLOG'
	EOF
	start_daemon
	write_each "$W/a" "$W/b"
	wait_until 20 eval '[ "$(hook_count)" = 2 ]'
	write_each "$W/c" "$W/d" "$W/c" "$W/d" "$W/e"
	sync_daemon
	assert_hook_lines "a 1" "b 1" "c 2" "d 2" "e 1"
	# The first of the third pair begins when that of the second is 500 ms old.
	[ "$(started_apart slow 2 | awk '$1 < 0.49' | wc -l)" = 0 ]
}

# ---- retry and on-failure

@test "retry: the attempts are counted, the delay doubles, and then on-failure runs" {
	rule again "$W/*" <<-EOF
		retry = 2
		retry-delay = 200ms
		command = echo "attempt \$FSMON_ATTEMPT" | tee -a '$HOOKLOG'; exit 7
		on-failure = echo "\$FSMON_REASON \$FSMON_STATUS:" \$FSMON_OUTPUT >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	# Which waits for on-failure, too.
	assert_hook_lines "attempt 1" "attempt 2" "attempt 3" "exit 7: attempt 3"
	is_field again retried 2
	is_field again failed 3
	# By chance a quarter more or less; and what is left of it is said, so that it is less yet
	# where the machine is slow.
	sed -n "s|.*\[again] retry \([12]\) of 2 in \([0-9]*\)ms: $W/a\$|\1 \2|p" "$LOG" >"$SCRATCH/delays"
	awk '$1 != NR || $2 > 250 * NR { exit bad = 1 } END { exit bad || NR != 2 }' "$SCRATCH/delays"
	started_apart again 1 | head -n 2 | tr '\n' ' ' >"$SCRATCH/apart"
	awk '{ exit !($1 >= 0.15 && $2 >= 0.3) }' "$SCRATCH/apart"
}

@test "retry-delay = 0: the next attempt follows at once, and the log says so" {
	rule again "$W/*" <<-EOF
		retry = 1
		retry-delay = 0
		command = echo "attempt \$FSMON_ATTEMPT" >>'$HOOKLOG'; exit 1
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines "attempt 1" "attempt 2"
	assert_log '\[again] retry 1 of 1 in 0ms: '"$W/a"'$'
}

@test "retry: an attempt that succeeds is the last, and nothing has failed" {
	rule again "$W/*" <<-EOF
		retry = 5
		retry-delay = 10ms
		command = echo "attempt \$FSMON_ATTEMPT" >>'$HOOKLOG'; [ "\$FSMON_ATTEMPT" = 2 ]
		on-failure = echo failed >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines "attempt 1" "attempt 2"
	is_field again ok 1
}

@test "retry: an event that comes meanwhile takes the failed one's along, at once" {
	rule again "$W/*" <<-EOF
		retry = 1
		retry-delay = 1h
		stdin = paths
		command = echo "\$FSMON_ATTEMPT \$FSMON_COUNT" >>'$HOOKLOG'; [ "\$FSMON_COUNT" = 2 ]
	EOF
	start_daemon
	write_each "$W/a"
	wait_until 20 assert_log 'retry 1 of 1 in '
	write_each "$W/a"
	sync_daemon
	assert_hook_lines "1 1" "2 2"
}

@test "retry: what always fails comes to on-failure though there are always new events" {
	rule again "$W/*" <<-EOF
		retry = 1
		retry-delay = 1h
		command = echo "run \$FSMON_COUNT" >>'$HOOKLOG'; read line <'$SCRATCH/gate'; exit 7
		on-failure = echo "\$FSMON_REASON \$FSMON_COUNT" >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted again "$W/a"
	wait_until 20 assert_hook_line "run 1"
	write_counted again "$W/a"
	let_go
	wait_until 20 assert_hook_line "run 2"
	write_counted again "$W/a"
	let_go
	wait_until 20 assert_hook_line "exit 2"
	wait_until 20 eval '[ "$(hook_count "run 1")" = 2 ]'
	[ "$(hook_count)" = 4 ]
	let_go
}

@test "on-failure is told the reason: exit, signal, timeout, could-not-start" {
	mkdir "$W"/{exit,signal,timeout,missing}
	printf '[daemon]\n[defaults]\non-failure = echo "$FSMON_RULE $FSMON_REASON $FSMON_STATUS ${FSMON_PATH##*/} $FSMON_CMD" >>%s\n' \
		"$HOOKLOG" >"$CONF"
	rule exit "$W/exit/*" <<<"command = exit 3"
	rule signal "$W/signal/*" <<<"command = kill -SEGV \$\$"
	rule missing "$W/missing/*" <<<"command = /no/such/program"
	rule timeout "$W/timeout/*" <<-EOF
		timeout = 200ms
		command = read line <'$SCRATCH/gate'
	EOF
	start_daemon
	write_each "$W"/{exit,signal,timeout,missing}/a
	wait_until 20 eval '[ "$(hook_count)" = 4 ]'
	sort "$HOOKLOG" | diff - <(printf '%s\n' \
		"exit exit 3 a quickwrite" "missing could-not-start 127 a quickwrite" \
		"signal signal 139 a quickwrite" "timeout timeout 143 a quickwrite")
	assert_log '\[timeout#[0-9]+] warning: stopped after [0-9]+ ms: its timeout was over'
	assert_log '\[exit#[0-9]+] on-failure: close-write .* by quickwrite'
}

@test "on-failure gets the last 4 KiB of what the hook printed" {
	rule loud "$W/*" <<-EOF
		command = seq 100000; exit 1
		on-failure = printf %s "\$FSMON_OUTPUT" >'$SCRATCH/output'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 is_field loud on_failure 1
	[ "$(stat -c %s "$SCRATCH/output")" = 4096 ]
	seq 100000 | tail -c 4096 | cmp - "$SCRATCH/output"
}

@test "an on-failure that fails is a failed run, and nothing more" {
	rule both "$W/*" <<-EOF
		command = exit 1
		retry = 1
		retry-delay = 10ms
		on-failure = echo "\$FSMON_RULE" >>'$HOOKLOG'; exit 2
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_log 'warning: exit 2 after'
	sync_daemon
	assert_hook_lines both
}

@test "queue-max: what is restarted again and again lists its newest events, and counts all" {
	rule list "$W/*" <<-EOF
		run-per = batch
		queue-max = 3
		on-busy = restart
		stdin = paths
		command = echo "\$FSMON_COUNT \${FSMON_TRUNCATED-0}:" \$(sed 's,.*/,,') >>'$HOOKLOG'; read line <'$SCRATCH/gate'
	EOF
	start_daemon
	for i in 1 2 3 4 5; do
		write_each "$W/$i"
		wait_until 20 eval '[ "$(hook_count)" = $i ]'
	done
	assert_hook_lines "1 0: 1" "2 0: 1 2" "3 0: 1 2 3" "4 1: 2 3 4" "5 1: 3 4 5"
	is_field list unlisted 2
	let_go
	sync_daemon
	is_field list ok 1
}

@test "queue-max: what does not fit is dropped, counted and told once; on-failure runs once" {
	rule full "$W/*" <<-EOF
		queue-max = 2
		run-per = event
		command = read line <'$SCRATCH/gate'; echo "\${FSMON_PATH##*/}" >>'$HOOKLOG'
		on-failure = echo "\$FSMON_REASON<\$FSMON_STATUS>\${FSMON_PATH##*/}" >>'$HOOKLOG'
	EOF
	start_daemon
	write_counted full "$W/1"
	wait_field full running 1
	write_counted full "$W"/{2,3,4,5,6}
	wait_until 20 assert_hook_line "overflow<>4"
	is_field full dropped 3
	assert_log_count 1 'events are dropped'
	let_go 3
	sync_daemon
	assert_hook_lines "overflow<>4" 1 2 3
}

# ---- Load

# How many descriptors keeper and worker have open.
descriptors() {
	find "/proc/$DAEMON_PID/fd" "/proc/$(worker_pid)/fd" -mindepth 1 | wc -l
}

descriptors_at_most() {
	[ "$(descriptors)" -le "$1" ]
}

@test "1,000 hooks leave no zombie and no descriptor" {
	local before
	rule true "$W/*" <<<"command = true"
	start_daemon
	touch "$W/first"
	sync_daemon
	before=$(descriptors)
	seq -f "$W/%.0f" 1000 | xargs touch
	sync_daemon
	is_field true ok 1001
	[ -z "$(pgrep --runstates Z -P "$DAEMON_PID,$(worker_pid)")" ]
	# What the keeper remembers of a run it forgets when the store has it; a few cgroups, two
	# descriptors each, wait to be used again.
	wait_until 20 descriptors_at_most $((before + 20))
}

# A daemon whose log is the file or fifo $1.
log_into() {
	printf '#!/bin/sh\nexec "%s" "$@" 2>"%s"\n' "$FSMON" "$1" >"$SCRATCH/fsmon"
	chmod 755 "$SCRATCH/fsmon"
	FSMON=$SCRATCH/fsmon start_daemon
}

@test "100 MB of output blocks nothing, and its end is kept" {
	local pid
	rule flood "$W/flood" <<-EOF
		command = yes $(printf %0999d 0) | head -c 100000000; echo the end; exit 1
		on-failure = printf %s "\$FSMON_OUTPUT" >'$SCRATCH/output'
	EOF
	rule other "$W/other" <<<"command = $HOOK"
	log_into /dev/null
	touch "$W/flood"
	wait_field flood running 1
	touch "$W/other"
	wait_until 20 assert_hook_line "close-write|$W/other|touch|root"
	is_field flood running 1
	wait_until 60 is_field flood on_failure 1
	[ "$(tail -n 1 "$SCRATCH/output")" = "the end" ]
	[ "${MODE:-release}" = asan ] || [ "${MODE:-release}" = tsan ] ||
		for pid in "$DAEMON_PID" "$(worker_pid)"; do
			[ "$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")" -lt 50000 ]
		done
}

@test "output and hooks go on where nobody reads the log" {
	rule loud "$W/loud" <<<"command = seq 200000; echo done >>'$HOOKLOG'"
	mkfifo "$SCRATCH/unread"
	exec {unread}<>"$SCRATCH/unread"
	log_into "$SCRATCH/unread"
	touch "$W/loud"
	wait_until 20 assert_hook_line "done"
	sync_daemon
	[ "$(client status --json | jq .counters.log_lines_dropped)" -gt 0 ]
	exec {unread}<&-
}
