#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: quickstart.sh FSMON
# Runs the daemon FSMON in the foreground on quickstart.conf, over a new directory that anybody may
# write to. Ctrl-C ends it; nothing is left behind. `sudo make run` calls this.
set -eu

fsmon=$1
conf=$(dirname "$0")/quickstart.conf

if [ "$(id -u)" != 0 ]; then
	echo "The kernel tells only root who changes which file. Type: sudo make run" >&2
	exit 1
fi

# shellcheck disable=SC2317 # called by a trap
end() {
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null || :
	else
		stop=yes
	fi
}

dir=$(mktemp -d /tmp/fsmon-quickstart.XXXXXX)
pid=
stop=
trap 'rm -rf "$dir"' EXIT
trap end INT TERM HUP

chmod 755 "$dir"
mkdir "$dir/rules.d" "$dir/state" "$dir/run"
mkdir -m 1777 "$dir/watched"
chmod 1777 "$dir/watched"
sed "s|/tmp/fsmon-quickstart/|$dir/watched/|" "$conf" >"$dir/fsmon.conf"
chmod 644 "$dir/fsmon.conf"

cat <<END
Watching $dir/watched. In another terminal, type

    touch $dir/watched/hello

or change anything there with any program, as any user. The rules: $dir/fsmon.conf.
Ask it:  sudo $(realpath "$fsmon") status --runtime-dir $dir/run
Ctrl-C ends it and removes the directory.

END

# In a session of its own: Ctrl-C is for this script, which asks the daemon once, and politely.
setsid "$fsmon" run -c "$dir/fsmon.conf" -d "$dir/rules.d" --state-dir "$dir/state" \
	--runtime-dir "$dir/run" </dev/null &
pid=$!
[ -z "$stop" ] || kill -TERM "$pid"
status=0
# A signal interrupts the wait.
while kill -0 "$pid" 2>/dev/null; do
	wait "$pid" && status=0 || status=$?
done
exit "$status"
