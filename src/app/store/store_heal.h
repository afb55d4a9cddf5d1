/* SPDX-License-Identifier: MIT */
/*
 * Keeps a database under the store whatever happens to the file: goes on in memory, and
 * back, and replaces what was deleted or broken. For app/store and its parts only; all with
 * db_lock held.
 */
#ifndef FSMON_APP_STORE_STORE_HEAL_H
#define FSMON_APP_STORE_STORE_HEAL_H

#include "app/store/store_state.h"

/* Open the first database: the file, or memory. Returns 0, or -1 with ENOMEM. */
int store_heal_open(struct store *s);

/* See that the file is still what it was, and try the file again where it is time, or
 * `is_last`. */
void store_heal_check(struct store *s, bool is_last);

/* An SQLite error has come: go on with another database. Returns whether it makes sense to
 * try the same again. */
bool store_heal_fault(struct store *s, int rc);

#endif
