/* SPDX-License-Identifier: MIT */
/* Clients of a control socket that the same thread serves, for tests. */
#ifndef FSMON_TESTS_UNIT_CONTROL_KIT_H
#define FSMON_TESTS_UNIT_CONTROL_KIT_H

#include "os/poller.h"

#include <stddef.h>

/* A listening socket at an address of its own, where the functions below connect. */
int control_kit_listen(void);

/* Turn the poller until nothing is left to do. */
void control_kit_turn(struct poller *poller);

/* Connect, send bytes or a text, and turn the poller. Returns the descriptor. */
int control_kit_send(struct poller *poller, const char *bytes, size_t len);
int control_kit_ask(struct poller *poller, const char *text);

/* What the client has been answered; "" where the connection was closed; NULL where it is
 * still open. Valid until the next call. */
const char *control_kit_answer(int fd);

#endif
