#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# make install, make uninstall, and the files that they bring.

bats_require_minimum_version 1.5.0
load helper

setup() {
	DEST=$BATS_TEST_TMPDIR/dest
	CONF_FILE=$DEST/etc/fsmon/fsmon.conf
}

# The programs were built before the tests: make has nothing left to build, whatever the mode.
in_tree() {
	make -C "$ROOT" --no-print-directory -s "$@" DESTDIR="$DEST" BUILD="$BUILD" \
		MODE="${MODE:-release}"
}

installed() {
	(cd "$DEST" && find . -type f | sort)
}

@test "install puts the program, manuals, unit, configuration and examples into place" {
	in_tree install
	[ -x "$DEST/usr/local/sbin/fsmon" ]
	cmp "$ROOT/etc/fsmon.conf" "$CONF_FILE"
	[ -d "$DEST/etc/fsmon/rules.d" ]
	[ -z "$(ls -A "$DEST/etc/fsmon/rules.d")" ]
	[ -f "$DEST/usr/local/lib/systemd/system/fsmon.service" ]
	cmp "$ROOT/examples/quickstart.conf" "$DEST/usr/local/share/doc/fsmon/examples/quickstart.conf"
	cmp "$ROOT/etc/NEWS" "$DEST/usr/local/share/doc/fsmon/NEWS"
	for page in "$ROOT"/man/*.[0-9]; do
		[ -e "$page" ] || continue
		cmp "$page" "$DEST/usr/local/share/man/man${page##*.}/${page##*/}"
	done
	"$DEST/usr/local/sbin/fsmon" --version
}

# make install as sudo runs it for user 4711, in a new build directory, with CC and AR as given.
install_by_sudo() {
	SUDO_UID=4711 SUDO_GID=4712 make -C "$ROOT" --no-print-directory -s install DESTDIR="$DEST" \
		BUILD="$BATS_TEST_TMPDIR/build" "$@"
}

@test "what sudo make install builds stays the user's, also when the build fails" {
	need_root
	# A compiler, and an archiver, that are quick: they only make their files.
	printf '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho >"$2"\n' >"$BATS_TEST_TMPDIR/cc"
	printf '#!/bin/sh\necho >"$2"\n' >"$BATS_TEST_TMPDIR/ar"
	chmod +x "$BATS_TEST_TMPDIR"/{cc,ar}
	run ! install_by_sudo CC=false
	[ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/build")" = 4711:4712 ]
	[ -z "$(find "$BATS_TEST_TMPDIR/build" ! -uid 4711)" ]
	run -0 install_by_sudo CC="$BATS_TEST_TMPDIR/cc" AR="$BATS_TEST_TMPDIR/ar"
	[ "$output" = "Building fsmon" ]
	[ -f "$BATS_TEST_TMPDIR/build/fsmon" ]
	[ -z "$(find "$BATS_TEST_TMPDIR/build" ! -uid 4711)" ]
	[ "$(stat -c %u "$DEST/usr/local/sbin/fsmon")" = 0 ]
}

@test "PREFIX moves everything but the configuration, and the unit knows the program" {
	in_tree install PREFIX=/usr
	[ -x "$DEST/usr/sbin/fsmon" ]
	grep -q '^ExecStart=/usr/sbin/fsmon run$' "$DEST/usr/lib/systemd/system/fsmon.service"
	[ -f "$CONF_FILE" ]
	[ ! -e "$DEST/usr/local" ]
}

@test "installing again keeps a changed configuration" {
	in_tree install
	echo '#mine' >>"$CONF_FILE"
	in_tree install
	[ "$(tail -n 1 "$CONF_FILE")" = '#mine' ]
}

@test "uninstall takes everything away" {
	in_tree install
	in_tree uninstall
	[ -z "$(installed)" ]
	[ ! -e "$DEST/etc/fsmon" ]
	[ ! -e "$DEST/usr/local/share/doc/fsmon" ]
}

@test "uninstall keeps a changed configuration and rules" {
	in_tree install
	echo '#mine' >>"$CONF_FILE"
	echo '[r]' >"$DEST/etc/fsmon/rules.d/mine.conf"
	in_tree uninstall
	[ "$(installed)" = $'./etc/fsmon/fsmon.conf\n./etc/fsmon/rules.d/mine.conf' ]
}

@test "uninstall of what is not installed is no error" {
	in_tree uninstall
}

@test "systemd finds nothing wrong with the unit" {
	need_command systemd-analyze
	mkdir -p "$BATS_TEST_TMPDIR/unit"
	sed "s|/usr/local/sbin/fsmon|$FSMON|; /^Documentation=/d" "$ROOT/etc/fsmon.service" \
		>"$BATS_TEST_TMPDIR/unit/fsmon.service"
	run systemd-analyze verify "$BATS_TEST_TMPDIR/unit/fsmon.service"
	[ "$status" = 0 ]
	# What it says about other units of this system is not ours.
	[[ $output != *fsmon.service* ]]
}

@test "the configuration that comes with fsmon has no error" {
	need_root
	in_tree install
	mkdir "$BATS_TEST_TMPDIR/rules.d"
	"$FSMON" check -c "$CONF_FILE" -d "$BATS_TEST_TMPDIR/rules.d"
}

@test "every setting in the configuration that comes with fsmon is a default or an example that works" {
	need_root
	install -d -m 755 "$BATS_TEST_TMPDIR/rules.d"
	sed -E 's/^#([][a-z-]+( =|\]))/\1/; s/^user = .*/user = nobody/; s/!deploy/!nobody/' \
		"$ROOT/etc/fsmon.conf" >"$BATS_TEST_TMPDIR/fsmon.conf"
	grep -q '^\[rebuild-site\]' "$BATS_TEST_TMPDIR/fsmon.conf"
	grep -q '^max-parallel = ' "$BATS_TEST_TMPDIR/fsmon.conf"
	"$FSMON" check -c "$BATS_TEST_TMPDIR/fsmon.conf" -d "$BATS_TEST_TMPDIR/rules.d"
}
