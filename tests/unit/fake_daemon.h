/* SPDX-License-Identifier: MIT */
/* A daemon that gives one answer, for tests of those who ask it. */
#ifndef FSMON_TESTS_UNIT_FAKE_DAEMON_H
#define FSMON_TESTS_UNIT_FAKE_DAEMON_H

/* What it may answer besides: nothing, and the connection is closed at once, or only by
 * fake_daemon_stop. */
#define FAKE_DAEMON_CLOSES ""
#define FAKE_DAEMON_WAITS NULL

/* Serve the control socket of a runtime directory from a thread: whoever asks is answered this,
 * which is borrowed. One at a time. */
void fake_daemon_start(const char *runtime_dir, const char *answer);

/* End it. Returns what it was asked, each request with a newline behind it. Where it does not
 * run nothing happens. */
const char *fake_daemon_stop(void);

#endif
