#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How runs are stopped: by the timeout, by the daemon's end; and what hooks leave behind.

bats_require_minimum_version 1.5.0
load helper
load rules

setup() {
	need_root
	setup_daemon
	make_gate
}

teardown() {
	# Tells a relay to end, in case that nothing else could stop it.
	rm -f "$SCRATCH/there"
	cleanup
	[ -z "${CGROUP:-}" ] || rmdir "$CGROUP"
}

# has_stopped RULE FROM TO: its run was stopped after so many ms.
has_stopped() {
	local ms
	ms=$(sed -n "s/.*\\[$1#[0-9]*] .*stopped after \\([0-9]*\\) ms.*/\\1/p" "$LOG")
	echo "stopped after $ms ms"
	[ "$ms" -ge "$2" ] && [ "$ms" -le "$3" ]
}

# How many processes there are whose command line has this text.
alive() {
	pgrep -fc -- "$1 " || :
}

# ---- The timeout

@test "timeout: the hook is sent TERM, and may end in its own way" {
	rule polite "$W/*" <<-EOF
		timeout = 300ms
		command = trap 'echo term >>"$HOOKLOG"; exit 0' TERM
		  (read line <'$SCRATCH/gate') &
		  wait
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines term
	assert_log '\[polite#1] warning: stopped after [0-9]+ ms: its timeout was over'
	has_stopped polite 300 1300
	is_field polite timed_out 1
	is_field polite failed 1
}

@test "stop-signal: the hook is sent another signal instead" {
	rule other "$W/*" <<-EOF
		timeout = 300ms
		stop-signal = USR2
		command = trap 'echo usr2 >>"$HOOKLOG"; exit 0' USR2
		  trap 'echo term >>"$HOOKLOG"; exit 0' TERM
		  (trap '' USR2; read line <'$SCRATCH/gate') &
		  wait
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line usr2
	let_go
	sync_daemon
	assert_hook_lines usr2
}

@test "stop-timeout: a hook that ignores the signal is killed" {
	rule stubborn "$W/*" <<-EOF
		timeout = 300ms
		stop-timeout = 400ms
		command = trap '' TERM; read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines
	has_stopped stubborn 700 1700
}

@test "a hook that ends in time is not stopped" {
	rule quick "$W/*" <<-EOF
		timeout = 10s
		command = read line <'$SCRATCH/gate'; echo out >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	wait_field quick running 1
	let_go
	sync_daemon
	assert_hook_lines out
	is_field quick timed_out 0
}

# A rule whose hook starts 200 processes that have escaped from it and ignore TERM.
escape_rule() {
	rule escape "$W/*" <<-EOF
		timeout = 2s
		stop-timeout = 500ms
		command = $HELPERS/escape 200 $SCRATCH/there
	EOF
}

@test "200 escaped processes that ignore TERM are gone within stop-timeout and a second" {
	escape_rule
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/there"
	[ "$(alive "$HELPERS/escape 200")" = 201 ]
	assert_log '\[escape#1] .*stopped'
	[ "$(alive "$HELPERS/escape 200")" = 0 ]
	has_stopped escape 2500 3500
}

@test "without cgroups: 200 escaped processes that ignore TERM are gone as well" {
	escape_rule
	start_without_cgroups
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/there"
	[ "$(alive "$HELPERS/escape 200")" = 201 ]
	assert_log '\[escape#1] .*stopped'
	[ "$(alive "$HELPERS/escape 200")" = 0 ]
	has_stopped escape 2500 3500
}

# A rule whose hook becomes another process all the time.
relay_rule() {
	rule relay "$W/*" <<-EOF
		timeout = 1s
		stop-timeout = 300ms
		command = $HELPERS/relay $SCRATCH/there & read line <'$SCRATCH/gate'
	EOF
}

@test "a hook whose process is another one all the time cannot run away" {
	relay_rule
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/there"
	assert_log '\[relay#1] .*stopped'
	flock --nonblock "$SCRATCH/there" true
	has_stopped relay 1000 2300
}

@test "without cgroups: a hook whose process is another one all the time cannot run away" {
	relay_rule
	start_without_cgroups
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/there"
	assert_log '\[relay#1] .*stopped'
	flock --nonblock "$SCRATCH/there" true
	has_stopped relay 1000 2300
}

@test "a hook that moves to another cgroup is stopped all the same" {
	need_cgroups
	# shellcheck disable=SC2153 # need_cgroups has set it
	rule moved "$W/*" <<-EOF
		timeout = 1s
		stop-timeout = 300ms
		command = trap '' TERM; echo \$\$ >'$CGROUPS/cgroup.procs'; echo \$\$ >'$SCRATCH/pid'; read line <'$SCRATCH/gate'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/pid"
	sync_daemon
	not_running "$(cat "$SCRATCH/pid")"
	has_stopped moved 1300 2300
}

# ---- What hooks leave behind

@test "what a hook leaves behind goes on, and holds up no other run" {
	rule leave "$W/*" <<-EOF
		command = setsid sh -c 'echo \$\$ >>"$SCRATCH/pids"; read line <"$SCRATCH/gate"; echo later >>"$HOOKLOG"' & echo out >>'$HOOKLOG'
	EOF
	start_daemon
	write_each "$W/a"
	sync_daemon
	write_each "$W/a"
	sync_daemon
	wait_until 20 eval '[ "$(wc -l <"$SCRATCH/pids")" = 2 ]'
	assert_hook_lines out out
	let_go 2
	wait_until 20 assert_hook_lines out out later later
}

@test "what a hook leaves behind outlives the daemon's end" {
	rule leave "$W/*" <<-EOF
		command = setsid sh -c 'echo \$\$ >"$SCRATCH/pid"; read line <"$SCRATCH/gate"; echo later >>"$HOOKLOG"' >/dev/null 2>&1 &
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/pid"
	sync_daemon
	stop_daemon
	[ "$DAEMON_STATUS" = 0 ]
	is_running "$(cat "$SCRATCH/pid")"
	let_go
	wait_until 20 assert_hook_line later
}

# ---- The daemon's end

@test "a second SIGTERM ends the daemon, the hook and all that has escaped from it" {
	rule escape "$W/*" <<<"command = $HELPERS/escape 200 $SCRATCH/there"
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/there"
	kill -TERM "$DAEMON_PID"
	assert_log stopping
	[ "$(alive "$HELPERS/escape 200")" = 201 ]
	stop_daemon
	[ "$(alive "$HELPERS/escape 200")" = 0 ]
}

@test "the daemon's end waits for a hook no longer than for its timeout" {
	rule slow "$W/*" <<-EOF
		timeout = 1s
		stop-timeout = 200ms
		command = trap '' TERM; echo \$\$ >'$SCRATCH/pid'; read line <'$SCRATCH/gate'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 test -s "$SCRATCH/pid"
	stop_daemon
	[ "$DAEMON_STATUS" = 0 ]
	not_running "$(cat "$SCRATCH/pid")"
	has_stopped slow 1200 2200
}

@test "after the daemon's end no cgroup of its is left" {
	local pid
	need_cgroups
	rule true "$W/*" <<<"command = cat /proc/self/cgroup >'$SCRATCH/cgroup'"
	start_daemon
	pid=$DAEMON_PID
	touch "$W/a" "$W/b" "$W/c"
	sync_daemon
	grep -q "^0::.*\\.$pid/" "$SCRATCH/cgroup"
	stop_daemon
	[ -z "$(find "$CGROUPS" -name "fsmon*.$pid")" ]
}

@test "hooks run in a daemon whose own cgroup was killed once" {
	need_cgroups
	CGROUP=$CGROUPS/fsmon-test.$BASHPID
	mkdir "$CGROUP"
	echo 1 >"$CGROUP/cgroup.kill"
	printf '#!/bin/sh\necho $$ >"%s/cgroup.procs"\nexec "%s" "$@"\n' "$CGROUP" "$FSMON" >"$SCRATCH/fsmon"
	chmod 755 "$SCRATCH/fsmon"
	rule seen "$W/*" <<<"command = $HOOK"
	FSMON=$SCRATCH/fsmon start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}
