#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What builds and tests fsmon: a test runner that cannot fail would hide all else.

load helper

setup() {
	setup_daemon
}

teardown() {
	cleanup
}

# Run .ci/deps on the table in stdin, as user $AS if set, with a package manager that notes in
# $ASKED what it is asked for, and installs the file $SCRATCH/thing.
deps() {
	local bin=$SCRATCH/bin name
	mkdir -p "$bin"
	for name in sh sort tr cat ls id touch; do
		ln -sf "$(command -v "$name")" "$bin/$name"
	done
	cat >"$bin/apt-get" <<-END
		#!/bin/sh
		echo "apt-get \$*" >>$SCRATCH/asked
		case \$* in *install*) touch $SCRATCH/thing ;; esac
	END
	chmod +x "$bin/apt-get"
	: >"$SCRATCH/asked"
	run ${AS:+setpriv --reuid "$AS" --} env -i PATH="$bin" sh -s "$(cat)" <"$ROOT/.ci/deps"
	ASKED=$(<"$SCRATCH/asked")
}

@test "deps asks no package manager when nothing is missing" {
	deps <<<'cmd:sh nothing nothing nothing nothing'
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ -z "$ASKED" ]
}

@test "deps installs just what is missing" {
	need_root
	deps <<-EOF
		cmd:sh                          one   - - -
		file:$SCRATCH/thing    two   - - -
		file:$SCRATCH/thing    three - - -
	EOF
	[ "$status" = 0 ]
	[[ $ASKED = *"install -y --no-install-recommends three two"* ]]
	[[ $ASKED != *one* ]]
}

@test "deps fails when something is missing after the installation" {
	need_root
	deps <<<'cmd:no-such-program one - - -'
	[ "$status" = 1 ]
	[[ $output = *"Still missing after the installation: one"* ]]
}

@test "deps without root says what to type" {
	[ "$(id -u)" != 0 ] || AS=65534
	deps <<<'cmd:no-such-program one - - -'
	[ "$status" = 1 ]
	[[ $output = *"sudo apt-get -q install -y --no-install-recommends one"* ]]
	[ -z "$ASKED" ]
}

# A tree with nothing in it but the test runner.
empty_tree() {
	TREE=$SCRATCH/tree
	mkdir -p "$TREE/tests/unit" "$TREE/tests/bats" "$TREE/build/tests/unit"
	cp "$ROOT/tests/run" "$TREE/tests/run"
}

# unit NAME: a unit test program, a script in stdin.
unit() {
	touch "$TREE/tests/unit/test_$1.c"
	(echo '#!/bin/sh' && cat) >"$TREE/build/tests/unit/test_$1"
	chmod +x "$TREE/build/tests/unit/test_$1"
}

# Without bats' own limit of time: these tests are over at once, too.
run_tests() {
	BUILD=$TREE/build TESTS='' FILTER='' BATS_TEST_TIMEOUT='' run "$TREE/tests/run" "$@"
	LAST=${lines[-1]}
}

@test "the test runner counts every result" {
	empty_tree
	unit a <<<'printf "1..3\nok 1 - x\nok 2 - y\nnot ok 3 # SKIP z\n"'
	printf '@test "p" { :; }\n@test "s" { skip "why"; }\n' >"$TREE/tests/bats/b.bats"
	run_tests unit bats
	[ "$status" = 0 ]
	[ "$LAST" = "3 passed, 0 failed, 2 skipped" ]
	[[ $output = *"skip why"* ]]
}

@test "the test runner fails with a failed test, and shows it" {
	empty_tree
	unit a <<<'printf "1..2\nok 1 - x\nnot ok 2 - y\n# because\n"; exit 1'
	printf '@test "q" { echo some output; false; }\n' >"$TREE/tests/bats/b.bats"
	run_tests unit bats
	[ "$status" = 1 ]
	[ "$LAST" = "1 passed, 2 failed, 0 skipped" ]
	[[ $output = *"# because"* && $output = *"some output"* ]]
}

@test "a unit test program that crashes has failed" {
	empty_tree
	unit a <<<'printf "1..2\nok 1 - x\n"; kill -SEGV $$'
	run_tests unit
	[ "$status" = 1 ]
	[ "$LAST" = "1 passed, 1 failed, 0 skipped" ]
}

@test "a unit test program that ends early, or says nothing, has failed" {
	empty_tree
	unit a <<<'printf "1..2\nok 1 - x\n"'
	unit b <<<':'
	run_tests unit
	[ "$LAST" = "1 passed, 2 failed, 0 skipped" ]
}

@test "a unit test program that was not built has failed" {
	empty_tree
	touch "$TREE/tests/unit/test_a.c"
	run_tests unit
	[ "$status" = 1 ]
	[ "$LAST" = "0 passed, 1 failed, 0 skipped" ]
}

@test "a test that hangs is ended and has failed" {
	empty_tree
	unit a <<<'printf "1..1\n"; exec tail -f /dev/null'
	TEST_TIMEOUT=1 run_tests unit
	[ "$LAST" = "0 passed, 1 failed, 0 skipped" ]
	[[ $output = *"took too long"* ]]
}

@test "what a sanitizer reports makes a test fail, whichever process it was" {
	empty_tree
	unit a <<<'log=${ASAN_OPTIONS#log_path=}; echo "bad access" >"${log%%:*}.1"
		printf "1..1\nok 1 - x\n"'
	run_tests unit
	[ "$status" = 1 ]
	[ "$LAST" = "1 passed, 1 failed, 0 skipped" ]
	[[ $output = *"bad access"* ]]
}

@test "no test at all is a failure" {
	empty_tree
	run_tests unit fuzz bats
	[ "$status" = 1 ]
	[ "$LAST" = "0 passed, 0 failed, 0 skipped" ]
}

# layers FILE TEXT...: run the check on files with these includes; they are all there is.
layers() {
	local dir=$SCRATCH/layers names=()
	rm -rf "$dir"
	while [ $# -gt 0 ]; do
		mkdir -p "$dir/src/$(dirname "$1")"
		printf '%s\n' "$2" >"$dir/src/$1"
		names+=("src/$1")
		shift 2
	done
	cd "$dir" || return
	run "$ROOT/tests/lint/layers" "${names[@]}"
}

@test "the check of the layers takes what is allowed" {
	layers base/b.h '' core/c.h '#include "base/b.h"' os/o.h '#include "base/b.h"' \
		app/a.c '#include "core/c.h"
#include "os/o.h"' main.c '#include "app/a.h"'
	[ "$status" = 0 ]
}

@test "the check of the layers finds what is not" {
	layers core/c.h '#include "os/o.h"'
	[ "$output" = 'src/core/c.h:1: core must not include os: os/o.h' ]
	layers os/o.h '#include "core/c.h"'
	[ "$status" = 1 ]
	layers base/b.h '#include "core/c.h"'
	[ "$status" = 1 ]
	layers core/c.h '#include <sys/socket.h>'
	[ "$status" = 1 ]
	layers core/c.h '#include "d.h"'
	[ "$status" = 1 ]
	layers core/c.h '' core/c.c '#include <string.h>'
	[ "$status" = 1 ]
	layers core/c.h '#include "core/d.h"' core/d.h '#include "core/c.h"'
	[[ $output = *"circle of includes"* ]]
}

@test "the check of the layers takes a room by its face" {
	layers app/store/store.h '' app/store/store_db.h '' app/store/store_db.c \
		'#include "app/store/store_db.h"' app/jobs/jobs.c '#include "app/store/store.h"' \
		core/rule/table.h '' core/conf/conf.c '#include "core/rule/table.h"'
	[ "$status" = 0 ]
}

@test "the check of the layers finds a way past a face, and rooms in a circle" {
	layers app/store/store_db.h '' app/jobs/jobs.c '#include "app/store/store_db.h"'
	[ "$output" = 'src/app/jobs/jobs.c:1: app/store/store_db.h is private to app/store' ]
	layers app/store/store_db.h '' app/log.c '#include "app/store/store_db.h"'
	[ "$status" = 1 ]
	layers app/jobs/jobs.h '' app/store/store.h '' app/jobs/a.c '#include "app/store/store.h"' \
		app/store/b.c '#include "app/jobs/jobs.h"'
	[[ $output = *"circle of rooms: "* ]]
	layers app/log.c '#include "app/jobs/jobs.h"' app/jobs/jobs.h '#include "app/log.h"' \
		app/log.h ''
	[[ $output = *"circle of rooms: "* ]]
}

@test "the check of circles finds modules that call one another, and names what ties them" {
	local dir=$SCRATCH/circles
	mkdir -p "$dir/src/core" "$dir/o/src/core"
	cd "$dir"
	printf '%s\n' 'void b(void); void a(void); void a(void) { b(); }' >src/core/a.c
	printf '%s\n' 'void a(void); void b(void); void b(void) { a(); }' >src/core/b.c
	printf '%s\n' 'void a(void); void c(void); void c(void) { a(); }' >src/core/c.c
	for name in a b c; do cc -c -o "o/src/core/$name.o" "src/core/$name.c"; done
	run "$ROOT/tests/lint/circles" o src/core/[abc].c
	[ "$status" = 1 ]
	[[ $output = *"circle: core/"*"needs of"* ]]
	[[ $output != *core/c* ]]
	printf '%s\n' 'void b(void); void b(void) { }' >src/core/b.c
	cc -c -o o/src/core/b.o src/core/b.c
	run "$ROOT/tests/lint/circles" o src/core/[abc].c
	[ "$status" = 0 ]
}
