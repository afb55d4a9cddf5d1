#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The examples do what they say when they are copied and their paths adapted.

load helper

setup() {
	setup_daemon
	SCRIPTS=$SCRATCH/lib
	mkdir -m 755 "$SCRIPTS"
	cp "$ROOT"/examples/*.sh "$SCRIPTS"
	chmod 755 "$SCRIPTS"/*.sh
}

teardown() {
	cleanup
}

# use_example NAME SED-SCRIPT: put an example into the rule directory, its paths adapted.
use_example() {
	sed -e "s|/usr/local/lib/fsmon/|$SCRIPTS/|" -e "$2" "$ROOT/examples/$1.conf" |
		rules "$1"
	# Each part of the script must have found its place.
	if grep -vE '^#' "$RULES/$1.conf" | grep -E '(^|[ ={,])/(srv|etc|usr|var)/'; then
		return 1
	fi
}

@test "every example is free of errors and warnings as it stands" {
	local example name
	for example in "$ROOT"/examples/*.conf; do
		name=$(basename "$example" .conf)
		rules "$name" <"$example"
		"$FSMON" check "$RULES/$name.conf" >"$SCRATCH/out" 2>&1
		[[ $(tail -n 1 "$SCRATCH/out") = *" 0 errors, 0 warnings" ]]
	done
}

@test "every hook of the examples is there, and the comments say how to install it" {
	local conf hook count=0
	while IFS=: read -r conf hook; do
		hook=${hook##*/}
		[ -x "$ROOT/examples/$hook" ]
		grep -q "install .*/usr/local/lib/fsmon $hook" "$conf"
		count=$((count + 1))
	done < <(grep -HoE '^command = /usr/local/lib/fsmon/[^ ]+' "$ROOT"/examples/*.conf)
	[ "$count" -ge 2 ]
}

@test "quickstart.conf: the hook says who did what" {
	need_root
	use_example quickstart "s|/tmp/fsmon-quickstart/|$W/|"
	start_daemon
	touch "$W/hello"
	sync_daemon
	assert_log "\\| root did close-write on $W/hello with touch$"
}

@test "rebuild.conf: a changed source is built, a file in .git and the result are not" {
	need_root
	need_command make
	mkdir -p "$W/site/build" "$W/site/.git"
	printf 'build/all: a.md\n\tcat a.md >$@; echo built >>%s\n' "$HOOKLOG" >"$W/site/Makefile"
	use_example rebuild "s|/srv/site|$W/site|g"
	start_daemon
	echo one >"$W/site/a.md"
	sync_daemon
	[ "$(<"$W/site/build/all")" = one ]
	assert_hook_lines built
	touch "$W/site/.git/x.md" "$W/site/build/x.md"
	sync_daemon
	assert_log_count 1 '\] exit 0'
}

@test "backup.conf: each version of a file is kept, also of one that was moved to its name" {
	need_root
	use_example backup "s|/etc/|$W/|; s|/var/backups/fsmon|$SCRATCH/backups|"
	start_daemon
	echo one >"$W/motd"
	sync_daemon
	sed -i s/one/two/ "$W/motd"
	sync_daemon
	[ "$(cat "$SCRATCH/backups$W"/motd.*)" = $'one\ntwo' ]
	[ "$(stat -c %a "$SCRATCH/backups")" = 700 ]
}

@test "backup.conf: a name with blanks, a newline and a leading dash is no obstacle" {
	need_root
	use_example backup "s|/etc/|$W/|; s|/var/backups/fsmon|$SCRATCH/backups|"
	start_daemon
	echo odd >"$W/"$'- $(touch x)\n\'b'
	sync_daemon
	[ "$(cat "$SCRATCH/backups$W/"$'- $(touch x)\n\'b'.*)" = odd ]
	refute_log "exit [1-9]"
}

@test "alert.conf: a line names who changed a program, and escapes what it is made of" {
	need_root
	mkdir "$W/bin"
	chmod 777 "$W/bin"
	use_example alert "s|/usr/|$W/|g; s|/etc/systemd|$W/sd|; s|/sbin/apk|$W/apk|; s|/var/log/|$SCRATCH/|"
	start_daemon
	as_user nobody cp /dev/null "$W/bin/"$'ls\nforged'
	sync_daemon
	[ "$(wc -l <"$SCRATCH/fsmon-alert.log")" = 1 ]
	grep -Eq " nobody \\(login [^)]*\\) did close-write on $W/bin/ls\\?forged with cp \\(/.*/cp, pid [0-9]+\\)" \
		"$SCRATCH/fsmon-alert.log"
}

@test "alert.conf: a package manager and what it starts pass" {
	need_root
	mkdir "$W/bin"
	cp "$(command -v bash)" "$W/bin/dpkg"
	use_example alert "s|/usr/|$W/|g; s|/etc/systemd|$W/sd|; s|/sbin/apk|$W/apk|; s|/var/log/|$SCRATCH/|"
	start_daemon
	"$W/bin/dpkg" -c ": >$W/bin/by-itself; touch $W/bin/by-child; :"
	cp /dev/null "$W/bin/by-other"
	sync_daemon
	[ "$(wc -l <"$SCRATCH/fsmon-alert.log")" = 1 ]
	grep -q "$W/bin/by-other" "$SCRATCH/fsmon-alert.log"
}
