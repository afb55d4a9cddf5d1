#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Hooks that change what is watched: by themselves, through what they leave behind, through one
# another and through other daemons; and fsmon's own files.

bats_require_minimum_version 1.5.0
load helper
load rules

SERVER_PID=

setup() {
	need_root
	setup_daemon
	make_gate
}

teardown() {
	stop_server
	cleanup
}

# Something else that runs all the time: writes the file $1 for every line in $SCRATCH/requests.
start_server() {
	mkfifo "$SCRATCH/requests"
	exec {REQUESTS_FD}<>"$SCRATCH/requests"
	while read -ru "$REQUESTS_FD" _; do
		: >"$1"
	done 3>&- &
	SERVER_PID=$!
}

stop_server() {
	[ -z "$SERVER_PID" ] || kill "$SERVER_PID"
	SERVER_PID=
}

# ---- Through its own processes

@test "a hook that writes its own files: itself, by setsid, by a double fork; 1,000 times beside an outsider" {
	local n
	rule self "$W/f" <<-EOF
		run-per = event
		breaker = none
		command = $HELPERS/detach 1 $W/f
	EOF
	start_daemon
	for n in {1..1000}; do
		"$HELPERS/quickwrite" "$W/f"
	done
	sync_daemon
	# Each of the outsider's is followed by its run; of the hooks' own there is none.
	is_field self matched 1000
	is_field self ok 1000
	is_field self self 3000
	assert_log_count 1000 'close-write .* by quickwrite'
	[ "$(grep -c 'close-write .* by detach' "$LOG")" = 0 ]
}

@test "what a hook leaves behind does not set it off, long after its end" {
	rule self "$W/*" <<-EOF
		command = setsid sh -c 'read line <"$SCRATCH/gate"; : >"$W/late"' & echo "\$FSMON_PATH" >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	let_go
	wait_until 20 test -e "$W/late"
	sync_daemon
	assert_hook_lines "$W/a"
	is_field self self 1
}

@test "a hook does not set itself off when the worker was replaced meanwhile" {
	rule self "$W/*" <<-EOF
		command = echo "\$FSMON_PATH" >>'$HOOKLOG'; sh -c 'read line <"$SCRATCH/gate"; : >"$W/late"'; : >'$W/own'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 assert_hook_line "$W/a"
	# The history says what has been stored.
	wait_until 20 eval 'client runs --rule self --json | grep -q running'
	replace_worker
	let_go
	wait_until 20 test -e "$W/own"
	sync_daemon
	assert_hook_lines "$W/a"
	is_field self self 2
}

@test "what on-failure writes does not set the rule off" {
	rule fail "$W/*" <<-EOF
		command = echo run >>'$HOOKLOG'; exit 1
		on-failure = : >'$W/failed'
	EOF
	start_daemon
	touch "$W/a"
	wait_until 20 is_field fail self 1
	sync_daemon
	assert_hook_lines run
}

@test "self-events = ignore-all: no hook of any rule sets it off, an outsider does" {
	mkdir "$W/in" "$W/out"
	rule first "$W/in/*" <<<"command = date >'$W/out/x'"
	rule second "$W/out/*" <<-EOF
		self-events = ignore-all
		command = $HOOK
	EOF
	start_daemon
	touch "$W/in/a"
	sync_daemon
	sync_daemon
	[ -e "$W/out/x" ]
	assert_hook_lines
	is_field second self 1
	touch "$W/out/x"
	sync_daemon
	assert_hook_lines "close-write|$W/out/x|touch|root"
}

@test "self-events = allow: a hook sets itself off until it is 16 deep" {
	rule allow "$W/f" <<-EOF
		self-events = allow
		command = echo "\$FSMON_DEPTH" >>'$HOOKLOG'; : >'$W/f'
	EOF
	start_daemon
	touch "$W/f"
	wait_until 20 assert_log 'not run: .*16 deep'
	sync_daemon
	assert_hook_lines {0..15}
}

# ---- Through processes that a worker before has started

# A hook that kills the worker, in its first run before anything of it is stored, and then changes
# what is watched.
suicidal_rule() {
	rule self "$W/*" <<-EOF
		command = echo "\$FSMON_PATH" >>'$HOOKLOG'; [ ! -e '$SCRATCH/worker' ] || { kill -KILL \$(cat '$SCRATCH/worker'); rm '$SCRATCH/worker'; }; read line <'$SCRATCH/gate'; : >'$W/own'
	EOF
}

# Have that happen. Whether the job is run again depends on the moment; each run writes once.
kill_at_start() {
	local runs
	worker_pid >"$SCRATCH/worker"
	touch "$W/a"
	await_second_worker
	let_go 10
	wait_until 20 test -e "$W/own"
	sync_daemon
	runs=$(hook_count "$W/a")
	wait_field self self "$runs"
	sync_daemon
	[ "$(hook_count)" = "$runs" ]
	touch "$W/b"
	sync_daemon
	assert_hook_line "$W/b"
}

@test "a hook does not set itself off when the worker died at its start" {
	suicidal_rule
	start_daemon
	kill_at_start
}

@test "without cgroups: a hook does not set itself off when the worker died at its start" {
	suicidal_rule
	start_without_cgroups
	kill_at_start
}

@test "what a hook left behind does not set it off when the worker was replaced" {
	need_cgroups
	rule self "$W/*" <<-EOF
		command = setsid sh -c '(read line <"$SCRATCH/gate"; : >"$W/late") &'; echo "\$FSMON_PATH" >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	is_field self running 0
	replace_worker
	let_go
	wait_until 20 test -e "$W/late"
	sync_daemon
	assert_hook_lines "$W/a"
	is_field self self 1
	touch "$W/b"
	sync_daemon
	assert_hook_lines "$W/a" "$W/b"
}

@test "self-events = ignore-all: nor does what a hook left behind whose rule is gone, in another worker" {
	need_cgroups
	mkdir "$W/in" "$W/out"
	rule first "$W/in/*" <<-EOF
		command = setsid sh -c '(read line <"$SCRATCH/gate"; : >"$W/out/late") &'
	EOF
	rule second "$W/out/*" <<-EOF
		self-events = ignore-all
		command = $HOOK
	EOF
	start_daemon
	touch "$W/in/a"
	sync_daemon
	rm "$RULES/first.conf"
	replace_worker
	let_go
	wait_until 20 test -e "$W/out/late"
	sync_daemon
	assert_hook_lines
	is_field second self 1
	touch "$W/out/x"
	sync_daemon
	assert_hook_lines "close-write|$W/out/x|touch|root"
}

@test "FSMON_DEPTH goes on where another worker began to count" {
	need_cgroups
	mkdir "$W/in" "$W/mid" "$W/out"
	rule first "$W/in/*" <<<"command = : >'$W/mid/x'"
	rule second "$W/mid/*" <<-EOF
		command = setsid sh -c '(read line <"$SCRATCH/gate"; : >"$W/out/late") &'
	EOF
	rule third "$W/out/*" <<<"command = echo \"\$FSMON_DEPTH\" >>'$HOOKLOG'"
	start_daemon
	touch "$W/in/a"
	wait_field second ok 1
	replace_worker
	let_go
	wait_until 20 assert_hook_lines 2
}

# ---- Through one another

@test "two rules that set off one another stop when they are 16 deep, and the log says so" {
	mkdir "$W/a" "$W/b"
	rule ping "$W/a/*" <<<"command = echo \"ping \$FSMON_DEPTH\" >>'$HOOKLOG'; : >'$W/b/x'"
	rule pong "$W/b/*" <<<"command = echo \"pong \$FSMON_DEPTH\" >>'$HOOKLOG'; : >'$W/a/x'"
	start_daemon
	touch "$W/a/x"
	wait_until 20 assert_log "warning: not run: $W/a/x was changed by hooks that set off one another, 16 deep"
	sync_daemon
	assert_hook_lines "ping 0" "pong 1" "ping 2" "pong 3" "ping 4" "pong 5" "ping 6" "pong 7" \
		"ping 8" "pong 9" "ping 10" "pong 11" "ping 12" "pong 13" "ping 14" "pong 15"
	is_field ping dropped 1
}

@test "the depth begins anew with an outsider's change" {
	mkdir "$W/a" "$W/b"
	rule ping "$W/a/*" <<<"command = : >'$W/b/x'"
	rule pong "$W/b/*" <<<"command = echo \"\$FSMON_DEPTH\" >>'$HOOKLOG'"
	start_daemon
	touch "$W/a/x"
	wait_until 20 assert_hook_lines 1
	touch "$W/b/x"
	wait_until 20 assert_hook_lines 1 0
	touch "$W/a/x"
	wait_until 20 assert_hook_lines 1 0 1
}

# ---- Through another daemon

@test "breaker: a loop through another daemon is held, told, and goes on by itself" {
	rule loop "$W/f" <<-EOF
		breaker = 5/10s
		command = echo run >>'$HOOKLOG'; echo go >'$SCRATCH/requests'
		on-failure = echo "\$FSMON_REASON<\$FSMON_STATUS>\$FSMON_PATH" >>'$HOOKLOG'
	EOF
	start_server "$W/f"
	start_daemon
	touch "$W/f"
	wait_until 20 assert_hook_line "breaker<>$W/f"
	stop_server
	assert_hook_lines run run run run run "breaker<>$W/f"
	assert_log "\\[loop] warning: taken for a loop: more than 5 runs in 10s for $W/f"
	is_field loop held 1
	is_field loop waiting 1
	# What is held keeps nobody waiting, and comes by itself, 10 s later.
	sync_daemon
	wait_until 20 eval '[ "$(hook_count)" = 7 ]'
	assert_hook_lines run run run run run "breaker<>$W/f" run
	started_apart loop 1 | tail -n 1 >"$SCRATCH/apart"
	awk '{ exit !($1 >= 9.9) }' "$SCRATCH/apart"
}

@test "breaker: a path that is held does not hold up another" {
	rule loop "$W/*" <<-EOF
		breaker = 2/10s
		command = echo "\${FSMON_PATH##*/}" >>'$HOOKLOG'; [ "\$FSMON_PATH" = '$W/g' ] || echo go >'$SCRATCH/requests'
	EOF
	start_server "$W/f"
	start_daemon
	touch "$W/f"
	wait_until 20 assert_log 'taken for a loop'
	stop_server
	touch "$W/g"
	sync_daemon
	assert_hook_lines f f g
}

@test "breaker: many paths are load, not a loop" {
	local n
	rule load "$W/*" <<-EOF
		breaker = 5/10s
		command = true
	EOF
	start_daemon
	seq -f "$W/%.0f" 100 | xargs touch
	sync_daemon
	is_field load ok 100
	refute_log loop
}

@test "breaker: with run-per = batch the rule is held, whatever the paths" {
	rule batch "$W/*" <<-EOF
		run-per = batch
		breaker = 3/10s
		stdin = paths
		command = sed 's|.*/||' >>'$HOOKLOG'
	EOF
	start_daemon
	for n in 1 2 3; do
		touch "$W/$n"
		sync_daemon
	done
	touch "$W/4"
	wait_until 20 assert_log '\[batch] warning: taken for a loop: more than 3 runs in 10s '
	assert_hook_lines 1 2 3
}

# ---- fsmon's own files

@test "fsmon's own files match no rule: the store's, the socket, whoever opens them" {
	rule own "$STATE/**, $RUNTIME/**" <<-EOF
		events = all
		self-events = allow
		command = $HOOK
	EOF
	rule seen "$W/*" <<<"command = true"
	start_daemon
	touch "$W/a"
	sync_daemon
	client runs >/dev/null
	cat "$STATE"/* >/dev/null
	sync_daemon
	assert_hook_lines
	is_field own matched 0
	is_field seen ok 1
}

@test "fsmon's own log matches no rule" {
	rule own "$LOG" <<-EOF
		events = modify
		self-events = allow
		command = $HOOK
	EOF
	rule seen "$W/*" <<<"command = echo output"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log '\[seen#1] \| output'
	sync_daemon
	assert_hook_lines
}
