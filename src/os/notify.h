/* SPDX-License-Identifier: MIT */
/* Tells the service manager how it goes: the protocol of sd_notify(3). */
#ifndef FSMON_OS_NOTIFY_H
#define FSMON_OS_NOTIFY_H

/*
 * Send a state such as "READY=1" to the socket that the environment variable
 * NOTIFY_SOCKET named: a path, or `@` and an abstract name. Does not wait. Returns 0, or
 * -1 with EAFNOSUPPORT (another kind of address), ENAMETOOLONG, or an errno of sendto(2).
 */
int notify_send(const char *address, const char *state);

#endif
