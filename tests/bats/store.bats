#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What outlives the daemon: jobs that wait, pauses and the history; and what becomes of that, and
# of hooks, where the disk is full, read-only or broken.

bats_require_minimum_version 1.5.0
load helper
load rules

setup() {
	need_root
	need_command jq
	setup_daemon
	make_gate
}

teardown() {
	cleanup
}

# A rule whose hooks, one after the other, say "in NAME ATTEMPT", wait to be let go, and say "out".
gate_rule() {
	rule gate "$W/*" <<-EOF
		command = echo "in \${FSMON_PATH##*/} \$FSMON_ATTEMPT" >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo "out \${FSMON_PATH##*/}" >>'$HOOKLOG'
	EOF
}

# A rule whose hook says "NAME ATTEMPT".
name_rule() {
	rule "${1:-name}" "$W/*" <<-EOF
		command = echo "\${FSMON_PATH##*/} \$FSMON_ATTEMPT" >>'$HOOKLOG'
	EOF
}

# The history as the JSON array that `fsmon runs` prints, with a daemon and without.
history() {
	"$FSMON" runs --runtime-dir "$RUNTIME" --state-dir "$STATE" --json | jq -s flatten
}

# assert_history [NAME:ATTEMPT:OUTCOME...]: these runs are in the history, in this order.
assert_history() {
	local got
	got=$(history | jq -r '.[] | "\(.path | sub(".*/"; "")):\(.attempt):\(.outcome)"')
	[ "$got" = "$([ $# = 0 ] || printf '%s\n' "$@")" ] && return 0
	printf 'history:\n%s\n' "$got"
	return 1
}

# How many runs of the history have an outcome.
history_count() {
	history | jq --arg outcome "$1" 'map(select(.outcome == $outcome)) | length'
}

# What has been put before is in the store when this returns.
stored() {
	client runs --json >"$SCRATCH/stored"
}

new_worker() {
	local pid
	pid=$(worker_pid 2>/dev/null) && [ "$pid" != "$1" ]
}

# Kill the worker, and wait until another one is at work.
kill_worker() {
	local worker
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
}

# Kill keeper and worker at once: the worker must not see the keeper go.
kill_both() {
	local worker
	worker=$(worker_pid)
	kill -STOP "$worker"
	kill -KILL "$DAEMON_PID" "$worker"
	await_daemon
	wait_until 20 not_running "$worker"
}

is_state() {
	[ "$(client status --json | jq -r .state)" = "$1" ]
}

# What the log says of the store's trouble, and of its end.
TROUBLE='error: .*fsmon\.db'
HEALED='fsmon\.db can be written again'

# The store has found by itself that it can go on.
heals() {
	wait_until 20 is_state running
	assert_log_count 1 "$TROUBLE"
	assert_log_count 1 "$HEALED"
	touch "$W/healed"
	sync_daemon
	assert_hook_line 'healed 1'
}

# After another start nothing that is done runs again.
assert_nothing_runs_again() {
	local count
	count=$(hook_count)
	stop_daemon
	start_daemon
	sync_daemon
	[ "$(hook_count)" = "$count" ]
	[ "$(rule_field name started)" = 0 ]
}

# ---- A clean end

@test "jobs that wait when the daemon ends are run after the next start, in order" {
	gate_rule
	start_daemon
	write_counted gate "$W/1" "$W/2" "$W/3" "$W/4"
	wait_until 20 assert_hook_line 'in 1 1'
	kill -TERM "$DAEMON_PID"
	assert_log 'stopping: waiting for 1 running hook'
	let_go
	await_daemon
	assert_log '3 waiting jobs are stored, and run after the next start'
	assert_hook_lines 'in 1 1' 'out 1'
	start_daemon
	let_go 3
	sync_daemon
	assert_log '3 jobs waited in the store'
	assert_hook_lines 'in 1 1' 'out 1' 'in 2 1' 'out 2' 'in 3 1' 'out 3' 'in 4 1' 'out 4'
	assert_history 1:1:ok 2:1:ok 3:1:ok 4:1:ok
}

@test "a batch that waits over a restart is one run, whose list names all its events" {
	rule batch "$W/*" <<-EOF
		run-per = batch
		stdin = paths
		command = echo "\$FSMON_COUNT" >>'$HOOKLOG'; cat >>'$HOOKLOG'
	EOF
	start_daemon
	client pause batch
	write_counted batch "$W/1" "$W/2" "$W/3"
	stop_daemon
	start_daemon
	write_counted batch "$W/4"
	client resume batch
	sync_daemon
	assert_hook_lines 4 "$W/1" "$W/2" "$W/3" "$W/4"
}

# A rule, of which standard input has more keys, whose hook says what it counts and lists.
list_rule() {
	rule list "$W/*" <<-EOF
		stdin = paths
		command = echo "\$FSMON_COUNT \${FSMON_TRUNCATED-0}:" \$(sed 's,.*/,,') >>'$HOOKLOG'; [ ! -e '$SCRATCH/hold' ] || read line <'$SCRATCH/gate'
		$(cat)
	EOF
}

# Four jobs of a paused rule, which $1 then makes a batch that can list two events.
join_four() {
	list_rule <<<"run-per = event"
	start_daemon
	client pause list
	write_counted list "$W"/{1,2,3,4}
	is_field list waiting 4
	list_rule <<<$'run-per = batch\nqueue-max = 2'
	"$1"
	is_field list waiting 1
	is_field list unlisted 2
	stored
	kill_both
	start_daemon
	client resume list
	sync_daemon
	assert_hook_lines "4 1: 3 4"
}

restart_daemon() {
	stop_daemon
	start_daemon
}

reload_daemon() {
	client reload
}

@test "jobs that join after a restart list what queue-max says, and come back like that" {
	join_four restart_daemon
}

@test "jobs that join at a reload list what queue-max says, and come back like that" {
	join_four reload_daemon
}

@test "a pause outlives a restart, and what waited for it is run when it ends" {
	name_rule
	start_daemon
	client pause name
	touch "$W/a"
	sync_daemon
	stop_daemon
	start_daemon
	assert_log '\[name\] still paused: fsmon resume name ends that'
	touch "$W/b"
	sync_daemon
	assert_hook_lines
	client resume name
	sync_daemon
	assert_hook_lines 'a 1' 'b 1'
}

@test "a pause that was ended does not come back" {
	name_rule
	start_daemon
	client pause name
	client resume name
	stop_daemon
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines 'a 1'
	refute_log 'still paused'
}

@test "a pause for a time ends at its time, also over a restart" {
	name_rule
	start_daemon
	client pause name --for 2s
	touch "$W/a"
	sync_daemon
	stop_daemon
	start_daemon
	wait_until 20 assert_hook_lines 'a 1'
}

@test "after a restart a hook is told of its event what it would have been told before" {
	local name=$'odd\n\e\xff name'
	for rule in now later; do
		rule "$rule" "$W/*" <<-EOF
			command = env -0 | grep -az ^FSMON_ | grep -azvE '^FSMON_(RULE|RUN_ID)=' | sort -z >'$SCRATCH/$rule'; stat -Lc %i /proc/self/fd/\$FSMON_FD >>'$SCRATCH/$rule'
		EOF
	done
	chmod 777 "$W"
	start_daemon
	client pause later
	as_user nobody touch "$W/$name"
	sync_daemon
	stop_daemon
	start_daemon
	client resume later
	sync_daemon
	[[ $(tr '\0' '|' <"$SCRATCH/now") == *"|FSMON_PATH=$W/$name|"*"|FSMON_USER=nobody|"* ]]
	cmp "$SCRATCH/now" "$SCRATCH/later"
}

@test "numbers of runs are not used again" {
	rule name "$W/*" <<<"command = echo \$FSMON_RUN_ID >>'$HOOKLOG'"
	start_daemon
	touch "$W/a"
	sync_daemon
	stop_daemon
	start_daemon
	touch "$W/b"
	sync_daemon
	assert_hook_lines 1 2
}

@test "jobs of a rule that is gone at the next start are not run, and the log says so" {
	name_rule
	name_rule other
	start_daemon
	client pause name
	client pause other
	touch "$W/a"
	sync_daemon
	stop_daemon
	rm "$RULES/name.conf"
	start_daemon
	assert_log "\\[name\\] warning: not run for $W/a: the rule is gone, or disabled"
	client resume other
	sync_daemon
	assert_hook_lines 'a 1'
	# Nor later, when there is such a rule again.
	name_rule
	client reload
	stop_daemon
	start_daemon
	sync_daemon
	assert_hook_lines 'a 1'
}

@test "jobs of a rule that is disabled at the next start are not run, and the log says so" {
	name_rule
	start_daemon
	client pause name
	touch "$W/a"
	sync_daemon
	stop_daemon
	echo 'enabled = no' >>"$RULES/name.conf"
	start_daemon
	assert_log "\\[name\\] warning: not run for $W/a: the rule is gone, or disabled"
	assert_hook_lines
}

@test "jobs of a rule whose file has an error at the start wait, and run when it is mended" {
	name_rule
	name_rule other
	start_daemon
	client pause name
	client pause other
	touch "$W/a" "$W/b"
	sync_daemon
	stop_daemon
	cp "$RULES/name.conf" "$SCRATCH/good"
	echo 'nonsense = 1' >>"$RULES/name.conf"
	start_daemon
	assert_log '\[name\] warning: 2 jobs wait on for this rule, which is missing: a file with an error was left out'
	refute_log 'not run for'
	client status | grep -Fq '[name] is missing, because a file with an error was left out; jobs that wait for it: 2'
	[ "$(client status --json | jq -c .absent)" = '[{"name":"name","waiting":2}]' ]
	client resume other
	touch "$W/c"
	sync_daemon
	assert_hook_lines 'a 1' 'b 1' 'c 1'
	# Nor are they lost by another such start, or by both being killed.
	stop_daemon
	start_daemon
	stored
	kill_both
	start_daemon
	[ "$(client status --json | jq -c .absent)" = '[{"name":"name","waiting":2}]' ]
	clear_hooks
	run -2 client reload
	cp "$SCRATCH/good" "$RULES/name.conf"
	client reload
	[ "$(client status --json | jq -c .absent)" = '[]' ]
	[ "$(rule_field name waiting)" = 2 ]
	client resume name
	sync_daemon
	assert_hook_lines 'a 1' 'b 1'
}

@test "jobs that a faulty file kept waiting run after a start with the file mended" {
	name_rule
	gate_rule
	start_daemon
	client pause name
	write_counted gate "$W/a" "$W/b"
	wait_until 20 assert_hook_line 'in a 1'
	stored
	kill_both
	let_go
	wait_until 20 assert_hook_line 'out a'
	for file in name gate; do
		mv "$RULES/$file.conf" "$SCRATCH/"
		echo faulty >"$RULES/$file.conf"
	done
	start_daemon
	[ "$(client status --json | jq -c .absent)" = '[{"name":"gate","waiting":2},{"name":"name","waiting":2}]' ]
	stop_daemon
	mv "$SCRATCH"/{name,gate}.conf "$RULES/"
	clear_hooks
	start_daemon
	client resume name
	let_go 2
	sync_daemon
	[ "$(sort "$HOOKLOG")" = $'a 1\nb 1\nin a 2\nin b 1\nout a\nout b' ]
}

# ---- Two daemons

# A second daemon, with a runtime directory of its own, on the same state directory.
second_daemon() {
	"$FSMON" run -c "$CONF" -d "$RULES" --state-dir "$STATE" --runtime-dir "$SCRATCH/run2" </dev/null 3>&-
}

@test "a second daemon on the same state directory is refused, and takes nothing" {
	local first
	name_rule
	start_daemon
	first=$DAEMON_PID
	client pause name
	touch "$W/a"
	sync_daemon
	run -1 second_daemon
	[ "$output" = "fsmon: $STATE: another fsmon (pid $first) uses this state directory: stop that one first, or choose another directory with --state-dir" ]
	# Neither a change of worker nor a hook that is left behind is in the way of that.
	kill_worker
	run -1 second_daemon
	client resume name
	sync_daemon
	assert_hook_lines 'a 1'
}

@test "the state directory is free again once the daemon is killed, though its hooks live" {
	gate_rule
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line 'in a 1'
	kill_both
	start_daemon
	let_go 2
	sync_daemon
}

@test "a start right after the death of the keeper waits for what its worker still writes" {
	local worker
	name_rule
	start_daemon
	worker=$(worker_pid)
	client pause name
	write_counted name "$W"/{1..20}
	kill -STOP "$worker"
	kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" || :
	{
		wait_until 20 eval 'log_has 2 "ready: " || log_has 1 "waiting for the worker"'
		kill -CONT "$worker"
	} 3>&- &
	start_daemon
	[ "$(rule_field name waiting)" = 20 ]
	assert_log '20 jobs waited in the store'
	# The first line of the new daemon comes after the last of the old one.
	grep -E 'are stored|ready: ' "$LOG" | sed -n 2p | grep -q 'are stored'
}

@test "a dry run may use the state directory of a daemon, and verbs read it" {
	local first
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	first=$DAEMON_PID
	RUNTIME=$SCRATCH/dry start_daemon --dry-run
	stop_daemon
	DAEMON_PID=$first
	"$FSMON" runs --runtime-dir "$SCRATCH/none" --state-dir "$STATE" | grep -q "$W/a"
}

# ---- Killed

@test "jobs that wait are not lost with the worker, and run once each, in order" {
	gate_rule
	start_daemon
	write_counted gate "$W/1" "$W/2" "$W/3"
	wait_until 20 assert_hook_line 'in 1 1'
	stored
	kill_worker
	let_go 3
	sync_daemon
	assert_hook_lines 'in 1 1' 'out 1' 'in 2 1' 'out 2' 'in 3 1' 'out 3'
	assert_history 1:1:ok 2:1:ok 3:1:ok
}

@test "what sync has waited for, and a pause, outlive a worker that is killed at once" {
	local worker
	name_rule
	start_daemon
	worker=$(worker_pid)
	client pause name
	echo >"$W/a"
	sync_daemon
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	sync_daemon
	[ "$(rule_field name waiting)" = 1 ]
	client resume name
	sync_daemon
	assert_hook_lines 'a 1'
}

@test "no number is used twice, and no run fails, though workers die in the midst of runs" {
	local worker i count
	rule name "$W/*" <<-EOF
		parallel = 8
		command = echo "\$FSMON_RUN_ID" >>'$HOOKLOG'
	EOF
	start_daemon
	for i in 1 2 3 4; do
		worker=$(worker_pid)
		count=$(hook_count)
		touch "$W/$i"-{1..400}
		until [ "$(hook_count)" -gt $((count + 3)) ]; do :; done
		kill -KILL "$worker"
		wait_until 20 new_worker "$worker"
	done
	touch "$W/last"
	sync_daemon
	[ -z "$(sort "$HOOKLOG" | uniq -d)" ]
	[ "$(history_count could-not-start)" = 0 ]
	refute_log 'could not start'
}

@test "a run that goes on under another worker has its true start and duration" {
	local before
	gate_rule
	start_daemon
	write_counted gate "$W/1"
	wait_until 20 assert_hook_line 'in 1 1'
	stored
	before=$(history | jq '.[0].started_ns')
	kill_worker
	let_go
	sync_daemon
	[ "$(history | jq '.[0].started_ns')" = "$before" ]
	# The next worker starts 100 ms after the end of the first.
	[ "$(history | jq '.[0].duration_ns > 100000000')" = true ]
}

@test "how a run ended while there was no worker is in the history" {
	local worker
	rule gate "$W/*" <<-EOF
		command = echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo last words; exit 3
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line in
	stored
	worker=$(worker_pid)
	# The hook ends while the worker cannot hear of it, and never will.
	kill -STOP "$worker"
	let_go
	wait_until 20 eval '! pgrep -f "read line <.$SCRATCH/gate"'
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	sync_daemon
	assert_hook_lines in
	assert_history a:1:exit
	[ "$(history | jq '.[0].status')" = 3 ]
	client logs 1 | grep -Fq 'last words'
}

@test "an event during a run whose worker was killed is followed by another run" {
	gate_rule
	start_daemon
	write_counted gate "$W/a"
	wait_until 20 assert_hook_line 'in a 1'
	write_counted gate "$W/a"
	stored
	kill_worker
	write_counted gate "$W/b"
	let_go 3
	sync_daemon
	assert_hook_lines 'in a 1' 'out a' 'in a 1' 'out a' 'in b 1' 'out b'
}

@test "a run that nobody knows the end of is run again, as the next attempt" {
	gate_rule
	start_daemon
	write_counted gate "$W/a" "$W/b"
	wait_until 20 assert_hook_line 'in a 1'
	stored
	kill_both
	# It did end.
	let_go
	wait_until 20 assert_hook_line 'out a'
	start_daemon
	wait_until 20 assert_hook_line 'in a 2'
	let_go 2
	sync_daemon
	assert_hook_lines 'in a 1' 'out a' 'in a 2' 'out a' 'in b 1' 'out b'
	assert_history a:1:lost a:2:ok b:1:ok
	assert_log '\[gate#1\] warning: its end is not known'
}

@test "what a run that was restarted does not list any more does not come back" {
	list_rule <<<$'run-per = batch\nqueue-max = 2\non-busy = restart'
	touch "$SCRATCH/hold"
	start_daemon
	for i in 1 2 3; do
		write_each "$W/$i"
		wait_until 20 eval '[ "$(hook_count)" = $i ]'
	done
	stored
	kill_both
	clear_hooks
	rm "$SCRATCH/hold"
	start_daemon
	sync_daemon
	assert_hook_lines "3 1: 2 3"
}

@test "what ended before both were killed is not run again" {
	name_rule
	start_daemon
	touch "$W/a" "$W/b"
	sync_daemon
	stored
	kill_both
	start_daemon
	sync_daemon
	assert_hook_lines 'a 1' 'b 1'
	assert_history a:1:ok b:1:ok
}

@test "no number is used twice, though both are killed right after it was" {
	local worker i
	rule name "$W/*" <<<"command = echo \$FSMON_RUN_ID >>'$HOOKLOG'"
	for i in 1 2 3; do
		start_daemon
		worker=$(worker_pid)
		touch "$W/$i"
		until [ "$(hook_count)" -ge $i ]; do :; done
		kill -KILL "$worker" "$DAEMON_PID"
		await_daemon
		wait_until 20 not_running "$worker"
	done
	[ -z "$(sort "$HOOKLOG" | uniq -d)" ]
	# With a clean end they go on one after the other.
	start_daemon
	clear_hooks
	touch "$W/a"
	sync_daemon
	restart_daemon
	touch "$W/b"
	sync_daemon
	[ "$(sed -n 2p "$HOOKLOG")" = $(($(sed -n 1p "$HOOKLOG") + 1)) ]
}

# Ask for something, and kill both as soon as there is an answer; then start again.
kill_after() {
	local worker
	worker=$(worker_pid)
	client "$@"
	kill -KILL "$worker" "$DAEMON_PID"
	await_daemon
	wait_until 20 not_running "$worker"
	start_daemon
}

@test "what pause, rerun and resume have answered for outlives both when they are killed" {
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	kill_after pause name
	is_field name paused true
	kill_after rerun 1
	is_field name waiting 1
	kill_after resume name
	is_field name paused false
	sync_daemon
	# It may have run before the kill, and then nobody knows its end.
	[ "$(hook_count)" -ge 2 ]
}

@test "a pause outlives both when they are killed" {
	name_rule
	start_daemon
	client pause name
	touch "$W/a"
	sync_daemon
	stored
	kill_both
	start_daemon
	assert_hook_lines
	client resume name
	sync_daemon
	assert_hook_lines 'a 1'
}

@test "jobs that wait are kept when the worker dies while an editor writes their rule" {
	name_rule
	start_daemon
	client pause name
	touch "$W/a"
	sync_daemon
	stored
	echo '[nam' >"$RULES/name.conf"
	kill_worker
	client resume name
	sync_daemon
	assert_hook_lines 'a 1'
}

# ---- The disk is full

# The state directory is on a filesystem of 1 MiB.
small_state() {
	loop_fs tmpfs 1M strictatime
	STATE=$FS/state
	mkdir "$STATE"
}

# Leave no room on it.
fill() {
	! dd if=/dev/zero of="$FS/fill" bs=1k status=none 2>/dev/null
}

# The store has looked at the database again since it was read at that time.
has_tried() {
	[ "$(stat -c %.X "$STATE/fsmon.db")" != "$1" ]
}

@test "the disk fills up: hooks go on, it is said once, and it heals with all that was" {
	small_state
	name_rule
	start_daemon
	touch "$W/before"
	sync_daemon
	stored
	fill
	write_each "$W"/{1..50}
	sync_daemon
	stored
	[ "$(hook_count)" = 51 ]
	is_state degraded
	[ "$(history_count ok)" = 51 ]
	wait_until 20 has_tried "$(stat -c %.X "$STATE/fsmon.db")"
	assert_log_count 1 "$TROUBLE"
	rm "$FS/fill"
	heals
	assert_nothing_runs_again
	[ "$(history_count ok)" = 52 ]
}

@test "the disk is full at the start: hooks run, it is said once, and it heals" {
	small_state
	fill
	name_rule
	start_daemon
	write_each "$W"/{1..20}
	sync_daemon
	[ "$(hook_count)" = 20 ]
	is_state degraded
	assert_log_count 1 "$TROUBLE"
	rm "$FS/fill"
	heals
	assert_nothing_runs_again
	[ "$(history_count ok)" = 21 ]
}

@test "jobs that came to wait while the disk was full outlive the daemon once it is not" {
	small_state
	name_rule
	gate_rule
	start_daemon
	client pause gate
	fill
	write_each "$W"/{1..100}
	sync_daemon
	wait_until 20 is_state degraded
	rm "$FS/fill"
	stop_daemon
	refute_log 'are lost'
	start_daemon
	client resume gate
	let_go 100
	sync_daemon
	[ "$(grep -c '^in' "$HOOKLOG")" = 100 ]
}

@test "where the disk is full to the end, the log says what is lost" {
	small_state
	fill
	name_rule
	start_daemon
	client pause name
	write_each "$W"/{1..20}
	sync_daemon
	stop_daemon
	[ "$DAEMON_STATUS" = 0 ]
	assert_log 'error: 20 waiting jobs are lost: the store could not be written'
}

# ---- The disk is read-only

@test "the disk becomes read-only: hooks go on, and it heals when it can be written" {
	loop_fs ext4 16M
	STATE=$FS
	name_rule
	start_daemon
	touch "$W/before"
	sync_daemon
	stored
	# As after an error on the disk.
	mount -o remount,abort "$FS"
	write_each "$W"/{1..20}
	sync_daemon
	stored
	[ "$(hook_count)" = 21 ]
	is_state degraded
	[ "$(history_count ok)" = 21 ]
	mount -t tmpfs tmpfs "$FS"
	heals
	assert_nothing_runs_again
	[ "$(history_count ok)" = 22 ]
}

@test "a disk that is read-only from the start does not keep hooks from running" {
	loop_fs tmpfs 16M ro
	STATE=$FS
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines 'a 1'
	is_state degraded
	assert_log_count 1 "$TROUBLE"
	mount -o remount,rw "$FS"
	heals
	assert_nothing_runs_again
}

# ---- The database is gone

@test "the database is deleted while the daemon runs: all of it is written anew" {
	name_rule
	rule waits "$W/*" <<<"command = echo \"waited for \${FSMON_PATH##*/}\" >>'$HOOKLOG'"
	start_daemon
	client pause waits
	touch "$W/a"
	sync_daemon
	stored
	rm "$STATE"/fsmon.db*
	touch "$W/b"
	sync_daemon
	stored
	[ -s "$STATE/fsmon.db" ]
	assert_log_count 1 'fsmon\.db.*(deleted|gone)'
	is_state running
	stop_daemon
	start_daemon
	client resume waits
	sync_daemon
	assert_hook_lines 'a 1' 'b 1' 'waited for a' 'waited for b'
	[ "$(history_count ok)" = 4 ]
}

@test "the state directory is removed: hooks go on, and it heals when it is there again" {
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	stored
	rm -r "$STATE"
	touch "$W/b"
	sync_daemon
	stored
	assert_hook_lines 'a 1' 'b 1'
	[ -e "$STATE" ] || mkdir "$STATE"
	heals
	assert_nothing_runs_again
	[ "$(history_count ok)" = 3 ]
}

# ---- The database is broken

garbage() {
	head -c "${1:-65536}" /dev/urandom
}

@test "the database is garbage at the start: it is kept aside, and hooks run" {
	garbage >"$STATE/fsmon.db"
	cp "$STATE/fsmon.db" "$SCRATCH/garbage"
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines 'a 1'
	cmp "$STATE/fsmon.db.broken" "$SCRATCH/garbage"
	assert_log_count 1 'fsmon\.db\.broken'
	is_state running
	assert_nothing_runs_again
	assert_history a:1:ok
}

@test "the database is cut off at the start: hooks run" {
	name_rule
	start_daemon
	write_each "$W"/{1..50}
	sync_daemon
	stop_daemon
	truncate -s 20000 "$STATE/fsmon.db"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_line 'a 1'
	[ "$(hook_count)" = 51 ]
	is_state running
	assert_nothing_runs_again
	history | jq -e '.[-1].path | endswith("/a")'
}

@test "the database is overwritten with garbage while the daemon runs: no job is lost" {
	name_rule
	rule waits "$W/*" <<<"command = echo \"waited for \${FSMON_PATH##*/}\" >>'$HOOKLOG'"
	start_daemon
	client pause waits
	touch "$W/a"
	sync_daemon
	stored
	garbage 1048576 >"$SCRATCH/garbage"
	dd if="$SCRATCH/garbage" of="$STATE/fsmon.db" conv=notrunc status=none
	dd if="$SCRATCH/garbage" of="$STATE/fsmon.db-wal" conv=notrunc status=none
	touch "$W/b"
	sync_daemon
	stored
	stop_daemon
	start_daemon
	client resume waits
	sync_daemon
	assert_hook_lines 'a 1' 'b 1' 'waited for a' 'waited for b'
	[ -e "$STATE/fsmon.db.broken" ]
	assert_log_count 1 'fsmon\.db\.broken'
	is_state running
}

@test "every file of the database is emptied while the daemon runs: hooks go on" {
	local file
	name_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	stored
	for file in "$STATE"/fsmon.db*; do
		: >"$file"
	done
	touch "$W/b"
	wait_until 20 assert_hook_line 'b 1'
	# This may cost the worker its life, as what it has mapped is gone.
	wait_until 20 stored
	wait_until 20 is_state running
	touch "$W/c"
	sync_daemon
	assert_nothing_runs_again
	history | jq -e '.[-1].path | endswith("/c")'
}

@test "a database of a newer fsmon is left alone, and hooks run" {
	name_rule
	start_daemon
	stop_daemon
	printf '\x7f\xff\xff\xff' | dd of="$STATE/fsmon.db" bs=1 seek=60 conv=notrunc status=none
	cp "$STATE/fsmon.db" "$SCRATCH/newer"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines 'a 1'
	is_state degraded
	assert_log_count 1 "$TROUBLE.*newer"
	client status | grep -q newer
	stop_daemon
	cmp "$STATE/fsmon.db" "$SCRATCH/newer"
}
