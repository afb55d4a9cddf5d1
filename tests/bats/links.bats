#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Paths that are symbolic links, or lead through some: a rule holds for the path as it was written
# and for what it leads to, also when that becomes something else.

load helper

setup() {
	need_root
	setup_daemon
}

teardown() {
	cleanup
}

# watch NAME=PATH...: start a daemon with a rule for each path.
watch() {
	local rule
	for rule in "$@"; do
		# shellcheck disable=SC2016
		printf '[%s]\npath = %s\ncommand = echo "$FSMON_RULE|$FSMON_EVENT|$FSMON_PATH|$FSMON_CMD" >>%s\n' \
			"${rule%%=*}" "${rule#*=}" "$HOOKLOG"
	done | rules
	start_daemon
}

# assert_seen LINE...: after a sync the hooks wrote these lines, in any order; they are forgotten.
assert_seen() {
	local lines=()
	sync_daemon
	sort -o "$HOOKLOG" "$HOOKLOG"
	[ $# = 0 ] || mapfile -t lines < <(printf '%s\n' "$@" | sort)
	assert_hook_lines "${lines[@]}"
	clear_hooks
}

# $W/releases/{1,2}/conf and $W/current, which leads to the first of them.
make_releases() {
	mkdir -p "$W"/releases/{1,2}
	touch "$W"/releases/{1,2}/conf
	ln -s releases/1 "$W/current"
}

# leads RULE: what status says of where the paths of a rule lead.
leads() {
	client status --json | jq -r ".rules[] | select(.name == \"$1\") | .links[] | \"\(.path)|\(.leads_to)|\(.state)\""
}

@test "certbot: live/x/fullchain.pem leads to a file in archive, a renewal replaces the link" {
	mkdir -p "$W"/{live,archive}/x
	echo >"$W/archive/x/fullchain1.pem"
	ln -s ../../archive/x/fullchain1.pem "$W/live/x/fullchain.pem"
	watch "cert=$W/live/x/fullchain.pem"
	echo >"$W/archive/x/fullchain1.pem"
	assert_seen "cert|close-write|$W/live/x/fullchain.pem|bash"
	echo >"$W/archive/x/fullchain2.pem"
	ln -sfn ../../archive/x/fullchain2.pem "$W/live/x/fullchain.pem"
	assert_seen "cert|moved-to|$W/live/x/fullchain.pem|ln"
	touch "$W/archive/x/fullchain1.pem"
	touch "$W/archive/x/fullchain2.pem"
	assert_seen "cert|close-write|$W/live/x/fullchain.pem|touch"
	rm "$W/live/x/fullchain.pem"
	assert_seen "cert|delete|$W/live/x/fullchain.pem|rm"
	touch "$W/archive/x/fullchain2.pem"
	ln -s ../../archive/x/fullchain1.pem "$W/live/x/fullchain.pem"
	assert_seen "cert|create|$W/live/x/fullchain.pem|ln"
	touch "$W/archive/x/fullchain1.pem"
	assert_seen "cert|close-write|$W/live/x/fullchain.pem|touch"
}

@test "/etc/localtime: a link into another directory, replaced by one and by a file" {
	mkdir -p "$W"/{etc,zoneinfo/Europe}
	touch "$W"/zoneinfo/{UTC,Europe/Berlin}
	ln -s "$W/zoneinfo/UTC" "$W/etc/localtime"
	watch "zone=$W/etc/localtime"
	touch "$W/zoneinfo/UTC"
	assert_seen "zone|close-write|$W/etc/localtime|touch"
	ln -s ../zoneinfo/Europe/Berlin "$W/etc/.new"
	mv -T "$W/etc/.new" "$W/etc/localtime"
	assert_seen "zone|moved-to|$W/etc/localtime|mv"
	touch "$W/zoneinfo/UTC" "$W/zoneinfo/Europe/Berlin"
	assert_seen "zone|close-write|$W/etc/localtime|touch"
	cp --remove-destination "$W/zoneinfo/UTC" "$W/etc/localtime"
	sync_daemon
	assert_hook_line "zone|close-write|$W/etc/localtime|cp"
	clear_hooks
	touch "$W/zoneinfo/Europe/Berlin"
	assert_seen
	touch "$W/etc/localtime"
	assert_seen "zone|close-write|$W/etc/localtime|touch"
}

@test "a release link that ln -sfn swaps: one event for the link, then those of the new release" {
	make_releases
	watch "site=$W/current/**"
	touch "$W/releases/1/conf" "$W/current/new"
	assert_seen "site|close-write|$W/current/conf|touch" "site|close-write|$W/current/new|touch"
	ln -sfn releases/2 "$W/current"
	assert_seen "site|moved-to|$W/current|ln"
	touch "$W/releases/1/conf" "$W/releases/2/conf"
	assert_seen "site|close-write|$W/current/conf|touch"
	mv "$W/current/conf" "$W/current/moved"
	assert_seen "site|rename|$W/current/moved|mv"
}

@test "a release link that a rename swaps" {
	make_releases
	watch "site=$W/current/**"
	for n in 2 1 2; do
		ln -s "releases/$n" "$W/.next"
		mv -T "$W/.next" "$W/current"
		assert_seen "site|moved-to|$W/current|mv"
		touch "$W"/releases/{1,2}/conf
		assert_seen "site|close-write|$W/current/conf|touch"
	done
}

@test "a file behind a release link hears of the swap by the path that its rule names" {
	make_releases
	watch "conf=$W/current/conf"
	ln -sfn releases/2 "$W/current"
	assert_seen "conf|moved-to|$W/current/conf|ln"
	touch "$W"/releases/{1,2}/conf
	assert_seen "conf|close-write|$W/current/conf|touch"
}

@test "Kubernetes: a file is a link through ..data, which is swapped" {
	mkdir -p "$W/cfg/..2026_1" "$W/cfg/..2026_2"
	touch "$W"/cfg/..2026_{1,2}/app.conf
	ln -s ..2026_1 "$W/cfg/..data"
	ln -s ..data/app.conf "$W/cfg/app.conf"
	watch "app=$W/cfg/app.conf" "dir=$W/cfg/..data/*"
	touch "$W/cfg/..2026_1/app.conf"
	assert_seen "app|close-write|$W/cfg/app.conf|touch" "dir|close-write|$W/cfg/..data/app.conf|touch"
	ln -s ..2026_2 "$W/cfg/..data_tmp"
	mv -T "$W/cfg/..data_tmp" "$W/cfg/..data"
	rm -r "$W/cfg/..2026_1"
	sync_daemon
	assert_hook_line "app|moved-to|$W/cfg/app.conf|mv"
	assert_hook_line "dir|moved-to|$W/cfg/..data|mv"
	clear_hooks
	touch "$W/cfg/..2026_2/app.conf"
	assert_seen "app|close-write|$W/cfg/app.conf|touch" "dir|close-write|$W/cfg/..data/app.conf|touch"
}

@test "links in a chain: each of them may be replaced" {
	mkdir "$W"/{one,two,three}
	ln -s one "$W/c"
	ln -s c "$W/b"
	ln -s "$W/b" "$W/a"
	watch "seen=$W/a/*"
	touch "$W/one/file"
	assert_seen "seen|close-write|$W/a/file|touch"
	ln -sfn two "$W/c"
	assert_seen "seen|moved-to|$W/a|ln"
	touch "$W/one/file" "$W/two/file"
	assert_seen "seen|close-write|$W/a/file|touch"
	ln -sfn three "$W/b"
	assert_seen "seen|moved-to|$W/a|ln"
	touch "$W/two/file" "$W/three/file"
	assert_seen "seen|close-write|$W/a/file|touch"
	# What is not on the way any more does not matter.
	ln -sfn one "$W/c"
	assert_seen
}

@test "a link that leads nowhere, and then somewhere" {
	ln -s later/dir "$W/link"
	watch "seen=$W/link/*"
	[ "$(leads seen)" = "$W/link|$W/later/dir|missing" ]
	mkdir -p "$W/later/dir"
	touch "$W/later/dir/file"
	assert_seen "seen|close-write|$W/link/file|touch"
	[ "$(leads seen)" = "$W/link|$W/later/dir|there" ]
	rm -r "$W/later"
	mkdir "$W/other"
	ln -s other "$W/later"
	mkdir "$W/other/dir"
	touch "$W/other/dir/file"
	sync_daemon
	clear_hooks
	touch "$W/other/dir/file"
	assert_seen "seen|close-write|$W/link/file|touch"
}

@test "a path of which nothing is there becomes one through a link" {
	watch "seen=$W/a/b/c"
	mkdir "$W/real"
	ln -s real "$W/a"
	mkdir "$W/a/b"
	sync_daemon
	clear_hooks
	touch "$W/real/b/c"
	assert_seen "seen|close-write|$W/a/b/c|touch"
}

@test "a directory on the way is replaced by a link, and the link by a directory" {
	mkdir "$W"/{site,other}
	watch "seen=$W/site/*"
	rmdir "$W/site"
	ln -s other "$W/site"
	assert_seen "seen|create|$W/site|ln"
	touch "$W/other/file"
	assert_seen "seen|close-write|$W/site/file|touch"
	rm "$W/site"
	assert_seen "seen|delete|$W/site|rm"
	mkdir "$W/site"
	touch "$W/site/file"
	assert_seen "seen|close-write|$W/site/file|touch"
	touch "$W/other/file"
	assert_seen
}

@test "a directory that a link on the way lies in goes, and another one brings a link" {
	mkdir -p "$W"/{app,next/deep,real,other}
	ln -s ../real "$W/app/current"
	ln -s ../../other "$W/next/deep/current"
	watch "seen=$W/app/current/*" "deep=$W/app/deep/current/*"
	mv "$W/app" "$W/old"
	assert_seen "seen|moved-from|$W/app/current|mv"
	touch "$W/real/file"
	assert_seen
	mv "$W/next" "$W/app"
	assert_seen "deep|moved-to|$W/app/deep/current|mv"
	touch "$W/other/file"
	assert_seen "deep|close-write|$W/app/deep/current/file|touch"
	mv "$W/app" "$W/next"
	assert_seen "deep|moved-from|$W/app/deep/current|mv"
	mv "$W/old" "$W/app"
	assert_seen "seen|moved-to|$W/app/current|mv"
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/app/current/file|touch"
}

@test "a link in directories that are made just before it" {
	local worker
	mkdir "$W/real"
	watch "seen=$W/a/b/current/*"
	worker=$(client status --json | jq .worker_pid)
	kill -STOP "$worker"
	mkdir -p "$W/a/b"
	ln -s ../../real "$W/a/b/current"
	kill -CONT "$worker"
	assert_seen "seen|create|$W/a/b/current|ln"
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/a/b/current/file|touch"
	kill -STOP "$worker"
	rm -r "$W/a"
	mkdir -p "$W/a/b"
	ln -s ../../real "$W/a/b/current"
	kill -CONT "$worker"
	sync_daemon
	assert_hook_line "seen|create|$W/a/b/current|ln"
}

@test "links in a circle lead nowhere, and are told of" {
	ln -s b "$W/a"
	ln -s a "$W/b"
	mkdir "$W/real"
	watch "seen=$W/a/*"
	assert_log "\[seen\] path: $W/a leads in a circle"
	[ "$(leads seen)" = "$W/a|null|loop" ]
	ln -sfn real "$W/b"
	assert_seen "seen|moved-to|$W/a|ln"
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/a/file|touch"
}

@test "a link to a filesystem that no other rule concerns" {
	loop_fs ext4 8M
	mkdir "$W/here"
	ln -s here "$W/link"
	watch "seen=$W/link/*"
	ln -sfn "$FS" "$W/link"
	assert_seen "seen|moved-to|$W/link|ln"
	touch "$FS/file"
	assert_seen "seen|close-write|$W/link/file|touch"
	[ "$(client status --json | jq -r ".filesystems[] | select(.point == \"$FS\") | .how")" = "filesystem mark" ]
	ln -sfn here "$W/link"
	sync_daemon
	[ "$(client status --json | jq -r ".filesystems[] | select(.point == \"$FS\") | .has_rules")" = false ]
}

@test "links that lie on another filesystem, and back" {
	loop_fs ext4 8M
	mkdir "$W"/{one,two}
	ln -s "$W/one" "$FS/middle"
	ln -s "$FS/middle" "$W/link"
	watch "seen=$W/link/*"
	touch "$W/one/file"
	assert_seen "seen|close-write|$W/link/file|touch"
	ln -sfn "$W/two" "$FS/middle"
	assert_seen "seen|moved-to|$W/link|ln"
	touch "$W"/{one,two}/file
	assert_seen "seen|close-write|$W/link/file|touch"
}

@test "a link to where a filesystem is mounted later" {
	mkdir "$W/point"
	ln -s point/dir "$W/link"
	watch "seen=$W/link/*"
	mount -t tmpfs tmpfs "$W/point"
	sync_daemon
	mkdir "$W/point/dir"
	touch "$W/point/dir/file"
	assert_seen "seen|close-write|$W/link/file|touch"
	umount "$W/point"
	loop_fs ext4 8M
	mkdir "$W/real"
	ln -s "$W/real" "$FS/dir"
	mount --bind "$FS" "$W/point"
	sync_daemon
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/link/file|touch"
}

@test "a link below a filesystem where fsmon does not look, when that is gone" {
	mkdir "$W"/{point,real}
	ln -s ../real "$W/point/in"
	mount -t proc proc "$W/point"
	ln -s point/self "$W/self"
	watch "seen=$W/point/in/*" "self=$W/self/*"
	[ "$(leads self)" = "$W/self|$W/point/self|unknown" ]
	umount "$W/point"
	sync_daemon
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/point/in/file|touch"
	[ "$(leads self)" = "$W/self|$W/point/self|missing" ]
}

@test "two rules that reach a file on different ways are each told their own path" {
	mkdir -p "$W/real/dir"
	ln -s real "$W/a"
	ln -s real/dir "$W/b"
	watch "a=$W/a/**" "b=$W/b/*" "both=$W/{a,real}/dir/*" "real=$W/real/dir/file"
	touch "$W/real/dir/file"
	assert_seen "a|close-write|$W/a/dir/file|touch" "b|close-write|$W/b/file|touch" \
		"both|close-write|$W/real/dir/file|touch" "real|close-write|$W/real/dir/file|touch"
}

@test "exclude holds for a path in either form" {
	mkdir -p "$W/real/.git" "$W/real/tmp"
	ln -s real "$W/link"
	rules <<-EOF
		[seen]
		path = $W/link/**
		exclude = $W/link/tmp/**, $W/real/not, **/.git/**, $W/*nk/*.bak
		command = $HOOK
	EOF
	start_daemon
	touch "$W/real/"{.git/x,tmp/x,not,x.bak,yes}
	assert_seen "close-write|$W/link/yes|touch|root"
}

@test "both paths of a rename are as the rule's author wrote them" {
	make_releases
	rules <<-EOF
		[seen]
		path = $W/current/**
		run-per = event
		command = echo "\$FSMON_EVENT|\$FSMON_PATH|\$FSMON_OLD_PATH|\$FSMON_NEW_PATH" >>$HOOKLOG
	EOF
	start_daemon
	mv "$W/releases/1/conf" "$W/releases/1/two"
	mv "$W/releases/1/two" "$W/away"
	mv "$W/away" "$W/releases/1/back"
	assert_seen "moved-from|$W/current/two|$W/current/two|$W/away" \
		"moved-to|$W/current/back|$W/away|$W/current/back" "rename|$W/current/two|$W/current/conf|$W/current/two"
}

@test "a stranger's link where anybody may make one is not followed" {
	mkdir -m 1777 "$W/sticky"
	mkdir "$W/real"
	chmod 777 "$W/real"
	as_user nobody ln -s "$W/real" "$W/sticky/link"
	watch "seen=$W/sticky/link/*"
	touch "$W/real/file"
	assert_seen
	assert_log "\[seen\] path: $W/sticky/link is not followed: .*stranger"
	[ "$(leads seen)" = "$W/sticky/link|null|stranger" ]
	# It has changed all the same; and that of root is followed.
	rm "$W/sticky/link"
	assert_seen "seen|delete|$W/sticky/link|rm"
	ln -s "$W/real" "$W/sticky/link"
	assert_seen "seen|create|$W/sticky/link|ln"
	touch "$W/real/file"
	assert_seen "seen|close-write|$W/sticky/link/file|touch"
}

@test "a stranger's link that comes later is told of in the log" {
	mkdir -m 1777 "$W/sticky"
	watch "seen=$W/sticky/link/*"
	as_user nobody ln -s "$W" "$W/sticky/link"
	sync_daemon
	assert_log "\[seen\] path: $W/sticky/link is not followed: .*stranger"
}

@test "sync waits until a new target is watched, however often a link is swapped" {
	make_releases
	watch "site=$W/current/conf"
	for n in {1..50}; do
		ln -sfn "releases/$((n % 2 + 1))" "$W/current"
		sync_daemon
		clear_hooks
		touch "$W/releases/$((n % 2 + 1))/conf"
		assert_seen "site|close-write|$W/current/conf|touch"
	done
}

@test "sync ends though somebody swaps a link all the time" {
	make_releases
	watch "site=$W/current/conf"
	(while [ ! -e "$SCRATCH/enough" ]; do
		ln -sfn releases/1 "$W/current"
		ln -sfn releases/2 "$W/current"
	done) 3>&- &
	for _ in 1 2 3; do
		touch "$W/other"
		sync_daemon --timeout 20s
	done
	touch "$SCRATCH/enough"
	wait $!
	sync_daemon
	clear_hooks
	touch "$W/releases/2/conf"
	assert_seen "site|close-write|$W/current/conf|touch"
}

@test "a reload keeps to where links lead" {
	make_releases
	watch "site=$W/current/conf"
	ln -sfn releases/2 "$W/current"
	client reload
	sync_daemon
	clear_hooks
	touch "$W"/releases/{1,2}/conf
	assert_seen "site|close-write|$W/current/conf|touch"
	ln -sfn releases/1 "$W/current"
	sync_daemon
	clear_hooks
	touch "$W"/releases/{1,2}/conf
	assert_seen "site|close-write|$W/current/conf|touch"
}

@test "check says where paths lead" {
	make_releases
	ln -s gone "$W/dangling"
	ln -s self "$W/self"
	rules <<-EOF
		[seen]
		path = $W/current/conf
		path = $W/dangling/**, $W/self/*, $W/plain
		command = true
	EOF
	run "$FSMON" check -c "$CONF" -d "$RULES"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"    $W/current/conf leads to $W/releases/1/conf"$'\n'* ]]
	[[ $output == *"    $W/dangling leads to $W/gone, which is not there"$'\n'* ]]
	[[ $output == *"    $W/self leads in a circle"* ]]
	[[ $output != *"$W/plain leads"* ]]
	[[ $output == *"1 rule, 0 errors, 1 warning" ]]
}

@test "status says where paths lead now" {
	make_releases
	watch "seen=$W/current/conf"
	[ "$(leads seen)" = "$W/current/conf|$W/releases/1/conf|there" ]
	client status | grep -Fx "    $W/current/conf leads to $W/releases/1/conf"
	ln -sfn releases/3 "$W/current"
	sync_daemon
	[ "$(leads seen)" = "$W/current/conf|$W/releases/3/conf|missing" ]
	client status | grep -Fx "    $W/current/conf leads to $W/releases/3/conf, which is not there"
}

@test "explain answers for the path as written and for the real one" {
	make_releases
	rules <<-EOF
		[seen]
		path = $W/current/**
		command = true
	EOF
	for path in "$W/current/conf" "$W/releases/1/conf"; do
		run "$FSMON" explain -c "$CONF" -d "$RULES" "$path"
		echo "$output"
		[[ $output == *"[seen] $RULES/rules.conf:1: MATCHES by path = $W/current/**"* ]]
		[[ $output == *"1 of 1 rules match close-write $path" ]]
	done
	run "$FSMON" explain -c "$CONF" -d "$RULES" "$W/current/conf"
	[[ $output == "$W/current/conf leads to $W/releases/1/conf"$'\n'* ]]
	run "$FSMON" explain -c "$CONF" -d "$RULES" --event rename "$W/current"
	echo "$output"
	[[ $output == *"[seen] $RULES/rules.conf:1: MATCHES as a link on the way of path = $W/current/**"* ]]
	run "$FSMON" explain -c "$CONF" -d "$RULES" "$W/releases/2/conf"
	[[ $output == *": no: "* ]]
}
