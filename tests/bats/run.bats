#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The life of the daemon: start, end, signals, a worker that dies, and what its log is like.

bats_require_minimum_version 1.5.0
load helper

setup() {
	need_root
	setup_daemon
}

teardown() {
	cleanup
}

hook_rule() {
	rules <<-EOF
		[seen]
		path = $W/**
		command = $HOOK
	EOF
}

# A rule whose hook says "in", waits for a line in the fifo $SCRATCH/gate, and says "out".
gate_rule() {
	mkfifo "$SCRATCH/gate"
	rules gate <<-EOF
		[gate]
		path = $W/gate*
		command = echo \$\$ >'$SCRATCH/hook.pid'; echo in >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
}

# The worker's process.
worker_pid() {
	pgrep -P "$DAEMON_PID" -f 'fsmon worker'
}

new_worker() {
	local pid
	pid=$(worker_pid) && [ "$pid" != "$1" ]
}

# ---- Start

@test "the service manager is told when the daemon is ready, and not before" {
	hook_rule
	start_daemon
	assert_log 'ready: 1 rule$'
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

@test "the daemon runs without standard input, output and a terminal" {
	local options
	hook_rule
	mapfile -t options < <(daemon_options)
	setsid "$FSMON" run "${options[@]}" <&- >&- 2>>"$LOG" 3>&- &
	DAEMON_PID=$!
	assert_log 'ready: 1 rule$'
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

@test "without rules the daemon runs, and says that nothing will happen" {
	start_daemon
	assert_log 'warning: there are no rules: nothing will happen until a reload finds some'
	hook_rule
	client reload
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

@test "with errors the good files are in force, and log and status say what is not" {
	hook_rule
	printf '[bad]\npth = /x\n' >"$RULES/bad.conf"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
	assert_log "error: $RULES/bad.conf:2: \\[bad] pth: unknown key; did you mean path\\?"
	assert_log 'error: files with errors are left out; the other rules are in force'
	run -0 client status
	[[ ${lines[0]} == *": degraded" ]]
	grep -Fxq "  ! $RULES/bad.conf:2: [bad] pth: unknown key; did you mean path?" <<<"$output"
	[ "$(client status --json | jq -r .state)" = degraded ]
}

@test "strict = yes refuses to start with errors, exit 2" {
	printf '[daemon]\nstrict = yes\n' >"$CONF"
	hook_rule
	printf '[bad]\npth = /x\n' >"$RULES/bad.conf"
	run ! start_daemon
	[ "$output" = "start_daemon: exited" ]
	assert_log 'bad.conf:2: \[bad] pth: unknown key'
	assert_log 'error: not started: strict = yes, and the configuration has errors'
	refute_log ready
	local options
	mapfile -t options < <(daemon_options)
	run -2 "$FSMON" run "${options[@]}"
}

@test "--dry-run starts nothing and says what would run" {
	hook_rule
	start_daemon --dry-run
	touch "$W/a"
	sync_daemon
	assert_hook_lines
	assert_log "\\[seen#1] close-write $W/a by touch \\(root, pid [0-9]+\\): would run"
	assert_log 'ready: 1 rule; dry run: no hook will be started'
	run -0 client status
	[[ ${lines[0]} == *"(dry run: no hook is started)" ]]
}

# ---- End

@test "SIGTERM ends the daemon after the running hook, and starts no other" {
	gate_rule
	start_daemon
	touch "$W/gate1" "$W/gate2"
	wait_until 20 assert_hook_line in
	kill -TERM "$DAEMON_PID"
	assert_log 'stopping: waiting for 1 running hook$'
	is_running
	echo go >"$SCRATCH/gate"
	await_daemon
	[ "$DAEMON_STATUS" = 0 ]
	assert_hook_lines in out
	assert_log '1 waiting job is stored, and run after the next start'
}

@test "a second SIGTERM ends the daemon at once, and the hook is gone" {
	local pid
	gate_rule
	start_daemon
	touch "$W/gate"
	wait_until 20 assert_hook_line in
	pid=$(cat "$SCRATCH/hook.pid")
	kill -TERM "$DAEMON_PID"
	assert_log stopping
	is_running "$pid"
	stop_daemon TERM
	not_running "$pid"
	assert_hook_lines in
}

@test "Ctrl-C ends the daemon as SIGTERM does" {
	local options
	gate_rule
	mapfile -t options < <(daemon_options)
	# In a process group of its own, as a terminal has it, and with SIGINT as a shell leaves it.
	env --default-signal=INT setsid "$FSMON" run "${options[@]}" </dev/null >>"$LOG" 2>&1 3>&- &
	DAEMON_PID=$!
	assert_log 'ready: 1 rule$'
	touch "$W/gate"
	wait_until 20 assert_hook_line in
	kill -INT -- "-$DAEMON_PID"
	assert_log 'stopping: waiting for 1 running hook$'
	echo go >"$SCRATCH/gate"
	await_daemon
	[ "$DAEMON_STATUS" = 0 ]
	assert_hook_lines in out
}

@test "after the end there is no socket, no process and nothing in the way of the next start" {
	hook_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	stop_daemon
	[ "$DAEMON_STATUS" = 0 ]
	[ ! -e "$RUNTIME/fsmon.sock" ]
	[ -z "$(scratch_processes)" ]
	run -1 client status
	start_daemon
	touch "$W/b"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root" "close-write|$W/b|touch|root"
}

@test "a daemon that was killed is not in the way of the next" {
	hook_rule
	start_daemon
	stop_daemon KILL
	wait_until 20 eval '[ -z "$(scratch_processes)" ]'
	start_daemon
	touch "$W/b"
	sync_daemon
	assert_hook_lines "close-write|$W/b|touch|root"
}

# ---- A worker that dies

@test "a worker that is killed is replaced, and later events run hooks" {
	local worker
	hook_rule
	start_daemon
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	wait_until 20 client sync
	assert_log '^20[0-9-]{8} [0-9:]{8}\.[0-9]{3} error: worker was killed by signal 9 \(Killed\)$'
	assert_log '^20[0-9-]{8} [0-9:]{8}\.[0-9]{3} error: worker starts again in 100 ms$'
	touch "$W/a"
	sync_daemon
	assert_hook_line "close-write|$W/a|touch|root"
}

@test "a running hook goes on while the worker is replaced" {
	local worker
	gate_rule
	hook_rule
	start_daemon
	touch "$W/gate"
	wait_until 20 assert_hook_line in
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	is_running "$(cat "$SCRATCH/hook.pid")"
	touch "$W/later"
	wait_until 20 assert_hook_line "close-write|$W/later|touch|root"
	echo go >"$SCRATCH/gate"
	wait_until 20 assert_hook_line out
}

@test "the next worker has the rules in force, whatever is on the disk meanwhile" {
	local worker
	printf '[daemon]\nstrict = yes\n' >"$CONF"
	hook_rule
	start_daemon
	# As an editor leaves it for a moment.
	printf '[seen]\npath = %s/**\n' "$W" >"$RULES/rules.conf"
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
	# A reload does look.
	run -2 client reload
	hook_rule
	sed -i 's/seen/other/' "$RULES/rules.conf"
	client reload
	# From then on those are in force.
	rm "$RULES/rules.conf"
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	client pause other
	run -1 client pause seen
}

@test "a worker after one that began with errors says so as well" {
	local worker
	hook_rule
	printf '[bad]\npth = /x\n' >"$RULES/bad.conf"
	start_daemon
	rm "$RULES/bad.conf"
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	[ "$(client status --json | jq -r .state)" = degraded ]
	client reload
	[ "$(client status --json | jq -r .state)" = running ]
}

@test "a reload that is asked for while there is no worker is done by the next" {
	local worker
	start_daemon
	hook_rule
	worker=$(worker_pid)
	# The keeper finds both when it goes on.
	kill -STOP "$DAEMON_PID"
	kill -KILL "$worker"
	kill -HUP "$DAEMON_PID"
	kill -CONT "$DAEMON_PID"
	assert_log 'reloaded: 1 rule'
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

# ---- The log

@test "log-format = json: every line is an object, that of an event with rule, run, path, cmd and user" {
	local worker
	printf '[daemon]\nlog-format = json\n' >"$CONF"
	hook_rule
	rules out <<-EOF
		[out]
		path = $W/**
		command = echo 'a "quoted" line'; exit 3
	EOF
	start_daemon
	as_user nobody true
	chmod 777 "$W"
	as_user nobody touch "$W/a b"
	sync_daemon
	worker=$(worker_pid)
	kill -KILL "$worker"
	wait_until 20 new_worker "$worker"
	stop_daemon
	[ "$(jq -s 'all(type == "object" and has("message") and has("level") and has("time_ns"))' "$LOG")" = true ]
	jq -se --arg path "$W/a b" 'any(.rule == "seen" and (.run | type == "number") and .event == "close-write"
		and .path == $path and .cmd == "touch" and .user == "nobody")' "$LOG"
	jq -se 'any(.level == "error" and (.message | startswith("worker was killed by signal 9")))' "$LOG"
	jq -se 'any(.rule == "out" and .message == "| a \"quoted\" line")' "$LOG"
	jq -se 'any(.rule == "out" and .level == "warning" and (.message | startswith("exit 3 after")))' "$LOG"
}

@test "a file that was moved away is logged by the path that the rule watches" {
	hook_rule
	touch "$W/a"
	start_daemon
	mv "$W/a" "$SCRATCH/b"
	sync_daemon
	assert_log "moved-from $W/a by mv \\(root, pid [0-9]+\\)"
}

@test "log lines that cannot be written are counted, and hooks go on" {
	hook_rule
	printf '#!/bin/sh\nexec "%s" "$@" 2>/dev/full\n' "$FSMON" >"$SCRATCH/full"
	chmod 755 "$SCRATCH/full"
	FSMON=$SCRATCH/full start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_line "close-write|$W/a|touch|root"
	[ "$(client status --json | jq .counters.log_lines_dropped)" -gt 0 ]
}

@test "log lines have a time, and priorities only for the journal" {
	rules <<-EOF
		[bad]
		path = $W/**
		command = exit 1
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log '^20[0-9-]{8} [0-9:]{8}\.[0-9]{3} \[bad#1] warning: exit 1'
	[ "$(grep -c '^<' "$LOG")" = 0 ]
}

@test "where standard error is the journal's, lines have priorities and no time" {
	rules <<-EOF
		[bad]
		path = $W/**
		command = exit 1
		[worse]
		path = $W/**
		command = /no/such/program
	EOF
	JOURNAL_STREAM=$(stat -c %d:%i "$LOG") start_daemon
	touch "$W/a"
	sync_daemon
	assert_log '^<6>ready: 2 rules$'
	assert_log '^<4>\[bad#[12]] warning: exit 1 after'
	assert_log '^<3>\[worse#[12]] error: could not start'
	[ "$(grep -vc '^<[3-6]>' "$LOG")" = 0 ]
}

@test "a JOURNAL_STREAM that is not standard error changes nothing" {
	hook_rule
	JOURNAL_STREAM=1:1 start_daemon
	kill -KILL "$(worker_pid)"
	wait_until 20 eval '[ "$(grep -c "ready: 1 rule" "$LOG")" = 2 ]'
	[ "$(grep -c '^<' "$LOG")" = 0 ]
}
