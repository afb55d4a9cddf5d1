#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a hook finds when it runs: environment, credentials, descriptors; and what becomes of its
# output and its end.

bats_require_minimum_version 1.5.0
load helper

setup() {
	need_root
	setup_daemon
	OUT=$SCRATCH/out
}

teardown() {
	cleanup
}

# rule NAME GLOB: a rule; its other keys, `command` too, come from standard input.
rule() {
	{
		printf '[%s]\npath = %s\n' "$1" "$2"
		cat
	} >"$RULES/$1.conf"
}

# A rule whose hook writes its environment to $OUT.
env_rule() {
	rule env "$W/**" <<<"command = cat /proc/self/environ >'$OUT'"
}

# The value of a variable in $OUT; fails where it is not set.
value() {
	tr '\0' '\n' <"$OUT" | sed -n "/^$1=/{s///;p;q;};\$q1"
}

# runs_status RULE: its started, ok and failed counts.
runs_status() {
	client status --json |
		jq -r --arg name "$1" '.rules[] | select(.name == $name) | "\(.started) \(.ok) \(.failed)"'
}

# ---- Environment

@test "every variable of the contract has its value" {
	local pid
	env_rule
	touch "$W/a b"
	chmod 666 "$W/a b"
	start_daemon
	setpriv --reuid nobody --regid nogroup --clear-groups sh -c "echo \$\$; exec touch '$W/a b'" >"$SCRATCH/pid"
	sync_daemon
	pid=$(cat "$SCRATCH/pid")
	[ "$(value FSMON_PATH)" = "$W/a b" ]
	[ "$(value FSMON_CMD)" = touch ]
	[ "$(value FSMON_USER)" = nobody ]
	[ "$(value FSMON_EVENT)" = close-write ]
	[ "$(value FSMON_EVENTS)" = close-write ]
	[ "$(value FSMON_TYPE)" = file ]
	[ "$(value FSMON_RULE)" = env ]
	[ "$(value FSMON_RUN_ID)" = 1 ]
	[ "$(value FSMON_ATTEMPT)" = 1 ]
	[ "$(value FSMON_PID)" = "$pid" ]
	[ "$(value FSMON_PPID)" = $$ ] || [ "$(value FSMON_PPID)" = "$BASHPID" ]
	[ "$(value FSMON_UID)" = "$(id -u nobody)" ]
	[ "$(value FSMON_EUID)" = "$(id -u nobody)" ]
	[ "$(value FSMON_EXE)" = "$(realpath "$(command -v touch)")" ]
	[ "$(value FSMON_CMDLINE)" = "touch $W/a b" ]
	[ "$(value FSMON_ATTRIBUTION)" = exact ]
	[ "$(value FSMON_COUNT)" = 1 ]
	[ "$(value FSMON_DEPTH)" = 0 ]
	[ "$(value FSMON_FD)" = 3 ]
	[[ $(value FSMON_TIME) =~ ^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{9}Z$ ]]
	[ "$(date -d "$(value FSMON_TIME)" +%s)" -le "$(date +%s)" ]
	[ "$(date -d "$(value FSMON_TIME)" +%s)" -ge "$(stat -c %X "$SCRATCH/pid")" ]
}

@test "a rename tells both paths" {
	env_rule
	touch "$W/old"
	start_daemon
	mv "$W/old" "$W/new"
	sync_daemon
	[ "$(value FSMON_EVENT)" = rename ]
	[ "$(value FSMON_PATH)" = "$W/new" ]
	[ "$(value FSMON_OLD_PATH)" = "$W/old" ]
	[ "$(value FSMON_NEW_PATH)" = "$W/new" ]
	[ "$(value FSMON_CMD)" = mv ]
}

@test "a move out tells where to, a move in tells where from" {
	env_rule
	mkdir "$SCRATCH/away"
	touch "$W/old"
	start_daemon
	mv "$W/old" "$SCRATCH/away/new"
	sync_daemon
	[ "$(value FSMON_EVENT)" = moved-from ]
	[ "$(value FSMON_PATH)" = "$W/old" ]
	[ "$(value FSMON_NEW_PATH)" = "$SCRATCH/away/new" ]
	mv "$SCRATCH/away/new" "$W/back"
	sync_daemon
	[ "$(value FSMON_EVENT)" = moved-to ]
	[ "$(value FSMON_PATH)" = "$W/back" ]
	[ "$(value FSMON_OLD_PATH)" = "$SCRATCH/away/new" ]
}

@test "a file that is gone has no type and no descriptor" {
	env_rule
	touch "$W/a"
	start_daemon
	rm "$W/a"
	sync_daemon
	[ "$(value FSMON_EVENT)" = delete ]
	[ -z "$(value FSMON_TYPE)" ]
	run ! value FSMON_FD
}

@test "the types are told: dir, symlink, other" {
	rule env "$W/**" <<<"command = echo \"\$FSMON_EVENT \$FSMON_TYPE\" >>'$HOOKLOG'"
	start_daemon
	mkdir "$W/d"
	ln -s nowhere "$W/l"
	mkfifo "$W/f"
	sync_daemon
	assert_hook_lines "create dir" "create symlink" "create other"
}

@test "the environment holds nothing of the daemon's own" {
	env_rule
	BASH_ENV=/evil ENV=/evil LD_PRELOAD_MARK=/evil LD_LIBRARY_PATH=/evil IFS=x TZ=Mars \
		FSMON_EVIL=evil start_daemon
	touch "$W/a"
	sync_daemon
	run ! grep -aq evil "$OUT"
	tr '\0' '\n' <"$OUT" | sed 's/=.*//' | grep -v '^FSMON_' | sort >"$SCRATCH/names"
	printf '%s\n' HOME LANG LOGNAME PATH PWD SHELL USER | cmp - "$SCRATCH/names"
	[ "$(value HOME)" = "$(getent passwd root | cut -d: -f6)" ]
	[ "$(value USER)" = root ]
	[ "$(value LOGNAME)" = root ]
	[ "$(value SHELL)" = "$(getent passwd root | cut -d: -f7)" ]
	[ "$(value PATH)" = /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ]
}

@test "env adds variables, and may set what would be there anyway" {
	rule env "$W/**" <<-EOF
		env = COLOUR=red and blue
		env = HOME=/nowhere
		command = cat /proc/self/environ >'$OUT'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(value COLOUR)" = "red and blue" ]
	[ "$(value HOME)" = /nowhere ]
}

# ---- Credentials

@test "user runs the hook as that user, with its groups, and no way back to root" {
	touch "$OUT"
	chmod 666 "$OUT"
	rule user "$W/**" <<-EOF
		user = nobody
		command = { id -u; id -g; id -G; grep -E '^(Uid|Gid|CapEff|CapPrm)' /proc/self/status; setpriv --reuid 0 true 2>/dev/null && echo BACK; echo "\$USER \$HOME"; } >'$OUT'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	local uid gid
	uid=$(id -u nobody) gid=$(id -g nobody)
	printf '%s\n' "$uid" "$gid" "$(id -G nobody)" \
		"$(printf 'Uid:\t%s\t%s\t%s\t%s' "$uid" "$uid" "$uid" "$uid")" \
		"$(printf 'Gid:\t%s\t%s\t%s\t%s' "$gid" "$gid" "$gid" "$gid")" \
		"$(printf 'CapPrm:\t%016d' 0)" "$(printf 'CapEff:\t%016d' 0)" \
		"nobody $(getent passwd nobody | cut -d: -f6)" | diff - "$OUT"
}

@test "umask, nice and directory are as the rule says" {
	mkdir "$SCRATCH/dir"
	rule set "$W/**" <<-EOF
		umask = 027
		nice = 19
		directory = $SCRATCH/dir
		command = { umask; nice; pwd; } >'$OUT'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(tr '\n' ' ' <"$OUT")" = "0027 19 $SCRATCH/dir " ]
}

@test "umask, nice and directory do not come from the daemon" {
	rule unset "$W/**" <<<"command = { umask; nice; pwd; } >'$OUT'"
	umask 077
	cd "$SCRATCH"
	renice -n 19 -p "$BASHPID"
	start_daemon
	umask 022
	touch "$W/a"
	sync_daemon
	# 0, unless this root has no CAP_SYS_NICE: nobody can then go back to that.
	[ "$(tr '\n' ' ' <"$OUT")" = "0022 $(nice -n -19 nice 2>/dev/null) / " ]
}

@test "the hook has a session and a process group of its own" {
	rule session "$W/**" <<<"command = ps -o pid=,pgid=,sid=,tty= -p \$\$ >'$OUT'"
	start_daemon
	touch "$W/a"
	sync_daemon
	local pid pgid sid tty
	read -r pid pgid sid tty <"$OUT"
	[ "$pid" = "$pgid" ]
	[ "$pid" = "$sid" ]
	[ "$tty" = "?" ]
}

@test "the hook has every signal at its default and none blocked" {
	rule signals "$W/**" <<<"command = cat /proc/self/status >'$OUT'"
	(
		trap '' USR1 PIPE HUP
		start_daemon
		echo "$DAEMON_PID" >"$SCRATCH/pid"
	)
	DAEMON_PID=$(cat "$SCRATCH/pid")
	touch "$W/a"
	sync_daemon
	printf '%s:\t0000000000000000\n' SigBlk SigIgn SigCgt |
		diff - <(grep -E '^Sig(Blk|Ign|Cgt)' "$OUT")
	kill -TERM "$DAEMON_PID"
	wait_until 20 not_running
}

@test "the hook inherits exactly stdin, stdout, stderr and the file" {
	rule fds "$W/**" <<<"command = /bin/ls -l /proc/self/fd"
	exec 7<"$CONF" 8<"$CONF"
	start_daemon
	exec 7<&- 8<&-
	touch "$W/a"
	sync_daemon
	assert_log '\| .* 0 -> /dev/null$'
	assert_log '\| .* 1 -> pipe:'
	assert_log '\| .* 2 -> pipe:'
	assert_log "\\| .* 3 -> $W/a\$"
	# The fourth is the directory that ls itself reads.
	assert_log_count 5 ' -> '
	rm "$W/a"
	sync_daemon
	assert_log_count 9 ' -> '
}

@test "the hook is no safer from the memory killer than others" {
	rule oom "$W/**" <<<"command = cat /proc/self/oom_score_adj >'$OUT'"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(cat "$OUT")" = 0 ]
}

@test "FSMON_FD is the very file, also when its name has become a link to another" {
	echo secret >"$SCRATCH/secret"
	mkfifo "$SCRATCH/gate"
	rule fd "$W/one" <<-EOF
		events = close-write
		command = read x <'$SCRATCH/gate'; cat "/proc/self/fd/\$FSMON_FD" "\$FSMON_PATH" >'$OUT'
	EOF
	start_daemon
	echo mine >"$W/one"
	wait_until 20 assert_log 'close-write'
	ln -sf "$SCRATCH/secret" "$W/one"
	echo go >"$SCRATCH/gate"
	sync_daemon
	[ "$(cat "$OUT")" = "mine
secret" ]
}

# ---- Output

# output_of RULE: what its runs printed, from the log.
output_of() {
	sed -n "s/^[^[]*\[$1#[0-9]*] | //p" "$LOG"
}

@test "output is logged line by line with rule and run, also without a newline at its end" {
	rule out "$W/**" <<<"command = echo one; echo two >&2; echo; printf three"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(output_of out)" = "one
two

three" ]
	assert_log '\[out#1] \| one$'
}

@test "a megabyte of output arrives whole" {
	rule out "$W/**" <<<"command = seq -f '%09.0f abcdefghijklmnopqrstuvwxyz0123456789' 1 21000; echo end"
	start_daemon
	touch "$W/a"
	sync_daemon
	output_of out >"$OUT"
	[ "$(wc -l <"$OUT")" = 21001 ]
	[ "$(stat -c %s "$OUT")" -gt $((960 * 1024)) ]
	[ "$(head -n 21000 "$OUT" | cksum)" = "$(seq -f '%09.0f abcdefghijklmnopqrstuvwxyz0123456789' 1 21000 | cksum)" ]
}

@test "binary output stays one line an output line" {
	rule out "$W/**" <<<"command = printf 'a\\033[31m\\r\\001\\377\\000b\\nend\\n'"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(output_of out | wc -l)" = 2 ]
	run ! env LC_ALL=C grep -q '[^[:print:]]' "$LOG"
}

# ---- Failures

@test "a missing program is a failed run with its name and the reason" {
	rule bad "$W/**" <<<"command = /no/such/program a"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log '\[bad#1] error: could not start /no/such/program a: exec: No such file or directory'
	[ "$(runs_status bad)" = "1 0 1" ]
}

@test "a program that is not executable is a failed run with the reason" {
	touch "$SCRATCH/plain"
	rule bad "$W/**" <<<"command = $SCRATCH/plain"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log "error: could not start $SCRATCH/plain: exec: Permission denied"
	[ "$(runs_status bad)" = "1 0 1" ]
}

@test "a script without #! is run by the shell" {
	echo "echo plain >>'$HOOKLOG'" >"$SCRATCH/script"
	chmod 755 "$SCRATCH/script"
	rule script "$W/**" <<<"command = $SCRATCH/script"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines plain
}

@test "a missing working directory is a failed run that names it" {
	rule bad "$W/**" <<-EOF
		directory = $SCRATCH/none
		command = true
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log "error: could not start true: chdir to $SCRATCH/none: No such file or directory"
	[ "$(runs_status bad)" = "1 0 1" ]
}

@test "a hook that fails or is killed is counted as failed, and the log says how it ended" {
	rule three "$W/**" <<<"command = exit 3"
	rule killed "$W/**" <<<"command = kill -SEGV \$\$"
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_log '\[three#[12]] warning: exit 3 after [0-9]+ ms$'
	assert_log '\[killed#[12]] warning: killed by SIGSEGV after [0-9]+ ms$'
	[ "$(runs_status three)" = "1 0 1" ]
	[ "$(runs_status killed)" = "1 0 1" ]
}

# ---- Commands

@test "semicolons, quotes and hashes in a command arrive as they are written" {
	rule quote "$W/**" <<<"command = printf '<%s>' 'a ; b' \"c # d\" e\\ f >'$OUT' ; printf '#%s' \"it's\" >>'$OUT' # done"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(cat "$OUT")" = "<a ; b><c # d><e f>#it's" ]
}

@test "a command of several lines is one script" {
	rule lines "$W/**" <<-EOF
		command = if [ -e "\$FSMON_PATH" ]; then
		  echo yes
		 else
		  echo no
		 fi >>'$HOOKLOG'
	EOF
	start_daemon
	touch "$W/a"
	sync_daemon
	assert_hook_lines yes
}

@test "a command of 10,000 bytes arrives whole" {
	local text
	text=$(head -c 10000 /dev/zero | tr '\0' x)
	rule long "$W/**" <<<"command = printf %s '$text' >'$OUT'"
	start_daemon
	touch "$W/a"
	sync_daemon
	[ "$(cat "$OUT")" = "$text" ]
}

# ---- Order

@test "a rule runs one hook at a time, in the order of the events" {
	local n
	rule order "$W/**" <<<"command = mkdir '$SCRATCH/one' && echo \"\${FSMON_PATH##*/}\" >>'$HOOKLOG' && rmdir '$SCRATCH/one'"
	start_daemon
	for n in {1..100}; do
		: >"$W/$n"
	done
	sync_daemon
	[ "$(cat "$HOOKLOG")" = "$(seq 100)" ]
	[ "$(runs_status order)" = "100 100 0" ]
}

@test "an event of a user whose name is not known yet keeps its place" {
	local worker
	rule order "$W/**" <<<"command = echo \"\$FSMON_USER \${FSMON_PATH##*/}\" >>'$HOOKLOG'"
	chmod 777 "$W"
	start_daemon
	touch "$W/1"
	sync_daemon
	worker=$(pgrep -P "$DAEMON_PID")
	kill -STOP "$worker"
	setpriv --reuid 54321 --clear-groups touch "$W/2"
	touch "$W/3"
	kill -CONT "$worker"
	sync_daemon
	assert_hook_lines "root 1" "54321 2" "root 3"
}

@test "more hooks run at once than the soft limit of descriptors has room for" {
	printf '[daemon]\nmax-parallel = 60\n' >"$CONF"
	mkfifo "$SCRATCH/gate"
	exec {gate}<>"$SCRATCH/gate"
	rule many "$W/*" <<-EOF
		parallel = 60
		command = echo in \$(ulimit -Sn) >>'$HOOKLOG'; read x <'$SCRATCH/gate'
	EOF
	ulimit -Sn 64
	start_daemon
	touch "$W"/{1..60}
	wait_until 20 eval '[ "$(hook_count)" = 60 ]'
	seq 60 >&$gate
	exec {gate}>&-
	sync_daemon
	[ "$(runs_status many)" = "60 60 0" ]
	[ "$(hook_count "in 64")" = 60 ]
}

@test "max-parallel holds over all rules, and lets as many run" {
	local n
	printf '[daemon]\nmax-parallel = 2\n' >"$CONF"
	mkfifo "$SCRATCH/gate"
	exec {gate}<>"$SCRATCH/gate"
	for n in 1 2 3 4; do
		rule "p$n" "$W/**" <<<"command = echo in >>'$HOOKLOG'; read x <'$SCRATCH/gate'; echo out >>'$HOOKLOG'"
	done
	start_daemon
	touch "$W/a"
	wait_until 20 eval '[ "$(hook_count in)" = 2 ]'
	[ "$(client status --json | jq '[.counters.jobs_running, .counters.jobs_waiting] | @csv')" = '"2,2"' ]
	printf '1\n2\n3\n4\n' >&$gate
	sync_daemon
	exec {gate}>&-
	[ "$(hook_count out)" = 4 ]
	# Never three without an end between them.
	[ "$(awk '/in/ { n++ } /out/ { n-- } n > max { max = n } END { print max }' "$HOOKLOG")" = 2 ]
}

# ---- Loops

@test "a hook that writes where its rule watches does not trigger itself, an outsider does" {
	rule self "$W/**" <<<"command = echo \"\$FSMON_PATH\" >>'$HOOKLOG'; date >'$W/own'; sh -c 'setsid sh -c \": >$W/detached\" &'"
	start_daemon
	touch "$W/a"
	wait_until 20 test -e "$W/detached"
	sync_daemon
	assert_hook_lines "$W/a"
	touch "$W/own"
	sync_daemon
	assert_hook_lines "$W/a" "$W/own"
	[ "$(client status --json | jq '.rules[0].self >= 2')" = true ]
}

@test "a rule sees what another rule's hook writes, and how deep" {
	rule first "$W/in/*" <<<"command = date >'$W/out/x'"
	rule second "$W/out/*" <<<"command = echo \"\$FSMON_DEPTH \$FSMON_CMD\" >>'$HOOKLOG'"
	mkdir "$W/in" "$W/out"
	start_daemon
	touch "$W/in/a"
	wait_until 20 test -s "$HOOKLOG"
	assert_hook_lines "1 sh"
}
