/* SPDX-License-Identifier: MIT */
/* Reading rule files one after another: what core/conf.c is made of. */
#ifndef FSMON_CORE_CONFREAD_H
#define FSMON_CORE_CONFREAD_H

#include "core/conf.h"

struct confread;

/* Begin; conf and lookup are borrowed. Returns NULL with ENOMEM. */
struct confread *confread_new(struct conf *conf, const struct conf_lookup *lookup);

/* Read a file into conf: its rules, unless it has an error, and its messages. Returns 0,
 * also with errors, or -1 with ENOMEM. */
int confread_file(struct confread *r, const struct conf_file *file);

/* NULL is allowed. */
void confread_free(struct confread *r);

#endif
