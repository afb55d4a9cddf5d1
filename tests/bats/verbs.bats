#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The verbs: what they print, what they return, what they do to a running daemon.

bats_require_minimum_version 1.5.0
load helper
load rules

VERBS=(run check explain status runs logs rerun pause resume reload sync)

setup() {
	setup_daemon
}

teardown() {
	cleanup
}

# offline VERB [ARGUMENT...]: a verb that reads the configuration itself.
offline() {
	"$FSMON" "$1" -c "$CONF" -d "$RULES" "${@:2}"
}

# field JQ-EXPRESSION: of what `status --json` prints.
field() {
	client status --json | jq -r "$1"
}

# One rule, named seen, that calls $HOOK for everything below $W.
seen_rule() {
	rules "${1:-rules}" <<-EOF
		[${1:-seen}]
		path = $W/**
		command = $HOOK
	EOF
}

# A rule whose hook opens the fifo $SCRATCH/gate and stays until somebody writes to it.
gate_rule() {
	mkfifo "$SCRATCH/gate"
	rules gate <<-EOF
		[gate]
		path = $W/gate*
		command = echo waiting >>'$HOOKLOG'; read line <'$SCRATCH/gate'; echo "done \$FSMON_PATH" >>'$HOOKLOG'
	EOF
}

# pass_gate PATH: let the hook for PATH go on, and wait until it has.
pass_gate() {
	echo go >"$SCRATCH/gate"
	wait_until 20 assert_hook_line "done $1"
}

# ---- Usage

@test "every verb and fsmon itself print help" {
	local verb
	"$FSMON" --help | grep -q '^Usage: fsmon VERB'
	for verb in "${VERBS[@]}"; do
		"$FSMON" --help | grep -q "^  $verb  *[A-Z]"
		"$FSMON" "$verb" --help | grep -q "^Usage: fsmon $verb"
		"$FSMON" "$verb" -h | cmp - <("$FSMON" "$verb" --help)
	done
}

@test "every line of help fits into 100 columns" {
	local verb
	for verb in "${VERBS[@]}"; do
		run -0 "$FSMON" "$verb" --help
		[ "$(wc -L <<<"$output")" -le 100 ]
	done
}

@test "every verb and fsmon itself print the version" {
	local verb version
	version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
	[ "$("$FSMON" --version)" = "fsmon $version" ]
	for verb in "${VERBS[@]}"; do
		[ "$("$FSMON" "$verb" --version)" = "fsmon $version" ]
	done
}

@test "fsmon alone prints its usage and exits 2" {
	run -2 "$FSMON"
	[[ $output == *"Usage: fsmon VERB"* ]]
}

@test "an unknown verb is named, exit 2" {
	run -2 "$FSMON" statsu
	[[ $output == *"there is no verb 'statsu'; did you mean status?"* ]]
}

@test "an unknown option is named with its verb, exit 2" {
	local verb
	for verb in "${VERBS[@]}"; do
		run -2 "$FSMON" "$verb" --nope
		[ "${lines[0]}" = "fsmon $verb: unrecognized option '--nope'" ]
		[ "${lines[1]}" = "fsmon $verb --help lists the options" ]
	done
}

@test "an option without its argument is named, exit 2" {
	run -2 "$FSMON" check -c
	[ "${lines[0]}" = "fsmon check: option requires an argument -- 'c'" ]
}

@test "a verb that takes no arguments refuses one, exit 2" {
	run -2 "$FSMON" status extra
	[ "$output" = "fsmon status: 'extra' is one argument too many: it takes none" ]
}

@test "a timeout without a unit is refused, exit 2" {
	run -2 client sync --timeout 10
	[ "$output" = 'fsmon: --timeout: the duration "10" has no unit; did you mean 10s?' ]
}

# ---- check

@test "check of a clean configuration exits 0 and says where each rule lands" {
	need_root
	seen_rule
	run -0 offline check
	[ "${lines[0]}" = "[seen] $RULES/rules.conf:1" ]
	[ "${lines[1]}" = "    watched on $(findmnt -no TARGET -T "$W")" ]
	[ "${lines[2]}" = "1 rule, 0 errors, 0 warnings" ]
	[ "${#lines[@]}" = 3 ]
}

@test "check reports every error of every file in one go, exit 2" {
	rules a <<-EOF
		[a]
		pth = /srv
		path = /srv/x
		events = clos-write
		command = true
		nonsense
	EOF
	rules b <<-EOF
		[b]
		path = /srv/x
		command = true
		user = no-such-user
		umask = 999
	EOF
	run -2 offline check
	[ "${lines[0]}" = "$RULES/a.conf:2: [a] pth: unknown key; did you mean path?" ]
	[ "${lines[1]}" = "$RULES/a.conf:4: [a] events: unknown event \"clos-write\"; did you mean close-write?" ]
	[ "${lines[2]}" = "$RULES/a.conf:6: [a]: expected key = value or [section], found \"nonsense\"" ]
	[ "${lines[3]}" = "$RULES/b.conf:4: [b] user: unknown user \"no-such-user\"" ]
	[ "${lines[4]}" = "$RULES/b.conf:5: [b] umask: expected an octal number from 000 to 777, found \"999\"" ]
	[ "${lines[-1]}" = "0 rules, 5 errors, 0 warnings" ]
}

@test "check warns of a literal directory and of a missing working directory, exit 0" {
	rules <<-EOF
		[w]
		path = $W
		directory = $SCRATCH/none
		command = true
	EOF
	run -0 offline check
	[[ $output == *"$RULES/rules.conf:1: warning: [w] path: $W is a directory, and means only itself; did you mean $W/**?"* ]]
	[[ $output == *"$RULES/rules.conf:1: warning: [w] directory: $SCRATCH/none is not a directory"* ]]
	[ "${lines[-1]}" = "1 rule, 0 errors, 2 warnings" ]
}

@test "check reads the files that it is given, and no others" {
	seen_rule one
	echo "broken" >"$RULES/two.conf"
	run -0 offline check "$RULES/one.conf"
	[[ ${lines[0]} == "[one] "* ]]
	run -2 offline check "$RULES/one.conf" "$RULES/two.conf"
	[[ ${lines[0]} == "$RULES/two.conf:1: "* ]]
}

@test "check says of a rule where nothing can be watched that it is not watched" {
	rules <<-EOF
		[proc]
		path = /proc/1/status
		command = true
	EOF
	run offline check
	[ "${lines[0]}" = "[proc] $RULES/rules.conf:1: NOT WATCHED" ]
	[[ ${lines[1]} == "    not watched on /proc (proc): "* ]]
}

@test "check works without root and says what only root can try" {
	need_root
	seen_rule
	run -0 as_user nobody "$FSMON" check -c "$CONF" -d "$RULES"
	[ "${lines[-2]}" = "(as root, check would also try whether the kernel lets fsmon watch these)" ]
	[ "${lines[-1]}" = "1 rule, 0 errors, 0 warnings" ]
}

@test "check reports a file that it cannot read" {
	need_root
	seen_rule
	chmod 600 "$RULES/rules.conf"
	run -2 as_user nobody "$FSMON" check -c "$CONF" -d "$RULES"
	[ "${lines[0]}" = "$RULES/rules.conf: cannot be read: Permission denied" ]
}

@test "check reports a file and a directory of rules that are not there" {
	run -2 offline check "$RULES/none.conf"
	[ "${lines[0]}" = "$RULES/none.conf: cannot be read: No such file or directory" ]
	run -2 "$FSMON" check -c "$CONF" -d "$SCRATCH/none"
	[ "${lines[0]}" = "$SCRATCH/none: No such file or directory" ]
}

@test "a rule file that others may write to is refused" {
	seen_rule
	chmod 666 "$RULES/rules.conf"
	run -2 offline check
	[ "${lines[0]}" = "$RULES/rules.conf: not used: it has mode 0666; only its owner may be allowed to write to it (chmod go-w)" ]
}

@test "a rule directory that others may write to is refused" {
	seen_rule
	chmod 777 "$RULES"
	run -2 offline check
	[ "${lines[0]}" = "$RULES/rules.conf: not used: its directory $RULES has mode 0777; only its owner may be allowed to write to it (chmod go-w)" ]
}

@test "a rule file of a foreign user is refused" {
	need_root
	seen_rule
	chown nobody "$RULES/rules.conf"
	run -2 offline check
	[[ ${lines[0]} == "$RULES/rules.conf: not used: it belongs to uid $(id -u nobody); it must belong to root"* ]]
}

@test "a rule file that is no file is refused" {
	mkfifo "$RULES/fifo.conf"
	run -2 offline check
	[ "${lines[0]}" = "$RULES/fifo.conf: is not a regular file" ]
}

# ---- explain

# explained RULE: what `explain` says of the rule.
explained() {
	sed -n "s/^\[$1] [^ ]*: //p" <<<"$output"
}

explain_rules() {
	rules <<-EOF
		[md]
		path = $W/**/*.md
		exclude = $W/old/**
		events = delete
		[touched]
		path = $W/**
		by-cmd = touch
		[others]
		path = $W/**
		by-user = nobody
		[off]
		path = $W/**
		enabled = no
	EOF
	sed -i "/^path/a command = true" "$RULES/rules.conf"
}

@test "explain names the glob that matches" {
	explain_rules
	run -0 offline explain "$W/x.md" --event delete
	[ "$(explained md)" = "MATCHES by path = $W/**/*.md" ]
	[ "${lines[-1]}" = "1 of 4 rules match delete $W/x.md" ]
}

@test "explain names what excludes, what is not in events, and what is disabled" {
	explain_rules
	run -0 offline explain "$W/old/x.md" --event delete
	[ "$(explained md)" = "no: excluded by $W/old/**" ]
	[ "$(explained off)" = "no: the rule is disabled (enabled = no)" ]
	run -0 offline explain "$W/x.md"
	[ "$(explained md)" = "no: the event is not in events" ]
	run -0 offline explain "$W/x.c" -e delete
	[ "$(explained md)" = "no: no path glob matches" ]
}

@test "explain asks for the actor that a rule's condition needs" {
	explain_rules
	run -0 offline explain "$W/x"
	[ "$(explained touched)" = "no: the actor's name does not fulfil by-cmd (say who it is with --by-cmd)" ]
	[ "$(explained others)" = "no: the actor's user does not fulfil by-user (say who it is with --by-user)" ]
}

@test "explain takes the actor that it is given" {
	explain_rules
	run -0 offline explain "$W/x" --by-cmd touch --by-user nobody
	[[ $(explained touched) == MATCHES* ]]
	[[ $(explained others) == MATCHES* ]]
	run -0 offline explain "$W/x" --by-cmd vi --by-user root
	[ "$(explained touched)" = "no: the actor's name does not fulfil by-cmd" ]
	[ "$(explained others)" = "no: the actor's user does not fulfil by-user" ]
}

@test "explain suggests the event that a misspelt name means, exit 2" {
	run -2 offline explain "$W/x" --event delte
	[ "$output" = "fsmon explain: --event: there is no event delte; did you mean delete?" ]
}

@test "explain refuses an unknown user and an unknown type, exit 2" {
	run -2 offline explain "$W/x" --by-user no-such-user
	[ "$output" = "fsmon explain: --by-user: there is no user of that name" ]
	run -2 offline explain "$W/x" --type fil
	[ "$output" = "fsmon explain: --type: file, dir, symlink or other was expected" ]
}

@test "explain without a path says what was expected, exit 2" {
	run -2 offline explain
	[ "$output" = "fsmon explain: one path was expected (fsmon explain /srv/x)" ]
}

@test "explain follows a symbolic link in the path and in the rule" {
	ln -s w "$SCRATCH/link"
	rules <<-EOF
		[link]
		path = $SCRATCH/link/*.md
		command = true
	EOF
	run -0 offline explain "$W/x.md"
	[[ $(explained link) == MATCHES* ]]
	run -0 offline explain "$SCRATCH/link/x.md"
	[[ $(explained link) == MATCHES* ]]
	[ "${lines[-1]}" = "1 of 1 rules match close-write $SCRATCH/link/x.md" ]
}

@test "explain takes a relative path, and a directory with a slash at its end" {
	rules <<-EOF
		[dir]
		path = $W
		events = all
		command = true
	EOF
	cd "$SCRATCH"
	run -0 offline explain w/
	[[ $(explained dir) == MATCHES* ]]
}

@test "explain is right among 10,000 rules, and quick" {
	local i n
	for ((i = 0; i < 10000; i++)); do
		printf '[r%d]\npath = %s/d%d/**/*.{c,h}\ncommand = true\n' $i "$W" $((i % 5000))
	done >"$RULES/many.conf"
	SECONDS=0
	for n in 0 2499 4999; do
		run -0 offline explain "$W/d$n/a/b.c"
		[ "$(grep -c MATCHES <<<"$output")" = 2 ]
		[[ $(explained "r$n") == MATCHES* ]]
		[[ $(explained "r$((n + 5000))") == MATCHES* ]]
		[ "${lines[-1]}" = "2 of 10000 rules match close-write $W/d$n/a/b.c" ]
	done
	[ "$SECONDS" -lt 30 ]
}

# ---- status

@test "status shows rules, filesystems and counters" {
	need_root
	seen_rule
	start_daemon
	touch "$W/a"
	sync_daemon
	run -0 client status
	[ "${lines[0]}" = "fsmon $(sed -n 's/^VERSION := //p' "$ROOT/Makefile"), pid $DAEMON_PID: running" ]
	grep -Exq 'RULE +STATE +MATCHED +STARTED +OK +FAILED +DROPPED +WAITING +RUNNING +HELD' <<<"$output"
	grep -Exq 'seen +active +1 +1 +1 +0 +0 +0 +0 +0' <<<"$output"
	grep -Exq 'FILESYSTEM +TYPE +WATCHED BY' <<<"$output"
	grep -Exq 'actors_exact +[1-9][0-9]*' <<<"$output"
}

@test "status --json has every field that is documented" {
	need_root
	need_command jq
	seen_rule
	start_daemon
	client status --json | jq -e '
		def has_all($names): . as $o | all($names[]; . as $n | $o | has($n));
		has_all(["version", "pid", "worker_pid", "state", "reasons", "dry_run",
			"rules", "absent", "filesystems", "counters"])
		and (.rules | length == 1)
		and (.rules[0] | has_all(["name", "file", "line", "state", "watched",
			"not_watched", "matched", "started", "ok", "failed", "dropped",
			"self", "waiting", "running"]))
		and (.filesystems | length > 0)
		and (.filesystems[0] | has_all(["point", "type", "how", "has_rules"]))
		and (.counters | has_all(["records_read", "records_resolved", "actors_exact",
			"actors_partial", "actors_unknown", "connector_lost",
			"taskstats_lost", "queue_depth", "queue_overflows",
			"jobs_waiting", "jobs_running"]))
		and ([.counters[]] | all(type == "number"))'
}

@test "status counts what matched, ran, went well and failed" {
	need_root
	need_command jq
	rules <<-EOF
		[ok]
		path = $W/**
		command = true
		[bad]
		path = $W/bad
		command = exit 3
	EOF
	start_daemon
	touch "$W/a" "$W/b" "$W/bad"
	sync_daemon
	[ "$(field '.rules[] | "\(.name) \(.matched) \(.started) \(.ok) \(.failed)"')" = "ok 3 3 3 0
bad 1 1 0 1" ]
	[ "$(field '.pid')" = "$DAEMON_PID" ]
	[ "$(field '.counters.records_read >= 3 and .counters.actors_exact >= 3')" = true ]
}

# ---- reload

@test "reload puts a new rule in force" {
	need_root
	seen_rule
	start_daemon
	rules more <<-EOF
		[more]
		path = $W/more
		command = echo more >>'$HOOKLOG'
	EOF
	run -0 client reload
	[ "$output" = "reloaded: 2 rules" ]
	touch "$W/more"
	sync_daemon
	assert_hook_line more
	assert_hook_line "close-write|$W/more|touch|root"
}

@test "reload takes a removed rule out of force" {
	need_root
	seen_rule seen
	seen_rule other
	sed -i "s|$W/|$SCRATCH/other/|" "$RULES/other.conf"
	start_daemon
	rm "$RULES/seen.conf"
	run -0 client reload
	[ "$output" = "reloaded: 1 rule" ]
	touch "$W/a"
	sync_daemon
	assert_hook_lines
}

@test "a reload with an error keeps the old table whole and says so, exit 2" {
	need_root
	seen_rule
	start_daemon
	rules new <<-EOF
		[new]
		path = $W/**
		command = echo new >>'$HOOKLOG'
	EOF
	printf '[bad]\ncomand = true\n' >"$RULES/bad.conf"
	run -2 client reload
	[ "${lines[1]}" = "$RULES/bad.conf:2: [bad] comand: unknown key; did you mean command?" ]
	[ "${lines[-1]}" = "fsmon: not reloaded: what was in force before (1 rule) stays" ]
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
	assert_log_count 1 ' watching '
	assert_log 'error: .*/bad.conf:2: \[bad\] comand: unknown key'
	assert_log 'error: not reloaded: the rules from before stay in force'
}

@test "SIGHUP reloads" {
	need_root
	seen_rule
	start_daemon
	sed -i "s|^command.*|command = echo new >>'$HOOKLOG'|" "$RULES/rules.conf"
	kill -HUP "$DAEMON_PID"
	assert_log 'reloaded: 1 rule$'
	touch "$W/a"
	sync_daemon
	assert_hook_lines new
}

@test "SIGHUP with a broken file keeps what was in force" {
	need_root
	seen_rule
	start_daemon
	echo nonsense >"$RULES/bad.conf"
	kill -HUP "$DAEMON_PID"
	assert_log 'error: not reloaded: the rules from before stay in force'
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

@test "a job that runs and jobs that wait survive a reload" {
	need_root
	gate_rule
	start_daemon
	touch "$W/gate1" "$W/gate2"
	wait_until 20 assert_hook_line waiting
	client reload
	pass_gate "$W/gate1"
	pass_gate "$W/gate2"
	sync_daemon
	assert_hook_lines waiting "done $W/gate1" waiting "done $W/gate2"
	[ "$(field '.rules[0] | "\(.started) \(.ok)"')" = "2 2" ]
}

@test "a job that waits for a rule that is gone is not run, and the log says so" {
	need_root
	gate_rule
	start_daemon
	touch "$W/gate1" "$W/gate2"
	wait_until 20 assert_hook_line waiting
	seen_rule other
	rm "$RULES/gate.conf"
	client reload
	pass_gate "$W/gate1"
	sync_daemon
	assert_hook_lines waiting "done $W/gate1"
	assert_log "\\[gate] warning: not run for $W/gate2: the rule is gone"
}

@test "fifty reloads lose no event" {
	need_root
	local i
	seen_rule
	sed -i "s|^command.*|command = echo \"\$FSMON_PATH\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	(
		n=0
		while [ ! -e "$SCRATCH/enough" ] && ((n < 5000)); do
			: >"$W/$n"
			n=$((n + 1))
		done
		echo $n >"$SCRATCH/count"
	) 3>&- &
	for ((i = 0; i < 50; i++)); do
		client reload >>"$SCRATCH/reloads"
	done
	touch "$SCRATCH/enough"
	wait $!
	sync_daemon
	[ "$(grep -c '^reloaded: 1 rule$' "$SCRATCH/reloads")" = 50 ]
	[ "$(sort -u "$HOOKLOG" | wc -l)" = "$(cat "$SCRATCH/count")" ]
	[ "$(hook_count)" = "$(cat "$SCRATCH/count")" ]
}

# ---- sync

@test "sync returns after the hook has ended" {
	need_root
	gate_rule
	start_daemon
	touch "$W/gate"
	client sync 3>&- &
	wait_until 20 assert_hook_line waiting
	is_running $!
	pass_gate "$W/gate"
	wait $!
	assert_hook_lines waiting "done $W/gate"
}

@test "sync from a hook waits for other rules' hooks, and not for itself" {
	need_root
	rules <<-EOF
		[defaults]
		run-per = event
		[asks]
		path = $W/a
		events = close-write
		command = echo one >'$W/b'; '$FSMON' sync --timeout 20s --runtime-dir '$RUNTIME' && echo synced >>'$HOOKLOG'
		[other]
		path = $W/b
		events = close-write
		command = echo other >>'$HOOKLOG'
	EOF
	start_daemon
	# The second one cannot run before the first has ended.
	write_each "$W/a" "$W/a"
	sync_daemon
	assert_hook_lines other synced other synced
}

@test "hooks that wait in a sync do not wait for one another" {
	need_root
	make_gate
	rule both "$W/*" <<-EOF
		events = close-write
		parallel = 2
		command = echo in >>'$HOOKLOG'; read -r _ <'$SCRATCH/gate'; '$FSMON' sync --timeout 20s --runtime-dir '$RUNTIME' && echo synced >>'$HOOKLOG'
	EOF
	start_daemon
	write_each "$W/a" "$W/b" "$W/c"
	wait_until 20 eval '[ "$(hook_count in)" = 2 ]'
	let_go 3
	sync_daemon
	[ "$(hook_count synced)" = 3 ]
}

@test "reload from a hook does not wait for the hook, and the next one is of the new rules" {
	need_root
	rule again "$W/*" <<-EOF
		events = close-write
		command = mv '$SCRATCH/second' '$RULES/again.conf'; '$FSMON' reload --timeout 20s --runtime-dir '$RUNTIME' && echo first >>'$HOOKLOG'
	EOF
	sed "s#command.*#command = echo second >>$HOOKLOG#" "$RULES/again.conf" >"$SCRATCH/second"
	start_daemon
	write_each "$W/a"
	sync_daemon
	write_each "$W/b"
	sync_daemon
	assert_hook_lines first second
}

@test "a hook that waits in a sync does not keep the daemon from stopping" {
	need_root
	make_gate
	rule asks "$W/*" <<-EOF
		events = close-write
		command = echo in >>'$HOOKLOG'; read -r _ <'$SCRATCH/gate'; '$FSMON' sync --runtime-dir '$RUNTIME' 2>>'$HOOKLOG'
	EOF
	start_daemon
	write_each "$W/a"
	wait_until 20 assert_hook_line in
	kill -TERM "$DAEMON_PID"
	assert_log "stopping: waiting for 1 running hook"
	# Nothing reads what comes now.
	write_each "$W/b"
	let_go
	await_daemon
	assert_hook_lines in "fsmon: the daemon is stopping"
}

@test "sync waits for an event of a user whose name is not known yet" {
	need_root
	need_command strace
	local tracer
	rules <<-EOF
		[slow]
		path = $W/**
		command = kill -0 "\$(cat '$SCRATCH/sync')" && echo "\$FSMON_USER: sync waits" >>'$HOOKLOG'
	EOF
	chmod 777 "$W"
	start_daemon
	# Half a second to open the file in which the name would be.
	strace -f -p "$(pgrep -P "$DAEMON_PID")" -P /etc/passwd -e trace=openat \
		-e inject=openat:delay_enter=500000 2>"$SCRATCH/strace" 3>&- &
	tracer=$!
	wait_until 20 grep -q attached "$SCRATCH/strace"
	setpriv --reuid 54321 --clear-groups touch "$W/a"
	client sync 3>&- &
	echo $! >"$SCRATCH/sync"
	wait $!
	kill "$tracer"
	assert_hook_lines "54321: sync waits"
	grep -q DELAYED "$SCRATCH/strace"
}

@test "sync --timeout gives up on a hook that does not end, exit 1" {
	need_root
	gate_rule
	start_daemon
	touch "$W/gate"
	run -1 client sync --timeout 300ms
	[ "$output" = "fsmon: gave up after 300ms: the daemon is not done yet" ]
	pass_gate "$W/gate"
	sync_daemon
}

# ---- Nobody there, or not allowed

@test "a second daemon with the same runtime directory is refused" {
	need_root
	local options
	seen_rule
	start_daemon
	mapfile -t options < <(daemon_options)
	run -1 "$FSMON" run "${options[@]}"
	[ "$output" = "fsmon: $RUNTIME: another fsmon runs with this runtime directory (fsmon status asks it; --runtime-dir chooses another)" ]
	touch "$W/a"
	sync_daemon
	assert_hook_lines "close-write|$W/a|touch|root"
}

@test "a client without a daemon says that there is none, exit 1" {
	local verb
	for verb in status reload sync; do
		run -1 client $verb
		[ "${lines[0]}" = "fsmon: no daemon runs here ($RUNTIME/fsmon.sock: No such file or directory)" ]
		[ "${lines[1]}" = "Is it started (fsmon run), with this runtime directory (--runtime-dir $RUNTIME)?" ]
	done
}

@test "a client of another user is told who may ask, exit 1" {
	need_root
	seen_rule
	start_daemon
	run -1 as_user nobody "$FSMON" status --runtime-dir "$RUNTIME"
	[ "$output" = "fsmon: $RUNTIME/fsmon.sock: only the user who runs the daemon may ask it; try sudo" ]
}

@test "run refuses a configuration or a directory of rules that is not there, exit 2" {
	run --separate-stderr -2 "$FSMON" run -c "$SCRATCH/none.conf"
	# shellcheck disable=SC2154  # set by run
	[ "$stderr" = "fsmon: $SCRATCH/none.conf: No such file or directory" ]
	run --separate-stderr -2 "$FSMON" run -c "$CONF" -d "$SCRATCH/none"
	[ "$stderr" = "fsmon: $SCRATCH/none: No such file or directory" ]
}

@test "run without root says what it needs, exit 1" {
	need_root
	run -1 as_user nobody "$FSMON" run
	[ "$output" = "fsmon: cannot watch filesystems: this needs root (CAP_SYS_ADMIN); try sudo fsmon run" ]
}
