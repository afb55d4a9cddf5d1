/* SPDX-License-Identifier: MIT */
/* Hands on a change that is complete: what the file is now is looked up if a rule asks. */
#ifndef FSMON_APP_EVENTS_TELL_H
#define FSMON_APP_EVENTS_TELL_H

#include "app/events/events_state.h"

/* Hand on a change with hits and an actor, which lies on that filesystem (NULL: it is gone). */
void tell_change(struct pipeline *p, struct filesystem *fs, struct change *c);

#endif
