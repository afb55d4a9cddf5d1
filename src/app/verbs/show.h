/* SPDX-License-Identifier: MIT */
/* What verbs show of rule files: text of others, on a terminal. */
#ifndef FSMON_APP_VERBS_SHOW_H
#define FSMON_APP_VERBS_SHOW_H

#include "app/load.h"

#include <stdio.h>

/* Print a string as buf_add_vis writes it. */
void show_text(FILE *out, const char *text);

/* Print what a rule is called and where it stands, `[name] file:line`, on standard output. */
void show_rule(const struct rule *r);

/* Load the configuration as `load` does, and print its messages. Returns 0, or -1 after a message;
 * the caller frees with load_fini in any case. */
int show_load(struct load *l, const struct options *o, char *const *files, int count);

#endif
