#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Who did it: the hook is told the right process and user, however it went about it.

bats_require_minimum_version 1.5.0
load helper
load files

setup() {
	BUSY=()
	need_root
	setup_daemon
	chmod 777 "$W"
	NOBODY=$(id -u nobody)
	rules <<-EOF
		[who]
		path = $W/**
		events = close-write
		command = echo "\${FSMON_PATH##*/} \$FSMON_CMD \$FSMON_USER \$FSMON_ATTRIBUTION" >>'$HOOKLOG'
	EOF
}

teardown() {
	thaw_daemon
	[ ${#BUSY[@]} = 0 ] || kill "${BUSY[@]}"
	cleanup
}

# storm_by NAME COMMAND...: fifty processes, eight at once, as nobody; {} is the file of each.
# Every hook was told NAME and nobody.
storm_by() {
	"$HELPERS/storm" 50 8 "$NOBODY" "$W" "${@:2}"
	sync_daemon
	diff <(seq -f "%g $1 nobody" 0 49 | sort) <(cut -d' ' -f1-3 "$HOOKLOG" | sort)
	# Of one that was gone before anybody could look, the command line is missing.
	run ! grep -Ev ' (exact|partial)$' "$HOOKLOG"
	[ "$(grep -c ' exact$' "$HOOKLOG")" -ge 40 ]
}

@test "a touch that is gone at once has its name and user" {
	start_daemon
	storm_by touch "$(command -v touch)" '{}'
}

@test "a static program that is gone at once has its name and user" {
	start_daemon
	# A copy: the checkout may be where only its owner comes.
	install -m 755 "$HELPERS/quickwrite" "$SCRATCH"
	storm_by quickwrite "$SCRATCH/quickwrite" '{}'
}

@test "a shell that writes is sh, though sh is a link" {
	start_daemon
	storm_by sh /bin/sh -c ': >{}'
}

# Its name at the time can be read only while it is there, and then it is another program's: what
# was too quick to be read is said to be unknown.
@test "a shell that writes and becomes another program is sh or unknown, never the other" {
	sed -i 's|^command = echo "|&${FSMON_EXE##*/} |' "$RULES/rules.conf"
	start_daemon
	"$HELPERS/storm" 50 8 "$NOBODY" "$W" /bin/sh -c ': >{}; exec true'
	sync_daemon
	[ "$(hook_count)" = 50 ]
	cut -d' ' -f1,3- "$HOOKLOG" | sort | uniq -c
	run ! grep -Evx "($(basename "$(realpath /bin/sh)"))? [0-9]+ (sh nobody (exact|partial)| (nobody)? partial)" "$HOOKLOG"
}

@test "a process that becomes another user before it writes is that user" {
	start_daemon
	setpriv --reuid nobody --regid nogroup --clear-groups touch "$W/a"
	setpriv --reuid nobody --regid nogroup --clear-groups sh -c ": >$W/b"
	sync_daemon
	assert_hook_lines "a touch nobody exact" "b sh nobody exact"
}

@test "a real user that differs from the effective one: both are told" {
	sed -i "s|^command.*|command = echo \"\$FSMON_USER \$FSMON_UID \$FSMON_EUID\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	setpriv --ruid nobody --euid 12345 --clear-groups touch "$W/a"
	sync_daemon
	assert_hook_lines "nobody $NOBODY 12345"
}

@test "a user without a name is told by number" {
	start_daemon
	setpriv --reuid 54321 --clear-groups touch "$W/a"
	sync_daemon
	assert_hook_lines "a touch 54321 exact"
}

@test "who got a descriptor passed and closes it last is the actor" {
	local pid
	sed -i "s|^command.*|command = echo \"\$FSMON_CMD \$FSMON_PID \$FSMON_ATTRIBUTION\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	pid=$("$HELPERS/passfd" "$W/a")
	sync_daemon
	assert_hook_lines "passfd $pid exact"
}

@test "the child of a thread has the thread's name" {
	start_daemon
	"$HELPERS/threadfork" "$W/a"
	sync_daemon
	assert_hook_lines "a a-thread root exact"
}

@test "a process that runs since before the daemon has its name" {
	mkfifo "$SCRATCH/old"
	sh -c "read x <'$SCRATCH/old'; : >'$W/a'" 3>&- &
	local old=$!
	start_daemon
	echo go >"$SCRATCH/old"
	wait $old
	sync_daemon
	assert_hook_lines "a sh root exact"
}

@test "a process in a process namespace of its own has its name, and the pid that others see" {
	sed -i "s|^command.*|command = echo \"\$FSMON_CMD \$FSMON_ATTRIBUTION \$FSMON_PID\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	unshare -pf --mount-proc touch "$W/a"
	sync_daemon
	local cmd attribution pid
	read -r cmd attribution pid <"$HOOKLOG"
	[ "$cmd $attribution" = "touch exact" ]
	[ "$pid" -gt 1 ]
}

@test "by-user and by-cmd hold for processes that are gone at once" {
	cat >>"$RULES/rules.conf" <<-EOF
		by-user = nobody
		by-cmd = sh
	EOF
	start_daemon
	touch "$W/root"
	sh -c ": >$W/rootsh"
	as_user nobody touch "$W/touch"
	as_user nobody sh -c ": >$W/sh"
	sync_daemon
	assert_hook_lines "sh sh nobody exact"
}

# The daemon in a process namespace of its own; $DAEMON_PID is unshare's.
start_contained() {
	printf '#!/bin/sh\nexec unshare -pf --mount-proc "%s" "$@"\n' "$FSMON" >"$SCRATCH/contained"
	chmod 755 "$SCRATCH/contained"
	FSMON=$SCRATCH/contained start_daemon
}

@test "in a process namespace the daemon says that it cannot tell who, and claims nothing" {
	start_contained
	touch "$W/a"
	sh -c ": >$W/b"
	sync_daemon
	run client status
	kill -TERM "$(pgrep -P "$DAEMON_PID")"
	await_daemon
	[ "$(hook_count)" = 2 ]
	run ! grep -q exact "$HOOKLOG"
	assert_log 'warning: who did it may be unknown: the process connector does not answer'
	assert_log "close-write $W/a by an unknown process\$"
}

@test "without the process connector, who still lives is known, and who does not is unknown" {
	local worker
	printf '#!/bin/sh\nexec unshare -n "%s" "$@"\n' "$FSMON" >"$SCRATCH/deaf"
	chmod 755 "$SCRATCH/deaf"
	FSMON=$SCRATCH/deaf start_daemon
	worker=$(client status --json | jq .worker_pid)
	kill -STOP "$worker"
	: >"$W/alive"
	as_user nobody touch "$W/gone"
	kill -CONT "$worker"
	sync_daemon
	assert_hook_lines "alive $(cat "/proc/$BASHPID/comm") root partial" "gone   unknown"
}

@test "in a process namespace status is degraded and gives the reason" {
	start_contained
	run -0 client status
	kill -TERM "$(pgrep -P "$DAEMON_PID")"
	await_daemon
	[[ ${lines[0]} == *": degraded" ]]
	[[ ${lines[1]} == "  ! who did it may be unknown: the process connector does not answer"* ]]
}

@test "in a process namespace the kernel's answers to others are not taken for one's own" {
	local listeners
	(
		while [ ! -e "$SCRATCH/enough" ]; do
			timeout -s KILL 0.1 "$FSMON" run -c "$CONF" -d "$RULES" \
				--state-dir "$SCRATCH/other" --runtime-dir "$SCRATCH/other" || :
		done
	) >/dev/null 2>&1 3>&- &
	listeners=$!
	start_contained
	touch "$SCRATCH/enough"
	wait $listeners || :
	kill -TERM "$(pgrep -P "$DAEMON_PID")"
	await_daemon
	assert_log 'the process connector does not answer'
}

# after_switching HOW COUNT: a server makes files as nobody, by HOW, and as root, in turn at full
# speed. $HOOKLOG has a line for each: KIND USER EUID MAYBE, where there is a doubt.
after_switching() {
	sed -i "s|^command.*|command = echo \"\${FSMON_PATH##*/} \$FSMON_USER \$FSMON_EUID \$FSMON_USER_MAYBE\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	"$HELPERS/switchuser" "$1" "$2" "$NOBODY" "$W"
	sync_daemon
	[ "$(hook_count)" = $((3 * $2)) ]
	sed -i 's/-[0-9]*//; s/ *$//' "$HOOKLOG"
	sort "$HOOKLOG" | uniq -c
}

assert_switched() {
	[ "$(hook_count "$1")" = 50 ]
	[ "$(hook_count 'root root 0')" = 50 ]
	[ "$(hook_count 'given root 0')" = 50 ]
}

@test "a server that becomes another user for each file is that user, 50 of 50" {
	after_switching setresuid 50
	assert_switched "user nobody $NOBODY"
}

@test "a server with another effective user for each file: both are told, 50 of 50" {
	after_switching seteuid 50
	assert_switched "user root $NOBODY"
}

# Keep every processor busy until the test ends.
keep_busy() {
	local i
	for ((i = 0; i < $(nproc); i++)); do
		setsid sh -c 'while :; do :; done' 3>&- &
		BUSY+=($!)
	done
}

@test "a server that becomes another user for each file, on loaded processors" {
	keep_busy
	after_switching setresuid 50
	assert_switched "user nobody $NOBODY"
}

@test "a server with another effective user for each file, on loaded processors" {
	keep_busy
	after_switching seteuid 50
	assert_switched "user root $NOBODY"
}

@test "by-user holds for a server that becomes another user for each file" {
	echo "by-user = nobody" >>"$RULES/rules.conf"
	start_daemon
	"$HELPERS/switchuser" setresuid 50 "$NOBODY" "$W"
	sync_daemon
	[ "$(hook_count)" = 50 ]
	run ! grep -v '^user-' "$HOOKLOG"
}

# While the daemon is stopped nobody can count what comes before which change.
@test "where it is not known which user it was, the possible ones are listed" {
	sed -i "s|^command.*|command = echo \"\${FSMON_PATH##*/} \$FSMON_CMD \$FSMON_USER(\$FSMON_USER_MAYBE) \$FSMON_EUID\" >>'$HOOKLOG'|" "$RULES/rules.conf"
	start_daemon
	frozen "$HELPERS/switchuser" setresuid 1 "$NOBODY" "$W"
	frozen "$HELPERS/switchuser" seteuid 1 "$NOBODY" "$W"
	sync_daemon
	assert_hook_lines "user-0 switchuser (root,nobody) " "root-0 switchuser (root,nobody) " \
		"given-0 switchuser (root,nobody) " "user-0 switchuser root() " \
		"root-0 switchuser root() " "given-0 switchuser root() "
}

@test "by-user takes what one of the possible users would pass" {
	sed -i "s|^command.*|command = echo who \${FSMON_PATH##*/} >>'$HOOKLOG'|" "$RULES/rules.conf"
	sed 's/who/others/' "$RULES/rules.conf" >"$RULES/others.conf"
	sed 's/who/none/' "$RULES/rules.conf" >"$RULES/none.conf"
	echo "by-user = nobody" >>"$RULES/rules.conf"
	echo "by-user = !nobody" >>"$RULES/others.conf"
	echo "by-user = !nobody, !root" >>"$RULES/none.conf"
	start_daemon
	frozen "$HELPERS/switchuser" setresuid 1 "$NOBODY" "$W"
	sync_daemon
	diff <(sort "$HOOKLOG") <(printf '%s\n' others\ {given,root,user}-0 who\ {given,root,user}-0)
}
