# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the tests about files and paths, beside helper.bash.

FROZEN=()

is_stopped() {
	[[ $(sed 's/.*) //' "/proc/$1/stat") == T* ]]
}

# Stop keeper and worker, so that what happens now waits in the kernel and is merged there as far
# as it goes: what a test then sees does not depend on how fast anybody is.
freeze_daemon() {
	local pid
	FROZEN=("$DAEMON_PID" "$(client status --json | jq .worker_pid)")
	for pid in "${FROZEN[@]}"; do
		kill -STOP "$pid"
		wait_until 10 is_stopped "$pid"
	done
}

thaw_daemon() {
	[ ${#FROZEN[@]} = 0 ] || kill -CONT "${FROZEN[@]}" 2>/dev/null || :
	FROZEN=()
}

# frozen COMMAND...: run a command while the daemon is stopped.
frozen() {
	freeze_daemon
	"$@"
	thaw_daemon
}
